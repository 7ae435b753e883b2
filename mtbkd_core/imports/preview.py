"""The first rows of a table, and what its columns probably are: a start for a person, who decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.classes import MAX_CLASSES
from mtbkd_core.imports.features import LETTERS
from mtbkd_core.imports.id_names import is_id_name, names_rows
from mtbkd_core.imports.reading import read_table
from mtbkd_core.imports.spec import suggest_name
from mtbkd_core.imports.table import Table, is_number

_ROWS = 20
LABELS = ("label", "labels", "class", "target", "location", "y")
_SEQUENCES = ("sequence", "seq", "protein", "fasta")
#: A word of as many letters of the alphabet of amino acids is hardly anything else.
_SEQUENCE_LENGTH = 20


@dataclass(frozen=True)
class Preview:
    """The beginning of a table.

    Attributes:
        names: of its columns.
        head: column -> its first texts, twenty at most.
        sequence, label, accession: columns that are probably that; None where none looks like it.
        classes: names of columns side by side that hold a single 1 in each row and 0 else; empty where there are none.
        numbers: columns that hold numbers alone, as far as was seen, and neither name nor number the rows.
    """

    names: tuple[str, ...]
    head: Mapping[str, list[str]]
    sequence: str | None
    label: str | None
    accession: str | None
    classes: tuple[str, ...]
    numbers: tuple[str, ...]


def preview(path: Path) -> Preview:
    """The first rows of a table; errors as `read_table`."""
    table = read_table(path, most_rows=_ROWS)
    names, head = table.names, {name: _shown(table, name) for name in table.names}
    numbers = (name for name in names if not names_rows(name) and head[name] and all(map(is_number, head[name])))
    return Preview(
        names,
        head,
        sequence=_named(names, _SEQUENCES) or next((name for name in names if _is_sequence(head[name])), None),
        label=_named(names, LABELS),
        accession=next(filter(is_id_name, names), None),
        classes=_one_hot(names, head),
        numbers=tuple(numbers),
    )


def teacher_name(file: str) -> str:
    """A teacher's name from its file's: "esm2_650m_logits.csv" gives "esm2-650m"."""
    stem = suggest_name(Path(file).stem)
    for ending in ("-logits", "-probabilities", "-probs", "-outputs"):
        stem = stem.removesuffix(ending)
    return stem or "teacher"


def _shown(table: Table, name: str) -> list[str]:
    try:
        return table.texts(name)
    except UserError:  # lists, or broken text: the check refuses it where it is used
        return ["…"] * len(table)


def _named(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    by_lower = {name.strip().lower(): name for name in reversed(names)}
    return next((by_lower[name] for name in wanted if name in by_lower), None)


def _is_sequence(texts: Sequence[str]) -> bool:
    return bool(texts) and all(len(text) >= _SEQUENCE_LENGTH and set(text) <= set(LETTERS) for text in texts)


def _one_hot(names: Sequence[str], head: Mapping[str, list[str]]) -> tuple[str, ...]:
    """The longest run of columns of 0 and 1 in which each row holds one 1; other flags may stand around it."""
    best: tuple[str, ...] = ()
    for are_flags, group in groupby(names, key=lambda name: {"0", "1"} >= {*_flags(head[name])} and "\n" not in name):
        run = list(group)
        if not are_flags or not head[run[0]] or len(run) > MAX_CLASSES:
            continue
        ones = np.array([[flag == "1" for flag in _flags(head[name])] for name in run])
        before = np.vstack([np.zeros_like(ones[:1], dtype=int), ones.cumsum(0)])  # [columns + 1, rows]
        for start, end in np.argwhere((before[None] - before[:, None] == 1).all(2)):
            if end - start >= max(2, len(best) + 1):
                best = tuple(run[start:end])
    return best


def _flags(texts: Sequence[str]) -> list[str]:
    return [text.removesuffix(".0") for text in texts]
