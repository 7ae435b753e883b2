"""Rows of a data set: what columns and parts it has, and its inputs and labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mtbkd_core.common.files import home
from mtbkd_core.common.progress import UserError
from mtbkd_core.images.originals import thumbnail
from mtbkd_core.imports.hub.source import Source, attempt, find, library
from mtbkd_core.imports.limits import MAX_ROWS
from mtbkd_core.imports.preview import LABELS
from mtbkd_core.imports.table import check_there

#: Formats of the library that hold plain values; others, such as pandas' pickles, could run code.
_PLAIN = ("arrow", "csv", "imagefolder", "json", "parquet", "text")
#: Letters of a text that are kept for people to see.
_LETTERS = 2_000
_TEXTS = ("text", "sentence", "content", "review", "sequence", "image", "img")


@dataclass(frozen=True)
class Look:
    """What a data set is made of.

    Attributes:
        splits: its parts.
        columns: column -> what it holds, for people: "text", "pictures", "numbers", "labels: a, b", or a type's name.
        inputs, label: columns that are probably that; None where none looks like it.
    """

    splits: tuple[str, ...]
    columns: Mapping[str, str]
    inputs: str | None
    label: str | None


@dataclass(frozen=True)
class HubRows:
    """Rows of one part of a data set.

    Attributes:
        name: for people and files, such as "imdb train".
        data: the library's, of N rows.
        places: [N], the rows in the part.
        features: column -> the library's type.
    """

    name: str
    data: Any
    places: np.ndarray
    features: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.places)

    def at(self, row: int, column: str) -> str:
        """A row and a column as the beginning of a message."""
        return f"{self.name}: row {self.places[row] + 1}, column {column[:60]!r}"

    def are_pictures(self, column: str) -> bool:
        """Whether a column holds pictures."""
        return type(self.features[column]).__name__ == "Image"

    def class_names(self, column: str) -> tuple[str, ...] | None:
        """Names of a column's classes in their order, where the data set has them."""
        names = getattr(self.features[column], "names", None)
        return tuple(map(str, names)) if names else None

    def labels(self, column: str) -> list[str]:
        """A column of labels as text, by their names where the data set has them; empty without one (-1)."""
        names, values = self.class_names(column), self._values(column)
        if names is None:
            return ["" if value is None else str(value) for value in values]
        wrong = next((row for row, value in enumerate(values) if value is not None and value >= len(names)), None)
        if wrong is not None:
            raise UserError(f"{self.at(wrong, column)}: got {values[wrong]}, and there are {len(names):,} classes")
        return ["" if value is None or value < 0 else names[value] for value in values]

    def texts(self, column: str) -> list[str]:
        """A column of texts; refuses a cell that is none."""
        texts = self._values(column)
        wrong = next((row for row, text in enumerate(texts) if not isinstance(text, str)), None)
        if wrong is not None:
            got = "is empty" if texts[wrong] is None else f"holds {type(texts[wrong]).__name__}"
            raise UserError(f"{self.at(wrong, column)}: {got}, expected text or a picture")
        return texts

    def numbers(self, columns: Sequence[str]) -> dict[str, Any]:
        """Columns as Arrow has them."""
        return {name: self._read(lambda part: part.with_format("arrow")[:].column(0), name) for name in columns}

    def _read(self, read: Callable[[Any], Any], column: str) -> Any:
        """One column, which is read from the disk now."""
        try:
            return read(self.data.select_columns([column]))
        except Exception as error:  # Arrow and the library raise whatever their parts raise
            reason = " ".join(str(error).split())[:100]
            raise UserError(f"{self.name}: column {column[:60]!r} cannot be read ({reason})") from None

    def _values(self, column: str) -> list[Any]:
        values: list[Any] = self._read(lambda part: part[:][column], column)
        return values

    def pictures(self, column: str, start: int, end: int) -> list[Any]:
        """Some pictures of a column in colours, as Pillow has them; refuses a cell that is none."""
        found = []
        for row in range(start, end):
            try:
                found.append(self.data[row][column].convert("RGB"))
            except Exception as error:  # Pillow raises whatever its parts raise; None has no such method
                reason = " ".join(str(error).split())[:100]
                raise UserError(f"{self.at(row, column)}: cannot be read as a picture ({reason})") from None
        return found

    def shown(self, inputs: Sequence[str]) -> dict[str, str]:
        """What people see of each row, by its place: the beginning of its texts, or a small picture as a data URI."""
        if self.are_pictures(inputs[0]):
            found = (thumbnail(self.pictures(inputs[0], row, row + 1)[0]) for row in range(len(self)))
        else:
            pairs = zip(*(self.texts(column) for column in inputs), strict=True)
            found = ("\n\n".join(texts)[:_LETTERS] for texts in pairs)
        return dict(zip(map(str, self.places), found, strict=True))


