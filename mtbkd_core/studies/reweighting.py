"""A finished run under other priors: its draws, what each says, and their weights; no student is sampled anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from mtbkd_core.config.models import PriorConfig, RunConfig
from mtbkd_core.evaluation.calibration import checked
from mtbkd_core.evaluation.errors import Difference, read_difference, resampled_scores, resamples
from mtbkd_core.evaluation.predictive import entropy, thin
from mtbkd_core.evaluation.reweighting import Change, Reweighted, Weights, log_prior
from mtbkd_core.evaluation.scores import HEADLINE, SCORES
from mtbkd_core.prior import MixturePrior, stack_priors
from mtbkd_core.result import Result
from mtbkd_core.students.base import element_budget
from mtbkd_core.tasks.base import Task, TrainingSet

#: Draws over all chains that are reweighted; fewer where the numbers kept of them would be more than so many.
DRAWS, _KEPT = 640, 2**25


@dataclass(frozen=True, eq=False)
class DrawnStudents:
    """Some draws of a run, and what they say of its examples.

    Attributes:
        result: the run.
        task: its task, with its teachers.
        draws: [S, D, P].
    """

    result: Result
    task: Task
    draws: Tensor

    @classmethod
    def of(cls, result: Result, task: Task, most: int = DRAWS) -> DrawnStudents:
        """At most `most` draws over all chains."""
        examples = max(len(task.x_test), len(task.x_train) + result.config.n_unlabelled_used)
        room = _KEPT // (examples * len(task.class_names))
        return cls(result, task, thin(result.draws, max(100, min(most, room))))

    @cached_property
    def training(self) -> TrainingSet:
        """The examples that the prior speaks of, labelled or not, and the teachers' logits there."""
        config = self.result.config
        return self.task.training_set(config.data.teachers, config.n_unlabelled_used)

    @cached_property
    def logits(self) -> Tensor:
        """[S D, N, C], at the training examples."""
        seen, flat = self.result.student_inputs(self.training.x), self.draws.flatten(0, 1)
        rows = max(1, element_budget(flat.device) // (len(seen) * max(self.result.student.sizes[1:])))
        return torch.cat([self.result.student.logits(some, seen) for some in flat.split(rows)])

    @cached_property
    def on_test(self) -> Tensor:
        """As `said`, of the test examples."""
        return self.said(self.task.x_test)

    def said(self, x: Tensor) -> Tensor:
        """[S, D, M, C + 1] of the task's inputs [M, F]: each draw's probabilities and, last, their entropy in nats."""
        flat = self.draws.flatten(0, 1)
        found = self.result.student.probabilities(flat, self.result.student_inputs(x))
        said: Tensor = torch.cat([found, entropy(found)[..., None]], -1).unflatten(0, self.draws.shape[:2])
        return said

    def mixture(self, prior: PriorConfig) -> MixturePrior:
        """A setting's prior at the training examples."""
        return stack_priors(self.training.teacher_logits, [prior], together=self.training.together)

    def shares(self) -> Tensor:
        """[S, K], each chain's mean responsibility of every teacher over the labelled examples, of these draws."""
        mixture, labelled = self.mixture(self.result.config.prior), len(self.task.y_train)
        pieces = [mixture.shares(mixture.terms(piece)[0])[..., :labelled].mean(-1) for piece in self.logits.split(64)]
        found: Tensor = torch.cat(pieces).unflatten(0, self.draws.shape[:2]).mean(1)
        return found

    @property
    def efficiency(self) -> float:
        """Effective draws over draws, of the run."""
        found, total = self.result.metrics.diagnostics.ess, self.result.draws.shape[0] * self.result.draws.shape[1]
        return min(1.0, max(found / total, 1 / total)) if found else 1.0

    @cached_property
    def _log_prior(self) -> Tensor:
        return log_prior(self.mixture(self.result.config.prior), self.logits)

    def weights(self, prior: PriorConfig) -> Weights:
        """The draws' weights under another prior, whose strength is a number."""
        ratio = log_prior(self.mixture(prior), self.logits) - self._log_prior
        tempered = ratio / self.result.config.sampler.temperature
        return Weights.smoothed(tempered.view(1, *self.draws.shape[:2]), self.efficiency)


def can_be_reweighted(run: RunConfig, asked: RunConfig) -> bool:
    """Whether a run's draws can say anything of other settings: data and teachers are the same, the strength a number.

    What else differs, such as the student, stays as it is in the run.
    """
    return run.data == asked.data and asked.prior.strength is not None


def epistemic(said: Tensor) -> Tensor:
    """[...], the mutual information of label and student in nats, from means [..., C + 1] of `DrawnStudents.said`."""
    return (entropy(said[..., :-1]) - said[..., -1]).clamp_min(0)


def change_of_epistemic(said: Reweighted) -> Difference:
    """How the mean epistemic uncertainty of test examples changes under one other prior, with both errors."""
    weights = resamples(said.sums.shape[2])
    (change,) = said.changes(
        lambda means: float(epistemic(means).mean()),
        lambda means: weights @ epistemic(means).cpu().numpy() / len(means),
    )
    return _read(change, higher_is_better=False)


def score_differences(said: Reweighted, labels: Tensor, names: Sequence[str] = HEADLINE) -> dict[str, Difference]:
    """Scores of test examples with labels [M] under one other prior, minus those of the run, with both errors.

    Args:
        said: of `DrawnStudents.on_test`.
    """
    return {name: _score_difference(said, labels, name) for name in names}


def _score_difference(said: Reweighted, labels: Tensor, name: str) -> Difference:
    weights, score = resamples(len(labels)), SCORES[name]
    (change,) = said.changes(
        lambda means: score.measure(*checked(means[:, :-1], labels)),
        lambda means: resampled_scores(means[:, :-1], labels, weights, name)[name],
    )
    return _read(change, higher_is_better=bool(score.higher_is_better))


def _read(change: Change, *, higher_is_better: bool) -> Difference:
    return read_difference(
        change.value, change.test_set, change.sampler, chains=change.chains, higher_is_better=higher_is_better
    )
