"""A baseline: its name and words for people, how it is worked out, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from mtbkd_core.baselines.fitting import Networks, fit_networks, soft_targets, training_set_of
from mtbkd_core.common.progress import ShouldStop
from mtbkd_core.config.models import RunConfig
from mtbkd_core.student_inputs import seen_by_student
from mtbkd_core.tasks.base import Task

#: Weight of the soft targets on MT-BKD's own student, found on the validation examples of the digits with the teachers'
#: mean; see benchmarks/log/defaults.md.
MEAN_WEIGHT = 2.0
#: Task -> the same, where it was tuned on the task's own validation examples: the best on average over the three kinds
#: of soft targets.
WEIGHTS = {"synthetic": 1.0, "synthetic-linear": 0.02}


@dataclass(frozen=True)
class Problem:
    """The problem that every baseline solves: settings and a task, with MT-BKD's own student, data and seeds.

    Attributes:
        task: it may come with inputs or with the student's features of them, and then has those.
        weight: of the soft cross-entropy against that of the labels; None: the one of `WEIGHTS`, else `MEAN_WEIGHT`.
        should_stop: asked at every step; when true, the call ends with `Cancelled`.
    """

    config: RunConfig
    task: Task
    weight: float | None = None
    should_stop: ShouldStop | None = None

    def __post_init__(self) -> None:
        """Every network sees what MT-BKD's student does."""
        object.__setattr__(self, "task", seen_by_student(self.config, self.task))

    @property
    def soft_weight(self) -> float:
        """The weight that counts."""
        return WEIGHTS.get(self.task.name, MEAN_WEIGHT) if self.weight is None else self.weight

    @property
    def teacher_logits(self) -> Tensor:
        """[K, N, C] on the training set."""
        return training_set_of(self.config, self.task).teacher_logits

    def fit(self, weights: Tensor | None = None) -> Networks:
        """Classic distillation, one network a chain, from the teachers' mean with weights [K, N]; None: equal ones."""
        soft = soft_targets(self.teacher_logits, self.config.prior.temperature, weights)
        return fit_networks(self.config, self.task, soft, weight=self.soft_weight, should_stop=self.should_stop)

    @cached_property
    def networks(self) -> Networks:
        """`fit` with equal weights; several baselines start from it."""
        return self.fit()


def always(problem: Problem) -> bool:
    """A baseline that every problem has."""
    return True


@dataclass(frozen=True)
class Baseline:
    """A baseline that gives one network a chain; posteriors are in `studies.methods`.

    Attributes:
        name: its row in the table; the mean over its networks is `<name>_ensemble`.
        title, line: for people, the line in one sentence.
        run: gives each network's probabilities [S, M, C] on the test examples.
        fits: what it costs, in fits of all networks.
        available: whether it can be worked out for a problem.
        reason: why it may not be available.
    """

    name: str
    title: str
    line: str
    run: Callable[[Problem], Tensor]
    fits: float = 1.0
    available: Callable[[Problem], bool] = always
    reason: str = ""
