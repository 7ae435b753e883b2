"""Reading CSV and Parquet files. Nothing is unpickled, and a cell of a CSV file is text: an empty one is empty text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute, csv
from pyarrow.parquet import ParquetFile

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.table import Table, count_of, unique_names

#: Bounds on a file: bytes on the disk and unpacked, rows, columns, characters of a CSV file's first line.
MAX_BYTES, MAX_UNPACKED = 512 * 2**20, 2 * 2**30
MAX_ROWS, MAX_COLUMNS, MAX_HEADER = 100_000, 6_000, 2**18
#: Bytes that are read at once; no line of a CSV file may be longer.
_BLOCK = 2**24
_PARQUET = b"PAR1"


def column_names(path: Path) -> tuple[str, ...]:
    """The columns of a file with a header; errors as `read_table`."""
    return read_table(path, [], 1).names


def first_cells(path: Path) -> tuple[str, ...]:
    """What may be the names of a file's columns: those of Parquet, or the first line of CSV; errors as `read_table`."""
    lines = read_table(path, [], 1, has_header=lambda lines: False)
    return lines.names if lines.first_line is None else tuple(column[0].as_py() for column in lines.cells.columns)


def read_table(
    path: Path,
    wanted: Sequence[str] | None = None,
    most_rows: int | None = None,
    has_header: Callable[[Table], bool] = lambda lines: True,
) -> Table:
    """Some columns of a file; of CSV files all are kept.

    Args:
        wanted: names of columns; None: all.
        most_rows: stop after this many, for a look at the beginning.
        has_header: whether the first line of a CSV file names its columns.
    Raises:
        UserError: a file that cannot be read or is too large, a column that is not there, a row with too many or too
            few cells, an empty line between others; one line with the file and the row.
    """
    begins = first_bytes(path)
    if (size := path.stat().st_size) > MAX_BYTES:
        raise UserError(f"{path.name}: {size / 2**20:,.0f} MiB, allowed: at most {MAX_BYTES // 2**20} MiB")
    if not begins:
        raise UserError(f"{path.name}: the file is empty")
    if begins == _PARQUET:
        return _parquet(path, wanted, most_rows)
    lines = _csv(path, most_rows)
    table = lines.headed() if has_header(lines) else lines
    _check_there(path.name, table.names, wanted or ())
    return table


def first_bytes(path: Path) -> bytes:
    """The first four bytes of a file.

    Raises:
        UserError: it is not there or cannot be read; the line names it as the person did, with its folder.
    """
    try:
        with path.open("rb") as file:
            return file.read(len(_PARQUET))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None


def _parquet(path: Path, wanted: Sequence[str] | None, most_rows: int | None) -> Table:
    """Some columns of a Parquet file of an allowed size, by what it says of itself before anything is unpacked."""
    try:
        with ParquetFile(path) as file:
            about = file.metadata
            unpacked = sum(about.row_group(group).total_byte_size for group in range(about.num_row_groups))
            _check_size(path.name, about.num_rows, about.num_columns, unpacked)
            names = unique_names(path.name, file.schema_arrow.names, "its schema")
            _check_there(path.name, names, wanted or ())
            chosen = list(names if wanted is None else dict.fromkeys(wanted))
            if most_rows is None:
                return Table(path.name, names, file.read(columns=chosen))
            first = next(file.iter_batches(most_rows, columns=chosen), None) if chosen else None
            none = file.schema_arrow.empty_table().select(chosen)
            return Table(path.name, names, none if first is None else pa.Table.from_batches([first]))
    except UserError:
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise UserError(f"{path.name}: cannot be read as Parquet ({' '.join(str(error).split())[:120]})") from None


def _check_size(file: str, rows: int, columns: int, unpacked: int = 0) -> None:
    if rows > MAX_ROWS:
        raise UserError(f"{file}: more than {MAX_ROWS:,} rows, which is the most that is allowed")
    if columns > MAX_COLUMNS:
        raise UserError(f"{file}: {columns:,} columns, allowed: at most {MAX_COLUMNS:,}")
    if unpacked > MAX_UNPACKED:
        raise UserError(f"{file}: more than {MAX_UNPACKED // 2**30} GiB once it is unpacked")


