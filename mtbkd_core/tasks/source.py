"""What a task's file offers the registry: its description, how it is loaded, and what it can do besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.config.models import DataConfig
from mtbkd_core.tasks.base import Task
from mtbkd_core.teachers.base import TeacherInfo

#: What a student is measured on: the test examples, or others on which settings are chosen.
SPLITS = ("test", "validation")


@dataclass(frozen=True)
class ShiftInfo:
    """Inputs of none of the classes, before they are loaded.

    Attributes:
        name: as in `Task.shifts`.
        title: for display, in the plural, such as "Proteins of several locations".
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
        default_teachers: names of the teachers of a first run.
        item: what one input is called, such as "image"; its plural takes an s.
        n_labelled, most_labelled: labelled examples of a student by default, and at most.
        defaults: settings of a first run, by dotted name, as text.
        presets: further settings by the name of a preset, put on top of `defaults`: "thorough" is slower and better.
        shifts: what `Task.shifts` will hold, in the order in which it is shown.
        stamp: differs for other data under the same name; empty for what comes with the program.
        image_shape: (height, width) where an input is a picture, which a convolutional student can learn from.
        spare: whether what is left of `most_labelled` can be used without labels.
        source, licence: where the data come from, and under which licence, as the Hub names it ("cc-by-4.0"); "" where
            they are somebody's own.
        n_unlabelled: examples that have no label at all, which can be used beside them.
        remark: what a reader of any score on this task has to know, a sentence; "" for nothing.
        changeable: whether points and teachers can be changed by hand: `DataConfig.changes`.
        short: a shorter title, for lists of runs; "" for the title.
    """

    name: str
    title: str
    description: str
    n_classes: int
    teachers: tuple[TeacherInfo, ...]
    default_teachers: tuple[str, ...]
    item: str = "example"
    n_labelled: int = 0
    most_labelled: int = 0
    defaults: Mapping[str, str] = field(default_factory=dict)
    presets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    shifts: tuple[ShiftInfo, ...] = ()
    stamp: str = ""
    image_shape: tuple[int, int] | None = None
    spare: bool = False
    source: str = ""
    licence: str = ""
    n_unlabelled: int = 0
    remark: str = ""
    changeable: bool = False
    short: str = ""

    @property
    def short_title(self) -> str:
        """The title in a word or two, where there is one."""
        return self.short or self.title

    def choose_teachers(self, names: Sequence[str] | None) -> list[TeacherInfo]:
        """The named teachers, in that order; None: all.

        Raises:
            UserError: no name, or one that the task does not have.
        """
        known = {teacher.name: teacher for teacher in self.teachers}
        chosen = list(known if names is None else names)
        unknown = [name for name in chosen if name not in known]
        if unknown or not chosen:
            wrong = f"{self.name} has no {unknown[0]!r}" if unknown else "none is named"
            raise UserError(f"teachers: {wrong}; {self.name} has {', '.join(known)}")
        return [known[name] for name in chosen]

    def check_changes(self, changes: str) -> None:
        """Refuse changes by hand, by a `UserError`, where the task has none."""
        if changes and not self.changeable:
            raise UserError(f"data.changes: got {changes[:40]!r}, allowed for {self.name}: none")

    def check_labelled(self, n_labelled: int | None) -> int:
        """The number of labelled examples that a configuration's `n_labelled` asks for.

        Raises:
            UserError: the task has fewer.
        """
        if n_labelled is not None and n_labelled > self.most_labelled:
            raise UserError(f"data.n_labelled: got {n_labelled}, allowed for {self.name}: at most {self.most_labelled}")
        return self.n_labelled if n_labelled is None else n_labelled

    def check_unlabelled(self, n_unlabelled: int, n_labelled: int | None) -> int:
        """The number of unlabelled examples that a configuration asks for beside its labelled ones.

        Raises:
            UserError: the task has fewer, of either kind.
        """
        labelled = self.check_labelled(n_labelled)
        most = self.n_unlabelled + (self.most_labelled - labelled if self.spare else 0)
        if n_unlabelled > most:
            beside = f" beside {labelled} labelled ones" if self.spare else ""
            raise UserError(f"data.n_unlabelled: got {n_unlabelled}, allowed for {self.name}: at most {most}{beside}")
        return n_unlabelled


def check_split(split: str) -> str:
    """The split, where it is one of `SPLITS`; else a `UserError`."""
    if split not in SPLITS:
        raise UserError(f"split: got {split!r}, allowed: {', '.join(SPLITS)}")
    return split


class Source(Protocol):
    """Where a task comes from: what the registry holds."""

    @property
    def INFO(self) -> TaskInfo:
        """The task before it is loaded."""

    def missing(self) -> str | None:
        """One line that says which data is not on this machine and how to get it; None where the task can be loaded."""

    def load(
        self, data: DataConfig, split: str, on_progress: OnProgress | None, should_stop: ShouldStop | None
    ) -> Task:
        """The task with the teachers and the numbers that `data` names; `mtbkd_core.catalog.registry.load_task`."""

    def fingerprint(self, data: DataConfig, split: str) -> str:
        """What `Task.fingerprint_of` would be; trains nothing. Errors as `load`."""


@runtime_checkable
class Fetches(Protocol):
    """What a task with data that can be downloaded offers beside `Source`."""

    def can_fetch(self) -> bool:
        """Whether data is missing that `fetch` would bring."""

    def fetch(self, on_progress: OnProgress | None = None, should_stop: ShouldStop | None = None) -> Path:
        """Download the data, checked by its sha256; the folder in which it then is.

        Raises:
            UserError: no connection, a file that is not the one expected, or a home folder that cannot be written.
            Cancelled: `should_stop` returned true.
        """


@runtime_checkable
class Trains(Protocol):
    """What a task offers beside `Source` where training its teachers takes minutes on this machine."""

    def untrained(self, teachers: Sequence[str] | None = None) -> tuple[str, ...]:
        """Those of the named teachers (None: of all) that `load` would have to train first.

        Raises:
            UserError: an unknown teacher, or data that cannot be read.
        """
