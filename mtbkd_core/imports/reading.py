"""Reading tables: CSV, Parquet, Excel, FASTA, arrays. Nothing is unpickled; a cell of text is text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute, csv

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports import arrays, parquet, sheets
from mtbkd_core.imports.kinds import ARRAYS, Kind, file_and_key, first_bytes, kind_in_gzip, kind_of
from mtbkd_core.imports.limits import MAX_BYTES, MAX_COLUMNS, MAX_ROWS, check_size, one_line
from mtbkd_core.imports.lists import with_lists_opened
from mtbkd_core.imports.table import Table, check_there, count_of
from mtbkd_core.imports.text import open_text
from mtbkd_core.imports.unpacked import BLOCK, Unpacked

#: Bytes that are parsed at once; no line of a CSV file may be longer. Each block makes a piece of every column, which
#: takes a kilobyte beside its text.
_BLOCK = 16 * BLOCK
#: Bytes that a cell takes beside its text, once it is a number.
_NUMBER = 8
#: Cells that are looked at before all are.
_FEW = 256
_DECIMAL_COMMA = r"^\s*[+-]?\d+,\d+([eE][+-]?\d+)?\s*$"
_WITHOUT_COMMA = r"^\s*([+-]?\d+([eE][+-]?\d+)?|[nN][aA][nN]|[+-]?[iI][nN][fF]|NA|)\s*$"


def column_names(path: Path) -> tuple[str, ...]:
    """The columns of a file with a header; errors as `read_table`."""
    return read_table(path, [], 1).names


def first_row(path: Path) -> Table:
    """A file's first row, of which those columns are read that may name rows; errors as `read_table`."""
    file = file_and_key(path)[0]
    first_bytes(file)
    return read_table(path, parquet.plain_columns(file) if kind_of(file) is Kind.PARQUET else [], 1)


def first_cells(path: Path) -> tuple[str, ...]:
    """What may be a file's names of columns: its own, or the first line of CSV; errors as `read_table`."""
    file = file_and_key(path)[0]
    if (kind := kind_of(file)) in ARRAYS:
        return arrays.names_beside(file, kind)
    lines = read_table(path, [], 1, has_header=lambda lines: False, gaps=True)
    return lines.names if lines.first_line is None else tuple(column[0].as_py() for column in lines.cells.columns)


def read_table(
    path: Path,
    wanted: Sequence[str] | None = None,
    most_rows: int | None = None,
    has_header: Callable[[Table], bool] = lambda lines: True,
    gaps: bool = False,
) -> Table:
    """Some columns of a file; of CSV files all are kept. A column of lists becomes a column for each place in them.

    Args:
        path: the file, or file:array for one of several arrays in it.
        wanted: names of columns; None: all.
        most_rows: stop after this many, for a look at the beginning.
        has_header: whether the first line of a file of text names its columns.
        gaps: whether an empty line may stand between others.
    Raises:
        UserError: a file that cannot be read or is too large, a column that is not there, a row with too many or too
            few cells, an empty line between others; one line with the file and the row.
    """
    path, key = file_and_key(path)
    first_bytes(path)
    if (size := path.stat().st_size) > MAX_BYTES:
        raise UserError(f"{path.name}: {size / 2**20:,.0f} MiB, allowed: at most {MAX_BYTES // 2**20} MiB")
    try:
        table = _read(path, key, kind_of(path), wanted, most_rows, has_header, gaps)
        return with_lists_opened(table, wanted) if most_rows is None else table
    except MemoryError:
        raise UserError(f"{path.name}: takes more memory than there is") from None


def _read(
    path: Path,
    key: str,
    kind: Kind,
    wanted: Sequence[str] | None,
    most_rows: int | None,
    has_header: Callable[[Table], bool],
    gaps: bool,
) -> Table:
    if kind is Kind.PARQUET:
        return parquet.read(path, wanted, most_rows)
    if kind in ARRAYS:
        return arrays.read(path, kind, key)
    if kind is Kind.EXCEL:
        lines = sheets.read_excel(path, most_rows)
        lines = _without_empty_lines(lines, gaps)
    else:
        content = Unpacked(path, kind is Kind.GZIP, most_rows is not None)
        kind = kind_in_gzip(path.name, content.begins) if kind is Kind.GZIP else kind
        if kind is Kind.FASTA:
            table = sheets.read_fasta(path.name, content, most_rows)
            check_there(path.name, table.names, wanted or ())
            return table
        lines = _csv(path, content, most_rows, gaps)
    table = without_empty_columns(lines).headed() if has_header(lines) else lines
    check_there(path.name, table.names, wanted or ())
    return table


def _csv(path: Path, content: Unpacked, most_rows: int | None, gaps: bool) -> Table:
    """The lines of a CSV file, the first included, as text."""
    text = open_text(path.name, content)
    most = min(MAX_ROWS, most_rows or MAX_ROWS) + 1
    wrong: list[csv.InvalidRow] = []
    try:
        cells = _within_budget(
            path.name, csv.open_csv(pa.PythonFile(text.lines), *_options(text.separator, wrong)), most
        )
    except pa.ArrowInvalid as error:
        raise UserError(f"{path.name}: is not CSV ({one_line(error)})") from None
    names = tuple(str(number + 1) for number in range(cells.num_columns))
    first = 1 + text.skipped
    lines = Table(path.name, names, cells.rename_columns(names), first, text.separator, False, text.notes)
    if wrong and not (content.cut and wrong[0].number > len(lines)):  # a look may end within a line
        got = f"has {count_of(wrong[0].actual_columns, 'cell')}, expected {wrong[0].expected_columns:,}"
        raise UserError(f"{lines.at(wrong[0].number - 1)} {got} as in line {first}")
    if most_rows is None:
        check_size(path.name, len(lines) - 1, lines.cells.num_columns)
        _check_quotes(text.lines.ends, lines)
    lines = _without_empty_lines(lines, gaps)
    return _without_decimal_commas(replace(lines, cells=lines.cells.slice(0, most)))


