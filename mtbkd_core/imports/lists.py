"""Columns whose cells are lists of numbers, in Parquet or as text "[0.1, 0.2]": a column for each place in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
from pyarrow import types

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.limits import check_size
from mtbkd_core.imports.table import Table, is_number

_PARTS = re.compile(r"[\s,;]+")


def with_lists_opened(table: Table, wanted: Sequence[str] | None) -> Table:
    """A table with columns of numbers in place of its columns of lists, called after the column and the place from 0.

    Args:
        wanted: the columns to look at; None: all.
    Raises:
        UserError: lists of different lengths, an empty one, or one with something that is no number.
    """
    lists = {
        name: _values(table, name)
        for name in table.cells.column_names
        if (wanted is None or name in wanted) and _holds_lists(table, name)
    }
    if not lists:
        return table
    check_size(table.file, len(table), len(table.names) + sum(values.shape[1] for values in lists.values()))
    opened = {name: tuple(f"{name} {place}" for place in range(values.shape[1])) for name, values in lists.items()}
    columns: dict[str, pa.ChunkedArray | pa.Array] = {}
    for name in table.cells.column_names:
        if name in lists:
            columns |= {to: pa.array(column) for to, column in zip(opened[name], lists[name].T, strict=True)}
        else:
            columns[name] = table.cells.column(name)
    names = [to for name in table.names for to in opened.get(name, (name,))]
    if len(set(names)) < len(names):
        raise UserError(f"{table.file}: a column of lists and another column have the same name")
    notes = (f"{table.file}: column {name!r} holds lists of {len(to):,} numbers" for name, to in opened.items())
    return replace(table, names=tuple(names), cells=pa.table(columns), lists=opened, notes=(*table.notes, *notes))


def _holds_lists(table: Table, name: str) -> bool:
    column = table.cells.column(name)
    if types.is_string(column.type) and len(column):
        parts = _parts(column[0].as_py() or "")
        return len(parts) > 1 and all(map(is_number, parts))
    return bool(types.is_list(column.type) or types.is_large_list(column.type) or types.is_fixed_size_list(column.type))


def _parts(text: str) -> list[str]:
    text = text.strip()
    return _PARTS.split(text[1:-1].strip(" ,\n\t")) if text[:1] in ("[", "(") and text[-1:] in ("]", ")") else []


def _values(table: Table, name: str) -> np.ndarray:
    """A column of lists as numbers [N, places]."""
    column = table.cells.column(name)
    if types.is_string(column.type):
        return _numbers_in(table, name, column.to_pylist())
    lists = column.combine_chunks()
    lists = lists.chunk(0) if isinstance(lists, pa.ChunkedArray) and lists.num_chunks else lists
    lengths = [length or 0 for length in pa.compute.list_value_length(lists).to_pylist()]
    _check_lengths(table, name, lengths)
    return np.asarray(lists.flatten().to_numpy(zero_copy_only=False), dtype=np.float64).reshape(len(lists), -1)


def _numbers_in(table: Table, name: str, texts: Sequence[str]) -> np.ndarray:
    """Lists as text, as numbers [N, places]; each becomes numbers at once, which take an eighth of the memory."""
    rows, lengths, wrong = list[np.ndarray](), list[int](), ""
    for row, text in enumerate(texts):
        parts = _parts(text)
        lengths.append(len(parts))
        check_size(table.file, row + 1, len(parts))
        try:
            if any("_" in part for part in (parts if "_" in text else ())):  # which Python would read
                raise ValueError
            rows.append(np.fromiter(map(float, parts), np.float64, len(parts)))
        except ValueError:
            other = next(part for part in parts if not is_number(part))
            wrong = wrong or f"{table.at(row, name)}: got {other[:40]!r} in a list, expected numbers"
    _check_lengths(table, name, lengths)
    if wrong:
        raise UserError(wrong)
    return np.stack(rows)


def _check_lengths(table: Table, name: str, lengths: Sequence[int]) -> None:
    if not lengths:
        raise UserError(f"{table.file}: has no rows")
    wrong = next((row for row, length in enumerate(lengths) if length != lengths[0] or not length), None)
    if wrong is not None:
        got = f"a list of {lengths[wrong]:,}" if lengths[wrong] else "no list of numbers"
        expected = f"expected {lengths[0]:,} as in the first row" if lengths[0] else "expected a list in each row"
        raise UserError(f"{table.at(wrong, name)}: got {got}, {expected}")
