"""Truth, teachers, prior and posterior everywhere on a plane of two inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mtbkd_core.common.progress import UserError
from mtbkd_core.config.models import PriorConfig
from mtbkd_core.evaluation.predictive import entropy, thin
from mtbkd_core.prior import entropies, stack_priors, weights_under
from mtbkd_core.result import Result
from mtbkd_core.students.base import softmax
from mtbkd_core.tasks.base import KnownTruth, Task

#: Posterior draws over all chains that a map is made of.
DRAWS = 160


@dataclass(frozen=True)
class Plane:
    """A square grid of G x G inputs, row by row from the bottom.

    Attributes:
        axis: [G], the values of either input.
        inputs: [G * G, 2].
    """

    axis: Tensor
    inputs: Tensor

    def square(self, values: Tensor) -> Tensor:
        """Values [..., G * G] at the inputs as [..., G, G]: rows are the second input, columns the first."""
        side = len(self.axis)
        return values.reshape(*values.shape[:-1], side, side)


def plane_of(truth: KnownTruth, points: int = 61) -> Plane:
    """The grid over a truth's bounds with `points` to a side."""
    axis = torch.linspace(*truth.bounds, points)
    second, first = torch.meshgrid(axis, axis, indexing="ij")
    return Plane(axis, torch.stack([first, second], -1).flatten(0, 1))


def truth_of(task: Task) -> KnownTruth:
    """The task's truth.

    Raises:
        UserError: the task has none.
    """
    if task.truth is None:
        raise UserError(f"task: the true probabilities of {task.name} are not known")
    return task.truth


def least_uncertain(teacher_logits: Tensor) -> tuple[Tensor, Tensor]:
    """Which teacher is least uncertain at each input, and its certainty: 1 minus its entropy over log C.

    Args:
        teacher_logits: [K, M, C].
    Returns:
        [M] indices from 0 to K - 1, and [M] from 0 (knows nothing) to 1 (is sure).
    """
    least, who = entropies(teacher_logits).min(0)
    highest = torch.log(torch.tensor(float(teacher_logits.shape[-1])))
    return who, (1 - least / highest).clamp(0, 1)


def heaviest(teacher_logits: Tensor, prior: PriorConfig) -> tuple[Tensor, Tensor]:
    """Which teacher has the most weight at each input, [M], and that weight, [M]; teacher_logits [K, M, C]."""
    weight, who = weights_under(teacher_logits, prior).max(0)
    return who, weight


@dataclass(frozen=True)
class PlanePosterior:
    """What a posterior predicts at M inputs.

    Attributes:
        mean: [M, C] posterior mean of the class probabilities.
        epistemic: [M], mutual information of label and student, in nats.
        shares: [S, K, M], each chain's mean of the teachers' responsibilities.
    """

    mean: Tensor
    epistemic: Tensor
    shares: Tensor

    @property
    def responsibilities(self) -> Tensor:
        """[K, M], posterior mean; sums to 1 over K."""
        return self.shares.mean(0)


def posterior_on(result: Result, task: Task, inputs: Tensor, *, max_draws: int = DRAWS) -> PlanePosterior:
    """The posterior at inputs [M, 2], from at most `max_draws` students evenly spread over the chains.

    The numbers are those of `Result.predict` with as many draws; its intervals, modes and sets, which no map shows,
    are not worked out.

    Raises:
        UserError: the task's truth is not known.
    """
    prior = stack_priors(truth_of(task).teacher_logits(result.config.data.teachers, inputs), [result.config.prior])
    draws = thin(result.draws, max_draws)
    students = draws.flatten(0, 1)
    logits = result.student.logits(students, result.student_inputs(inputs))
    terms, _ = prior.terms(logits)
    probabilities = softmax(logits)
    mean = probabilities.mean(0)
    epistemic = (entropy(mean) - entropy(probabilities).mean(0)).clamp_min(0)
    return PlanePosterior(mean, epistemic, prior.shares(terms).unflatten(0, draws.shape[:2]).mean(1))


def distance(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Total variation [...] between probabilities [..., C]: half the sum of the absolute differences, from 0 to 1."""
    far: np.ndarray = np.abs(found - truth).sum(-1) / 2
    return far


def true_at(task: Task, index: int, temperature: float) -> Tensor | None:
    """[C], the true probabilities of a test example, tempered as the student's are; None where they are not known."""
    if task.truth is None:
        return None
    return tempered(task.truth.probabilities(task.x_test[index : index + 1])[0], temperature)


def tempered(probabilities: Tensor, temperature: float) -> Tensor:
    """softmax(f / T) of students with probabilities [..., C] = softmax(f): p^(1/T), rescaled to sum to 1."""
    return (probabilities.clamp_min(torch.finfo(probabilities.dtype).tiny).log() / temperature).softmax(-1)
