"""A checked table in memory, and the tasks that are cut from it: a split by seed, or a fold of a cross-validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from mtbkd_core.common.files import content_hash
from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.checking import check_enough
from mtbkd_core.tasks.base import Proteins, Task, Teacher
from mtbkd_core.tasks.inputs import standardise

#: Share of the rows that are held out, for testing and again for validation.
HELD_OUT = 0.2
#: The most labelled examples that a configuration can ask for.
MOST_TRAIN = 20_000
#: Raise it when the meaning of a split or of the scaling changes.
SPLIT_VERSION = 2


@dataclass(frozen=True)
class Rows:
    """Labelled rows and what teachers say of them.

    Attributes:
        features: [N, F] float32 as they were computed or read, not scaled.
        labels: [N] int64.
        logits: teacher -> [N, C] float32.
        accessions, sequences: who the rows are; empty where the table does not say.
    """

    features: Tensor
    labels: Tensor
    logits: Mapping[str, Tensor]
    accessions: tuple[str, ...] = ()
    sequences: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class TableData:
    """A table, checked: everything that its tasks are made of.

    Attributes:
        rows: the table.
        test: a table of its own to be measured on; None: a part of `rows` is held out.
        teacher_notes: teacher -> one line for people.
        fingerprint: of all of this.
        reach: [F], how far each feature is spread, see `standardise`; None: all alike.
    """

    name: str
    title: str
    description: str
    item: str
    class_names: tuple[str, ...]
    rows: Rows
    test: Rows | None
    teacher_notes: Mapping[str, str]
    fingerprint: str
    reach: Tensor | None = None

    def fold(self, k: int, *, folds: int = 5, seed: int = 0) -> Task:
        """Fold k of a stratified, shuffled cross-validation over `rows`: the student learns from all the other folds.

        Args:
            k: from 0 to folds - 1.
            seed: of the shuffling; equal seeds, equal folds.
        Raises:
            UserError: no such fold, or a class with fewer rows than folds.
        """
        from sklearn.model_selection import StratifiedKFold

        if folds < 2 or not 0 <= k < folds:
            raise UserError(f"fold: got {k} of {folds}, allowed: 0 to one less than the number of folds, 2 at least")
        check_enough(self.rows.labels.numpy(), self.class_names, folds, f"each of {folds} folds needs one")
        splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
        train, test = list(splitter.split(np.zeros(len(self.rows)), self.rows.labels.numpy()))[k]
        mark = content_hash(self.fingerprint, f"fold {k} of {folds}, seed {seed}, version {SPLIT_VERSION}")
        return self._task(self.rows, train, self.rows, test, list(self.rows.logits), mark)

    def split(self, teachers: Sequence[str], split_seed: int, split: str, count: int) -> Task:
        """The task of a run, whose split is stratified and follows from the seed.

        Args:
            teachers: names of those that it is to have.
            split: "test"; or "validation": measured on a fifth of the student's rows, and no test row is seen.
            count: labelled rows for the student; fewer where there are not so many.
        """
        every = np.arange(len(self.rows))
        train, test = (every, np.arange(len(self.test))) if self.test else self._hold_out(every, split_seed)
        measured = self.test or self.rows
        if split == "validation":
            train, test = self._hold_out(train, split_seed)
            measured = self.rows
        order = np.random.default_rng(split_seed).permutation(len(train))
        mark = fingerprint_of_split(self.fingerprint, split_seed, split, count)
        return self._task(self.rows, train[order][:count], measured, test, teachers, mark)

    def _hold_out(self, index: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        from sklearn.model_selection import train_test_split

        labels = self.rows.labels.numpy()[index]
        kept, held = train_test_split(index, test_size=HELD_OUT, stratify=labels, random_state=seed)
        return kept, held

    def _task(
        self, own: Rows, train: np.ndarray, other: Rows, test: np.ndarray, teachers: Sequence[str], fingerprint: str
    ) -> Task:
        learnt = own.features[train]
        return Task(
            name=self.name,
            title=self.title,
            description=self.description,
            x_train=standardise(learnt, learnt, self.reach),
            y_train=own.labels[train],
            x_test=standardise(other.features[test], learnt, self.reach),
            y_test=other.labels[test],
            class_names=self.class_names,
            teachers={
                name: Teacher(
                    name,
                    name,
                    self.teacher_notes[name],
                    own.logits[name][train],
                    other.logits[name][test],
                    fingerprint_of_teacher(self.fingerprint, name),
                )
                for name in teachers
            },
            fingerprint=fingerprint,
            proteins=_proteins({"train": (own, train), "test": (other, test)}),
        )


def _proteins(parts: Mapping[str, tuple[Rows, np.ndarray]]) -> Proteins | None:
    if not all(rows.sequences for rows, _ in parts.values()):
        return None
    return Proteins(
        {part: _chosen(rows.accessions or ("",) * len(rows), which) for part, (rows, which) in parts.items()},
        {part: _chosen(rows.sequences, which) for part, (rows, which) in parts.items()},
    )


def _chosen(texts: Sequence[str], which: np.ndarray) -> tuple[str, ...]:
    return tuple(texts[index] for index in which)


def fingerprint_of_split(data: str, split_seed: int, split: str, count: int) -> str:
    """Digest of the rows that a student gets and is measured on; `data` is of the table."""
    return content_hash(data, f"seed {split_seed}, {split}, {count} rows, version {SPLIT_VERSION}")


def fingerprint_of_teacher(data: str, name: str) -> str:
    """Digest of what a teacher says; `data` is of the table, which holds the teachers' outputs as well."""
    return content_hash(data, f"teacher {name}")
