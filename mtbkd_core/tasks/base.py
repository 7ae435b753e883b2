"""What a task is: labelled data for the student, a test set, and what each teacher says of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from mtbkd_core.common.files import content_hash
from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.teachers.base import Cost, TeacherInfo


@dataclass(frozen=True)
class Proteins:
    """Who the examples are where inputs are proteins.

    Attributes:
        accessions: "train", "test" and the name of each shift -> accession of each example, "" where there is none.
        sequences: likewise -> amino acids' letters.
    """

    accessions: Mapping[str, tuple[str, ...]]
    sequences: Mapping[str, tuple[str, ...]]


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
        cost: of asking it, measured when it was made; None where nobody did.
        logits_unlabelled: [U, C] on the task's examples without a label; None where it has none.
    """

    name: str
    title: str
    description: str
    logits_train: Tensor
    logits_test: Tensor
    fingerprint: str = ""
    cost: Cost | None = None
    logits_unlabelled: Tensor | None = None


@dataclass(frozen=True)
class Lesson:
    """What a student learns from.

    Attributes:
        x: [N, F], the labelled examples and, after them, those without a label.
        labels: [N], -1 where there is none.
        teacher_logits: [K, N, C].
    """

    x: Tensor
    labels: Tensor
    teacher_logits: Tensor

    def to(self, device: torch.device) -> Lesson:
        """The same on a device."""
        return Lesson(self.x.to(device), self.labels.to(device), self.teacher_logits.to(device))


@dataclass(frozen=True)
class KnownTruth:
    """What nature is where inputs are points of a plane: known anywhere, as are the teachers.

    Attributes:
        probabilities: [M, 2] inputs -> [M, C] true class probabilities.
        teacher_logits: names of K teachers and [M, 2] inputs -> [K, M, C]; an unknown name is a `UserError`.
        bounds: (low, high) of both axes of the plane that is drawn.
    """

    probabilities: Callable[[Tensor], Tensor]
    teacher_logits: Callable[[Sequence[str], Tensor], Tensor]
    bounds: tuple[float, float]


@dataclass(frozen=True)
class Task:
    """Data and teachers, ready for a student.

    Attributes:
        x_train, y_train: [N, F] float32 and [N] int64, what the student learns from.
        x_test, y_test: [M, F] and [M], what everything is measured on.
        class_names: C names.
        teachers: name -> Teacher, in the order in which they are offered.
        fingerprint: of the data alone; see `fingerprint_of`.
        shifts: name -> [M', F], inputs from elsewhere, which have no label among the classes and ought to make a
            student less sure; empty where the task has none. `TaskInfo.shifts` has their titles.
        image_shape: (height, width) where an input is a picture, with values from 0 to 1.
        truth: the true probabilities where they are known and inputs are points of a plane; else None.
        proteins: accessions and sequences where inputs are descriptors of proteins; else None.
        x_unlabelled: [U, F], more inputs that no teacher was trained on, and whose labels nobody is told; a run takes
            the first `n_unlabelled` of them. None where the task has none.
        shift_labels: name of a shift -> what each of its inputs is, in words, where that is known: some are several
            things at once. For people alone.
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

    def lesson(self, names: Sequence[str], n_unlabelled: int = 0) -> Lesson:
        """The labelled examples and the first so many of those without a label, with what the named teachers say.

        Raises:
            UserError: a name that the task does not have, or more examples without a label than it has.
        """
        logits = self.lesson_logits(names, n_unlabelled)
        if not n_unlabelled or self.x_unlabelled is None:
            return Lesson(self.x_train, self.y_train, logits)
        return Lesson(
            torch.cat([self.x_train, self.x_unlabelled[:n_unlabelled]]),
            torch.cat([self.y_train, self.y_train.new_full((n_unlabelled,), -1)]),
            logits,
        )

    def lesson_logits(self, names: Sequence[str], n_unlabelled: int = 0) -> Tensor:
        """[K, N, C], what the named teachers say of a lesson's examples; arguments and errors as `lesson`."""
        logits = self.teacher_logits(names)
        most = 0 if self.x_unlabelled is None else len(self.x_unlabelled)
        if n_unlabelled > most:
            raise UserError(f"data.n_unlabelled: got {n_unlabelled}, allowed for {self.name}: at most {most}")
        if not n_unlabelled:
            return logits
        more = [self.teachers[name].logits_unlabelled for name in names]
        if any(given is None or len(given) < n_unlabelled for given in more):
            raise UserError(f"teachers: not all of {', '.join(names)} speak of {self.name}'s examples without a label")
        return torch.cat([logits, torch.stack([given[:n_unlabelled] for given in more if given is not None])], 1)

    def _check(self, names: Sequence[str]) -> None:
        missing = [name for name in names if name not in self.teachers]
        if missing:
            raise UserError(f"teachers: {self.name} has no {missing[0]!r}; it has {', '.join(self.teachers)}")