def look(data: str, subset: str = "") -> Look:
    """Parts and columns of a data set, of which as little as can be is loaded; errors as `load_rows`."""
    parts = _parts(find(data, "data", "dataset"), subset, streaming=True)
    features = next(iter(parts.values())).features or {}
    columns = {str(name): _described(kind) for name, kind in features.items()}
    inputs = [name for name, holds in columns.items() if holds in ("text", "pictures")]
    labels = [name for name, holds in columns.items() if holds.startswith("labels")]
    labels += [name for name in columns if name.lower() in LABELS and name not in labels]
    likely = sorted(inputs, key=lambda name: name.lower() not in _TEXTS)
    label = labels[0] if labels else None
    return Look(tuple(map(str, parts)), columns, next((name for name in likely if name != label), None), label)


def load_rows(data: str, subset: str, splits: Sequence[str], wanted: Sequence[str], most: int | None) -> list[HubRows]:
    """Rows of some parts of a data set.

    Args:
        wanted: columns that have to be there.
        most: so many rows of each, drawn with seed 0; None: all.
    Raises:
        UserError: a data set that cannot be read or is not in a plain format, a part or column that is not there, too
            many rows; one line.
    """
    source = find(data, "data", "dataset")
    parts = _parts(source, subset, streaming=False)
    found = []
    for split in splits:
        if split not in parts:
            raise UserError(f"split: {source.where!r} has no part {split[:60]!r}; it has {', '.join(parts)}")
        part, name = parts[split], f"{source.name} {split}"
        check_there(name, list(part.features), wanted)
        count = len(part)
        if most is None and count > MAX_ROWS:
            raise UserError(f"{name}: {count:,} rows, allowed: at most {MAX_ROWS:,}; --rows takes some at random")
        places = np.arange(count)
        if most is not None and most < count:
            places = np.sort(np.random.default_rng(0).choice(count, most, replace=False))
        rows = part.select_columns(list(dict.fromkeys(wanted))).select(places)
        found.append(HubRows(name, rows, places, dict(part.features)))
    return found


def _parts(source: Source, subset: str, streaming: bool) -> dict[str, Any]:
    """The parts of a data set by name."""
    datasets = library("datasets")
    folder = Path(source.where)
    if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
        saved = attempt("data", source, "a data set", lambda: datasets.load_from_disk(str(folder)))
        return dict(saved) if isinstance(saved, dict) else {str(saved.split or "train"): saved}
    about = {"name": subset or None, "revision": source.revision, "cache_dir": str(home() / "datasets")}

    def load() -> Any:
        builder = datasets.load_dataset_builder(source.where, **about)
        modules = {parent.__module__ for parent in type(builder).__mro__}
        if modules.isdisjoint(f"datasets.packaged_modules.{kind}.{kind}" for kind in _PLAIN):
            raise UserError(
                f"data: {source.where!r} is kept in a format that is not read, allowed: {', '.join(_PLAIN)}"
            )
        return datasets.load_dataset(source.where, streaming=streaming, **about)

    found = attempt("data", source, "a data set", load)
    return {str(name): part for name, part in found.items()}


def _described(kind: Any) -> str:
    """What a column holds, for people."""
    if names := getattr(kind, "names", None):
        return f"labels: {', '.join(map(str, names[:6]))}" + (" and more" if len(names) > 6 else "")
    if type(kind).__name__ == "Image":
        return "pictures"
    dtype = str(getattr(kind, "dtype", ""))
    if dtype in ("string", "large_string"):
        return "text"
    if dtype.startswith(("int", "uint", "float")):
        return "numbers"
    inner = str(getattr(getattr(kind, "feature", None), "dtype", ""))
    return "lists of numbers" if inner.startswith(("int", "uint", "float")) else dtype or type(kind).__name__
