"""A file of numbers, one row an example: its columns of numbers, and how its rows belong to those of a table."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pyarrow import compute

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.classes import plain
from mtbkd_core.imports.id_names import (
    counts_up,
    has_fractions,
    is_index_name,
    is_shuffled_count,
    looks_like_id,
    may_name_rows,
    names_rows,
    tell_apart,
)
from mtbkd_core.imports.matching import Joined, join_rows
from mtbkd_core.imports.reading import read_table
from mtbkd_core.imports.table import MISSING, TRUTH, Table, count_of, is_number

#: Rows from which on whole numbers do not count them all by chance.
_NO_CHANCE = 8


@dataclass(frozen=True)
class NumberFile:
    """A file of numbers beside a table.

    Attributes:
        file: all of it.
        names: of its columns of numbers; others name or number the rows.
        table: its rows belong to the same examples.
        joined: how its rows belong to the table's; None: no id is in both.
        notes, warnings: what was made of the file, and what may be wrong with it; a line each.
        gaps: whether a row may be empty.
    """

    file: Table
    names: tuple[str, ...]
    table: Table
    joined: Joined | None
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    gaps: bool = False

    @property
    def matching(self) -> str:
        """How rows were matched, one line."""
        if self.joined is not None:
            return self.joined.note
        as_they_come = f"{self.file.file}: no id is in it and in {self.table.file}, so its rows were taken as they come"
        return f"{as_they_come}; their order could not be checked"

    def values(self, names: Sequence[str] | None = None, dtype: type[np.floating] = np.float64) -> np.ndarray:
        """Numbers [N, F] of some columns (None: all), rows as in the file; one that may be empty has NaN.

        Raises:
            UserError: another number of rows than the table's, a cell that is no finite number; one line.
        """
        file, rows = self.file, len(self.table)
        if not self.names:
            raise UserError(f"{file.file}: has no column of numbers")
        names = self.names if names is None else names
        values = file.numbers(names, self.gaps, dtype)
        lacking = rows - len(file)
        if self.gaps and self.joined is None and 0 < lacking <= file.empty:  # they were taken for the file's end
            return np.concatenate([values, np.full((lacking, len(names)), np.nan)])
        if len(file) != rows and not file.by_id:
            wanted = f"one too few, expected {rows:,}" if len(file) == rows - 1 else f"expected {rows:,}"
            raise UserError(f"{file.file}: has {count_of(len(file), 'row')}, {wanted}: as many as {self.table.file}")
        return values

    def feature_names(self) -> tuple[str, ...]:
        """Names of its columns of numbers; none where they only count, in the header or in a list."""
        of_lists = {name for names in self.file.lists.values() for name in names}
        nameless = not self.file.named or count_only(self.names) or of_lists.issuperset(self.names)
        return () if nameless else self.names

    def features_like(self, first: Sequence[str]) -> tuple[tuple[str, ...], str]:
        """The columns in the order of those of a first file, and a line where that is another; refuses others."""
        own, file = self.feature_names(), self.file.file
        if bool(own) != bool(first):
            which = (
                "names its features, and the table's file does not" if own else "names no features as the table's does"
            )
            raise UserError(f"{file}: {which}: expected the same names in both, or none")
        if absent := next((name for name in first if name not in own), None):
            raise UserError(f"{file}: has no feature {absent[:60]!r}, as the table's file has")
        if more := next((name for name in own if name not in first), None):
            raise UserError(f"{file}: has a feature {more[:60]!r}, which the table's file has not")
        line = (
            f"{file}: its features were put in the order of the table's file, by name"
            if list(own) != list(first)
            else ""
        )
        return tuple(first), line

    def in_order(self, values: np.ndarray) -> np.ndarray:
        """What belongs to the file's rows, in the order of the table's."""
        return values if self.joined is None else values[self.joined.rows]


def count_only(names: Sequence[str]) -> bool:
    """Whether names of columns only count them, from 0 or 1."""
    return list(names) in [[str(start + place) for place in range(len(names))] for start in (0, 1)]


def open_numbers(
    path: Path,
    table: Table,
    id_column: str | None = None,
    reserved: Collection[str] = (),
    classes: Sequence[str] = (),
    label: str | None = None,
    gaps: bool = False,
) -> NumberFile:
    """Open a file of numbers of any kind that `read_table` reads, and join its rows with a table's.

    A first line of CSV is a header where one of its cells is no number, or where its cells count from 0 or 1; but it is
    a row where that makes as many rows as the table has, and the file holds whole numbers alone or the line is a row
    with one wrong cell.

    Args:
        id_column, reserved: as `join_rows`.
        label: the table's column of labels: a column of this name holds no outputs and no features.
        gaps: whether rows may be empty.
        classes: names of classes; numbers among them are a header, and a column of such a name names no rows.
    Raises:
        UserError: a file that cannot be read, or rows that are not the table's by an id; one line.
    """
    file = read_table(path, has_header=lambda lines: _has_header(lines, len(table), classes), gaps=gaps)
    spelled = {plain(name) for name in classes}
    own = {name for name in file.names if plain(name) in spelled}
    joined = join_rows(table, file, id_column, {*reserved, *own})
    if file.by_id and joined is None:
        one = file.texts(file.names[0])[0][:40]
        raise UserError(
            f"{file.file}: names its rows, such as {one!r}; no column of {table.file} tells rows apart by such names"
        )
    notes, out = list(file.notes), [*file.beside, *([joined.column] if joined is not None else [])]
    if file.named and label in file.names and label not in own:
        out.append(label)
        notes.append(f"{file.file}: its column {label!r} was left out: it is called as the labels are")
    if file.first_line is not None:
        notes.append(f"{file.file}: line 1 was read as {'a header' if file.named else 'a row'}")
    numbering = [name for name in _may_number_rows(table, file) if name not in own and name != label]
    warnings = _check_order(table, file, [*numbering, *file.beside]) if joined is None else ()
    for name in numbering:
        if name not in out and _numbers_rows(table, file, name):
            out.append(name)
            notes.append(f"{file.file}: its column {name!r} numbers or names the rows and was left out")
    names = tuple(name for name in file.names if name not in out)
    return NumberFile(file, names, table, joined, tuple(notes), warnings, gaps)


def _may_number_rows(table: Table, file: Table) -> list[str]:
    """Columns beside the numbers that may name or number the rows; without a header the first one may."""
    if file.named:
        others = set(table.cells.column_names)
        own = (name for name in file.names if name not in file.beside)
        return [name for name in own if name in others or may_name_rows(file, name)]
    return [*file.names[: file.first_line is not None and len(file.names) > 1 < len(file)]]


def _numbers_rows(table: Table, file: Table, name: str) -> bool:
    texts = file.texts(name)
    if not file.named:
        return counts_up(texts)
    if names_rows(name):
        return not has_fractions(texts)
    counts = name in table.cells.column_names and counts_up(texts)
    return counts or (looks_like_id(name) and all(map(str.isdecimal, texts)) and len(set(texts)) == len(texts))


def _check_order(table: Table, file: Table, names: Sequence[str]) -> tuple[str, ...]:
    """A line on a column that names rows as the table does not; refuses one that says that they were shuffled."""
    for name in names:
        texts = file.texts(name)
        shuffled = is_shuffled_count(texts) and (is_index_name(name) or len(texts) >= _NO_CHANCE)
        if shuffled and (is_index_name(name) or not file.named or name in file.beside):
            says = f"its column {name!r} numbers the rows from 0 in another order than they stand in"
            ways = f"give {table.file} that column, too, or leave it out where the rows stand as the table's do"
            raise UserError(f"{file.file}: {says}, as those of a shuffled table do: {ways}")
        if not any(map(is_number, texts)) and tell_apart(texts, 0.9):
            names_them = f"its column {name!r} names the rows, such as {texts[0][:40]!r}"
            return (
                f"{file.file}: {names_them}, and no column of {table.file} holds these names: rows were not matched",
            )
    return ()


def _has_header(lines: Table, rows: int, classes: Sequence[str]) -> bool:
    first = [str(column[0].as_py()) for column in lines.cells.columns]
    one_more, as_many = len(lines) == rows + 1, len(lines) == rows
    spelled, cells = {plain(name) for name in classes}, {plain(cell) for cell in first}
    if classes and one_more and (spelled <= cells or (cells <= spelled and len(cells) == len(first))):
        return True
    if all(cell.strip() in MISSING for cell in first):  # a row that abstains, or a column without a name
        return one_more
    numbers = [cell for cell in first if is_number(cell) or cell.strip().lower() in TRUTH]
    counting = any(set(numbers) == {str(start + place) for place in range(len(numbers))} for start in (0, 1))
    if len(numbers) < len(first):
        return counting or not numbers or not as_many
    return counting and (one_more or (counts_up(first) and not (as_many and _all_whole(lines))))


def _all_whole(lines: Table) -> bool:
    matches = (compute.match_substring_regex(column, r"^-?\d+$") for column in lines.cells.columns)
    return all(compute.all(match).as_py() for match in matches)
