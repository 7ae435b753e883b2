"""A loaded task: labelled data for the student, a test set, and the teachers' logits on both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from mtbkd_core.common.files import content_hash
from mtbkd_core.common.progress import UserError
from mtbkd_core.tasks.inputs import Standardisation
from mtbkd_core.teachers.base import Cost, TeacherInfo


@dataclass(frozen=True)
class Proteins:
    """The proteins behind the examples, where inputs are descriptors of proteins.

    Attributes:
        accessions: "train", "test" and the name of each shift -> accession of each example, "" where there is none.
        sequences: likewise -> amino acids' letters.
    """

    accessions: Mapping[str, tuple[str, ...]]
    sequences: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Teacher(TeacherInfo):
    """A teacher of a task and its logits; -inf: a class that it does not know there, a row of them: it abstains.

    Attributes:
        logits_train: [N, C] on the student's training examples.
        logits_test: [M, C] on the test examples.
        fingerprint: changes whenever anything that made the teacher changes.
        cost: of one prediction, measured when the teacher was made; None where it was not measured.
        logits_unlabelled: [U, C] on the task's unlabelled examples; None where it has none.
        network: makes a network like it, trained or not, from inputs [M, F] to logits: what it takes can be counted and
            timed; None where it is no network of ours, or its inputs are others.
        together: "train", "test" and "unlabelled" -> [N, C], the classes of which it states the sum alone, which its
            logits spread evenly; empty where it names all classes that it knows one by one.
    """

    logits_train: Tensor
    logits_test: Tensor
    fingerprint: str = ""
    cost: Cost | None = None
    logits_unlabelled: Tensor | None = None
    network: Callable[[], torch.nn.Module] | None = field(default=None, repr=False, compare=False)
    together: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingSet:
    """What a student learns from.

    Attributes:
        x: [N, F], the labelled examples and, after them, the unlabelled ones.
        labels: [N], -1 where there is none.
        teacher_logits: [K, N, C].
        together: [K, N, C], the classes of which teachers state the sum alone; None: no teacher does.
    """

    x: Tensor
    labels: Tensor
    teacher_logits: Tensor
    together: Tensor | None = None

    def to(self, device: torch.device) -> TrainingSet:
        """The same on a device."""
        together = None if self.together is None else self.together.to(device)
        return TrainingSet(self.x.to(device), self.labels.to(device), self.teacher_logits.to(device), together)


@dataclass(frozen=True)
class KnownTruth:
    """The true probabilities where inputs are points of a plane: known anywhere, as are the teachers' logits.

    Attributes:
        probabilities: [M, 2] inputs -> [M, C] true class probabilities.
        teacher_logits: names of K teachers and [M, 2] inputs -> [K, M, C]; an unknown name is a `UserError`.
        bounds: (low, high) of both axes of the plane that is drawn.
    """

    probabilities: Callable[[Tensor], Tensor]
    teacher_logits: Callable[[Sequence[str], Tensor], Tensor]
    bounds: tuple[float, float]


class Transform(Protocol):
    """What makes a student's inputs of a task's."""

    def transform(self, x: Tensor) -> Tensor:
        """[N, F'] of inputs [N, F]."""


@dataclass(frozen=True)
class Task:
    """Data and teachers, ready for a student.

    Attributes:
        x_train, y_train: [N, F] float32 and [N] int64, the labelled training examples.
        x_test, y_test: [M, F] and [M], what everything is measured on.
        class_names: C names.
        teachers: name -> Teacher, in the order in which they are offered.
        fingerprint: of the data alone; see `fingerprint_of`.
        shifts: name -> [M', F], inputs that belong to none of the classes and should make a student less certain; empty
            where the task has none. `TaskInfo.shifts` has their titles.
        image_shape: (height, width) where an input is a picture, with values from 0 to 1.
        truth: the true probabilities where they are known and inputs are points of a plane; else None.
        proteins: accessions and sequences where inputs are descriptors of proteins; else None.
        shown: "train" and "test" -> what people see of each example where its inputs were worked out of something else:
            a text, or a picture as a data URI; empty where the task has none.
        x_unlabelled: [U, F], more inputs that no teacher was trained on; a run uses the first `n_unlabelled` of them
            without their labels. None where the task has none.
        shift_labels: name of a shift -> the words that describe each of its inputs, where they are known; for display.
        standardisation: how the inputs were made from raw features; None: they are the raw features.
        feature_names: of the raw features, in their order; empty where they have none, or none were kept.
        features: what all inputs here were made by, of those of the task that was loaded; None: they are its own.
        kept: what is worked out of the task once, by what it is.
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
    truth: KnownTruth | None = None
    proteins: Proteins | None = None
    x_unlabelled: Tensor | None = None
    shift_labels: dict[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    standardisation: Standardisation | None = None
    shown: dict[str, tuple[str, ...]] = field(default_factory=dict)
    feature_names: tuple[str, ...] = ()
    features: Transform | None = None
    kept: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def n_classes(self) -> int:
        """C."""
        return len(self.class_names)

    def fingerprint_of(self, names: Sequence[str]) -> str:
        """Digest of the data and of the named teachers: what a run with them depends on.

        Raises:
            UserError: a name that the task does not have.
        """
        return content_hash(self.fingerprint, *(teacher.fingerprint for teacher in self._named(names)))

    def teacher_logits(self, names: Sequence[str], part: str = "train") -> Tensor:
        """[K, N, C] logits of the named teachers on the "train" or "test" examples.

        Raises:
            UserError: a name that the task does not have.
        """
        return torch.stack([getattr(teacher, f"logits_{part}") for teacher in self._named(names)])

    def together(self, names: Sequence[str], part: str = "train", n_unlabelled: int = 0) -> Tensor | None:
        """[K, N, C], the classes of which the named teachers state the sum alone; None: of none.

        Args:
            part: "train" or "test".
            n_unlabelled: of so many unlabelled examples, too, after those.
        """
        named = self._named(names)
        if not any(teacher.together for teacher in named):
            return None

        def of(teacher: Teacher, part: str, count: int | None = None) -> Tensor:
            logits = getattr(teacher, f"logits_{part}")[:count]
            return teacher.together.get(part, torch.zeros_like(logits, dtype=torch.bool))[:count]

        masks = [of(teacher, part) for teacher in named]
        if n_unlabelled:
            masks = [torch.cat([m, of(t, "unlabelled", n_unlabelled)]) for m, t in zip(masks, named, strict=True)]
        return torch.stack(masks)

    def training_set(self, names: Sequence[str], n_unlabelled: int = 0) -> TrainingSet:
        """The labelled examples, the first `n_unlabelled` unlabelled ones, and the named teachers' logits on both.

        Raises:
            UserError: a name that the task does not have, or more unlabelled examples than it has.
        """
        logits, together = self.training_logits(names, n_unlabelled), self.together(names, "train", n_unlabelled)
        if not n_unlabelled or self.x_unlabelled is None:
            return TrainingSet(self.x_train, self.y_train, logits, together)
        return TrainingSet(
            torch.cat([self.x_train, self.x_unlabelled[:n_unlabelled]]),
            torch.cat([self.y_train, self.y_train.new_full((n_unlabelled,), -1)]),
            logits,
            together,
        )

    def training_logits(self, names: Sequence[str], n_unlabelled: int = 0) -> Tensor:
        """[K, N, C], the `teacher_logits` of `training_set`; arguments and errors as there."""
        logits = self.teacher_logits(names)
        most = 0 if self.x_unlabelled is None else len(self.x_unlabelled)
        if n_unlabelled > most:
            raise UserError(f"data.n_unlabelled: got {n_unlabelled}, allowed for {self.name}: at most {most}")
        if not n_unlabelled:
            return logits
        more = [teacher.logits_unlabelled for teacher in self._named(names)]
        if any(given is None or len(given) < n_unlabelled for given in more):
            raise UserError(f"teachers: not all of {', '.join(names)} have logits on {self.name}'s unlabelled examples")
        return torch.cat([logits, torch.stack([given[:n_unlabelled] for given in more if given is not None])], 1)

    def _named(self, names: Sequence[str]) -> list[Teacher]:
        for name in names:
            if name not in self.teachers:
                raise UserError(f"teachers: {self.name} has no {name!r}; it has {', '.join(self.teachers)}")
        return [self.teachers[name] for name in names]
