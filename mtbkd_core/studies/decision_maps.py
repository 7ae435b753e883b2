"""Maps of a task whose inputs are points of a plane, as arrays on a square grid of G x G points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch import Tensor

from mtbkd_core.config.models import PriorConfig
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

    def where_other(self, titles: Sequence[str], other: TeacherMap, other_titles: Sequence[str]) -> TeacherMap:
        """The part where another map has another teacher; elsewhere the share is NaN."""
        same = self.named(titles) == other.named(other_titles)
        return TeacherMap(self.teacher, np.where(same, np.nan, self.share))


@dataclass(frozen=True)
class StudentMaps:
    """A student on the plane: mean [G, G, C], and epistemic [G, G] in nats."""

    mean: Array
    epistemic: Array


@dataclass(frozen=True)
class PosteriorMaps(StudentMaps):
    """A run on the plane, with the teacher with the most responsibility."""

    responsibilities: TeacherMap


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
        return PosteriorMaps(self._classes_last(found.mean), uncertainty, self._teacher_map(teacher, share))

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
