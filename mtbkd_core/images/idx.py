"""Files in the IDX format, plain or gzipped: how MNIST and its kin (Fashion-MNIST, KMNIST, EMNIST) are published.

Two zero bytes, a byte for the type (8: unsigned bytes, the only one read here), a byte for the number of axes, each
axis's length as four bytes with the highest first, then the values. Source: LeCun, Cortes and Burges, "The MNIST
database of handwritten digits", 1998.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mtbkd_core.common.files import write_atomically
from mtbkd_core.common.progress import UserError

_UNSIGNED_BYTES = 8
_GZIP = b"\x1f\x8b"
#: No more is ever read of a set of pictures that are turned to grey or made smaller: MedMNIST's largest has less.
MOST_BYTES = 2**28
#: No more is ever read of an IDX file without colours, whatever its header says: EMNIST's largest (byclass) has 547
#: million bytes, which are kept as they are.
MOST_GREY = 9 * 2**26
#: Bytes that are read, or turned to grey, in one go.
AT_ONCE = 2**22


def axes_of(path: Path) -> int:
    """How many axes an IDX file says it has; 0 where it is none. Errors as `read_idx`."""
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == _GZIP
            raw.seek(0)
            magic = gzip.GzipFile(fileobj=raw).read(4) if zipped else raw.read(4)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: cannot be read ({error})") from None
    return magic[3] if magic[:3] == bytes([0, 0, _UNSIGNED_BYTES]) and len(magic) == 4 else 0


def write_idx(path: Path, values: np.ndarray) -> None:
    """Write bytes [...] as an IDX file, whole or not at all; refuses a folder that cannot be written."""
    head = bytes([0, 0, _UNSIGNED_BYTES, values.ndim]) + np.array(values.shape, ">u4").tobytes()
    content = np.empty(len(head) + values.size, dtype=np.uint8)
    content[: len(head)], content[len(head) :] = np.frombuffer(head, np.uint8), values.reshape(-1)
    write_atomically(path, content.data)


def read_idx(path: Path, axes: int) -> np.ndarray:
    """The values of an IDX file; no more of it is read, or decompressed, than its header says and one byte.

    Args:
        path: of the file; whether it is gzipped is seen from its first bytes, not from its name.
        axes: how many it has to have: 3 for images, 1 for labels.
    Returns:
        uint8, of the shape that the header says.
    Raises:
        UserError: a file that cannot be read, is no IDX file of that many axes of unsigned bytes, or holds fewer or
            more values than its header says.
    """
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == _GZIP
            raw.seek(0)
            if not zipped:
                return _read(path, raw, axes)
            with gzip.GzipFile(fileobj=raw) as file:
                return _read(path, file, axes)
    except EOFError:
        raise UserError(f"{path}: the gzip file ends in the middle; it is truncated") from None
    except (OSError, zlib.error) as error:
        raise UserError(f"{path}: cannot be read ({error})") from None


def _read(path: Path, file: BinaryIO | gzip.GzipFile, axes: int) -> np.ndarray:
    magic = file.read(4)
    expected = bytes([0, 0, _UNSIGNED_BYTES, axes])
    if magic != expected:
        found = magic.hex(" ") or "nothing"
        raise UserError(
            f"{path}: begins with {found}, an IDX file of unsigned bytes with {axes} axes with {expected.hex(' ')}"
        )
    header = file.read(4 * axes)
    if len(header) < 4 * axes:
        raise UserError(f"{path}: ends within its header, after {4 + len(header)} of {4 + 4 * axes} bytes")
    shape = [int(length) for length in np.frombuffer(header, ">u4")]
    count = math.prod(shape)
    size = " x ".join(f"{length:,}" for length in shape)
    most = MOST_GREY if axes < 4 else MOST_BYTES
    if not 0 < count <= most:
        raise UserError(f"{path}: the header says {size} values, allowed: from 1 to {most:,}")
    values, got = np.empty(count, dtype=np.uint8), 0
    while got < count and (block := file.read(min(AT_ONCE, count - got))):
        values[got : got + len(block)] = np.frombuffer(block, np.uint8)
        got += len(block)
    if got < count:
        raise UserError(f"{path}: holds {got:,} values and is truncated; its header says {size}")
    if file.read(1):
        raise UserError(f"{path}: goes on after the {size} values that its header says")
    return values.reshape(shape)
