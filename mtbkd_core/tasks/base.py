"""What a task is: labelled data for the student, a test set, and what each teacher says of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mtbkd_core.files import content_hash
from mtbkd_core.progress import UserError


@dataclass(frozen=True)
class Teacher:
    """A teacher of a task and its logits.

    Attributes:
        name: short, stable, as in `RunConfig.teachers`.
        title: for people.
        description: one line: what it was trained on.
        logits_train: [N, C] on the student's training examples.
        logits_test: [M, C] on the test examples.
        fingerprint: changes whenever anything that made the teacher changes.
    """

    name: str
    title: str
    description: str
    logits_train: Tensor
    logits_test: Tensor
    fingerprint: str = ""


@dataclass(frozen=True)
class Task:
    """Data and teachers, ready for a student.

    Attributes:
        x_train, y_train: [N, F] float32 and [N] int64, what the student learns from.
        x_test, y_test: [M, F] and [M], what everything is measured on.
        class_names: C names.
        teachers: name -> Teacher, in the order in which they are offered.
        fingerprint: of the data alone; see `fingerprint_of`.
        shifts: name -> [M', F], inputs from elsewhere; empty where the task has none.
        image_shape: (height, width) where an input is a picture, with values from 0 to 1.
    """

    name: str
    title: str
    description: str
    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor
    class_names: tuple[str, ...]
    teachers: dict[str, Teacher]
    fingerprint: str
    shifts: dict[str, Tensor] = field(default_factory=dict)
    image_shape: tuple[int, int] | None = None

    @property
    def n_classes(self) -> int:
        """C."""
        return len(self.class_names)

    def fingerprint_of(self, names: Sequence[str]) -> str:
        """Digest of the data and of the named teachers: what a run with them depends on.

        Raises:
            UserError: a name that the task does not have.
        """
        self._check(names)
        return content_hash(self.fingerprint, *(self.teachers[name].fingerprint for name in names))

    def teacher_logits(self, names: Sequence[str], part: str = "train") -> Tensor:
        """[K, N, C] logits of the named teachers on the training or test examples.

        Raises:
            UserError: a name that the task does not have.
        """
        self._check(names)
        return torch.stack([getattr(self.teachers[name], f"logits_{part}") for name in names])

    def _check(self, names: Sequence[str]) -> None:
        missing = [name for name in names if name not in self.teachers]
        if missing:
            raise UserError(f"teachers: {self.name} has no {missing[0]!r}; it has {', '.join(self.teachers)}")


@dataclass(frozen=True)
class TeacherInfo:
    """A teacher before it is trained or read: enough to offer it."""

    name: str
    title: str
    description: str


@dataclass(frozen=True)
class TaskInfo:
    """A task before it is loaded: enough to list it and to offer its teachers.

    Attributes:
        n_classes: C.
        teachers: in the order in which they are offered.
        default_teachers: names of those that a newcomer starts with.
    """

    name: str
    title: str
    description: str
    n_classes: int
    teachers: tuple[TeacherInfo, ...]
    default_teachers: tuple[str, ...]
