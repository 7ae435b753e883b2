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
from mtbkd_core.imports.unpacked import BLOCK, Unpacked

#: Bytes of a sheet's XML, which takes many times as much once it is read.
_MOST_XML = 96 * 2**20
#: Cells of a sheet, in which those to the left of a cell count, and letters in all of them.
_MOST_CELLS, _MOST_LETTERS = 2**21, 2**26
#: Seconds that openpyxl takes at most, by what each of the parts of a file costs: of an element, by where it stands,
#: of one that is no cell's, of an attribute beyond those of a cell, and of a piece of text.
_SECONDS = 4.0
_COSTS = {"xl/worksheets/": 3e-6, "xl/sharedStrings": 5e-6, "xl/styles": 15e-6}
_OTHER, _ATTRIBUTE, _PIECE = 20e-6, 10e-6, 0.2e-6
_OF_CELLS = tuple(f"<{tag}{end}".encode() for tag in ("c", "v", "row", "is", "t", "f") for end in " >/")
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
        _check_parts(path)
        content = io.BytesIO(path.read_bytes())
        book = openpyxl.load_workbook(content, read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what it says of its size may be wrong, and rows be left out
        lines: list[list[str]] = []
        width = letters = empty = 0
        for cells in sheet.iter_rows(values_only=True, max_row=most_rows and most_rows + 2):
            texts = [_text(cell) for cell in cells]
            if not any(texts):
                empty += 1  # there may be a million at the end
                continue
            check_size(path.name, len(lines) + empty, width := max(width, len(cells)))
            lines += [[]] * empty + [texts]
            empty = 0
            letters += sum(map(len, texts))
            if len(lines) * width > _MOST_CELLS or letters > _MOST_LETTERS:
                most = f"{_MOST_CELLS:,} cells or {_MOST_LETTERS:,} letters"
                raise UserError(f"{path.name}: more than {most}, the most of a sheet: save it as CSV")
        lines += [[]] * min(empty, MAX_ROWS + 1 - len(lines), _MOST_CELLS // max(1, width) - len(lines))
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


def _check_parts(path: Path) -> None:
    """Refuse a workbook that takes too much once it is unpacked, by counting what its parts consist of."""
    seconds, largest = 0.0, 0.0
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        if sum(part.file_size for part in parts) > _MOST_XML:
            raise UserError(f"{path.name}: more than {_MOST_XML // 2**20} MiB once it is unpacked: save it as CSV")
        for part in parts:
            takes, sized = _takes(archive, part)
            # of sheets that say their size one is read, and of the others all
            largest = max(largest, takes) if sized else largest
            seconds += 0.0 if sized else takes
            if seconds + largest > _SECONDS:
                parts_of = "more cells, texts or styles than are read of an Excel file"
                raise UserError(f"{path.name}: holds {parts_of}: save it as CSV")


def _takes(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> tuple[float, bool]:
    """Seconds that a part takes, and whether it is a sheet that says its size where it begins."""
    each = next((cost for start, cost in _COSTS.items() if part.filename.startswith(start)), _OTHER)
    sheet, sized, seconds = part.filename.startswith("xl/worksheets/"), False, 0.0
    with archive.open(part) as file:
        first = True
        while block := file.read(BLOCK):
            block = block.replace(b"\0", b"")  # of UTF-16
            if first and not block.lstrip(b"\xef\xbb\xbf\xff\xfe \n\r\t").startswith(b"<"):
                return 0.0, False  # no XML, such as a picture
            if b"<!D" in block or b"<!E" in block:
                raise UserError(
                    f"{Path(str(archive.filename)).name}: declares entities, as no Excel file does: save it as CSV"
                )
            sized = sized or (first and sheet and b"<dimension" in block[: 2**14])
            elements = block.count(b"<") - block.count(b"</")
            cells = sum(map(block.count, _OF_CELLS)) if sheet else elements
            seconds += each * cells + _OTHER * (elements - cells)
            seconds += _ATTRIBUTE * max(0, block.count(b"=") - 4 * elements - BLOCK // 2**6)
            seconds += _PIECE * (block.count(b"\n") + block.count(b"&"))
            first = False
    return seconds, sized


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
