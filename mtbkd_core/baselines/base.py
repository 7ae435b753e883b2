"""A baseline: its name and words for people, what is tried to tune it, and how it is worked out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product

import torch
from torch import Tensor

from mtbkd_core.baselines.fitting import (
    Fit,
    Networks,
    Pull,
    Settings,
    among,
    configured_student,
    examples_last,
    fit_steps,
    label_pull,
    soft_targets,
    training_set_of,
)
from mtbkd_core.common.progress import ShouldStop
from mtbkd_core.config.models import RunConfig
from mtbkd_core.distillation import find_device
from mtbkd_core.prior import probabilities
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.student_inputs import seen_by_student
from mtbkd_core.students.base import Student
from mtbkd_core.tasks.base import Task, TrainingSet

#: A method's own settings -> what they are called.
SETTINGS: Mapping[str, str] = {
    "weight_scale": "weight scale",
    "strength": "strength",
    "weight": "distillation weight",
    "rate": "dropout rate",
    "learning_rate": "learning rate",
    "spread": "spread",
    "temperature": "temperature",
    "softmin_temperature": "softmin temperature",
}
#: How many settings are tried of each method.
TRIALS = 16
#: Weight scales that are tried, as multiples of the configured one, beside three more settings or alone.
SCALES = (0.7, 1.0, 1.6, 2.5)
MANY_SCALES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0, 1.2, 1.4, 1.6, 1.9, 2.2, 2.5, 3.0, 3.5, 4.0)
#: Weights of the soft targets against the labels that are tried.
WEIGHTS = (0.1, 0.5, 2.5, 12.0)


def combinations(**values: Sequence[float]) -> list[dict[str, float]]:
    """Every combination of some settings' values."""
    return [dict(zip(values, each, strict=True)) for each in product(*values.values())]


def scales(config: RunConfig, factors: Sequence[float] = SCALES) -> list[float]:
    """The weight scales that are tried, for multiples of the configured one."""
    return [round(factor * config.student.weight_scale, 6) for factor in factors]


def distillation_grid(config: RunConfig) -> list[dict[str, float]]:
    """Weight scale and distillation weight."""
    return combinations(weight_scale=scales(config), weight=WEIGHTS)


