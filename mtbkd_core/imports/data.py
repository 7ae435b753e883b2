"""A checked table in memory, and the tasks that are cut from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from torch import Tensor

from mtbkd_core.common.files import content_hash
from mtbkd_core.tasks.base import Proteins, Task, Teacher
from mtbkd_core.tasks.inputs import Standardisation
from mtbkd_core.teachers.temperatures import fit_temperatures

#: Share of the rows that are held out, for testing and again for validation.
HELD_OUT = 0.2
#: The most labelled examples that a configuration can ask for.
MOST_TRAIN = 20_000
#: Raise it when the meaning of a split or of the scaling changes.
SPLIT_VERSION = 2


@dataclass(frozen=True)
class Rows:
    """Labelled rows and the teachers' outputs for them.

    Attributes:
        features: [N, F] float32 as they were computed or read, not scaled.
        labels: [N] int64, -1 without a label.
        logits: teacher -> [N, C] float32.
        accessions, sequences: of the rows; empty where the table has none.
        together: teacher -> [N, C], see `Teacher`; without teachers that name all classes that they know.
        shown: of the rows, see `Task`; empty where the table has none.
    """

    features: Tensor
    labels: Tensor
    logits: Mapping[str, Tensor]
    accessions: tuple[str, ...] = ()
    sequences: tuple[str, ...] = ()
    together: Mapping[str, Tensor] = field(default_factory=dict)
    shown: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def where(self, kept: np.ndarray) -> Rows:
        """The rows that a mask [N] keeps."""
        which = np.flatnonzero(kept)
        return Rows(
            self.features[which],
            self.labels[which],
            {name: logits[which] for name, logits in self.logits.items()},
            _chosen(self.accessions, which) if self.accessions else (),
            _chosen(self.sequences, which) if self.sequences else (),
            {name: mask[which] for name, mask in self.together.items()},
            _chosen(self.shown, which) if self.shown else (),
        )


@dataclass(frozen=True, kw_only=True)
class About:
    """A table without its rows.

    Attributes:
        title: for people.
        item: what a row is called.
        teachers: teacher -> one line for people.
        fingerprint: of the rows, the teachers' outputs and the scaling.
        temperatures: teacher -> the entropy temperature that calibrates it; empty where none was fitted.
        feature_names: see `Task`.
    """

    name: str
    title: str
    description: str
    item: str
    class_names: tuple[str, ...]
    teachers: dict[str, str]
    fingerprint: str
    temperatures: dict[str, float] = field(default_factory=dict)
    feature_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableData:
    """A table, checked: everything that its tasks are made of.

    Attributes:
        rows: the table.
        test: a table of its own for testing; None: a part of `rows` is held out.
        unlabelled: rows without a label (-1), of which only the teachers speak; None: there are none.
        reach: [F], how far each feature is spread, see `Standardisation`; None: all alike.
    """

    about: About
    rows: Rows
    test: Rows | None = None
    reach: Tensor | None = None
    unlabelled: Rows | None = None

    def named(self, name: str, title: str) -> TableData:
        """The same under another name."""
        return replace(self, about=replace(self.about, name=name, title=title))

    def calibrated(self) -> TableData:
        """The same with each teacher's temperature, fitted on the labels of the student of split seed 0."""
        train, _, _ = self._train_and_test(0, "test", MOST_TRAIN)
        labels = self.rows.labels[train]
        found = {
            name: fit_temperatures(logits[train][None], labels).values[0] for name, logits in self.rows.logits.items()
        }
        return replace(self, about=replace(self.about, temperatures=found))

    def parts(self) -> dict[str, Rows]:
        """The tables by the names under which they are kept."""
        others = {"test": self.test, "unlabelled": self.unlabelled}
        return {"rows": self.rows} | {part: rows for part, rows in others.items() if rows is not None}

    def split(self, teachers: Sequence[str], split_seed: int, split: str, count: int) -> Task:
        """The task of a run; its split is stratified and follows from the seed.

        Args:
            teachers: names of those that it is to have.
            split: "test"; or "validation": tested on a fifth of the student's rows, and no test row is seen.
            count: labelled rows for the student; fewer where there are not so many.
        """
        train, tested, test = self._train_and_test(split_seed, split, count)
        mark = fingerprint_of_split(self.about.fingerprint, split_seed, split, count)
        return self.cut(train, tested, test, teachers, mark)

    def _train_and_test(self, split_seed: int, split: str, count: int) -> tuple[np.ndarray, Rows, np.ndarray]:
        """The student's rows by their places, the table that is tested on, and its rows by their places."""
        every = np.arange(len(self.rows))
        train, test = (every, np.arange(len(self.test))) if self.test else self._hold_out(every, split_seed)
        tested = self.test or self.rows
        if split == "validation":
            train, test = self._hold_out(train, split_seed)
            tested = self.rows
        order = np.random.default_rng(split_seed).permutation(len(train))
        return train[order][:count], tested, test

    def _hold_out(self, index: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        from sklearn.model_selection import train_test_split

        labels = self.rows.labels.numpy()[index]
        kept, held = train_test_split(index, test_size=HELD_OUT, stratify=labels, random_state=seed)
        return kept, held

    def cut(self, train: np.ndarray, tested: Rows, test: np.ndarray, teachers: Sequence[str], fingerprint: str) -> Task:
        """A task of some of the rows for the student, and of some of `tested` for testing, by their places."""
        about, own, spare = self.about, self.rows, self.unlabelled
        standardisation = Standardisation.of(own.features[train], self.reach)
        return Task(
            name=about.name,
            title=about.title,
            description=about.description,
            x_train=standardisation.apply(own.features[train]),
            y_train=own.labels[train],
            x_test=standardisation.apply(tested.features[test]),
            y_test=tested.labels[test],
            class_names=about.class_names,
            teachers={
                name: Teacher(
                    name,
                    name,
                    about.teachers[name],
                    own.logits[name][train],
                    tested.logits[name][test],
                    fingerprint_of_teacher(about.fingerprint, name),
                    logits_unlabelled=None if spare is None else spare.logits[name],
                    together=_together(name, {"train": (own, train), "test": (tested, test)}, spare),
                )
                for name in teachers
            },
            fingerprint=fingerprint,
            proteins=_proteins({"train": (own, train), "test": (tested, test)}),
            shown={
                part: _chosen(rows.shown, which)
                for part, (rows, which) in {"train": (own, train), "test": (tested, test)}.items()
                if rows.shown
            },
            standardisation=standardisation,
            feature_names=about.feature_names,
            x_unlabelled=None if spare is None else standardisation.apply(spare.features),
        )


def _together(name: str, parts: Mapping[str, tuple[Rows, np.ndarray]], spare: Rows | None) -> dict[str, Tensor]:
    found = {part: rows.together[name][which] for part, (rows, which) in parts.items() if name in rows.together}
    return found | ({} if spare is None or name not in spare.together else {"unlabelled": spare.together[name]})


def _proteins(parts: Mapping[str, tuple[Rows, np.ndarray]]) -> Proteins | None:
    if not all(rows.sequences for rows, _ in parts.values()):
        return None
    accessions = {part: _chosen(rows.accessions or ("",) * len(rows), which) for part, (rows, which) in parts.items()}
    return Proteins(accessions, {part: _chosen(rows.sequences, which) for part, (rows, which) in parts.items()})


def _chosen(texts: Sequence[str], which: np.ndarray) -> tuple[str, ...]:
    return tuple(texts[index] for index in which)


def fingerprint_of_split(data: str, split_seed: int, split: str, count: int) -> str:
    """Digest of the rows that a student gets and is tested on; `data` is of the table."""
    return content_hash(data, f"seed {split_seed}, {split}, {count} rows, version {SPLIT_VERSION}")


def fingerprint_of_teacher(data: str, name: str) -> str:
    """Digest of a teacher's outputs; `data` is of the table, which holds them as well."""
    return content_hash(data, f"teacher {name}")
