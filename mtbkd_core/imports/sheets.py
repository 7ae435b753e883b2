"""Excel sheets, by openpyxl, and FASTA, as tables."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.limits import MAX_ROWS, check_size, one_line
from mtbkd_core.imports.table import Table
from mtbkd_core.imports.unpacked import Unpacked

#: Bytes of a sheet's XML, which takes many times as much once it is read.
_MOST_XML = 96 * 2**20
#: Cells of a sheet, in which those to the left of a cell count.
_MOST_CELLS = 2**23
#: Bytes of a record of FASTA, and how many times the text of all is held.
_RECORD, _TIMES = 4 * 2**20, 2


def read_excel(path: Path, most_rows: int | None) -> Table:
    """The lines of a workbook's first sheet as text, the header included.

    Raises:
        UserError: openpyxl is not there, or the file cannot be read or is too large; one line.
    """
    try:
        import openpyxl
    except ImportError:
        raise UserError(
            f"{path.name}: is an Excel file, which needs openpyxl (pip install '.[excel]'); or save it as CSV"
        ) from None
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > _MOST_XML:
                raise UserError(f"{path.name}: more than {_MOST_XML // 2**20} MiB once it is unpacked: save it as CSV")
        book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        lines: list[list[str]] = []
        width = 0
        for cells in sheet.iter_rows(values_only=True, max_row=(most_rows or MAX_ROWS + 1) + 1):
            lines.append([_text(cell) for cell in cells])
            width = max(width, len(cells))
            check_size(path.name, len(lines) - 2, width)
            if len(lines) * width > _MOST_CELLS:
                raise UserError(f"{path.name}: more than {_MOST_CELLS:,} cells, the most of a sheet: save it as CSV")
        others = [other.title for other in book.worksheets[1:]]
        book.close()
    except (UserError, MemoryError):
        raise
    except Exception as error:  # openpyxl raises whatever its parts raise
        raise UserError(f"{path.name}: cannot be read as Excel ({one_line(error)})") from None
    if not lines or not width:
        raise UserError(f"{path.name}: its first sheet is empty")
    names = tuple(str(number + 1) for number in range(width))
    padded = [line + [""] * (width - len(line)) for line in lines]
    columns = {
        name: pa.array(column, pa.string()) for name, column in zip(names, zip(*padded, strict=True), strict=True)
    }
    more = f"; {len(others)} more were left out" if others else ""
    note = f"{path.name}: its first sheet, {sheet.title!r}, was read{more}"
    return Table(path.name, names, pa.table(columns), 1, "", False, (note,))


def _text(cell: object) -> str:
    if cell is None:
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53 else str(cell)


def read_fasta(file: str, content: Unpacked, most_rows: int | None) -> Table:
    """Records of FASTA: id (the header up to its first blank), description (the rest) and sequence.

    Raises:
        UserError: text that is not UTF-8, a record without a sequence or too long, too many; one line.
    """
    found: dict[str, list[pa.Array]] = {"id": [], "description": [], "sequence": []}
    rows, size = 0, 0
    for records in _records(file, content.blocks()):
        parts: tuple[list[str], ...] = ([], [], [])
        for record in records[: None if most_rows is None else most_rows - rows]:
            size += len(record)
            try:
                header, _, body = record.lstrip(b"\xef\xbb\xbf \n\r\t").removeprefix(b">").partition(b"\n")
                named, _, description = header.decode().strip().partition(" ")
                sequence = body.translate(None, b" \t\n\r\v\f").decode().removesuffix("*")
            except UnicodeDecodeError:
                raise UserError(f"{file}: is not FASTA in UTF-8") from None
            rows += 1
            check_size(file, rows, 3, _TIMES * size)
            if not sequence:
                raise UserError(f"{file}: record {rows}, {named[:40]!r}, has no sequence")
            for texts, text in zip(parts, (named, description.strip(), sequence), strict=True):
                texts.append(text)
        for chunks, texts in zip(found.values(), parts, strict=True):
            chunks.append(pa.array(texts, pa.string()))
        if most_rows is not None and rows >= most_rows:
            break
    cells = {name: pa.chunked_array(chunks) for name, chunks in found.items()}
    return Table(file, tuple(cells), pa.table(cells))


def _records(file: str, blocks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Records of FASTA, some at once."""
    left = b""
    for block in blocks:
        *whole, left = (left + block).split(b"\n>")
        if len(left) > _RECORD:
            raise UserError(f"{file}: a record is longer than {_RECORD // 2**20} MiB, which no protein is")
        yield whole
    yield [left]
