"""The arrays of an HDF5 file, which may hold a vector for each protein, called by its accession.

They are opened below h5py's own objects, each of which takes 20 KB: there may be one for each of 100,000 rows.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.entry import Entry
from mtbkd_core.imports.limits import MAX_ROWS, MAX_UNPACKED, check_size
from mtbkd_core.imports.table import Table

#: What the column is called that holds the names under which HDF5 keeps a vector each.
IDS = "accession"
#: Arrays of an HDF5 file that are looked at for names of rows.
_FEW = 64
#: Bytes of text that may be read at once, and of a chunk, which is held as a whole however little of it is wanted.
_AT_ONCE, _MOST_CHUNK = 2**26, 2**26
#: Bytes of a chunk that LZF packed: what comes of them, up to 90 times as much, cannot be told before. Of a checksum.
_MOST_LZF, _SUMS = 2**22, 4
#: Bytes of an array that is read while it is open, for there may be one for each row; of all of these.
_SMALL, _HELD = 2**16, 2**27
#: Bytes of a stream that are looked at in one go.
_BLOCK = 2**20


def names_of_texts(file: Any) -> tuple[str, ...]:
    """Names of the arrays of text at the top of an open file that may name its rows."""
    import h5py

    own = (name for name in file if isinstance(file.get(name, getlink=True), h5py.HardLink))
    return tuple(name for name in islice(own, _FEW) if _is_text(file[name]))


def _is_text(found: Any) -> bool:
    import h5py

    return isinstance(found, h5py.Dataset) and h5py.check_string_dtype(found.dtype) is not None


def entries_of(path: Path, file: Any) -> dict[str, Entry]:
    """The arrays of an open file by their names; those that lie in other files are left out."""
    import h5py

    entries: dict[str, Entry] = {}
    held = 0

    def reader(name: str, text: bool) -> Callable[[], np.ndarray]:
        def read_text() -> np.ndarray:
            _check_chunks(path, name, file[name].id)
            return _texts(path, file[name])

        def read_numbers() -> np.ndarray:
            found = h5py.h5d.open(file.id, name.encode(errors="surrogateescape"))
            _check_chunks(path, name, found)
            return _read(found)

        return read_text if text else read_numbers

    def visit(raw: bytes, about: Any) -> None:
        nonlocal held
        if about.type != h5py.h5o.TYPE_DATASET:
            return
        found, name = h5py.h5d.open(file.id, raw), raw.decode(errors="surrogateescape")
        simple = found.get_offset() is not None  # it lies in one piece in this file
        if not simple:
            made = found.get_create_plist()
            elsewhere = made.get_external_count() > 0 or made.get_layout() == h5py.h5d.VIRTUAL
            if elsewhere or found.get_space().get_simple_extent_type() == h5py.h5s.NULL:
                return
        kind = found.dtype
        text = h5py.check_string_dtype(kind) is not None
        entry = Entry(found.shape, _type(kind) if text else kind, reader(name, text))
        if simple and entry.is_numbers and len(entry.shape) == 1 and entry.size <= _SMALL and held < _HELD:
            held += entry.size
            entry = replace(entry, read=partial(_itself, _read(found)))
        entries[name] = entry
        if len(entries) > 20 * MAX_ROWS:
            raise UserError(f"{path.name}: holds more than {20 * MAX_ROWS:,} arrays")

    h5py.h5o.visit(file.id, visit, info=True)
    if not entries:
        raise UserError(f"{path.name}: holds no array")
    return entries


def _read(found: Any) -> np.ndarray:
    import h5py

    values = np.empty(found.shape, found.dtype)
    found.read(h5py.h5s.ALL, h5py.h5s.ALL, values)
    return values


def _itself(values: np.ndarray) -> np.ndarray:
    return values


def _check_chunks(path: Path, name: str, found: Any) -> None:
    """Refuse a dataset whose chunks take more memory than they say, or too much: the library unpacks them unasked."""
    import h5py

    made, what = found.get_create_plist(), f"{path.name}: array {name[:60]!r}"
    if made.get_layout() != h5py.h5d.CHUNKED:
        return
    filters = [made.get_filter(place)[0] for place in range(made.get_nfilters())]
    deflate, lzf = h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_LZF
    while filters and filters[-1] == h5py.h5z.FILTER_FLETCHER32:
        filters.pop()
    packed, others = filters[-1:], {*filters[:-1]} - {h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_SHUFFLE}
    if others or packed not in ([], [deflate], [lzf], [h5py.h5z.FILTER_SHUFFLE]):
        raise UserError(f"{what} is compressed in a way that is not read: save it with compression='gzip'")
    size, most = (
        math.prod(made.get_chunk()) * found.get_type().get_size(),
        _MOST_LZF if packed == [lzf] else _MOST_CHUNK,
    )
    if size > most:
        wanted = f"allowed: at most {most // 2**20} MiB: save it without chunks= and compression="
        raise UserError(f"{what} is in chunks of {size / 2**20:,.0f} MiB, {wanted}")
    chunks: list[tuple[int, int]] = []
    found.chunk_iter(lambda chunk: chunks.append((chunk.byte_offset, chunk.size)))
    with path.open("rb") as file:
        for offset, stored in chunks:
            if _goes_beyond(file, offset, stored, size) if packed == [deflate] else stored > size + _SUMS:
                raise UserError(f"{what} unpacks to more than its chunks hold: the file is broken")


def _goes_beyond(file: BinaryIO, offset: int, stored: int, size: int) -> bool:
    """Whether a deflated stream in a file holds more than `size` bytes; it is unpacked, but never held."""
    file.seek(offset)
    stream, out = zlib.decompressobj(), 0
    while stored > 0 and not stream.eof:
        piece = file.read(min(stored, _BLOCK))
        if not piece:
            break
        stored -= len(piece)
        while piece and not stream.eof:
            try:
                out += len(stream.decompress(piece, _BLOCK))
            except zlib.error:  # not packed, or broken, which the library says
                return False
            if out > size:
                return True
            piece = stream.unconsumed_tail
    return False


def _type(text: np.dtype[Any]) -> np.dtype[Any]:
    """The type of texts; of those whose length is not given, the shortest."""
    return text if text.kind == "S" else np.dtype("U1")


def _texts(path: Path, found: Any) -> np.ndarray:
    """A list of texts, of which each may be as long as the file: as many are read at once as fit, within a budget."""
    at_once = int(np.clip(_AT_ONCE // path.stat().st_size, 1, 1_000)) if found.dtype.kind == "O" else len(found)
    texts: list[str] = []
    size = 0
    for start in range(0, len(found), at_once):
        texts += found.asstr()[start : start + at_once].tolist()
        size += sum(map(len, texts[start:]))
        if size > MAX_UNPACKED // 8:
            least = f"takes more than {MAX_UNPACKED // 2**23} MiB: leave it out"
            raise UserError(f"{path.name}: array {found.name[1:60]!r} of text {least}")
    return np.array(texts, dtype=object)


def are_vectors(entries: Mapping[str, Entry]) -> bool:
    """Whether a file holds a vector for each protein: at least half of the arrays are vectors of one length."""
    shapes = [entry.shape for entry in entries.values() if entry.is_numbers]
    matrices = sum(len(shape) == 2 for shape in shapes)
    return len(shapes) > 1 and (sum(len(shape) == 1 for shape in shapes) >= max(1, len(shapes) / 2) and matrices != 1)


def check_no_residues(file: str, entries: Mapping[str, Entry]) -> None:
    """Refuse a file with a matrix for each protein, of as many rows as it has residues."""
    shapes = {name: entry.shape for name, entry in entries.items() if entry.is_numbers}
    widths, lengths = {shape[-1:] for shape in shapes.values()}, {shape[:-1] for shape in shapes.values()}
    if len(widths) == 1 < len(lengths) and all(2 <= len(shape) <= 3 for shape in shapes.values()):
        name, shape = next(iter(shapes.items()))
        raise UserError(
            f"{file}: holds {len(shapes):,} matrices by name, such as {name[:40]!r} {list(shape)}: one row for each "
            "residue, expected one vector for each protein; average over the residues first"
        )


def of_vectors(file: str, entries: Mapping[str, Entry]) -> Table:
    """A table with a row for each vector, and its name, which is an accession, in the column `IDS`.

    Groups are no part of a name unless names are only told apart by them, as pictures in folders may be.
    """
    vectors = {name: entry for name, entry in entries.items() if entry.is_numbers}
    first, width = next((name, entry.shape) for name, entry in vectors.items() if len(entry.shape) == 1)
    for name, entry in vectors.items():
        if entry.shape != width:
            got = f"{name[:40]!r} of shape {list(entry.shape)} and {first[:40]!r} of {list(width)}"
            raise UserError(f"{file}: holds {got}, expected one vector of the same length for each row")
    check_size(file, len(vectors), width[0])
    values = np.empty((len(vectors), width[0]), dtype=np.float32)
    for row, entry in enumerate(vectors.values()):
        values[row] = entry.read()
    ids = [name.rpartition("/")[2] for name in vectors]
    ids = list(vectors) if len(set(ids)) < len(ids) else ids
    cells = {IDS: pa.array(ids)} | {
        str(place): pa.array(np.ascontiguousarray(column)) for place, column in enumerate(values.T)
    }
    note = f"{file}: holds {len(vectors):,} vectors of {width[0]:,} numbers by name"
    return Table(file, tuple(cells), pa.table(cells), notes=(note,), by_id=True)
