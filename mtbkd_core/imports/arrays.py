"""Arrays in a file: NPY, NPZ, safetensors, HDF5. One of [rows, columns] holds the numbers; others may name the rows.

Sizes are taken from the headers before anything is read. HDF5 may hold a vector for each protein, called by its
accession; links to other files are not followed.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mtbkd_core.common.files import read_tensors
from mtbkd_core.common.progress import UserError
from mtbkd_core.imports import hdf5
from mtbkd_core.imports.entry import Entry
from mtbkd_core.imports.kinds import Kind
from mtbkd_core.imports.limits import MAX_UNPACKED, check_size, one_line
from mtbkd_core.imports.table import Table
from mtbkd_core.imports.top_k import pair_of_arrays


def read(path: Path, kind: Kind, key: str) -> Table:
    """The numbers of a file of arrays, with a column for each array of text or whole numbers that may name the rows.

    Args:
        key: name of the array that is meant; empty: the only one of [rows, columns].
    Raises:
        UserError: a file that cannot be read, is too large, or holds several such arrays; one line.
    """
    openers = {Kind.NPY: _npy, Kind.NPZ: _npz, Kind.SAFETENSORS: _safetensors}
    try:
        if kind is Kind.HDF5:
            import h5py

            with h5py.File(path, "r", locking=False) as file:
                return _table(path.name, hdf5.entries_of(path, file), key, kind)
        return _table(path.name, openers[kind](path), key, kind)
    except (UserError, MemoryError):
        raise
    except Exception as error:  # zipfile, its methods of compression, numpy and h5py raise whatever their parts raise
        raise UserError(f"{path.name}: cannot be read as {kind} ({one_line(error)})") from None


def names_beside(path: Path, kind: Kind) -> tuple[str, ...]:
    """Names of the arrays that may name the rows; errors as `read`, but of the numbers."""
    try:
        if kind is Kind.HDF5:
            import h5py

            with h5py.File(path, "r", locking=False) as file:
                return hdf5.names_of_texts(file)
        entries = {Kind.NPZ: _npz, Kind.SAFETENSORS: _safetensors}.get(kind, lambda path: {})(path)
    except UserError:
        raise
    except Exception as error:  # as in `read`
        raise UserError(f"{path.name}: cannot be read as {kind} ({one_line(error)})") from None
    return tuple(name for name, entry in entries.items() if entry.is_texts or entry.is_whole)


def _table(file: str, entries: Mapping[str, Entry], key: str, kind: Kind) -> Table:
    if kind is Kind.HDF5 and not key:
        if hdf5.are_vectors(entries):
            return hdf5.of_vectors(file, entries)
        hdf5.check_no_residues(file, entries)
    shapes = {name: entry.shape for name, entry in entries.items() if entry.is_numbers}
    if not key and (pair := pair_of_arrays(shapes)):
        if kind is Kind.NPZ:
            _check_objects(file, entries, shapes[pair[0]][0])
        return _of_pair(file, entries, pair)
    name = key or _only(file, entries)
    if name not in entries:
        raise UserError(f"{file}: has no array {name[:60]!r}; it has {_listed(entries)}")
    entry = entries[name]
    if entry.dtype.hasobject and kind is Kind.NPZ:
        raise _objects(file)
    if not entry.is_numbers or not 1 <= len(entry.shape) <= 4:
        shape = list(entry.shape)
        raise UserError(f"{file}: expected numbers of shape [rows, columns], got {entry.dtype} of shape {shape}")
    rows, columns = entry.shape[0], math.prod(entry.shape[1:])
    check_size(file, rows, columns, entry.size)
    if kind is Kind.NPZ:
        _check_objects(file, entries, rows)
    numbers = entry.read().reshape(rows, columns)
    size = {2: 4, 4: 4}.get(numbers.dtype.itemsize, 8)
    numbers = numbers.astype(f"f{size}" if numbers.dtype.kind == "f" else numbers.dtype.newbyteorder("="), copy=False)
    cells = _beside(file, {other: each for other, each in entries.items() if other != name}, rows)
    beside, named = tuple(cells), any(map(pa.types.is_string, (each.type for each in cells.values())))
    start = 0 if named else 1
    cells |= {str(start + place): pa.array(np.ascontiguousarray(column)) for place, column in enumerate(numbers.T)}
    several = f"{file}: array {name!r} was read of {_listed(entries)}" if len(entries) > 1 else ""
    notes = (several,) if several else ()
    return Table(file, tuple(cells), pa.table(cells), named=named, notes=notes, beside=beside)


def _beside(file: str, entries: Mapping[str, Entry], rows: int) -> dict[str, pa.Array]:
    """Columns of the arrays that hold a text or a whole number for each row, by which it may be matched."""
    cells = {}
    for name, entry in entries.items():
        if entry.shape != (rows,) or name.isdecimal():
            continue
        if entry.is_texts:
            cells[name] = _texts(file, name, entry)
        elif entry.is_whole:
            cells[name] = pa.array(entry.read().tolist())
    return cells


def _texts(file: str, name: str, entry: Entry) -> pa.Array:
    """An array of text; refuses one that takes too much, for it may be the one that names the rows."""
    if entry.size > MAX_UNPACKED // 8:
        raise UserError(
            f"{file}: array {name[:60]!r} of text takes more than {MAX_UNPACKED // 2**23} MiB: leave it out"
        )
    texts = entry.read().tolist()
    return pa.array([text.decode() if isinstance(text, bytes) else text for text in texts], pa.string())


def _of_pair(file: str, entries: Mapping[str, Entry], pair: tuple[str, str]) -> Table:
    """A table with the columns of two arrays of one shape, called after the array and the place from 0."""
    rows, columns = entries[pair[0]].shape
    check_size(file, rows, 2 * columns, sum(entries[name].size for name in pair))
    cells = _beside(file, {name: entry for name, entry in entries.items() if name not in pair}, rows)
    beside = tuple(cells)
    cells |= {
        f"{name} {place}": pa.array(np.ascontiguousarray(column).astype(np.float64))
        for name in pair
        for place, column in enumerate(entries[name].read().T)
    }
    notes = (f"{file}: arrays {pair[0]!r} and {pair[1]!r} were read",)
    return Table(file, tuple(cells), pa.table(cells), notes=notes, beside=beside)


def _only(file: str, entries: Mapping[str, Entry]) -> str:
    """The name of the only array of [rows, columns]; of a single array, its name."""
    fitting = [name for name, entry in entries.items() if entry.is_numbers and len(entry.shape) == 2]
    if len(fitting) == 1 or len(entries) == 1:
        return fitting[0] if fitting else next(iter(entries))
    if not entries:
        raise UserError(f"{file}: holds no array")
    ways = f"name one on the command line as {file}:{fitting[0] if fitting else 'array'}"
    raise UserError(
        f"{file}: holds {len(entries)} arrays, expected one of shape [rows, columns]: {_listed(entries)}; {ways}"
    )


def _listed(entries: Mapping[str, Entry], most: int = 6) -> str:
    shown = [f"{name[:40]!r} {list(entry.shape)}" for name, entry in list(entries.items())[:most]]
    return ", ".join(shown) + (f" and {len(entries) - most:,} more" if len(entries) > most else "") or "none"


#: Bytes of a header of NPY.
_LONGEST_HEADER = 2**16


def _npy_header(file: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type; a long header is not read, for numpy would hold it before it refuses it."""
    first = np.lib.format.read_magic(file) == (1, 0)
    raw = file.read(2 if first else 4)
    if (length := int.from_bytes(raw, "little")) > _LONGEST_HEADER:
        raise ValueError(f"its header has {length:,} bytes")
    reader = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
    shape, _, dtype = reader(io.BytesIO(raw + file.read(length)))
    return shape, dtype


