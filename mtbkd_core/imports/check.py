"""From a person's files to a checked table: all is read, checked and converted, and a line says what was done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from mtbkd_core.common.files import content_hash
from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.imports.classes import MAX_CLASSES, check_class_names
from mtbkd_core.imports.data import About, Rows, TableData
from mtbkd_core.imports.features import check_sequences, from_columns, from_sequences, warn_of_features
from mtbkd_core.imports.labels import are_numbers, check_enough, check_labels, check_one_hot, largest
from mtbkd_core.imports.matching import is_id_name, is_index_name, names_rows
from mtbkd_core.imports.number_file import open_numbers
from mtbkd_core.imports.reading import column_names, first_cells, read_table
from mtbkd_core.imports.spec import Files, TableSpec, check_name
from mtbkd_core.imports.table import Table, count_of, is_number
from mtbkd_core.imports.teacher_outputs import count_classes, read_teacher
from mtbkd_core.proteins import descriptors


@dataclass(frozen=True)
class Checked:
    """A table without problems.

    Attributes:
        notes: what was made of the files, a line each.
        warnings: what may be wrong with them, a line each.
    """

    data: TableData
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass
class _Reader:
    """Reads the files of a spec, and keeps what there is to say of them."""

    spec: TableSpec
    on_progress: OnProgress | None
    should_stop: ShouldStop | None
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    accuracy: dict[str, float] = field(default_factory=dict)

    def read(self, files: Files, classes: Sequence[str] | None) -> tuple[Rows, tuple[str, ...]]:
        """One table's rows, and the classes."""
        spec, own = self.spec, files is self.spec.files
        names = column_names(files.table)
        one_hot = tuple(classes) if classes and set(classes) <= set(names) - set(spec.columns) else ()
        table = read_table(files.table, _wanted(files, spec, names, one_hot))
        self.notes += table.notes
        if not len(table):
            raise UserError(f"{table.file}: has no rows under its header")
        reserved = {*spec.columns, spec.label}
        usual = sorted((name for name in names if names_rows(name) and name not in reserved), key=is_index_name)
        of_text = (name for name in usual if is_id_name(name) or not all(map(is_number, table.texts(name))))
        id_column = spec.accession or next(of_text, None)
        if classes is None and are_numbers(labels := table.texts(spec.label)):
            first = next(iter(files.teachers.values()))
            known = count_classes(first, table, largest(labels) + 1, id_column, reserved)
            classes = tuple(map(str, range(known))) if 2 <= known <= MAX_CLASSES else None
        other = spec.test if own else spec.files
        others = read_table(other.table, [spec.label]).texts(spec.label) if other is not None else ()
        indices, class_names, notes = check_labels(table, spec.label, classes, others)
        self.notes += notes
        check_one_hot(table, one_hot, spec.label, indices)
        if own:
            check_enough(table, spec.label, indices, class_names)
        sequences = check_sequences(table, spec.sequence) if spec.sequence is not None else []
        ids = table.texts(id_column) if id_column is not None else []
        if id_column is not None:
            self.warnings += _repeated(table, ids, id_column)
        logits = {}
        for who, path in files.teachers.items():
            outputs = read_teacher(path, table, indices, class_names, id_column, reserved)
            self.notes += outputs.notes
            self.warnings += outputs.warnings
            self.accuracy.setdefault(who, outputs.accuracy)
            logits[who] = torch.from_numpy(outputs.logits)
        features = self._features(files, table, indices, id_column, reserved)
        return Rows(features, torch.from_numpy(indices), logits, tuple(ids), tuple(sequences)), class_names

    def _features(
        self, files: Files, table: Table, labels: np.ndarray, id_column: str | None, reserved: set[str]
    ) -> torch.Tensor:
        if files.embeddings is not None:
            opened = open_numbers(files.embeddings, table, id_column, reserved, label=self.spec.label)
            features = torch.from_numpy(opened.in_order(opened.values()).astype(np.float32))
            row = f"{files.embeddings.name}: {count_of(features.shape[1], 'feature')} a row"
            self.notes += [*opened.notes, opened.matching, row]
        elif self.spec.columns:
            features = from_columns(table, self.spec.columns)
        else:
            return from_sequences(table, self.spec.sequence or "", self.spec.model, self.on_progress, self.should_stop)
        file = (files.embeddings or files.table).name
        self.warnings += warn_of_features(features.numpy(), labels, self.spec.columns, file)
        return features


