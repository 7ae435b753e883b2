"""The text of a CSV file as people have it: its encoding, what stands before its first line, what parts its cells."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.limits import MAX_ROWS, check_size
from mtbkd_core.imports.unpacked import BLOCK, Lines, Unpacked

#: Characters of a first line.
MAX_HEADER = 2**18
_BLANKS = re.compile(rb"[ \t]{2,}|\t")
_CONTROL = bytes({*range(9), 11, 12, *range(14, 32)})
#: A sign for each kind of byte in UTF-8, and how letters of several bytes look in these signs.
_KINDS = bytes.maketrans(
    bytes(range(256)), b"." * 128 + b"c" * 64 + b".." + b"2" * 30 + b"3" * 16 + b"4" * 5 + b"." * 11
)
_LETTERS = (b"2c", b"3cc", b"4ccc")
#: How text begins -> its encoding, and what it is called; the mark itself is left out.
_MARKS = {
    b"\xff\xfe\x00\x00": ("utf-32", "UTF-32"),
    b"\x00\x00\xfe\xff": ("utf-32", "UTF-32"),
    b"\xff\xfe": ("utf-16", "UTF-16"),
    b"\xfe\xff": ("utf-16", "UTF-16"),
    b"\xef\xbb\xbf": ("utf-8-sig", ""),
}


@dataclass(frozen=True)
class Text:
    """A file's text.

    Attributes:
        lines: UTF-8, from the first line of cells on.
        separator: of its cells.
        skipped: lines before the first line of cells.
        notes: what was understood of the file, a line each.
    """

    lines: Lines
    separator: str
    skipped: int
    notes: tuple[str, ...]


def open_text(file: str, content: Unpacked) -> Text:
    """Find out how a file is to be read.

    Raises:
        UserError: another encoding, a first line that is too long; one line.
    """
    encoding, notes = _encoding(file, content)
    blocks = _in_utf_8(content.blocks(), encoding)
    head = next(blocks, b"")
    skipped, separator, lines = 0, "", _lines(head)
    if match := re.fullmatch(rb"\"?sep=(.)\"?\s*", lines[0] if lines else b""):
        separator, skipped = match[1].decode("latin-1"), 1
        notes.append(f"{file}: line 1 says that {separator!r} parts the cells")
    while skipped < len(lines) and lines[skipped].startswith(b"#"):
        skipped += 1
    named = bool(skipped) and lines[skipped - 1].startswith(b"#")
    if named and skipped < len(lines):
        bare = lines[skipped - 1].lstrip(b"# ")
        by = separator or _separator(file, [bare, *lines[skipped : skipped + 2]])
        named = _count(bare, by) == _count(lines[skipped], by) > 1
        separator = separator or (by if named else "")
    else:
        named = False
    separator = separator or _separator(file, lines[skipped : skipped + 3])
    left_out = skipped - named - sum(line.lower().startswith((b"sep=", b'"sep=')) for line in lines[:1])
    if left_out > 0:
        notes.append(f"{file}: {left_out} line{'s' * (left_out > 1)} of remarks before the cells, after #")
    skipped -= named
    head = head[sum(map(len, head.splitlines(keepends=True)[:skipped])) :]
    if named:
        head = head.lstrip(b"# ")
        notes.append(f"{file}: line {skipped + 1}, after #, was read as a header")
    columns = _check_columns(file, head, separator)
    rest: Iterable[bytes] = chain([head], blocks)
    if separator == " ":
        rest = _with_single_blanks(file, rest)
        notes.append(f"{file}: blanks part the cells")
    return Text(Lines(rest, columns), separator, skipped, tuple(notes))


def _lines(head: bytes) -> list[bytes]:
    return [line.rstrip(b"\r\n") for line in head.splitlines(keepends=True)[:1000]]


def _encoding(file: str, content: Unpacked) -> tuple[str, list[str]]:
    """A file's encoding, and what there is to say of it; text that is UTF-8 but for a damaged place is refused."""
    begins = content.begins
    marked = next((found for mark, found in _MARKS.items() if begins.startswith(mark)), None)
    encoding, called = marked or _without_mark(begins)
    line = _damaged_line(content, encoding)
    if not line:
        return encoding, [f"{file}: its text is {called}"] if called else []
    if called or _is_damaged_utf_8(content) or _damaged_line(content, "cp1252"):
        raise UserError(f"{file}: not a CSV file in UTF-8, nor Parquet: line {line} holds another encoding")
    note = f"{file}: its text is not UTF-8 and was read as Windows-1252: look at letters such as ä and é"
    return "cp1252", [note]