def _within_budget(file: str, batches: Iterable[pa.RecordBatch], most: int) -> pa.Table:
    """Batches of text until there are so many rows; what they take is counted as they come.

    To them adds what is made of them later: the longest column as a list, and all of them as numbers.
    """
    kept: list[pa.RecordBatch] = []
    rows, sizes = 0, np.zeros(1, dtype=np.int64)
    for batch in batches:
        kept.append(batch)
        rows += batch.num_rows
        sizes = sizes + [column.nbytes for column in batch.columns]
        check_size(file, 0, 0, int(sizes.sum() + sizes.max()) + _NUMBER * rows * batch.num_columns)
        check_size(file, min(rows, MAX_ROWS), batch.num_columns)
        if rows > most:
            break
    return pa.Table.from_batches(kept)


def _options(separator: str, wrong: list[csv.InvalidRow]) -> tuple[Any, Any, Any]:
    """How a CSV file is read: every cell as text; rows with too many or too few cells go to `wrong`."""

    def skip(row: csv.InvalidRow) -> str:
        wrong.extend([] if wrong else [row])
        return "skip"

    as_text = {f"f{number}": pa.string() for number in range(MAX_COLUMNS)}
    return (
        csv.ReadOptions(use_threads=False, block_size=_BLOCK, autogenerate_column_names=True),
        csv.ParseOptions(
            delimiter=separator, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=skip
        ),
        csv.ConvertOptions(column_types=as_text, strings_can_be_null=False),
    )


def _without_decimal_commas(lines: Table) -> Table:
    """Columns of numbers with a decimal comma, where something else parts the cells, with a decimal point."""
    if lines.separator == ",":
        return lines
    cells, commas, points, notes = lines.cells, 0, False, list(lines.notes)
    for place, column in enumerate(lines.cells.columns):
        body = column.slice(1) if len(column) > 1 else column
        with_comma = compute.match_substring_regex(body, _DECIMAL_COMMA)
        if compute.any(with_comma).as_py():
            other = compute.match_substring_regex(body, _WITHOUT_COMMA)
            if compute.all(compute.or_(with_comma, other)).as_py():
                commas += 1
                is_one = compute.match_substring_regex(column, _DECIMAL_COMMA)
                pointed = compute.if_else(is_one, compute.replace_substring(column, ",", "."), column)
                cells = cells.set_column(place, cells.field(place), pointed)
            continue
        if _may_part_thousands(body):
            which = f"{lines.file}: in column {column[0].as_py()[:40]!r} the points were read as decimal ones"
            notes.append(f"{which}, though they may part thousands: all stand before three digits")
        if not points:
            points = bool(compute.any(compute.match_substring_regex(body, r"^\s*[+-]?\d*\.\d+\s*$")).as_py())
    if not commas:
        return replace(lines, notes=tuple(notes))
    mixed = "; other columns have a decimal point: look whether it parts thousands there" if points else ""
    note = f"{lines.file}: commas in {count_of(commas, 'column')} of numbers were read as decimal ones{mixed}"
    return replace(lines, cells=cells, notes=(*notes, note))


def _may_part_thousands(column: pa.ChunkedArray) -> bool:
    """Whether each cell is below 1000, or has one point before its last three digits, and there are both."""
    for some in (column.slice(0, _FEW), column):  # most columns end at a few cells
        pointed = compute.match_substring_regex(some, r"^\s*[+-]?[1-9]\d{0,2}\.\d{3}\s*$")
        small = compute.match_substring_regex(some, r"^\s*[+-]?\d{1,3}\s*$")
        if not compute.all(compute.or_(compute.or_(pointed, small), compute.equal(some, ""))).as_py():
            return False
    return bool(compute.any(pointed).as_py() and compute.any(small).as_py())


def _check_quotes(ends: bytes, lines: Table) -> None:
    """Refuse a quoted cell that goes on to the end of the file, which Arrow takes for the last cell."""
    if len(lines) and "\n" in lines.cells.columns[-1][-1].as_py() and not ends.rstrip(b"\r\n").endswith(b'"'):
        raise UserError(f"{lines.at(len(lines) - 1)}: a quoted cell does not end")


def _without_empty_lines(lines: Table, gaps: bool) -> Table:
    """Lines without empty ones at the end; refuses an empty one between others where there are to be no gaps."""
    empty = np.ones(len(lines), dtype=bool)
    for column in lines.cells.columns:
        empty &= compute.equal(column, "").to_numpy()
        if not empty.any():
            return lines
    if empty.all():
        raise UserError(f"{lines.file}: has no line")
    full = int(np.flatnonzero(~empty)[-1]) + 1
    if empty[:full].any() and not gaps:
        raise UserError(f"{lines.at(int(empty.argmax()))} is empty, expected a row")
    return replace(lines, cells=lines.cells.slice(0, full), empty=len(lines) - full)


def without_empty_columns(lines: Table) -> Table:
    """Lines without columns at the end that have no name and hold nothing, as a separator after the last cell makes."""
    kept = lines.cells.num_columns
    while kept > 1 and compute.all(compute.equal(lines.cells.columns[kept - 1], "")).as_py():
        kept -= 1
    names = lines.names[:kept]
    return replace(lines, names=names, cells=lines.cells.select(names))
