"""Choosing what each teacher's statement is worth, in labels, by cross-validation.

A path of numbers of labels, with "no teacher" at its beginning, and a few concentrations are scored by the log
probability of held-out labels: an example that is held out takes its teachers' statements with it, for else they would
speak for their own score. Each fold is fitted as an anchored ensemble of a few chains (Pearce, Leibfried and Brintrup,
AISTATS 2020), the fold's examples masked on the chain axis; all settings have the same folds and anchors, so that
their scores are compared in pairs. Anchors come in pairs of opposite signs: a mean of so few chains would else be off
by half of the posterior's own width, and few labels would look worse than they are. `evaluation/strength_path.py` has
the rule that chooses among them.

What it costs is bounded by design and not by a clock, so that a choice can be repeated: where a student is large or
examples are many, there are fewer folds, concentrations and steps, and the steps take minibatches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock

import torch
from torch import Tensor

from mtbkd_core.common.parallel import together
from mtbkd_core.common.progress import Phase
from mtbkd_core.config.models import PriorConfig, RunConfig, strength_of_labels
from mtbkd_core.evaluation.strength_path import LABELS, StrengthChoice, compared, smallest_good
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.prior import stack_priors
from mtbkd_core.run_progress import Reporter
from mtbkd_core.samplers.base import Step, watched
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.samplers.warm_start import climb
from mtbkd_core.students.base import Student
from mtbkd_core.tasks.base import TrainingSet

#: Concentrations, as multiples of the one that is asked for.
MULTIPLES = (1.0, 1 / 3, 3.0)
CHAINS = 4
#: Nanoseconds of one chain's gradient at one example, as measured: by itself, for each unit of the student, and for
#: each multiplication of a forward pass.
_EXAMPLE, _UNIT, _MULTIPLICATION = 70.0, 15.0, 0.1
#: Seconds of one processor, by these numbers, that a choice may take: with all examples at every step, and at most.
_QUICK, MOST_SECONDS = 15.0, 45.0

#: Called at every step with the steps done and of how many; it may raise to stop.
Watch = Callable[[int, int], None]


@dataclass(frozen=True)
class Plan:
    """How much is computed.

    Attributes:
        folds: into which the labelled examples are divided.
        scored: how many of them are held out in turn.
        multiples: the first of `MULTIPLES`, so many.
        steps: of each fit.
        batch_size: examples of a step; None: all.
    """

    folds: int
    scored: int
    multiples: int
    steps: int
    batch_size: int | None = None

    @property
    def settings(self) -> int:
        """Numbers of labels times concentrations; no teacher has one of these."""
        return 1 + (len(LABELS) - 1) * self.multiples

    def gradients(self, examples: int) -> int:
        """Gradients of one chain at one example, in all."""
        return self.settings * self.scored * CHAINS * self.steps * min(self.batch_size or examples, examples)


#: The first one that can be afforded is taken; those with minibatches are for large students and many examples.
_PLANS = (
    Plan(10, 10, 3, 200),
    Plan(10, 10, 3, 100),
    Plan(5, 5, 3, 100),
    Plan(5, 5, 1, 100),
    Plan(5, 5, 1, 100, 500),
    Plan(5, 2, 1, 100, 250),
)
_SMALLEST_BATCH = 64


def plan_for(student: Student, labelled: int, examples: int) -> Plan:
    """The most that can be afforded, for a student that learns from so many examples, some of them labelled."""
    units, work = sum(student.sizes[1:]), student.multiply_adds
    each = 1e-9 * (_EXAMPLE + _UNIT * units + _MULTIPLICATION * work)

    def seconds(plan: Plan) -> float:
        return each * plan.gradients(examples)

    affordable = (plan for plan in _PLANS if seconds(plan) <= (_QUICK if plan.batch_size is None else MOST_SECONDS))
    plan = next(affordable, _PLANS[-1])
    size = plan.batch_size
    if size is not None and seconds(plan) > MOST_SECONDS:
        size = max(_SMALLEST_BATCH, int(size * MOST_SECONDS / seconds(plan)))
    if size is not None and size >= examples:
        size = None
    folds = min(plan.folds, labelled)
    return replace(plan, folds=folds, scored=min(plan.scored, folds), batch_size=size)


def with_strength(
    config: RunConfig, student: Student, data: TrainingSet, report: Reporter
) -> tuple[RunConfig, StrengthChoice | None]:
    """The configuration with its strength as a number: chosen from the data where it is left to the program.

    What is chosen depends on the data, their split seed, the student and the rest of the prior, and on nothing else.

    Args:
        student, data: the configuration's.
    Returns:
        the configuration, and how its strength was chosen; None where it was given.
    Raises:
        Cancelled: it was to stop.
    """
    if config.prior.strength is not None:
        return config, None
    report.examples = len(data.labels)
    plan = plan_for(student, int((data.labels >= 0).sum()), report.examples)
    report.choosing = plan.gradients(report.examples) / (config.sampler.chains * report.examples)

    def watch(step: int, of: int) -> None:
        report(Phase.STRENGTH, step, of, "Choosing the strength by cross-validation")

    choice = choose_strength(config.prior, student, data, seed=config.data.split_seed, plan=plan, watch=watch)
    return choice.applied(config), choice


@torch.no_grad()
def choose_strength(
    prior: PriorConfig,
    student: Student,
    data: TrainingSet,
    *,
    seed: int = 0,
    plan: Plan | None = None,
    watch: Watch = lambda step, of: None,
) -> StrengthChoice:
    """Choose the number of labels that each teacher's statement is worth, and the concentration.

    The smallest number of labels whose score is within one standard error (of the paired differences) of the best
    one; at an equal number of labels, the concentration with the best score.

    Args:
        prior: all else of the prior; its concentration is the middle one of those that are tried.
        student: the network.
        data: what it learns from; on the device to compute on.
        seed: of the folds and the anchors.
        plan: how much to compute; None: as `plan_for`.
        watch: see `Watch`.
    """
    labelled = int((data.labels >= 0).sum())
    plan = plan or plan_for(student, labelled, len(data.labels))
    settings = path_of(prior, plan.multiples)
    device = data.x.device
    random = Randomness.seeded(seed, device)
    fold = torch.empty(labelled, dtype=torch.long, device=device)
    fold[random.permutation(labelled)] = torch.arange(labelled, device=device) % plan.folds
    half = random.normal((CHAINS // 2, student.n_parameters))
    anchors = torch.cat([half, -half]).repeat(plan.scored, 1)
    count, lock = _Counter(watch, len(settings) * plan.steps), Lock()

    def note(step: Step) -> None:
        with lock:
            count.add()

    fits = [
        partial(_held_out_scores, each, student, data, fold, anchors, plan, Randomness.seeded(seed, device), note)
        for each in settings
    ]
    scores = torch.stack(together(fits)).cpu()
    points = compared(settings, scores)
    chosen = smallest_good(points)
    return StrengthChoice(
        points=points,
        labels=chosen.labels,
        strength=chosen.strength,
        concentration=chosen.concentration,
        temperature=prior.temperature,
        examples=scores.shape[1],
        folds=plan.folds,
        scored=plan.scored,
        chains=CHAINS,
        steps=plan.steps,
        batch_size=plan.batch_size,
    )


def path_of(prior: PriorConfig, multiples: int) -> list[PriorConfig]:
    """The settings that are tried: no teacher first; strengths and concentrations beyond their limits are left out."""
    found = [prior.model_copy(update={"strength": 0.0})]
    about = PriorConfig.model_fields
    for labels in LABELS[1:]:
        for multiple in MULTIPLES[:multiples]:
            concentration = float(f"{multiple * prior.concentration:.3g}") if multiple != 1 else prior.concentration
            strength = strength_of_labels(labels, concentration, prior.temperature)
            if strength <= _most(about["strength"].metadata) and 1e-3 <= concentration <= 1e4:
                found.append(prior.model_copy(update={"strength": strength, "concentration": concentration}))
    return found


def _most(metadata: Sequence[object]) -> float:
    return next((float(bound) for part in metadata if (bound := getattr(part, "le", None)) is not None), 100.0)


class _Counter:
    def __init__(self, watch: Watch, of: int) -> None:
        self._watch, self._of, self._done = watch, of, 0

    def add(self) -> None:
        self._done += 1
        self._watch(self._done, self._of)


def _held_out_scores(
    prior: PriorConfig,
    student: Student,
    data: TrainingSet,
    fold: Tensor,
    anchors: Tensor,
    plan: Plan,
    random: Randomness,
    note: Callable[[Step], None],
) -> Tensor:
    """[n], the log probability of each held-out label by the mean of the chains that have not seen it."""
    labelled = len(fold)
    own = torch.arange(plan.scored, device=fold.device).repeat_interleave(CHAINS)
    seen = data.x.new_ones(len(own), len(data.labels))
    seen[:, :labelled] = (fold != own[:, None]).to(seen)
    mixture = stack_priors(data.teacher_logits, [prior], together=data.together) if prior.strength else None
    target = LogPosterior(student, data.x, data.labels, mixture, seen=seen).anchored(anchors)
    position = watched(climb(target, anchors, plan.steps, plan.batch_size, random), note)
    scores = data.x.new_empty(labelled)
    for number in range(plan.scored):
        rows = fold == number
        theta = student.weight_scale * position[own == number]
        p = student.probabilities(theta, data.x[:labelled][rows]).mean(0)
        right = p.gather(-1, data.labels[:labelled][rows][:, None])[:, 0]
        # a fit that left for infinity is the worst one, and not the best
        scores[rows] = right.nan_to_num(nan=0.0).clamp_min(torch.finfo(p.dtype).tiny).log()
    return scores[fold < plan.scored].double()
