"""Reading a file of numbers, one row an example: with or without a header, an index column or an accession column."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mtbkd_core.common.files import read_tensors
from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.columns import apart, is_fraction, is_header, numbers_rows, plain
from mtbkd_core.imports.reading import (
    MAX_COLUMNS,
    MAX_ROWS,
    MAX_UNPACKED,
    Places,
    beginning,
    check_names,
    count_of,
    csv_rows,
    is_number,
    is_parquet,
    no_number,
    number,
    parquet_numbers,
)

#: The most that a number may be in size.
LARGEST = 1e30


@dataclass(frozen=True)
class Matrix:
    """Numbers of a file.

    Attributes:
        values: [N, F] float64, not checked for finiteness.
        names: of the columns; None where the file names none.
        accession_name, accessions: the column that names the rows; None where there is none.
        index_name, index: the named column that numbers the rows; None where there is none.
        notes: what was made of the file, a line each.
    """

    values: np.ndarray
    names: tuple[str, ...] | None
    places: Places
    accession_name: str | None = None
    accessions: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    index_name: str | None = None
    index: tuple[int, ...] | None = None

    def column(self, index: int) -> str:
        """A column's name for people: the file's own, or its number from 1."""
        return self.names[index] if self.names is not None else str(index + 1)


def read_matrix(path: Path, rows: int, accession: str | None = None, numbers: Sequence[str] = ()) -> Matrix:
    """Read numbers from CSV, Parquet, NPZ (one array) or safetensors (one tensor).

    A first line is a header where one of its cells is no number, where its cells count up from 0 or 1, or where they do
    so in another order and there is one line more than rows. Where there are as many lines as rows it is none if one of
    its cells is a number that counts nothing, or if all cells of the file are whole numbers. A column that numbers or
    names the rows is left out, and text beside columns with all the classes' names.

    Args:
        rows: how many are expected. Not checked; it only tells a header from a row.
        accession: name of the column that names the rows; without one of that name, it is one with a usual name.
        numbers: names of columns that name no rows, whatever they are called: the classes'.
    Raises:
        UserError: a file that cannot be read, or a cell that is no number; one line with file, row and column.
    """
    beginning(path)
    if path.suffix.lower() == ".npz":
        return _bare(path, _npz_array(path))
    if path.suffix.lower() == ".safetensors":
        try:
            tensors = read_tensors(path)
        except UserError as error:  # the file may lie in a folder that the person does not know
            raise UserError(str(error).replace(str(path), path.name)) from None
        if len(tensors) != 1:
            raise UserError(f"{path.name}: holds {len(tensors)} tensors, expected one")
        (tensor,) = tensors.values()
        return _bare(path, tensor.numpy() if tensor.is_complex() else tensor.double().numpy())
    found = _from_parquet(path, accession, numbers) if is_parquet(path) else _from_csv(path, rows, accession, numbers)
    return _without_index(found, numbers)


def _text_left_out(file: str, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{file}: its column {name!r} holds text beside the classes and was left out" for name in names)


def _bare(path: Path, values: np.ndarray) -> Matrix:
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        raise UserError(
            f"{path.name}: expected numbers of shape [rows, columns], got {values.dtype} of shape {list(values.shape)}"
        )
    return Matrix(values.astype(np.float64), None, Places(path.name, None))


def _npz_array(path: Path) -> np.ndarray:
    """The one array of an NPZ file; an array of objects, which would have to be unpickled, is refused."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > MAX_UNPACKED:
                raise UserError(f"{path.name}: more than {MAX_UNPACKED // 2**30} GiB once it is unpacked")
        with np.load(path, allow_pickle=False) as archive:
            if len(archive.files) != 1:
                raise UserError(f"{path.name}: holds {len(archive.files)} arrays, expected one")
            array = archive[archive.files[0]]
    except UserError:
        raise
    except Exception as error:  # zipfile, its methods of compression and numpy raise whatever their parts raise
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise UserError(f"{path.name}: cannot be read as NPZ ({reason})") from None
    if not isinstance(array, np.ndarray):
        raise UserError(f"{path.name}: holds {archive.files[0][:40]!r}, which is no array of numpy's")
    return array


def _from_csv(path: Path, rows: int, accession: str | None, numbers: Sequence[str]) -> Matrix:
    lines = csv_rows(path)
    all_lines = list(lines)
    if not all_lines:
        raise UserError(f"{path.name}: has no line")
    first = all_lines[0][1]
    # class names that are numbers are known for what they are
    classes = len(all_lines) == rows + 1 and bool(numbers) and set(map(plain, numbers)) <= set(map(plain, first))
    header = classes or is_header([cells for _, cells in all_lines], rows)
    body = all_lines[1:] if header else all_lines
    places = Places(path.name, tuple(line for line, _ in body))
    for line, cells in body:
        if len(cells) != len(first):
            raise UserError(
                f"{path.name}: line {line} has {count_of(len(cells), 'cell')}, expected {len(first):,} as in line 1"
            )
    fractions = {first[place] for place in range(len(first)) if any(is_fraction(cells[place]) for _, cells in body)}
    named: list[int] = []
    texts: list[int] = []
    if header:
        named, texts = apart(
            check_names(path, first),
            accession,
            numbers,
            fractions,
            lambda place: all(is_number(cells[place]) for _, cells in body),
        )
    kept = [index for index in range(len(first)) if index not in (*named, *texts)]
    names = tuple(first[index] for index in kept) if header else None
    values = np.empty((len(body), len(kept)))
    for row, (_, cells) in enumerate(body):
        try:
            values[row] = [number(cells[index]) for index in kept]
        except ValueError:
            bad = next(index for index in kept if not is_number(cells[index]))
            column = first[bad] if header else str(bad + 1)
            raise UserError(f"{places.at(row, column)}: {no_number(path, cells[bad], 'a number')}") from None
    return Matrix(
        values,
        names,
        places,
        first[named[0]] if named else None,
        tuple(cells[named[0]] for _, cells in body) if named else None,
        (
            f"{path.name}: the first line was read as {'a header' if header else 'numbers'}",
            *_text_left_out(path.name, [first[place] for place in texts]),
        ),
    )


