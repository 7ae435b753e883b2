"""From a person's files to a checked table: everything is read, checked and converted, and what was done is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mtbkd_core.common.files import content_hash
from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.imports.checking import (
    LEAST_OF_CLASS,
    MAX_CLASSES,
    are_numbers,
    check_class_names,
    check_enough,
    check_labels,
    check_one_hot,
    check_sequences,
    is_whole,
)
from mtbkd_core.imports.columns import is_accession, numbers_rows
from mtbkd_core.imports.data import Rows, TableData
from mtbkd_core.imports.features import from_columns, from_file, from_sequences
from mtbkd_core.imports.matrix import read_matrix
from mtbkd_core.imports.order import beside_numbers, count_classes
from mtbkd_core.imports.reading import Places, TextTable, column_names, count_of, is_number, read_text
from mtbkd_core.imports.spec import Files, TableSpec, check_name
from mtbkd_core.imports.teaching import Said, read_teacher
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
        on_progress: told how far a protein model is.
    Raises:
        UserError: the first problem found: one line that names file, row and column, and what was expected.
        Cancelled: `should_stop` said so.
    """
    check_name("name", name)
    notes: list[str] = []
    warnings: list[str] = []
    rows, class_names, said = _read(spec.files, spec, spec.classes, notes, warnings, on_progress, should_stop)
    test = None
    if spec.test is not None:
        test, _, _ = _read(spec.test, spec, class_names, notes, warnings, on_progress, should_stop)
        if test.features.shape[1] != rows.features.shape[1]:
            raise UserError(
                f"{spec.test.table.name}: {count_of(test.features.shape[1], 'feature')}, expected "
                f"{rows.features.shape[1]:,} as in {spec.files.table.name}"
            )
        shared = len(set(rows.sequences) & set(test.sequences))
        if shared:
            stand = f"{count_of(shared, 'sequence')} {'stands' if shared == 1 else 'stand'}"
            warnings.append(f"{spec.test.table.name}: {stand} in {spec.files.table.name} as well")
    elif len(set(rows.sequences)) < len(rows.sequences):
        twice = len(rows.sequences) - len(set(rows.sequences))
        stand = f"{count_of(twice, 'sequence')} {'stands' if twice == 1 else 'stand'}"
        warnings.append(f"{spec.files.table.name}: {stand} there more than once")
    item = spec.item or ("protein" if spec.sequence else "example")
    where = f"the {len(test):,} of {spec.test.table.name}" if spec.test and test else "a fifth of them"
    reach = None if spec.columns or spec.model or spec.files.embeddings else descriptors.reach()
    line = f"{len(rows):,} {item}s of {len(class_names)} classes from {spec.files.table.name}; tested on {where}."
    data = TableData(
        name=name,
        title=title.strip() or name,
        description=line,
        item=item,
        class_names=class_names,
        rows=rows,
        test=test,
        teacher_notes={
            who: f"From {spec.files.teachers[who].name}: names {each.accuracy:.1%} of the table's labels."
            for who, each in said.items()
        },
        fingerprint=_fingerprint(rows, test, class_names, reach),
        reach=reach,
    )
    return Checked(data, tuple(notes), tuple(warnings))


def class_columns(spec: Files, first: str, last: str) -> tuple[str, ...]:
    """Names of the classes that head the table's columns from one to another; errors as `columns_between`, or one."""
    return check_class_names(columns_between(spec.table, first, last, "class columns"), "class columns")


def columns_between(table: Path, first: str, last: str, said_in: str) -> tuple[str, ...]:
    """A table's columns from one to another, both counted.

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


def _read(
    files: Files,
    spec: TableSpec,
    classes: Sequence[str] | None,
    notes: list[str],
    warnings: list[str],
    on_progress: OnProgress | None,
    should_stop: ShouldStop | None,
) -> tuple[Rows, tuple[str, ...], dict[str, Said]]:
    """One table's rows, the classes, and what its teachers say."""
    names = column_names(files.table)
    free = [name for name in names if name not in spec.columns]  # a feature is a feature whatever its name
    accession = spec.accession or next((name for name in free if is_accession(name, None)), None)
    numbering = next((name for name in free if numbers_rows(name) and name != spec.label), None)
    one_hot = classes if classes and set(classes) <= set(free) else ()
    chosen = (spec.sequence, spec.label, accession, numbering, *spec.columns, *one_hot)
    wanted = dict.fromkeys(name for name in chosen if name is not None)
    table = read_text(files.table, list(wanted))
    if not len(table):
        raise UserError(f"{files.table.name}: has no rows under its header")
    index = table.columns[numbering] if numbering is not None else None
    if accession is None and index is not None and 2 * sum(is_number(text) for text in index) < len(index):
        accession, index = numbering, None  # an index of accessions, which pandas writes without a name
    classes = classes or _counted_classes(table, spec.label, files, accession, warnings)
    texts, other = table.columns[spec.label], spec.test if files is spec.files else spec.files
    others = read_text(other.table, [spec.label]).columns[spec.label] if other is not None else ()
    labels, class_names, found = check_labels(texts, table.places, spec.label, classes, others)
    notes += found
    check_one_hot([table.columns[name] for name in one_hot], labels, class_names, table.places, spec.label)
    if files is spec.files:
        _check_enough(labels, class_names, table.places, spec.label)
    sequences = table.columns[spec.sequence] if spec.sequence is not None else None
    if spec.sequence is not None and sequences is not None:
        check_sequences(sequences, table.places, spec.sequence)
    accessions = table.columns[accession] if accession is not None else None
    if accession is not None and accessions is not None:
        warnings += _repeated(accessions, table.places, accession)
    said = {
        who: read_teacher(path, labels, class_names, table.places, accessions, accession, index)
        for who, path in files.teachers.items()
    }
    for each in said.values():
        notes += each.notes
        warnings += each.warnings
    if files.embeddings is not None:
        features, found = from_file(files.embeddings, table.places, len(table), accessions, accession, index)
        notes += found
    elif spec.columns:
        features = from_columns(files.table, table, spec.columns)
    else:
        features = from_sequences(table, spec.sequence or "", spec.model, on_progress, should_stop)
    if files.embeddings is not None or spec.columns:
        warnings += _constant(features.numpy(), spec.columns, files)
        warnings += _telling(features.numpy(), labels, spec.columns, files)
    logits = {who: torch.from_numpy(np.ascontiguousarray(each.logits)) for who, each in said.items()}
    rows = Rows(features, torch.from_numpy(labels), logits, tuple(accessions or ()), tuple(sequences or ()))
    return rows, class_names, said


