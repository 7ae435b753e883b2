"""Reads the files of a spec, and keeps what there is to say of them, and all that is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError, UserErrors
from mtbkd_core.imports.classes import MAX_CLASSES, plain
from mtbkd_core.imports.data import Rows
from mtbkd_core.imports.features import (
    check_sequences,
    from_columns,
    from_sequences,
    raw_columns,
    warn_of_bases,
    warn_of_features,
    warn_of_times,
)
from mtbkd_core.imports.id_names import is_id_name, is_index_name, may_name_rows, names_rows, tell_apart
from mtbkd_core.imports.labels import (
    LEAST_OF_CLASS,
    LEAST_WITH_TEST,
    are_numbers,
    check_enough,
    check_one_hot,
    count_from_one,
    different_numbers,
    largest,
    read_labels,
)
from mtbkd_core.imports.number_file import open_numbers
from mtbkd_core.imports.reading import first_cells, first_row, read_table
from mtbkd_core.imports.spec import Files, TableSpec
from mtbkd_core.imports.table import MISSING, Table, count_of, is_number
from mtbkd_core.imports.teacher_outputs import TeacherOutputs, agree, count_classes, read_teacher


@dataclass
class Reader:
    """Reads the files of a spec, and keeps what there is to say of them, and what is wrong."""

    spec: TableSpec
    on_progress: OnProgress | None
    should_stop: ShouldStop | None
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    teachers: dict[str, TeacherOutputs] = field(default_factory=dict)
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _together: dict[str, np.ndarray] = field(default_factory=dict)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """What is wrong here is kept, and the rest is still checked."""
        try:
            yield
        except UserError as error:
            self.problems += [line for line in error.problems if line not in self.problems]

    def read(self, files: Files, classes: Sequence[str] | None) -> tuple[Rows, tuple[str, ...]] | None:
        """One table's rows, and the classes; None where something is wrong."""
        spec, own, before = self.spec, files is self.spec.files, len(self.problems)
        names = (head := first_row(files.table)).names
        one_hot = tuple(classes) if classes and set(classes) <= set(names) - set(spec.columns) else ()
        table = read_table(files.table, self._wanted(files, head, one_hot))
        self.notes += table.notes
        if not len(table):
            raise UserError(f"{table.file}: has no rows under its header")
        reserved = {*spec.columns, spec.label}
        id_column = spec.accession or _usual_id(table, names, reserved)
        indices, class_names = None, classes
        with self.going_on():
            classes = classes or self._count(files, table, reserved)
            indices, class_names = self._labels(table, classes, own)
            check_one_hot(table, one_hot, spec.label, indices)
        sequences: list[str] | None = None
        with self.going_on():
            sequences = check_sequences(table, spec.sequence) if spec.sequence is not None else []
            self.warnings += warn_of_bases(table, spec.sequence) if spec.sequence is not None else ()
        ids = table.texts(id_column) if id_column is not None else []
        if id_column is not None:
            self.warnings += _repeated(table, ids, id_column)
        logits, self._together = {}, {}
        for who, path in files.teachers.items():
            with self.going_on():
                logits[who] = self._teacher(who, path, table, indices, class_names, reserved)
        features = None
        if sequences is not None:
            with self.going_on():
                features = self._features(files, table, indices, reserved)
        if (
            indices is None
            or class_names is None
            or sequences is None
            or features is None
            or len(self.problems) > before
        ):
            return None
        together = {who: torch.from_numpy(mask) for who, mask in self._together.items()}
        rows = Rows(features, torch.from_numpy(indices), logits, tuple(ids), tuple(sequences), together)
        return rows, tuple(class_names)

    def _wanted(self, files: Files, head: Table, one_hot: Sequence[str]) -> list[str]:
        """The columns of a table that are read: those that are named, and those that may be an id of another file."""
        spec, others = self.spec, set[str]()
        for path in filter(None, (*files.teachers.values(), files.embeddings)):
            with self.going_on():
                others |= {plain(name) for name in first_cells(path)}
        chosen = [spec.sequence, spec.label, spec.accession, *spec.columns, *one_hot]
        shared = [name for name in head.names if plain(name) in others or names_rows(name)]
        by_values = [name for name in head.cells.column_names if may_name_rows(head, name)]
        return [name for name in dict.fromkeys([*chosen, *shared, *by_values]) if name is not None]

    def _count(self, files: Files, table: Table, reserved: set[str]) -> tuple[str, ...] | None:
        """The classes' numbers where the labels are numbers: as many as the teacher with the most columns has.

        Labels beyond what a class can have are slips, and count none.
        """
        labels = [text for text in table.texts(self.spec.label) if text.strip() not in MISSING]
        if not labels or not are_numbers(labels):
            return None
        labels = [text for text in labels if largest([text]) < MAX_CLASSES]
        if not labels:
            return None
        least, known = largest(labels) + 1, 0
        of_header = least - count_from_one(labels)
        for path in files.teachers.values():
            with self.going_on():
                known = max(known, count_classes(path, table, least, of_header, self.spec.accession, reserved))
        if known == 1 and len(two := different_numbers(labels)) == 2:
            line = (
                f"{table.file}: the labels {two[0]} and {two[1]} are two classes, of which teachers' only column is of"
            )
            self.notes += [f"{line} {two[1]}"] if two != ["0", "1"] else []
            return tuple(two)
        return tuple(map(str, range(known))) if 2 <= known <= MAX_CLASSES else None

    def _labels(self, table: Table, classes: Sequence[str] | None, own: bool) -> tuple[np.ndarray, tuple[str, ...]]:
        spec = self.spec
        other = spec.test if own else spec.files
        others = read_table(other.table, [spec.label]).texts(spec.label) if other is not None else ()
        found = read_labels(table, spec.label, classes, others, spec.unlabelled and own)
        self.notes += found.notes
        self.warnings += (line for line in found.warnings if line not in self.warnings)
        self.problems += [line for line in found.problems if line not in self.problems]
        if own and not found.problems:
            least = LEAST_WITH_TEST if spec.test else LEAST_OF_CLASS
            check_enough(table, spec.label, found.indices, found.names, least)
        return found.indices, found.names

    def _teacher(
        self,
        who: str,
        path: Path,
        table: Table,
        labels: np.ndarray | None,
        class_names: Sequence[str] | None,
        reserved: set[str],
    ) -> torch.Tensor:
        """A teacher's logits; where no labels are known, its rows and numbers are checked, and no classes."""
        spec = self.spec
        if labels is None or class_names is None or (labels < 0).all():
            opened = open_numbers(path, table, spec.accession, reserved, class_names or (), spec.label, gaps=True)
            opened.values([name for name in opened.names if any(map(is_number, opened.file.texts(name)))])
            return torch.empty(0)
        like = self.columns.get(who, ())
        outputs = read_teacher(
            path,
            table,
            labels,
            class_names,
            spec.accession,
            reserved,
            label=spec.label,
            like=like,
            normalise=spec.normalise,
        )
        self.notes += outputs.notes
        self.warnings += outputs.warnings
        if outputs.together is not None:
            self._together[who] = outputs.together
        self.columns.setdefault(who, outputs.columns)
        first = self.teachers.setdefault(who, outputs)
        if first is not outputs:
            agree(first, outputs)
        return torch.from_numpy(outputs.logits)

    def _features(self, files: Files, table: Table, labels: np.ndarray | None, reserved: set[str]) -> torch.Tensor:
        if files.embeddings is not None:
            features = torch.from_numpy(self._embeddings(files.embeddings, table, reserved))
        elif self.spec.columns:
            features = from_columns(table, self.spec.columns)
            self.columns.setdefault("", raw_columns(table, self.spec.columns))
            self.warnings += warn_of_times(table, raw_columns(table, self.spec.columns))
        else:
            return from_sequences(table, self.spec.sequence or "", self.spec.model, self.on_progress, self.should_stop)
        file = (files.embeddings or files.table).name
        if labels is not None:
            self.warnings += warn_of_features(features.numpy(), labels, self.spec.columns, file)
        return features

    def _embeddings(self, path: Path, table: Table, reserved: set[str]) -> np.ndarray:
        opened = open_numbers(path, table, self.spec.accession, reserved, label=self.spec.label)
        first = self.columns.get("")
        columns, line = (opened.feature_names(), "") if first is None else opened.features_like(first)
        values, rows = opened.values(columns or None, np.float32), opened.joined.rows if opened.joined else None
        self.columns.setdefault("", columns)
        row = f"{path.name}: {count_of(values.shape[1], 'feature')} a row"
        self.notes += [*opened.notes, opened.matching, row, *filter(None, [line])]
        self.warnings += (*opened.warnings, *warn_of_times(opened.file, opened.names if opened.file.named else ()))
        del opened  # with the file's text, which may take more than its numbers
        pa.default_memory_pool().release_unused()
        return values if rows is None else values[rows]

    def read_all(self) -> tuple[Rows, Rows | None, tuple[str, ...]]:
        """The rows of the table and of the test table, and the classes.

        Raises:
            UserError: everything that is wrong.
        """
        spec, found, tested = self.spec, None, None
        with self.going_on():
            found = self.read(spec.files, spec.classes)
        if spec.test is not None:
            with self.going_on():
                tested = self.read(spec.test, found[1] if found else spec.classes)
        if found and tested and spec.test and found[0].features.shape[1] != tested[0].features.shape[1]:
            got, expected = tested[0].features.shape[1], found[0].features.shape[1]
            as_in = f"expected {expected:,} as in {spec.files.table.name}"
            self.problems.append(f"{spec.test.table.name}: {count_of(got, 'feature')}, {as_in}")
        if len(self.problems) > 1:
            raise UserErrors(self.problems)
        if self.problems or found is None:
            raise UserError(self.problems[0])
        return found[0], tested[0] if tested else None, found[1]


def _repeated(table: Table, ids: Sequence[str], column: str) -> tuple[str, ...]:
    """A line where an id names more than one row, so that no file can be joined by it."""
    first: dict[str, int] = {}
    row = next((row for row, text in enumerate(ids) if first.setdefault(text, row) != row), None)
    if row is None:
        return ()
    many = len(ids) - len(set(ids))
    of_many = f", one of {many:,} rows that it does not tell apart" if many > 1 else ""
    also = f"{ids[row][:40]!r} stands in {table.at(first[ids[row]])} as well{of_many}"
    return (f"{table.at(row, column)}: {also}: rows of other files cannot be joined by it",)


def _usual_id(table: Table, names: Sequence[str], reserved: set[str]) -> str | None:
    """A column with a usual name of an id that tells most rows apart, and is no mere number of them."""
    usual = sorted((name for name in names if names_rows(name) and name not in reserved), key=is_index_name)
    texts = {name: table.texts(name) for name in usual}
    apart = (name for name in usual if tell_apart(texts[name]))
    return next((name for name in apart if is_id_name(name) or not all(map(is_number, texts[name]))), None)