def check_table(
    name: str,
    spec: TableSpec,
    *,
    title: str = "",
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Checked:
    """Read and check a table and all that belongs to it; nothing is written.

    Args:
        name: of the task.
        title: for people; empty: the name.
        on_progress: called with how far a protein model is.
    Raises:
        UserError: the first problem found: one line that names file, row and column, and what was expected.
        Cancelled: `should_stop` said so.
    """
    check_name("name", name)
    reader = _Reader(spec, on_progress, should_stop)
    rows, class_names = reader.read(spec.files, spec.classes)
    test = reader.read(spec.test, class_names)[0] if spec.test is not None else None
    if spec.test is not None and test is not None:
        got, expected = test.features.shape[1], rows.features.shape[1]
        if got != expected:
            as_in = f"expected {expected:,} as in {spec.files.table.name}"
            raise UserError(f"{spec.test.table.name}: {count_of(got, 'feature')}, {as_in}")
        twice, where = len(set(rows.sequences) & set(test.sequences)), f"in {spec.files.table.name} as well"
    else:
        twice, where = len(rows.sequences) - len(set(rows.sequences)), "there more than once"
    if twice:
        file = (spec.test or spec.files).table.name
        reader.warnings.append(f"{file}: {count_of(twice, 'sequence')} stand{'s' * (twice == 1)} {where}")
    item = spec.item or ("protein" if spec.sequence else "example")
    tested = f"the {len(test):,} of {spec.test.table.name}" if spec.test and test else "a fifth of them"
    reach = None if spec.columns or spec.model or spec.files.embeddings else descriptors.reach()
    rows_of = f"{len(rows):,} {item}s of {len(class_names)} classes from {spec.files.table.name}"
    about = About(
        name=name,
        title=title.strip() or name,
        description=f"{rows_of}; tested on {tested}.",
        item=item,
        class_names=class_names,
        teachers={
            who: f"From {path.name}: names {reader.accuracy[who]:.1%} of the table's labels."
            for who, path in spec.files.teachers.items()
        },
        fingerprint=_fingerprint(rows, test, class_names, reach),
    )
    return Checked(TableData(about, rows, test, reach), tuple(reader.notes), tuple(reader.warnings))


def class_columns_between(table: Path, first: str, last: str) -> tuple[str, ...]:
    """Names of classes that are a table's columns from one to another; errors as `columns_between`, or a bad name."""
    return check_class_names(columns_between(table, first, last, "class columns"), "class columns")


def columns_between(table: Path, first: str, last: str, said_in: str) -> tuple[str, ...]:
    """A table's columns from one to another, both included.

    Args:
        said_in: where the person named them, as the message begins.
    Raises:
        UserError: a column that is not there, or the last before the first.
    """
    names = column_names(table)
    for name in (first, last):
        if name not in names:
            raise UserError(f"{said_in}: {table.name} has no column {name!r}")
    start, end = names.index(first), names.index(last)
    if end < start:
        raise UserError(f"{said_in}: {last!r} does not come after {first!r} in {table.name}")
    return names[start : end + 1]


def _wanted(files: Files, spec: TableSpec, names: Sequence[str], one_hot: Sequence[str]) -> list[str]:
    """The columns of a table that are read: those that are named, and those that may be an id of another file, too."""
    chosen = [spec.sequence, spec.label, spec.accession, *spec.columns, *one_hot]
    beside = [path for path in (*files.teachers.values(), files.embeddings) if path is not None]
    others = {name for path in beside for name in first_cells(path)}
    shared = [name for name in names if name in others or names_rows(name)]
    return [name for name in dict.fromkeys([*chosen, *shared]) if name is not None]


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


def _fingerprint(rows: Rows, test: Rows | None, class_names: Sequence[str], reach: torch.Tensor | None) -> str:
    parts: list[bytes | str] = list(class_names)
    if reach is not None:
        parts.append(reach.numpy().tobytes())
    for each in (rows, test):
        if each is not None:
            parts += [each.features.numpy().tobytes(), each.labels.numpy().tobytes()]
            for who, logits in each.logits.items():
                parts += [who, logits.numpy().tobytes()]
    return content_hash(*parts)
