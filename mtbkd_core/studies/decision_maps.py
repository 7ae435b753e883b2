"""Maps of a task whose inputs are points of a plane, as arrays on a square grid of G x G points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch import Tensor

from mtbkd_core.config.models import PriorConfig
from mtbkd_core.evaluation.errors import interval
from mtbkd_core.result import Result
from mtbkd_core.studies.plane_posterior import Plane, heaviest, least_uncertain, plane_of, posterior_on, truth_of
from mtbkd_core.studies.reweighting import epistemic
from mtbkd_core.tasks.base import Task

Array = np.ndarray


@dataclass(frozen=True)
class TeacherMap:
    """One teacher for each point of the grid.

    Attributes:
        teacher: [G, G], its index.
        share: [G, G], its certainty, weight or responsibility, from 0 to 1.
    """

    teacher: Array
    share: Array

    def named(self, titles: Sequence[str]) -> Array:
        """[G, G], the teacher at each point by its title."""
        titled: Array = np.asarray(titles)[self.teacher]
        return titled


@dataclass(frozen=True)
class StudentMaps:
    """A student on the plane: mean [G, G, C], and epistemic [G, G] in nats."""

    mean: Array
    epistemic: Array


@dataclass(frozen=True)
class PosteriorMaps(StudentMaps):
    """A run on the plane.

    Attributes:
        responsibilities: the teacher with the most.
        shares: [S, K, G, G], each chain's mean of all of them.
    """

    responsibilities: TeacherMap
    shares: Array

    def clearly_led_otherwise(
        self, teachers: Sequence[str], before: PosteriorMaps, teachers_before: Sequence[str]
    ) -> TeacherMap:
        """Where another teacher leads than in another run, by more than the sampler's error in each; else NaN.

        Args:
            teachers, teachers_before: their names, in the order of the shares; a teacher may be in one run only.
        """
        names = list(dict.fromkeys([*teachers, *teachers_before]))
        now, was = (
            np.array([names.index(name) for name in known])[each.responsibilities.teacher]
            for known, each in ((teachers, self), (teachers_before, before))
        )
        clear = now != was
        for known, each, first, second in ((teachers, self, now, was), (teachers_before, before, was, now)):
            whole = np.zeros((len(each.shares), len(names), *each.shares.shape[2:]))
            whole[:, [names.index(name) for name in known]] = each.shares
            lead = [np.take_along_axis(whole, which[None, None], 1)[:, 0] for which in (first, second)]
            clear &= _clearly_positive(lead[0] - lead[1])
        return TeacherMap(self.responsibilities.teacher, np.where(clear, self.responsibilities.share, np.nan))


@dataclass(frozen=True, eq=False)
class DecisionPlane:
    """A task's plane.

    Attributes:
        task: one with a known truth.
        plane: the grid.
    """

    task: Task
    plane: Plane

    @classmethod
    def of(cls, task: Task, points: int = 61) -> DecisionPlane | None:
        """The plane of a task with `points` to a side; None where the inputs are no points of a plane."""
        return None if task.truth is None else cls(task, plane_of(task.truth, points))

    @property
    def axis(self) -> Array:
        """[G], the values of either input."""
        return self.plane.axis.numpy()

    @cached_property
    def truth(self) -> Array:
        """[G, G, C], the true probabilities."""
        return self._classes_last(truth_of(self.task).probabilities(self.plane.inputs))

    def teacher(self, name: str) -> Array:
        """[G, G, C], the probabilities of one teacher."""
        return self._classes_last(self._logits([name])[0].softmax(-1))

    def certainty(self, teachers: Sequence[str]) -> TeacherMap:
        """The most certain teacher at each point."""
        return self._teacher_map(*least_uncertain(self._logits(teachers)))

    def weights(self, teachers: Sequence[str], prior: PriorConfig) -> TeacherMap:
        """The teacher with the most weight at each point."""
        return self._teacher_map(*heaviest(self._logits(teachers), prior))

    def posterior(self, result: Result) -> PosteriorMaps:
        """A run's posterior at each point."""
        found = posterior_on(result, self.task, self.plane.inputs)
        share, teacher = found.responsibilities.max(0)
        uncertainty = self.plane.square(found.epistemic).numpy()
        leading, shares = self._teacher_map(teacher, share), self.plane.square(found.shares).numpy()
        return PosteriorMaps(self._classes_last(found.mean), uncertainty, leading, shares)

    def said(self, means: Tensor) -> StudentMaps:
        """What students say on average at each point, from means [G * G, C + 1] of `DrawnStudents.said`."""
        return StudentMaps(self._classes_last(means[:, :-1]), self.plane.square(epistemic(means)).numpy())

    def _logits(self, teachers: Sequence[str]) -> Tensor:
        return truth_of(self.task).teacher_logits(list(teachers), self.plane.inputs)

    def _classes_last(self, values: Tensor) -> Array:
        """[G * G, C] as [G, G, C]."""
        return np.moveaxis(self.plane.square(values.t()).numpy(), 0, -1)

    def _teacher_map(self, teacher: Tensor, share: Tensor) -> TeacherMap:
        return TeacherMap(self.plane.square(teacher).numpy(), self.plane.square(share).numpy())


def _clearly_positive(values: Array) -> Array:
    """Where the mean over S chains of values [S, ...] lies above 0 by more than its error; nowhere for one chain."""
    chains = len(values)
    if chains < 2:
        return np.zeros(values.shape[1:], bool)
    clear: Array = values.mean(0) > interval(0.0, 1.0, chains - 1)[1] * values.std(0, ddof=1) / chains**0.5
    return clear