@dataclass(frozen=True)
class ShiftInfo:
    """Inputs from elsewhere before they are loaded.

    Attributes:
        name: as in `Task.shifts`.
        title: for people, in the plural, such as "Proteins of several locations".
        description: one line: where they come from.
    """

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
        item: what one input is called, such as "image"; its plural takes an s.
        n_train, most_train: labelled examples that the student gets where nothing else is asked for, and at most.
        defaults: settings by dotted name, as text, that a newcomer to this task starts with.
        shifts: what `Task.shifts` will hold, in the order in which it is shown.
        stamp: another for other data under the same name; empty for what comes with the program.
        costs: whether it is known what asking its teachers takes (`Teacher.cost`).
        image_shape: (height, width) where an input is a picture, which a convolutional student can learn from.
        spare: whether what is left of `most_train` can be shown without labels.
    """

    name: str
    title: str
    description: str
    n_classes: int
    teachers: tuple[TeacherInfo, ...]
    default_teachers: tuple[str, ...]
    item: str = "example"
    n_train: int = 0
    most_train: int = 0
    defaults: Mapping[str, str] = field(default_factory=dict)
    shifts: tuple[ShiftInfo, ...] = ()
    stamp: str = ""
    costs: bool = False
    image_shape: tuple[int, int] | None = None
    spare: bool = False

    def check_n_train(self, n_train: int | None) -> int:
        """The number of labelled examples that a configuration's `n_train` asks for.

        Raises:
            UserError: the task has not so many.
        """
        if n_train is not None and n_train > self.most_train:
            raise UserError(f"data.n_labelled: got {n_train}, allowed for {self.name}: at most {self.most_train}")
        return self.n_train if n_train is None else n_train

    def check_n_unlabelled(self, n_unlabelled: int, n_train: int | None) -> int:
        """The number of examples without a label that a configuration asks for beside its labelled ones.

        Raises:
            UserError: the task has not so many, of either kind.
        """
        labelled = self.check_n_train(n_train)
        most = self.most_train - labelled if self.spare else 0
        if n_unlabelled > most:
            beside = f" beside {labelled} labelled ones" if self.spare else ""
            raise UserError(f"data.n_unlabelled: got {n_unlabelled}, allowed for {self.name}: at most {most}{beside}")
        return n_unlabelled


class Source(Protocol):
    """Where a task comes from: what the registry holds."""

    @property
    def INFO(self) -> TaskInfo:
        """The task before it is loaded."""

    def missing(self) -> str | None:
        """One line that says which data is not on this machine and how to get it; None where the task can be loaded."""

    def load(
        self,
        teachers: Sequence[str] | None,
        split_seed: int,
        split: str,
        on_progress: OnProgress | None,
        should_stop: ShouldStop | None,
        n_train: int | None,
    ) -> Task:
        """The task; arguments and errors as `mtbkd_core.catalog.registry.load_task`."""

    def fingerprint(self, teachers: Sequence[str] | None, split_seed: int, split: str, n_train: int | None) -> str:
        """What `Task.fingerprint_of` these teachers would be; trains nothing."""


@runtime_checkable
class Fetches(Protocol):
    """What a task whose data can be downloaded offers beside `Source`."""

    def can_fetch(self) -> bool:
        """Whether `missing` speaks of data that `fetch` would bring."""

    def fetch(self, on_progress: OnProgress | None = None, should_stop: ShouldStop | None = None) -> Path:
        """Download what `missing` speaks of, checked by its sha256; the folder that it is in then.

        Raises:
            UserError: no connection, a file that is not the one expected, or a home folder that cannot be written.
            Cancelled: `should_stop` said so.
        """


@runtime_checkable
class Trains(Protocol):
    """What a task whose teachers take minutes to train on this machine offers beside `Source`."""

    def untrained(self, teachers: Sequence[str] | None = None) -> tuple[str, ...]:
        """Those of the named teachers (None: of all) that `load` would have to train first.

        Raises:
            UserError: an unknown teacher, or data that cannot be read.
        """