def _check_enough(labels: np.ndarray, class_names: Sequence[str], places: Places, column: str) -> None:
    """Refuse a class of few rows with the first of them, which may be a slip of the pen."""
    counts = np.bincount(labels)[labels]
    few = counts < LEAST_OF_CLASS
    if few.any():
        row = int((few & (labels == labels[few].min())).argmax())
        where = f"{places.at(row, column)}: class"
        check_enough(labels, class_names, LEAST_OF_CLASS, "a split needs some on each side", where)


def _counted_classes(
    table: TextTable, label: str, files: Files, accession: str | None, warnings: list[str]
) -> tuple[str, ...] | None:
    """Classes 0 to C - 1 where the labels are whole numbers and a teacher knows more classes than occur; else None.

    Raises:
        UserError: a header that counts the classes and names another column beside them.
    """
    texts = table.columns[label]
    if not are_numbers(texts):
        return None
    path = next(iter(files.teachers.values()))
    matrix = read_matrix(path, len(table), accession)
    known = matrix.values.shape[1]
    if not 2 <= known <= MAX_CLASSES:
        return None
    if matrix.names is not None and not count_classes(matrix.names):
        beside = beside_numbers(matrix.names)
        if beside is not None:
            raise UserError(
                f"{path.name}: its header counts the classes, but its column {beside!r} is none of them, expected a "
                "column for each class alone, or the classes' names"
            )
        occur = max((float(text) for text in texts if is_whole(text)), default=0) + 1
        warnings += [
            f"{path.name}: its column {name!r} was taken for class {place}, which no label names"
            for place, name in enumerate(matrix.names)
            if place >= occur
        ][:1]
    return tuple(str(number) for number in range(known))


def _repeated(accessions: Sequence[str], places: Places, column: str) -> tuple[str, ...]:
    """A line where an accession names more than one row."""
    first: dict[str, int] = {}
    for row, text in enumerate(accessions):
        if first.setdefault(text, row) != row:
            more = len(accessions) - len(set(accessions))
            of_many = f", one of {more:,} rows that it does not tell apart" if more > 1 else ""
            return (
                f"{places.at(row, column)}: {text[:40]!r} stands in {places.at(first[text])} as well{of_many}: another "
                "order of the rows can go unseen",
            )
    return ()


def _constant(features: np.ndarray, columns: Sequence[str], files: Files) -> tuple[str, ...]:
    """A line where features are the same in every row."""
    found = np.flatnonzero(features.min(0) == features.max(0))
    if not len(found):
        return ()
    file = (files.embeddings or files.table).name
    return (f"{file}: feature {_listed(found, columns)}: the same in every row, which tells the student nothing",)


def _telling(features: np.ndarray, labels: np.ndarray, columns: Sequence[str], files: Files) -> tuple[str, ...]:
    """A line where features are the same throughout each class, but not in all: they tell the label by themselves."""
    several = np.bincount(labels)[labels] > 1  # of one row there is nothing to see
    features, labels = features[several], labels[several]
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    if len(starts) < 2:
        return ()
    least, most = (part.reduceat(features[order], starts, axis=0) for part in (np.minimum, np.maximum))
    found = np.flatnonzero((least == most).all(0) & (least.max(0) > least.min(0)))
    if not len(found):
        return ()
    file = (files.embeddings or files.table).name
    told = "the same throughout each class, so that the student is told the label"
    return (f"{file}: feature {_listed(found, columns)}: {told}",)


def _listed(places: np.ndarray, columns: Sequence[str]) -> str:
    named = ", ".join(repr(columns[place]) if columns else str(place + 1) for place in places[:6])
    return named + (f" and {len(places) - 6:,} more" if len(places) > 6 else "")


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
