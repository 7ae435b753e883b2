"""From a person's files to a checked table: all is read, checked and converted, and a line says what was done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from mtbkd_core.common.files import content_hash, sha256
from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError, one_line
from mtbkd_core.imports.classes import check_class_names
from mtbkd_core.imports.data import About, Rows, TableData
from mtbkd_core.imports.reader import Reader
from mtbkd_core.imports.reading import column_names
from mtbkd_core.imports.spec import TableSpec, check_name, check_title
from mtbkd_core.imports.table import count_of
from mtbkd_core.imports.teacher_outputs import described
from mtbkd_core.proteins import descriptors


@dataclass(frozen=True)
class Checked:
    """A table without problems.

    Attributes:
        notes: what was made of the files, a line each.
        warnings: what may be wrong with them, a line each.
        sources: what was read, such as "teacher esm2" -> {"file": its name, "sha256": of its content}.
    """

    data: TableData
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    sources: Mapping[str, dict[str, str]]


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
        title: as `check_title`; empty: the name.
        on_progress: called with how far a protein model is.
    Raises:
        UserError: everything that is wrong (`UserError.problems`), a line each that names file, row and column, and
            what was expected.
        Cancelled: `should_stop` said so.
    """
    check_name("name", name)
    title = check_title(title)
    reader = Reader(spec, on_progress, should_stop)
    try:
        every, test, class_names = reader.read_all()
    except MemoryError:
        raise UserError(f"{spec.files.table.name}: these files take more memory than there is") from None
    labelled = (every.labels >= 0).numpy()
    rows, spare = (every, None) if labelled.all() else (every.where(labelled), every.where(~labelled))
    if spec.test is not None and test is not None:
        twice, where = len(set(rows.sequences) & set(test.sequences)), f"in {spec.files.table.name} as well"
    else:
        twice, where = len(rows.sequences) - len(set(rows.sequences)), "there more than once"
    if twice:
        file = (spec.test or spec.files).table.name
        reader.warnings.append(f"{file}: {count_of(twice, 'sequence')} stand{'s' * (twice == 1)} {where}")
    item = spec.item or ("protein" if spec.sequence else "example")
    tested = f"the {len(test):,} of {spec.test.table.name}" if spec.test and test else "a fifth of them"
    beside = f", and {len(spare):,} without a label" if spare else ""
    reach = None if spec.columns or spec.model or spec.files.embeddings else descriptors.reach()
    rows_of = f"{len(rows):,} {item}s of {len(class_names)} classes from {spec.files.table.name}"
    about = About(
        name=name,
        title=title or name,
        description=f"{rows_of}{beside}; tested on {tested}.",
        item=item,
        class_names=class_names,
        teachers={
            who: described(path.name, reader.teachers[who], class_names) for who, path in spec.files.teachers.items()
        },
        fingerprint=fingerprint_of((rows, test, spare), class_names, reach),
        feature_names=reader.columns.get("", ()),
    )
    notes, warnings = (tuple(map(one_line, lines)) for lines in (reader.notes, reader.warnings))
    sources = {role: {"file": path.name, "sha256": sha256(path)} for role, path in spec.sources().items()}
    return Checked(TableData(about, rows, test, reach, spare), notes, warnings, sources)


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


def fingerprint_of(parts: Sequence[Rows | None], class_names: Sequence[str], reach: torch.Tensor | None) -> str:
    """Digest of a table's rows, its teachers' outputs, its classes and its scaling."""
    content: list[bytes | str] = list(class_names)
    if reach is not None:
        content.append(reach.numpy().tobytes())
    for rows in parts:
        if rows is not None:
            content += [rows.features.numpy().tobytes(), rows.labels.numpy().tobytes()]
            for who, logits in rows.logits.items():
                content += [who, logits.numpy().tobytes()]
            for who, mask in rows.together.items():
                content += [f"together {who}", mask.numpy().tobytes()]
    return content_hash(*content)
