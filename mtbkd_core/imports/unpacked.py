"""What a file of text holds once it is unpacked, block by block: it is never held as a whole, and never endless."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.limits import check_size, one_line

#: Bytes that are read at once, and blocks that a look at a file sees of it.
BLOCK, LOOK = 2**20, 4
#: Cells that are parsed at once.
_CELLS = 2**20


class Unpacked:
    """The bytes of a file, out of gzip or as they are; they can be read from the beginning as often as one likes.

    Attributes:
        begins: the first block.
        cut: whether there is more than the few blocks of a look, which end there.
    """

    def __init__(self, path: Path, zipped: bool, look: bool = False) -> None:
        """Open a file.

        Args:
            look: whether its first blocks alone are wanted.
        Raises:
            UserError: as `blocks`.
        """
        self._path, self._zipped = path, zipped
        self._first = list(islice(self._all(), LOOK + 1 if look else 1))
        self.cut = len(self._first) > LOOK
        self._look = look
        self.begins = self._first[0] if self._first else b""

    def blocks(self) -> Iterator[bytes]:
        """The blocks from the first on.

        Raises:
            UserError: gzip that is broken, or more than is allowed.
        """
        return iter(self._first[:LOOK]) if self._look else self._all()

    def _all(self) -> Iterator[bytes]:
        size, kind = 0, "as gzip " if self._zipped else ""
        try:
            with gzip.open(self._path) if self._zipped else self._path.open("rb") as file:
                while block := file.read(BLOCK):
                    size += len(block)
                    check_size(self._path.name, 0, 0, size)
                    yield block
        except (OSError, EOFError, zlib.error) as error:
            raise UserError(f"{self._path.name}: cannot be read {kind}({one_line(error)})") from None


class Lines(io.RawIOBase):
    """Blocks of a table's text as a file that Arrow reads, with so many lines at once that their cells stay few.

    Attributes:
        ends: the last bytes that were read.
    """

    def __init__(self, blocks: Iterable[bytes], columns: int) -> None:
        """Take blocks of text whose lines have so many cells."""
        self._blocks, self._left, self.ends = iter(blocks), b"", b""
        self._lines = max(1, _CELLS // max(1, columns))

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """At most `size` bytes, and none at the end."""
        size = BLOCK if size is None or size < 0 else size
        while len(self._left) < size and (block := next(self._blocks, b"")):
            self._left += block
        end = min(size, len(self._left))
        if self._left.count(b"\n", 0, end) + self._left.count(b"\r", 0, end) > self._lines:
            signs = np.frombuffer(self._left, np.uint8, end)
            end = int(np.flatnonzero((signs == 10) | (signs == 13))[self._lines - 1]) + 1
            end += self._left[end - 1 : end + 1] == b"\r\n"
        piece, self._left = self._left[:end], self._left[end:]
        self.ends = (self.ends + piece)[-1024:]
        return piece