def _npy(path: Path) -> dict[str, Entry]:
    with path.open("rb") as file:
        shape, dtype = _npy_header(file)
    if dtype.hasobject:
        raise _objects(path.name)
    return {path.stem: Entry(shape, dtype, lambda: np.load(path, allow_pickle=False))}


def _check_objects(file: str, entries: Mapping[str, Entry], rows: int) -> None:
    """Refuse an array of objects, one a row, which may be what names the rows, as pandas keeps text."""
    for name, entry in entries.items():
        if entry.dtype.hasobject and entry.shape == (rows,):
            why = "which would have to be unpickled and can run code, and may name the rows"
            way = f"save it as text, such as {name[:40]}.astype(str), or leave it out"
            raise UserError(f"{file}: array {name[:60]!r} holds Python objects, {why}: {way}")


def _objects(file: str) -> UserError:
    return UserError(
        f"{file}: holds Python objects, which would have to be unpickled and can run code: save plain numbers, "
        "such as numpy.savez(file, numbers.astype(float))"
    )


def _npz(path: Path) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    with zipfile.ZipFile(path) as archive:
        for part in archive.infolist():
            name = part.filename.removesuffix(".npy")
            if name == part.filename:
                continue
            with archive.open(part) as file:
                shape, dtype = _npy_header(file)
            entries[name] = Entry(shape, dtype, _member(path, part.filename))
    if entries and all(entry.dtype.hasobject for entry in entries.values()):
        raise _objects(path.name)
    if not entries:
        raise UserError(f"{path.name}: cannot be read as NPZ (it holds no array of numpy's)")
    return entries


def _member(path: Path, name: str) -> Callable[[], np.ndarray]:
    def read_member() -> np.ndarray:
        with zipfile.ZipFile(path) as archive, archive.open(name) as file:
            values: np.ndarray = np.lib.format.read_array(file, allow_pickle=False)
            return values

    return read_member


#: safetensors' types -> numpy's; those that numpy lacks are read by torch, as float64.
_TYPES = {
    **{f"F{8 * size}": f"f{size}" for size in (2, 4, 8)},
    **{f"I{8 * size}": f"i{size}" for size in (1, 2, 4, 8)},
    **{f"U{8 * size}": f"u{size}" for size in (1, 2, 4, 8)},
    "BF16": "f8",
    "BOOL": "b1",
    "C64": "c8",
}


def _safetensors(path: Path) -> dict[str, Entry]:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(2**24, path.stat().st_size):
            raise UserError(f"{path.name}: cannot be read as safetensors (its header is longer than the file)")
        header = json.loads(file.read(length))
    tensors = {name: about for name, about in header.items() if name != "__metadata__"}

    def reader(name: str) -> Callable[[], np.ndarray]:
        def read_tensor() -> np.ndarray:
            try:
                tensor = read_tensors(path)[name]
            except UserError as error:  # the file may lie in a folder that the person does not know
                raise UserError(str(error).replace(str(path), path.name)) from None
            values: np.ndarray = (tensor if tensor.is_complex() else tensor.double()).numpy()
            return values

        return read_tensor

    return {
        name: Entry(tuple(map(int, about["shape"])), np.dtype(_TYPES.get(about["dtype"], "f8")), reader(name))
        for name, about in tensors.items()
    }
