"""Reading CSV and Parquet files as text or numbers, so that every problem can be said with its place in the file.

Nothing is unpickled, and nothing is guessed of a cell: an empty one is empty text, never a missing number.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtbkd_core.common.progress import UserError

#: Bounds on a file: bytes on the disk and unpacked, rows, columns, characters of a CSV file's first line.
MAX_BYTES, MAX_UNPACKED = 512 * 2**20, 2 * 2**30
MAX_ROWS, MAX_COLUMNS, MAX_HEADER = 100_000, 6_000, 2**18
_PARQUET = b"PAR1"
#: The most of one cell; how long a sequence may be is said with its row and column.
csv.field_size_limit(MAX_BYTES)
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+([eE][+-]?\d+)?\s*")


@dataclass(frozen=True)
class Places:
    """Where the rows of a file are, for people.

    Attributes:
        file: its name.
        lines: line of each row in a CSV file, from 1, the header's counted; None for Parquet, whose rows are counted.
    """

    file: str
    lines: tuple[int, ...] | None

    def at(self, row: int, column: str | None = None) -> str:
        """A row by its place from 0, and a column, as the beginning of a message."""
        which = f"row {row + 1}" if self.lines is None else f"line {self.lines[row]}"
        return f"{self.file}: {which}" + (f", column {column!r}" if column is not None else "")


@dataclass(frozen=True)
class TextTable:
    """Chosen columns of a file as text.

    Attributes:
        names: all columns of the file, in order.
        columns: the chosen ones, each with a text for each row.
    """

    names: tuple[str, ...]
    columns: dict[str, list[str]]
    places: Places

    def __len__(self) -> int:
        return len(self.places.lines) if self.places.lines is not None else len(next(iter(self.columns.values()), []))


def is_parquet(path: Path) -> bool:
    """Whether a file begins as Parquet does, whatever its name.

    Raises:
        UserError: it is not there, cannot be read, is empty or too large.
    """
    begins = beginning(path)
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise UserError(f"{path.name}: {size / 2**20:,.0f} MiB, allowed: at most {MAX_BYTES // 2**20} MiB")
    if not begins:
        raise UserError(f"{path.name}: the file is empty")
    return begins == _PARQUET


def beginning(path: Path) -> bytes:
    """The first four bytes of a file.

    Raises:
        UserError: it is not there or cannot be read; the line names it as the person did, with its folder.
    """
    try:
        with path.open("rb") as file:
            return file.read(len(_PARQUET))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None


def number(cell: object) -> float:
    """A cell as a number; "nan" and "inf" are, and "1_0", which Python reads as 10, is none: raises `ValueError`."""
    try:
        if isinstance(cell, str) and "_" in cell:
            raise ValueError(cell)
        return float(cell)  # type: ignore[arg-type]
    except TypeError:
        raise ValueError(cell) from None


def is_number(cell: object) -> bool:
    """Whether a cell can be read as a number."""
    try:
        number(cell)
    except ValueError:
        return False
    return True


def no_number(path: Path, cell: object, expected: str) -> str:
    """The end of a message on a cell that is no number; a decimal comma is said, with what parts the file's cells."""
    text = f"got {str(cell)[:40]!r}, expected {expected}"
    if not _DECIMAL_COMMA.fullmatch(str(cell)) or is_parquet(path):
        return text
    with path.open(encoding="utf-8-sig", newline="") as file:
        return f"{text} with a decimal point: {_delimiter(file.readline(MAX_HEADER))!r} parts the cells"


def count_of(count: int, what: str) -> str:
    """So many of something whose plural takes an s, for a message: "1 row", "2,000 rows"."""
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def column_names(path: Path) -> tuple[str, ...]:
    """The columns of a file whose first line names them; errors as `read_text`."""
    if is_parquet(path):
        with _parquet(path) as file:
            return tuple(file.schema_arrow.names)
    for _, cells in csv_rows(path):
        return check_names(path, cells)
    raise UserError(f"{path.name}: has no line")


