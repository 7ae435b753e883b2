"""The text of a CSV file as people have it: its encoding, what stands before its first line, what parts its cells."""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.kinds import Kind, kind_of_text, refuse_foreign
from mtbkd_core.imports.limits import MAX_UNPACKED, check_size, one_line

#: Characters of a first line.
MAX_HEADER = 2**18
_BLANKS = re.compile(rb"[ \t]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_HEAD, _BLOCK = 2**20, 2**24


@dataclass(frozen=True)
class Text:
    """A file's text.

    Attributes:
        content: UTF-8, from the first line of cells on.
        separator: of its cells.
        skipped: lines before the first line of cells.
        notes: what was understood of the file, a line each.
    """

    content: pa.Buffer
    separator: str
    skipped: int
    notes: tuple[str, ...]


def open_gzip(path: Path) -> pa.Buffer:
    """What a gzip file holds; refuses one that is broken, or too large once it is unpacked, in one line."""
    try:
        with gzip.open(path) as file:
            content = file.read(MAX_UNPACKED + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path.name}: cannot be read as gzip ({one_line(error)})") from None
    check_size(path.name, 0, 0, len(content))
    refuse_foreign(path.name, content[:600])
    return pa.py_buffer(content)


def is_fasta(content: pa.Buffer) -> bool:
    """Whether text is FASTA."""
    return kind_of_text(content.slice(0, min(600, content.size)).to_pybytes()) == Kind.FASTA


def open_text(path: Path, content: pa.Buffer) -> Text:
    """Find out how a file is to be read; `content` is all of it.

    Raises:
        UserError: another encoding, a first line that is too long; one line.
    """
    notes: list[str] = []
    start = content.slice(0, min(4, content.size)).to_pybytes()
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        content = _decoded(path.name, content, "utf-16")
        notes.append(f"{path.name}: its text is UTF-16")
    elif start[:3] == b"\xef\xbb\xbf":
        content = content.slice(3)
    if not _is_utf_8(content):
        content = _decoded(path.name, content, "cp1252")
        notes.append(
            f"{path.name}: its text is not UTF-8 and was read as Windows-1252: look at letters such as ä and é"
        )
    head = content.slice(0, min(_HEAD, content.size)).to_pybytes()
    skipped, separator, lines = 0, "", _lines(head)
    if match := re.fullmatch(rb"\"?sep=(.)\"?\s*", lines[0] if lines else b""):
        separator, skipped = match[1].decode("latin-1"), 1
        notes.append(f"{path.name}: line 1 says that {separator!r} parts the cells")
    while skipped < len(lines) and lines[skipped].startswith(b"#"):
        skipped += 1
    named = bool(skipped) and lines[skipped - 1].startswith(b"#")
    if named and skipped < len(lines):
        bare = lines[skipped - 1].lstrip(b"# ")
        by = separator or _separator(path.name, [bare, *lines[skipped : skipped + 2]])
        named = _count(bare, by) == _count(lines[skipped], by) > 1
        separator = separator or (by if named else "")
    else:
        named = False
    separator = separator or _separator(path.name, lines[skipped : skipped + 3])
    left_out = skipped - named - sum(line.lower().startswith((b"sep=", b'"sep=')) for line in lines[:1])
    if left_out > 0:
        notes.append(f"{path.name}: {left_out} line{'s' * (left_out > 1)} of remarks before the cells, after #")
    skipped -= named
    at = sum(map(len, head.splitlines(keepends=True)[:skipped]))
    content = content.slice(at)
    if named:
        body = content.to_pybytes()
        content = pa.py_buffer(body[len(body) - len(body.lstrip(b"# ")) :])
        notes.append(f"{path.name}: line {skipped + 1}, after #, was read as a header")
    if separator == " ":
        content = pa.py_buffer(
            b"\n".join(_BLANKS.sub(b" ", line.strip()) for line in content.to_pybytes().splitlines())
        )
        notes.append(f"{path.name}: blanks part the cells")
    return Text(content, separator, skipped, tuple(notes))


def _lines(head: bytes) -> list[bytes]:
    return [line.rstrip(b"\r\n") for line in head.splitlines(keepends=True)[:1000]]


def _is_utf_8(content: pa.Buffer) -> bool:
    decoder, view = codecs.getincrementaldecoder("utf-8")(), memoryview(content)
    try:
        for start in range(0, len(view), _BLOCK):
            decoder.decode(view[start : start + _BLOCK], start + _BLOCK >= len(view))
    except UnicodeDecodeError:
        return False
    return True


def _decoded(file: str, content: pa.Buffer, encoding: str) -> pa.Buffer:
    """Text of another encoding as UTF-8; text that is UTF-8 but for a damaged place is refused with its line."""
    raw = content.to_pybytes()
    try:
        raw.decode()
    except UnicodeDecodeError as wrong:
        line = len(raw[: wrong.start + 1].splitlines())
        refused = UserError(f"{file}: not a CSV file in UTF-8, nor Parquet: line {line} holds another encoding")
        if encoding == "cp1252":
            others = set(raw.decode(errors="replace")) - {"\ufffd"}
            if _CONTROL.search(raw) or any(letter > "\x7f" for letter in others):
                raise refused from None
        try:
            return pa.py_buffer(raw.decode(encoding).encode())
        except UnicodeError:
            raise refused from None
    return content


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