def _check_there(file: str, names: Sequence[str], wanted: Sequence[str], most: int = 12) -> None:
    absent = next((name for name in wanted if name not in names), None)
    if absent is not None:
        more = f" and {len(names) - most:,} more" if len(names) > most else ""
        raise UserError(f"{file}: has no column {absent!r}; it has {', '.join(map(repr, names[:most]))}{more}")


def _csv(path: Path, most_rows: int | None) -> Table:
    """The lines of a CSV file, the first included, as text."""
    most = min(MAX_ROWS, most_rows or MAX_ROWS) + 1
    wrong: list[csv.InvalidRow] = []
    batches: list[pa.RecordBatch] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            separator = _separator(path.name, file.readline(MAX_HEADER + 1))
        for batch in csv.open_csv(path, *_options(separator, wrong)):
            batches.append(batch)
            if wrong or sum(batch.num_rows for batch in batches) > most:
                break
    except (UnicodeDecodeError, pa.ArrowInvalid) as error:
        raise _not_csv(path, error) from None
    cells = pa.Table.from_batches(batches)
    names = tuple(str(number + 1) for number in range(cells.num_columns))
    lines = Table(path.name, names, cells.rename_columns(names), 1, separator, named=False)
    if wrong:
        got = f"has {count_of(wrong[0].actual_columns, 'cell')}, expected {wrong[0].expected_columns:,} as in line 1"
        raise UserError(f"{lines.at(wrong[0].number - 1)} {got}")
    if most_rows is None:
        _check_size(path.name, len(lines) - 1, 0)
        _check_quotes(path, lines)
    return replace(lines, cells=lines.cells.slice(0, min(most, _full_lines(lines))))


def _options(separator: str, wrong: list[csv.InvalidRow]) -> tuple[Any, Any, Any]:
    """How a CSV file is read: every cell as text; rows with too many or too few cells go to `wrong`."""

    def skip(row: csv.InvalidRow) -> str:
        wrong.append(row)
        return "skip"

    as_text = {f"f{number}": pa.string() for number in range(MAX_COLUMNS)}
    return (
        csv.ReadOptions(use_threads=False, block_size=_BLOCK, autogenerate_column_names=True),
        csv.ParseOptions(
            delimiter=separator, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=skip
        ),
        csv.ConvertOptions(column_types=as_text, strings_can_be_null=False),
    )


def _separator(file: str, first: str) -> str:
    """What parts the cells of a first line: what is most frequent outside of quotes.

    A comma between digits is a decimal one where something else parts them.
    """
    if len(first) > MAX_HEADER:
        raise UserError(f"{file}: line 1 is longer than {MAX_HEADER:,} characters, which no header is")
    bare = re.sub(r'"[^"]*("|$)', "", first)
    if ";" in bare or "\t" in bare:
        bare = re.sub(r"(?<=\d),(?=\d)", "", bare)
    separator = max(",;\t", key=bare.count)
    _check_size(file, 0, bare.count(separator) + 1)
    return separator


def _not_csv(path: Path, error: Exception) -> UserError:
    content = path.read_bytes()
    try:
        content.decode()
    except UnicodeDecodeError as wrong:
        line = len(content[: wrong.start + 1].splitlines())
        return UserError(f"{path.name}: not a CSV file in UTF-8, nor Parquet: line {line} holds another encoding")
    return UserError(f"{path.name}: is not CSV ({' '.join(str(error).split())[:120]})")


def _check_quotes(path: Path, lines: Table) -> None:
    """Refuse a quoted cell that goes on to the end of the file, which Arrow takes for the last cell."""
    if len(lines) and "\n" in lines.cells.columns[-1][-1].as_py():
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 1024))
            if not file.read().rstrip(b"\r\n").endswith(b'"'):
                raise UserError(f"{lines.at(len(lines) - 1)}: a quoted cell does not end")


def _full_lines(lines: Table) -> int:
    """The number of lines without empty ones at the end; refuses an empty one between others."""
    empty = np.ones(len(lines), dtype=bool)
    for column in lines.cells.columns:
        empty &= compute.equal(column, "").to_numpy()
        if not empty.any():
            return len(lines)
    if empty.all():
        raise UserError(f"{lines.file}: has no line")
    full = int(np.flatnonzero(~empty)[-1]) + 1
    if empty[:full].any():
        raise UserError(f"{lines.at(int(empty.argmax()))} is empty, expected a row")
    return full