def read_text(path: Path, wanted: Sequence[str], most_rows: int | None = None) -> TextTable:
    """Some columns of a file whose first line names them, as text.

    Args:
        wanted: names of columns.
        most_rows: stop after so many, for a look at the beginning.
    Raises:
        UserError: a file that cannot be read or is too large, a column that is not there, a row with too many or too
            few cells; one line with the file, the row and the column.
    """
    names = column_names(path)
    for name in wanted:
        if name not in names:
            raise UserError(f"{path.name}: has no column {name!r}; it has {_list(names)}")
    if is_parquet(path):
        return _parquet_text(path, names, wanted, most_rows)
    index = [names.index(name) for name in wanted]
    columns: list[list[str]] = [[] for _ in wanted]
    lines: list[int] = []
    for line, cells in csv_rows(path):
        if not lines and line == 1:
            continue
        if len(cells) != len(names):
            raise UserError(
                f"{path.name}: line {line} has {count_of(len(cells), 'cell')}, expected {len(names)} as in its header"
            )
        lines.append(line)
        for column, place in zip(columns, index, strict=True):
            column.append(cells[place])
        if most_rows is not None and len(lines) == most_rows:
            break
    return TextTable(names, dict(zip(wanted, columns, strict=True)), Places(path.name, tuple(lines)))


def parquet_numbers(path: Path) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The names of a Parquet file's columns, and each column as an array; errors as `read_text`."""
    with _parquet(path) as file:
        names = tuple(file.schema_arrow.names)
        table = file.read()
        places = Places(path.name, None)
        return names, {name: _numbers(table.column(name), name, places) for name in names}


def csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Every line of a CSV file, the first included, as its number and its cells; errors as `read_text`.

    An empty line in the middle is an error, at the end it is none; nor may all cells be empty.
    """
    empty = None
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline(MAX_HEADER + 1)
            if len(first) > MAX_HEADER:
                raise UserError(f"{path.name}: line 1 is longer than {MAX_HEADER:,} characters, which no header is")
            file.seek(0)
            reader = csv.reader(file, delimiter=_delimiter(first), strict=True)
            before = 0
            for count, cells in enumerate(reader):
                line, before = before + 1, reader.line_num  # a quoted cell may hold line breaks
                if not any(cells):
                    if len(cells) > 1:
                        raise UserError(f"{path.name}: line {empty or line} is empty, expected a row")
                    empty = empty or line
                    continue
                if empty is not None:
                    raise UserError(f"{path.name}: line {empty} is empty, expected a row")
                if len(cells) > MAX_COLUMNS:
                    raise UserError(
                        f"{path.name}: line {line} has {len(cells):,} columns, allowed: at most {MAX_COLUMNS:,}"
                    )
                if count > MAX_ROWS:
                    raise UserError(f"{path.name}: more than {MAX_ROWS:,} rows, which is the most that is allowed")
                yield line, cells
    except UnicodeDecodeError:
        raise UserError(
            f"{path.name}: not a CSV file in UTF-8, nor Parquet: line {_undecoded(path)} holds another encoding"
        ) from None
    except csv.Error as error:
        raise UserError(f"{path.name}: line {before + 1} is not CSV ({error})") from None
    except OSError as error:
        raise UserError(f"{path.name}: cannot be read ({error.strerror})") from None


def _delimiter(first: str) -> str:
    """What parts the cells of a first line: what is most frequent outside of quotes.

    A comma between digits is a decimal one where there is something else that parts them.
    """
    bare = re.sub(r'"[^"]*("|$)', "", first)
    if ";" in bare or "\t" in bare:
        bare = re.sub(r"(?<=\d),(?=\d)", "", bare)
    return max(",;\t", key=bare.count)


def _undecoded(path: Path) -> int:
    """The first line of a file that is not in UTF-8."""
    content = path.read_bytes()
    try:
        content.decode()
    except UnicodeDecodeError as error:
        content = content[: error.start + 1]
    return len(content.splitlines())


def check_names(path: Path, names: Sequence[str], where: str = "line 1") -> tuple[str, ...]:
    """Names of columns, each once; raises `UserError` otherwise, with what names them."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise UserError(f"{path.name}: {where} names the column {name!r} twice")
        seen.add(name)
    return tuple(names)