def _without_mark(begins: bytes) -> tuple[str, str]:
    """The encoding of text without a mark: where most letters are Latin, their zeros tell UTF-16 and UTF-32."""
    begins = begins[:400]
    for width in (4, 2):
        zeros = [begins[place::width].count(0) * width > len(begins) // 2 for place in range(width)]
        for order, letter in (("le", 0), ("be", width - 1)):
            if zeros == [place != letter for place in range(width)]:
                return f"utf-{8 * width}-{order}", f"UTF-{8 * width}"
    return "utf-8", ""


def _damaged_line(content: Unpacked, encoding: str) -> int:
    """The first line that does not hold text of an encoding; 0: none. The end of a look may be torn."""
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    try:
        for block in content.blocks():
            line += decoder.decode(block).count("\n")
        decoder.decode(b"", not content.cut)
    except UnicodeDecodeError as wrong:
        return line + wrong.object[: wrong.start].count(b"\n")
    return 0


def _is_damaged_utf_8(content: Unpacked) -> bool:
    """Whether text that is not UTF-8 is none of another encoding either: it has control signs, or letters of UTF-8."""
    ends = b""
    for block in content.blocks():
        kinds = (ends + block).translate(_KINDS)
        if len(block.translate(None, _CONTROL)) < len(block) or any(letter in kinds for letter in _LETTERS):
            return True
        ends = block[-3:]
    return False


def _in_utf_8(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Blocks of text of an encoding, which they are, as UTF-8; the torn end of a look is left out."""
    if encoding == "utf-8":
        yield from blocks
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    yield from (decoder.decode(block).encode() for block in blocks)


def _with_single_blanks(file: str, blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Blocks of lines with one blank between their cells and none around them; no more lines than rows are allowed."""
    left, rows = b"", 0
    for block in blocks:
        left += block
        end = max(left.rfind(b"\n"), left.rfind(b"\r", 0, len(left) - 1)) + 1
        if len(left) - end > 2 * BLOCK:
            raise UserError(f"{file}: a line is longer than {2 * BLOCK // 2**20} MiB")
        lines, left = left[:end].splitlines(), left[end:]
        rows += len(lines)
        if lines:
            yield b"".join(_BLANKS.sub(b" ", line.strip()) + b"\n" for line in lines)
        if rows > MAX_ROWS + 2:
            return
    yield _BLANKS.sub(b" ", left.strip())


def _check_columns(file: str, head: bytes, separator: str) -> int:
    """How many cells the first line has, which may hold line breaks in quotes; refuses too many."""
    if separator == " ":
        return len(head.partition(b"\n")[0].split())
    sign = re.escape(separator.encode())
    bare = re.sub(rb"(^|[\r\n]|" + sign + rb')"(?:[^"]+|"")*+(?:"|$)', rb"\1", head)
    columns = re.split(rb"[\r\n]", bare, maxsplit=1)[0].count(separator.encode()) + 1
    check_size(file, 0, columns)
    return columns


def _separator(file: str, lines: list[bytes]) -> str:
    """What parts the cells of the first lines: what is most frequent outside of quotes in the first, or else blanks.

    A comma between digits is a decimal one where something else parts them.
    """
    first = lines[0] if lines else b""
    if len(first) > MAX_HEADER:
        raise UserError(f"{file}: line 1 is longer than {MAX_HEADER:,} characters, which no header is")
    bare = re.sub(rb'"[^"]*("|$)', b"", first)
    by_blanks = [len(line.split()) for line in lines if line.strip()]
    no_other = not any(sign in bare for sign in b",;\t")
    decimal = b"," in bare and not re.search(rb",(?!\d)|(?<!\d),", bare)  # 0,5 1,5
    few_commas = decimal and b";" not in bare and b"\t" not in bare and bare.count(b",") <= by_blanks[0]
    if (no_other or few_commas) and by_blanks[:1] > [1] and len(set(by_blanks)) == 1:
        return " "
    if b";" in bare or b"\t" in bare:
        bare = re.sub(rb"(?<=\d),(?=\d)", b"", bare)
    separator = max(b",;\t" if any(sign in bare for sign in b",;\t") else b",|", key=bare.count)
    check_size(file, 0, bare.count(separator) + 1)
    return chr(separator)


def _count(line: bytes, separator: str) -> int:
    return len(line.split()) if separator == " " else line.count(separator.encode()) + 1
