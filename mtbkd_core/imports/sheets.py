"""Excel sheets, by openpyxl, and FASTA, as tables."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pyarrow as pa

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.limits import MAX_ROWS, check_size, one_line
from mtbkd_core.imports.table import Table

#: Bytes of a sheet's XML, which takes many times as much once it is read.
_MOST_XML = 96 * 2**20


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


def read_fasta(path: Path, content: pa.Buffer, most_rows: int | None) -> Table:
    """Records of FASTA: id (the header up to its first blank), description (the rest) and sequence.

    Raises:
        UserError: text that is not UTF-8, a record without a sequence, too many; one line.
    """
    try:
        text = content.to_pybytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path.name}: is not FASTA in UTF-8") from None
    ids, descriptions, sequences = [], [], []
    for record in text.split("\n>"):
        header, _, body = record.lstrip("\ufeff \n\r\t").removeprefix(">").partition("\n")
        named, _, description = header.strip().partition(" ")
        ids.append(named)
        descriptions.append(description.strip())
        sequences.append("".join(body.split()).removesuffix("*"))
        check_size(path.name, len(ids), 3)
        if not sequences[-1]:
            raise UserError(f"{path.name}: record {len(ids)}, {named[:40]!r}, has no sequence")
        if most_rows is not None and len(ids) >= most_rows:
            break
    cells = {"id": pa.array(ids), "description": pa.array(descriptions), "sequence": pa.array(sequences)}
    return Table(path.name, tuple(cells), pa.table(cells))