@dataclass(frozen=True)
class Problem:
    """The problem that every baseline solves: settings and a task, with MT-BKD's own student, data and seeds.

    Attributes:
        task: it may come with inputs or with the student's features of them, and then has those.
        steps: Adam steps of a fit; None: `fit_steps`.
        batch_size: examples of a gradient; None: the configured ones of the warm start.
        starts: how many different starts the networks have, in turn; None: each its own.
        should_stop: asked at every step; when true, the call ends with `Cancelled`.
    """

    config: RunConfig
    task: Task
    steps: int | None = None
    batch_size: int | None = None
    starts: int | None = None
    should_stop: ShouldStop | None = None
    _fitted: dict[object, Networks] = field(default_factory=dict, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Every network sees what MT-BKD's student does."""
        object.__setattr__(self, "task", seen_by_student(self.config, self.task))

    @property
    def device(self) -> torch.device:
        """Where it is computed."""
        return find_device(self.config.device)

    @cached_property
    def data(self) -> TrainingSet:
        """What the networks learn from, on the device."""
        return training_set_of(self.config, self.task).to(self.device)

    @cached_property
    def all_known(self) -> bool:
        """Whether the teachers between them know every class of every example."""
        return bool((~probabilities(self.data.teacher_logits).isnan()).any(0).all())

    @cached_property
    def student(self) -> Student:
        """The configured student."""
        return configured_student(self.config, self.task)

    @cached_property
    def labels(self) -> Pull:
        """The labels' pull."""
        return label_pull(self.data.labels, self.task.n_classes)

    @property
    def randomness(self) -> Randomness:
        """A new source of random numbers with the configured seed."""
        return Randomness.seeded(self.config.seed, self.device)

    @property
    def gradient_size(self) -> int | None:
        """Examples of a gradient; None: all."""
        sampler = self.config.sampler
        return self.batch_size or sampler.warm_start_batch_size or sampler.batch_size

    def objective(self, pull: Pull, settings: Sequence[Settings], student: Student | None = None) -> Fit:
        """What networks with a pull and settings climb."""
        scale = torch.tensor([each["weight_scale"] for each in settings], device=self.device)[:, None]
        return Fit(student or self.student, self.data.x, pull, scale)

    def fit(
        self,
        pull: Pull,
        settings: Sequence[Settings],
        *,
        student: Student | None = None,
        random: Randomness | None = None,
    ) -> Networks:
        """Fit a network for each of S settings; each starts at its own draw of its prior.

        Args:
            student: the network; None: the configured one.
            random: of the starts and of a random student; None: a new one with the configured seed.
        Raises:
            Cancelled: `should_stop` was true.
        """
        objective, random = self.objective(pull, settings, student), random or self.randomness
        starts = self.starts or len(settings)
        start = random.normal((starts, objective.student.n_parameters)).repeat(len(settings) // starts, 1)
        steps = fit_steps(self.config) if self.steps is None else self.steps
        end = objective.climb(start, steps, self.gradient_size, random, self.should_stop)
        return Networks(objective.student, objective.scale * end)

    def soft_pull(self, settings: Sequence[Settings], weights: Tensor | None = None) -> Pull:
        """The labels' pull and that of the teachers' mean with weights [K, N]; None: equal ones.

        The objective is log likelihood + weight * sum_i sum_c soft_ic log q_ic, q the network's own probabilities at
        the distillation temperature T: the mode of single-teacher BKD with the soft targets as the teacher and the
        weight as the concentration. Its gradient on the logits is onehot(y) - p + (weight / T) (soft - q). Where no
        teacher knows a class, soft and q are among the others.
        """
        temperature, labels = self.config.prior.temperature, self.labels
        soft = examples_last(soft_targets(self.data.teacher_logits, temperature, weights))
        known, soft = None if self.all_known else ~soft.isnan(), soft.nan_to_num(0.0)
        weight = torch.tensor([each["weight"] for each in settings]).to(soft)[:, None, None] / temperature

        def pull(logits: Tensor, rows: Tensor | slice) -> Tensor:
            q = among(logits / temperature, None if known is None else known[rows])
            return labels(logits, rows) + weight * (soft[rows] - q)

        return pull

    def networks(self, settings: Sequence[Settings]) -> Networks:
        """Classic distillation from the teachers' mean, a network for each of S settings; others start from them."""
        key = tuple((each["weight_scale"], each["weight"]) for each in settings)
        if key not in self._fitted:
            self._fitted[key] = self.fit(self.soft_pull(settings), settings)
        return self._fitted[key]


def always(problem: Problem) -> bool:
    """A baseline that every problem has."""
    return True


@dataclass(frozen=True)
class Baseline:
    """A baseline that gives networks; posteriors are in `studies.methods`.

    Attributes:
        name: its row in the table; the mean over its networks is `<name>_ensemble`.
        title, line: for people, the line in one sentence.
        grid: the settings that are tried: `TRIALS` of them.
        run: for S settings, a network each: their probabilities [S, M, C] on the test examples.
        start: the baseline that its networks start from, whose settings it keeps; "" where it fits its own.
        fits: what it costs, in fits of all networks.
        members: networks whose mean is one trial; more than 1 for what is an ensemble by nature, which has one row.
        scaled: whether it is one network whose logits a temperature may scale: `<name>_scaled`.
        available: whether it can be worked out for a problem.
        reason: why it may not be available.
    """

    name: str
    title: str
    line: str
    grid: Callable[[RunConfig], Sequence[Settings]]
    run: Callable[[Problem, Sequence[Settings]], Tensor]
    start: str = ""
    fits: float = 1.0
    members: int = 1
    scaled: bool = False
    available: Callable[[Problem], bool] = always
    reason: str = ""