@contextmanager
def _parquet(path: Path) -> Iterator[Any]:
    """A Parquet file of an allowed size, by what it says of itself before anything is unpacked."""
    import pyarrow
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            about = file.metadata
            if about.num_rows > MAX_ROWS:
                raise UserError(f"{path.name}: {about.num_rows:,} rows, allowed: at most {MAX_ROWS:,}")
            if about.num_columns > MAX_COLUMNS:
                raise UserError(f"{path.name}: {about.num_columns:,} columns, allowed: at most {MAX_COLUMNS:,}")
            unpacked = sum(about.row_group(group).total_byte_size for group in range(about.num_row_groups))
            if unpacked > MAX_UNPACKED:
                raise UserError(f"{path.name}: more than {MAX_UNPACKED // 2**30} GiB once it is unpacked")
            check_names(path, file.schema_arrow.names, "its schema")
            yield file
    except UserError:
        raise
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
        raise UserError(f"{path.name}: cannot be read as Parquet ({' '.join(str(error).split())[:120]})") from None


def _parquet_text(path: Path, names: tuple[str, ...], wanted: Sequence[str], most_rows: int | None) -> TextTable:
    places = Places(path.name, None)
    with _parquet(path) as file:
        table = file.read(columns=list(dict.fromkeys(wanted))).slice(0, most_rows)
        # what a look shows need not be whole
        columns = {name: _texts(table.column(name), name, None if most_rows else places) for name in wanted}
    return TextTable(names, columns, places)


def _numbers(column: Any, name: str, places: Places) -> Any:
    """A Parquet column as an array: of numbers, or of texts that may be some."""
    import numpy as np

    column = _plain(column, name, places, "one column for each number")
    if _is_text(column.type):
        return np.array(_texts(column, name, places), dtype=object)
    return column.to_pandas().to_numpy()


def _texts(column: Any, name: str, places: Places | None) -> list[str]:
    """A Parquet column as text.

    Text that is not UTF-8, lists and records are refused, or where there are no places shown as they can be.
    """
    import pyarrow as pa

    column = _plain(column, name, places, "text or numbers")
    if pa.types.is_temporal(column.type):  # Arrow writes dates that Python has none for
        column = column.cast(pa.string())
    if not _is_text(column.type):
        return ["" if value is None else str(value) for value in column.to_pylist()]
    texts = []
    for row, value in enumerate(column.cast(pa.large_binary()).to_pylist()):
        try:
            texts.append((value or b"").decode("utf-8", "strict" if places else "replace"))
        except UnicodeDecodeError:
            assert places is not None
            raise UserError(f"{places.at(row, name)}: is not text in UTF-8") from None
    return texts


def _plain(column: Any, name: str, places: Places | None, expected: str) -> Any:
    """A Parquet column with its categories written out; of lists or records it is refused where there are places."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if places is not None and pa.types.is_nested(column.type):
        raise UserError(f"{places.file}: column {name!r} holds {str(column.type)[:40]}, expected {expected}")
    return column


def _is_text(type_: Any) -> bool:
    import pyarrow as pa

    known = ("string", "large_string", "string_view", "binary", "large_binary", "binary_view", "fixed_size_binary")
    return any(getattr(pa.types, f"is_{kind}")(type_) for kind in known)


def _list(names: Sequence[str], most: int = 12) -> str:
    """Names for a message; of many, the first and the number."""
    shown = ", ".join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"
