"""Rows of a file as columns of text or numbers; every problem is named with its place in the file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from pyarrow import compute

from mtbkd_core.common.progress import UserError

#: The most that a number may be in size.
LARGEST = 1e30
#: The least numbers of float64, float32 and bfloat16, with which outputs are masked.
_MASKS = np.array([np.finfo(np.float64).min, np.finfo(np.float32).min, -3.3895e38])
#: Rows that are looked at in one go, so that what is in between stays small.
_AT_ONCE = 1024
_DECIMAL_COMMA = re.compile(r"\s*[+-]?[\d.]+,\d+([eE][+-]?\d+)?\s*")
#: How true and false are written.
TRUTH = {"true": "1", "false": "0"}
#: How a cell says that nothing is known.
MISSING = frozenset(("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "Null", "null", "None", "<NA>", "#N/A", "?", "."))


@dataclass(frozen=True)
class Table:
    """Rows of a file.

    Attributes:
        names: of all columns of the file; without a header they are numbers from 1.
        cells: the columns that were read, by name.
        first_line: of the rows in a CSV file, from 1; None: rows are counted, as in Parquet.
        separator: of the cells of a CSV file.
        named: whether the file names its columns.
        notes: what was understood of the file, a line each.
        lists: a column of lists -> the columns that were made of its places.
        by_id: the rows have no order of their own, only ids.
        empty: lines at the end that hold nothing, which were left out.
        beside: columns by which rows may be matched and that hold nothing else: other arrays of the file.
    """

    file: str
    names: tuple[str, ...]
    cells: pa.Table
    first_line: int | None = None
    separator: str = ""
    named: bool = True
    notes: tuple[str, ...] = ()
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by_id: bool = False
    empty: int = 0
    beside: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.cells.num_rows)

    def at(self, row: int, column: str | None = None) -> str:
        """A row by its place from 0, and a column, as the beginning of a message."""
        which = f"row {row + 1}" if self.first_line is None else f"line {self.first_line + row + self._breaks(row)}"
        return f"{self.file}: {which}" + (f", column {column[:60]!r}" if column is not None else "")

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
            raise UserError(f"{self.file}: column {name[:60]!r} holds text that is not UTF-8") from None
        except pa.ArrowNotImplementedError:
            holds = f"holds {str(column.type)[:40]}, expected text or numbers"
            raise UserError(f"{self.file}: column {name[:60]!r} {holds}") from None

    def numbers(self, names: Sequence[str], gaps: bool = False, dtype: type[np.floating] = np.float64) -> np.ndarray:
        """Columns as numbers [N, F]; True is 1 and False 0; refuses a cell that is no finite number.

        Args:
            gaps: whether -inf, or the least number of a type, stands for -inf, and a row that is empty in all columns
                for NaN.
        Raises:
            UserError: the first such cell with its place, and how many more there are in its column; a date or a time.
        """
        values = np.empty((len(self), len(names)), dtype)
        with np.errstate(over="ignore"):  # it is refused below
            for place, name in enumerate(names):
                cells = self._numbers_of(name, gaps)
                values[:, place] = _without_masks(cells) if gaps else cells
        wrong = np.empty(values.shape, dtype=bool)
        for start in range(0, len(values), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            wrong[some] = ~(np.abs(values[some]) <= LARGEST)
        if gaps and wrong.any():
            wrong &= ~(np.isneginf(values) | np.isnan(values).all(1, keepdims=True))
        if wrong.any():
            row, column = (int(place) for place in np.argwhere(wrong)[0])
            value = float(self._numbers_of(names[column], gaps)[row])
            empty = "is empty, expected a number: a row in which a teacher abstains is empty in all columns"
            got = f"got {value}, expected a finite number, at most 1e30 in size"
            got = empty if gaps and np.isnan(value) else got
            raise UserError(f"{self.at(row, names[column])}: {got}{_more(int(wrong.sum()) - 1)}")
        return values

    def _numbers_of(self, name: str, gaps: bool) -> np.ndarray:
        """A column as numbers [N] float64; errors as `numbers`, but of their size."""
        column = self.cells.column(name)
        if pa.types.is_temporal(column.type):
            raise UserError(f"{self.file}: column {name[:60]!r} holds {column.type}, expected numbers")
        try:
            return np.asarray(column.cast(pa.float64(), safe=False))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # no numbers, or such as " 1"
            return np.array(self._parsed(name, gaps))

    def _parsed(self, name: str, gaps: bool) -> list[float]:
        """A column of text as numbers; an empty cell is NaN where there may be gaps."""
        texts = self.texts(name)
        if gaps:
            texts = ["nan" if text.strip() in MISSING else text for text in texts]
        lower = [text if gaps and text == "nan" else TRUTH.get(text.strip().lower(), "") for text in texts]
        texts = lower if all(lower) else texts
        wrong = [row for row, text in enumerate(texts) if not is_number(text)]
        if not wrong:
            return [float(text) for text in texts]
        row, text = wrong[0], texts[wrong[0]]
        got = f"got {text[:40]!r}" if text.strip() else "is empty"
        point = f" with a decimal point: {self.separator!r} parts the cells"
        mixed = ": other cells of the column have a decimal point" if self.separator else point
        comma = "" if not _DECIMAL_COMMA.fullmatch(text) else point if self.separator == "," else mixed
        raise UserError(f"{self.at(row, name)}: {got}, expected a number{comma}{_more(len(wrong) - 1)}")

    def headed(self) -> Table:
        """The same with its first row as the names of its columns; refuses a name that stands there twice."""
        names = unique_names(self.file, [column[0].as_py() for column in self.cells.columns], "line 1")
        cells = self.cells.slice(1).rename_columns(names)
        first = None if self.first_line is None else self.first_line + 1 + self._breaks(1)
        return replace(self, names=names, cells=cells, first_line=first, named=True)


def _without_masks(column: np.ndarray) -> np.ndarray:
    """Numbers [N] with -inf for masks: the least number of a type, or one beyond all that stands in every row.

    Any other number that is too small becomes inf, so that it is seen as wrong in every type.
    """
    low = np.isfinite(column) & (column < -LARGEST)
    if not low.any():
        return column
    mask = np.isclose(column[:, None], _MASKS, rtol=1e-3).any(1) | (column == column[0]).all()
    return np.where(low, np.where(mask, -np.inf, np.inf), column)


def check_there(file: str, names: Sequence[str], wanted: Sequence[str], most: int = 12) -> None:
    """Refuse a name of a column that a file does not have, with those that it has."""
    absent = next((name for name in wanted if name not in names), None)
    if absent is not None:
        more = f" and {len(names) - most:,} more" if len(names) > most else ""
        listed = ", ".join(repr(name[:60]) for name in names[:most])
        raise UserError(f"{file}: has no column {absent[:60]!r}; it has {listed}{more}")


def is_number(text: str) -> bool:
    """Whether a cell is a number; "nan" and "inf" are, and "1_0", which Python reads as 10, is none."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _more(count: int) -> str:
    """How many more cells are as wrong, for a message; empty where none is."""
    return f" (and {count_of(count, 'more cell')})" if count else ""


def count_of(count: int, what: str) -> str:
    """A number of things with a plural in s, for a message: "1 row", "2,000 rows"."""
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def unique_names(file: str, names: Sequence[str], where: str) -> tuple[str, ...]:
    """Names of columns; refuses one that stands there twice, with where it does."""
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"{file}: {where} names the column {twice[:60]!r} twice")
    return tuple(names)
