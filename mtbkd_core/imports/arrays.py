"""Arrays in a file: NPY, NPZ, safetensors, HDF5. One of [rows, columns] holds the numbers; others may name the rows.

Sizes are taken from the headers before anything is read. HDF5 may hold a vector for each protein, called by its
accession; links to other files are not followed.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mtbkd_core.common.files import read_tensors
from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.kinds import Kind
from mtbkd_core.imports.limits import MAX_ROWS, MAX_UNPACKED, check_size, one_line
from mtbkd_core.imports.table import Table
from mtbkd_core.imports.top_k import pair_of_arrays

#: What the column is called that holds the names under which HDF5 keeps a vector each.
IDS = "accession"
#: Arrays of an HDF5 file that are looked at for names of rows.
_FEW = 64


@dataclass(frozen=True)
class _Entry:
    """An array that is not read yet: its shape, its numpy type, and how it is read."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[], np.ndarray]

    @property
    def is_numbers(self) -> bool:
        return self.dtype.kind in "fiub"

    @property
    def is_texts(self) -> bool:
        return self.dtype.kind in "US" and len(self.shape) == 1

    @property
    def size(self) -> int:
        return math.prod(self.shape) * max(self.dtype.itemsize, 1)


def read(path: Path, kind: Kind, key: str) -> Table:
    """The numbers of a file of arrays, with a column for each array of text that names the rows.

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
                return _table(path.name, _hdf5(path, file), key, kind)
        return _table(path.name, openers[kind](path), key, kind)
    except (UserError, MemoryError):
        raise
    except Exception as error:  # zipfile, its methods of compression, numpy and h5py raise whatever their parts raise
        raise UserError(f"{path.name}: cannot be read as {kind} ({one_line(error)})") from None


def names_of_texts(path: Path, kind: Kind) -> tuple[str, ...]:
    """Names of the arrays of text that may name the rows; errors as `read`, but of the numbers."""
    try:
        if kind is Kind.HDF5:
            import h5py

            with h5py.File(path, "r", locking=False) as file:
                own = (name for name in file if isinstance(file.get(name, getlink=True), h5py.HardLink))
                return tuple(name for name in islice(own, _FEW) if _is_text(file[name]))
        entries = _npz(path) if kind is Kind.NPZ else {}
    except UserError:
        raise
    except Exception as error:  # as in `read`
        raise UserError(f"{path.name}: cannot be read as {kind} ({one_line(error)})") from None
    return tuple(name for name, entry in entries.items() if entry.is_texts)


def _is_text(found: Any) -> bool:
    import h5py

    return isinstance(found, h5py.Dataset) and h5py.check_string_dtype(found.dtype) is not None


def _table(file: str, entries: Mapping[str, _Entry], key: str, kind: Kind) -> Table:
    if kind is Kind.HDF5 and not key and _are_vectors(entries):
        return _of_vectors(file, entries)
    shapes = {name: entry.shape for name, entry in entries.items() if entry.is_numbers}
    if not key and (pair := pair_of_arrays(shapes)):
        return _of_pair(file, entries, pair)
    name = key or _only(file, entries)
    if name not in entries:
        raise UserError(f"{file}: has no array {name[:60]!r}; it has {_listed(entries)}")
    entry = entries[name]
    if not entry.is_numbers or not 1 <= len(entry.shape) <= 4:
        shape = list(entry.shape)
        raise UserError(f"{file}: expected numbers of shape [rows, columns], got {entry.dtype} of shape {shape}")
    rows, columns = entry.shape[0], math.prod(entry.shape[1:])
    check_size(file, rows, columns, entry.size)
    numbers = entry.read().reshape(rows, columns)
    size = {2: 4, 4: 4}.get(numbers.dtype.itemsize, 8)
    numbers = numbers.astype(f"f{size}" if numbers.dtype.kind == "f" else numbers.dtype.newbyteorder("="), copy=False)
    names = {
        other: each.read().astype(str)
        for other, each in entries.items()
        if each.is_texts and each.shape == (rows,) and each.size <= MAX_UNPACKED // 8
    }
    start = 0 if names else 1
    cells = {other: pa.array(texts.tolist(), pa.string()) for other, texts in names.items()}
    cells |= {str(start + place): pa.array(np.ascontiguousarray(column)) for place, column in enumerate(numbers.T)}
    several = f"{file}: array {name!r} was read of {_listed(entries)}" if len(entries) > 1 else ""
    table = pa.table(cells)
    return Table(file, tuple(cells), table, named=bool(names), notes=(several,) if several else ())


def _of_pair(file: str, entries: Mapping[str, _Entry], pair: tuple[str, str]) -> Table:
    """A table with the columns of two arrays of one shape, called after the array and the place from 0."""
    rows, columns = entries[pair[0]].shape
    check_size(file, rows, 2 * columns, sum(entries[name].size for name in pair))
    cells = {
        f"{name} {place}": pa.array(np.ascontiguousarray(column).astype(np.float64))
        for name in pair
        for place, column in enumerate(entries[name].read().T)
    }
    return Table(file, tuple(cells), pa.table(cells), notes=(f"{file}: arrays {pair[0]!r} and {pair[1]!r} were read",))


def _only(file: str, entries: Mapping[str, _Entry]) -> str:
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


def _listed(entries: Mapping[str, _Entry], most: int = 6) -> str:
    shown = [f"{name[:40]!r} {list(entry.shape)}" for name, entry in list(entries.items())[:most]]
    return ", ".join(shown) + (f" and {len(entries) - most:,} more" if len(entries) > most else "") or "none"


def _npy_header(file: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = reader(file)
    if dtype.hasobject:
        raise UserError("")
    return shape, dtype


def _npy(path: Path) -> dict[str, _Entry]:
    with path.open("rb") as file:
        try:
            shape, dtype = _npy_header(file)
        except UserError:
            raise _objects(path) from None
    return {path.stem: _Entry(shape, dtype, lambda: np.load(path, allow_pickle=False))}


def _objects(path: Path) -> UserError:
    return UserError(
        f"{path.name}: holds Python objects, which would have to be unpickled and can run code: save plain numbers, "
        "such as numpy.savez(file, numbers.astype(float))"
    )


def _npz(path: Path) -> dict[str, _Entry]:
    entries: dict[str, _Entry] = {}
    objects = False
    with zipfile.ZipFile(path) as archive:
        for part in archive.infolist():
            name = part.filename.removesuffix(".npy")
            if name == part.filename:
                continue
            with archive.open(part) as file:
                try:
                    shape, dtype = _npy_header(file)
                except UserError:
                    objects = True
                    continue
            entries[name] = _Entry(shape, dtype, _member(path, part.filename))
    if not entries and objects:
        raise _objects(path)
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


def _safetensors(path: Path) -> dict[str, _Entry]:
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
        name: _Entry(tuple(map(int, about["shape"])), np.dtype(_TYPES.get(about["dtype"], "f8")), reader(name))
        for name, about in tensors.items()
    }


def _hdf5(path: Path, file: Any) -> dict[str, _Entry]:
    """The arrays of an open file by their names; those that lie in other files are left out."""
    import h5py

    entries: dict[str, _Entry] = {}

    def reader(name: str, text: bool) -> Callable[[], np.ndarray]:
        def read_text() -> np.ndarray:
            values: np.ndarray = file[name].asstr()[:].astype(str)
            return values

        def read_numbers() -> np.ndarray:
            found = h5py.h5d.open(file.id, name.encode())
            values = np.empty(found.shape, found.dtype)
            found.read(h5py.h5s.ALL, h5py.h5s.ALL, values)
            return values

        return read_text if text else read_numbers

    def visit(raw: bytes, about: Any) -> None:
        # below h5py's own objects, each of which takes 20 KB: a file may hold a vector for each of 100,000 rows
        if about.type != h5py.h5o.TYPE_DATASET:
            return
        found, name = h5py.h5d.open(file.id, raw), raw.decode(errors="surrogateescape")
        made = found.get_create_plist()
        elsewhere = made.get_external_count() > 0 or made.get_layout() == h5py.h5d.VIRTUAL
        if elsewhere or found.get_space().get_simple_extent_type() == h5py.h5s.NULL:
            return
        text = h5py.check_string_dtype(found.dtype) is not None
        entries[name] = _Entry(found.shape, np.dtype("U1") if text else found.dtype, reader(name, text))
        if len(entries) > 20 * MAX_ROWS:
            raise UserError(f"{path.name}: holds more than {20 * MAX_ROWS:,} arrays")

    h5py.h5o.visit(file.id, visit, info=True)
    if not entries:
        raise UserError(f"{path.name}: holds no array")
    return entries


def _are_vectors(entries: Mapping[str, _Entry]) -> bool:
    """Whether a file holds a vector for each protein: at least half of the arrays are vectors of one length."""
    shapes = [entry.shape for entry in entries.values() if entry.is_numbers]
    matrices = sum(len(shape) == 2 for shape in shapes)
    return len(shapes) > 1 and (sum(len(shape) == 1 for shape in shapes) >= max(1, len(shapes) / 2) and matrices != 1)


def _of_vectors(file: str, entries: Mapping[str, _Entry]) -> Table:
    """A table with a row for each vector, and its name, which is an accession, in the column `IDS`."""
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
    cells = {IDS: pa.array(ids)} | {
        str(place): pa.array(np.ascontiguousarray(column)) for place, column in enumerate(values.T)
    }
    note = f"{file}: holds {len(vectors):,} vectors of {width[0]:,} numbers by name"
    return Table(file, tuple(cells), pa.table(cells), notes=(note,), by_id=True)
