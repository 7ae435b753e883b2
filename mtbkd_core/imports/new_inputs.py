"""New inputs for a student that is made: a table of raw columns or of sequences, with labels where they are known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.classes import plain, without_point
from mtbkd_core.imports.features import check_sequences, from_sequences
from mtbkd_core.imports.id_names import names_rows
from mtbkd_core.imports.number_file import count_only
from mtbkd_core.imports.reading import read_table
from mtbkd_core.imports.table import Table, check_there, is_number
from mtbkd_core.tasks.base import Task
from mtbkd_core.tasks.raw import as_inputs, describe_inputs


@dataclass(frozen=True)
class NewInputs:
    """Rows of a file, in the order of time.

    Attributes:
        x: [M, F], on the scale of the task's inputs.
        labels: [M], -1 where a row has none; None: no column of labels was named.
        times: [M]; None: the rows stand in the file's own order.
        rows: [M], their places in the file, from 0.
        names: [M], what a column of ids calls them; None: there is no such column.
        notes: how the file was read, a line each.
    """

    x: Tensor
    labels: Tensor | None
    times: list[str] | None
    rows: list[int]
    names: list[str] | None
    notes: tuple[str, ...]


def read_new_inputs(path: Path, task: Task, *, labels: str | None = None, time: str | None = None) -> NewInputs:
    """New inputs of a task, from a table of its raw columns; for proteins a column Sequence will do.

    Columns are taken by the names that the task's had, and others are left out. Where either has no names, they are
    taken in their order: columns that name or number the rows are no inputs then, nor is text, where the other columns
    are as many as the inputs.

    Args:
        labels: column of labels; an empty cell is one that is not known yet.
        time: column to put the rows in order by.
    Raises:
        UserError: a file that cannot be read, a column that is not there, other names or number of inputs, a pixel
            outside of 0 to 1, a label that is no class of the task; one line.
    """
    table = read_table(path)
    check_there(table.file, table.names, [name for name in (labels, time) if name is not None])
    order, times = _order(table, time)
    known = None if labels is None else _labels(table, labels, task.class_names)[order]
    x, naming, notes = _inputs(table, task, [labels, time])
    ids = table.texts(naming[0]) if naming else None
    return NewInputs(
        x=x[order],
        labels=known,
        times=times,
        rows=order,
        names=None if ids is None else [ids[row] for row in order],
        notes=(*table.notes, *notes),
    )


def _order(table: Table, time: str | None) -> tuple[list[int], list[str] | None]:
    """Rows in the order of time, and their times."""
    if time is None:
        return list(range(len(table))), None
    texts = table.texts(time)
    numbers = all(map(is_number, texts))
    order = sorted(range(len(texts)), key=lambda row: (float(texts[row]), "") if numbers else (0.0, texts[row]))
    return order, [texts[row] for row in order]


def _inputs(table: Table, task: Task, others: list[str | None]) -> tuple[Tensor, list[str], list[str]]:
    """The task's inputs [M, F], of a column of sequences where descriptors are inputs, or of all columns but some.

    Returns:
        with the columns that name the rows, and what there is to say.
    """
    naming = [name for name in table.names if names_rows(name) and name not in others]
    sequences = next((name for name in table.names if name.lower() == "sequence"), None)
    if sequences is not None and "names" in describe_inputs(task):
        check_sequences(table, sequences)
        return as_inputs(task, from_sequences(table, sequences, None, None, None)), naming, []
    left_out = {*others, *table.beside, *naming}
    columns = [name for name in table.names if name not in left_out]
    texts = [name for name in columns if len(table) and not is_number(str(table.cells.column(name)[0].as_py()))]
    columns, notes = _columns(table, task, columns, texts)
    raw = torch.from_numpy(table.numbers(columns, dtype=np.float32))
    if task.image_shape is not None and len(raw) and not (raw.min() >= 0 and raw.max() <= 1):
        found = f"from {float(raw.min()):g} to {float(raw.max()):g}"
        raise UserError(f"{table.file}: pixels {found}, expected from 0 to 1: divide by the largest that one can have")
    return as_inputs(task, raw), [*naming, *(name for name in texts if name not in columns)], notes


def _columns(table: Table, task: Task, columns: list[str], texts: list[str]) -> tuple[list[str], list[str]]:
    """The columns of the task's inputs, in their order, and what there is to say."""
    if task.feature_names and table.named and not count_only(columns):
        by_name = {plain(name): name for name in columns}
        wanted = [name if name in columns else by_name.get(plain(name), name) for name in task.feature_names]
        if absent := [name for name in wanted if name not in columns]:
            more = f", nor {len(absent) - 1:,} more" if len(absent) > 1 else ""
            has = ", ".join(repr(name[:40]) for name in columns[:12])
            raise UserError(
                f"{table.file}: has no input {absent[0][:60]!r} of {task.name}{more}; it has {has or 'none'}"
            )
        rest = [repr(name[:40]) for name in columns if name not in {*wanted, *texts}]
        more = f" and {len(rest) - 6:,} more" if len(rest) > 6 else ""
        left = f"{table.file}: left out, for {task.name} has no such input: {', '.join(rest[:6])}{more}"
        return wanted, [left] if rest else []
    wanted_count = task.x_train.shape[1]
    if len(columns) == wanted_count + len(texts):
        columns = [name for name in columns if name not in texts]
    if len(columns) != wanted_count:
        raise UserError(
            f"{table.file}: has {len(columns):,} columns of inputs, expected the {wanted_count:,} of {task.name}"
        )
    if task.image_shape is not None:
        return columns, []
    whose = f"{task.name} keeps no names of its inputs" if not task.feature_names else f"{table.file} names no inputs"
    return columns, [f"{table.file}: columns were taken in their order, which could not be checked, for {whose}"]


def _labels(table: Table, column: str, class_names: tuple[str, ...]) -> Tensor:
    """[M], class indices, -1 where a cell is empty."""
    known = {without_point(str(name)): index for index, name in enumerate(class_names)} | {"": -1}
    texts = [without_point(text) for text in table.texts(column)]
    for row, text in enumerate(texts):
        if text not in known:
            allowed = ", ".join(map(str, class_names[:12]))
            raise UserError(f"{table.at(row, column)}: got {text[:40]!r}, expected a class ({allowed}) or nothing")
    return torch.tensor([known[text] for text in texts])
