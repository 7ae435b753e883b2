"""Rows of a file as columns of text or numbers; every problem is named with its place in the file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyarrow import compute

from mtbkd_core.common.progress import UserError

#: The most that a number may be in size.
LARGEST = 1e30
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+([eE][+-]?\d+)?\s*")


@dataclass(frozen=True)
class Table:
    """Rows of a file.

    Attributes:
        names: of all columns of the file; without a header they are numbers from 1.
        cells: the columns that were read, by name.
        first_line: of the rows in a CSV file, from 1; None: rows are counted, as in Parquet.
        separator: of the cells of a CSV file.
        named: whether the file names its columns.
    """

    file: str
    names: tuple[str, ...]
    cells: pa.Table
    first_line: int | None = None
    separator: str = ""
    named: bool = True

    def __len__(self) -> int:
        return int(self.cells.num_rows)

    def at(self, row: int, column: str | None = None) -> str:
        """A row by its place from 0, and a column, as the beginning of a message."""
        which = f"row {row + 1}" if self.first_line is None else f"line {self.first_line + row + self._breaks(row)}"
        return f"{self.file}: {which}" + (f", column {column!r}" if column is not None else "")

    def _breaks(self, row: int) -> int:
        """Line breaks in quoted cells before a row."""
        counts = (compute.count_substring(column, "\n") for column in self.cells.slice(0, row).columns)
        return sum(compute.sum(count).as_py() or 0 for count in counts)

    def texts(self, name: str) -> list[str]:
        """A column as text; refuses one that holds lists, records, or bytes that are no UTF-8."""
        column = self.cells.column(name)
        if pa.types.is_boolean(column.type):
            return [str(value) for value in column.to_pylist()]
        try:
            texts: list[str] = column.cast(pa.string()).fill_null("").to_pylist()
            return texts
        except (pa.ArrowInvalid, UnicodeDecodeError):
            raise UserError(f"{self.file}: column {name!r} holds text that is not UTF-8") from None
        except pa.ArrowNotImplementedError:
            holds = f"holds {str(column.type)[:40]}, expected text or numbers"
            raise UserError(f"{self.file}: column {name!r} {holds}") from None

    def numbers(self, names: Sequence[str]) -> np.ndarray:
        """Columns as numbers [N, F] float64; refuses a cell that is no finite number, with its place."""
        values = np.empty((len(self), len(names)))
        for place, name in enumerate(names):
            column = self.cells.column(name)
            try:
                values[:, place] = column.cast(pa.float64(), safe=False)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # no numbers, or such as " 1"
                values[:, place] = [self._number(row, name, text) for row, text in enumerate(self.texts(name))]
        wrong = ~(np.abs(values) <= LARGEST)
        if wrong.any():
            row, column = (int(place) for place in np.argwhere(wrong)[0])
            got = f"got {values[row, column]}, expected a finite number, at most 1e30 in size"
            raise UserError(f"{self.at(row, names[column])}: {got}")
        return values

    def _number(self, row: int, name: str, text: str) -> float:
        if is_number(text):
            return float(text)
        comma = self.separator and _DECIMAL_COMMA.fullmatch(text)
        point = f" with a decimal point: {self.separator!r} parts the cells" if comma else ""
        raise UserError(f"{self.at(row, name)}: got {text[:40]!r}, expected a number{point}")

    def headed(self) -> Table:
        """The same with its first row as the names of its columns; refuses a name that stands there twice."""
        names = unique_names(self.file, [column[0].as_py() for column in self.cells.columns], "line 1")
        return Table(self.file, names, self.cells.slice(1).rename_columns(names), 2 + self._breaks(1), self.separator)


def is_number(text: str) -> bool:
    """Whether a cell is a number; "nan" and "inf" are, and "1_0", which Python reads as 10, is none."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def count_of(count: int, what: str) -> str:
    """A number of things with a plural in s, for a message: "1 row", "2,000 rows"."""
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def unique_names(file: str, names: Sequence[str], where: str) -> tuple[str, ...]:
    """Names of columns; refuses one that stands there twice, with where it does."""
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"{file}: {where} names the column {twice!r} twice")
    return tuple(names)