def _from_parquet(path: Path, accession: str | None, numbers: Sequence[str]) -> Matrix:
    names, columns = parquet_numbers(path)
    fractions = {name for name in names if columns[name].dtype.kind == "f" and (columns[name] % 1 > 0).any()}
    places_named, places_text = apart(
        names,
        accession,
        numbers,
        fractions,
        lambda place: columns[names[place]].dtype.kind in "fiub" or all(map(is_number, columns[names[place]])),
    )
    named, texts = [names[place] for place in places_named], [names[place] for place in places_text]
    kept = [name for name in names if name not in (*named, *texts)]
    places = Places(path.name, None)
    values = np.empty((len(next(iter(columns.values()), ())), len(kept)))
    for index, name in enumerate(kept):
        for row, value in enumerate(columns[name] if columns[name].dtype.kind not in "fiu" else ()):
            if not is_number(value):
                raise UserError(f"{places.at(row, name)}: got {str(value)[:40]!r}, expected a number")
        values[:, index] = columns[name].astype(np.float64)
    accessions = tuple(str(value) for value in columns[named[0]]) if named else None
    accession_name = named[0] if named else None
    return Matrix(values, tuple(kept), places, accession_name, accessions, _text_left_out(path.name, texts))


def _without_index(found: Matrix, classes: Sequence[str]) -> Matrix:
    """Leave out the column that numbers the rows.

    That is one named as an index that holds whole numbers, each once; or in a file without a header a first one that
    counts from 0 or 1.
    """
    values, names = found.values, found.names
    if len(values) < 2 or values.shape[1] < 2:
        return found
    known = {plain(name) for name in classes}
    places = [place for place, name in enumerate(names or ()) if numbers_rows(name) and plain(name) not in known]
    place = places[0] if places else 0
    index = values[:, place]
    counts = np.array_equal(index, np.arange(len(index)) + index[0]) and index[0] in (0, 1)
    whole = bool(np.isfinite(index).all()) and np.array_equal(index, np.round(index))
    numbers = bool(places) and whole and len(np.unique(index)) == len(index)
    if not (numbers or (counts and names is None)):
        return found
    how = "counts the rows" if counts else "numbers the rows in an order of its own"
    last = values.shape[1] - 1
    which = {0: "first column", last: "last column"}.get(place, f"column {found.column(place)!r}")
    return replace(
        found,
        values=np.delete(values, place, axis=1),
        names=(*names[:place], *names[place + 1 :]) if names is not None else None,
        notes=(*found.notes, f"{found.places.file}: its {which} {how} and was left out"),
        index_name=names[place] if names is not None else None,
        index=tuple(int(number) for number in index) if names is not None else None,
    )


def check_size(matrix: Matrix, rows: int, expected: str, more: str = "") -> None:
    """Refuse another number of rows than `rows`, or numbers that are too many or not finite.

    Args:
        expected: what has so many rows, such as "train.csv".
        more: what else to say where the number is another.
    Raises:
        UserError: one line with file, row and column.
    """
    file = matrix.places.file
    if len(matrix.values) != rows:
        less = "one too few" if len(matrix.values) == rows - 1 else f"expected {rows:,}"
        number = f", expected {rows:,}" if less == "one too few" else ""
        as_many = f": as many as {expected}{'; ' * bool(more)}{more}"
        raise UserError(f"{file}: has {count_of(len(matrix.values), 'row')}, {less}{number}{as_many}")
    if not matrix.values.shape[1]:
        raise UserError(f"{file}: has no column of numbers beside {matrix.accession_name!r}")
    if len(matrix.values) > MAX_ROWS or matrix.values.shape[1] > MAX_COLUMNS:
        raise UserError(
            f"{file}: {len(matrix.values):,} rows of {matrix.values.shape[1]:,} columns, allowed: at most {MAX_ROWS:,} "
            f"of {MAX_COLUMNS:,}"
        )
    wrong = ~np.isfinite(matrix.values) | (np.abs(matrix.values) > LARGEST)
    if wrong.any():
        row, column = (int(place) for place in np.argwhere(wrong)[0])
        got = matrix.values[row, column]
        where = matrix.places.at(row, matrix.column(column))
        raise UserError(f"{where}: got {got}, expected a finite number, at most 1e30 in size")
