"""A look at the beginning of a table, and what its columns probably are: a start for a person, who decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mtbkd_core.imports.checking import LETTERS
from mtbkd_core.imports.columns import is_accession, names_rows
from mtbkd_core.imports.reading import column_names, is_number, read_text
from mtbkd_core.imports.spec import suggest_name

_ROWS = 20
_LABELS = ("label", "labels", "class", "target", "location", "y")
_SEQUENCES = ("sequence", "seq", "protein", "fasta")
#: A word of as many letters of the alphabet of amino acids is hardly anything else.
_SEQUENCE_LENGTH = 20
_MOST_CLASSES = 256


@dataclass(frozen=True)
class Look:
    """The beginning of a table.

    Attributes:
        names: of its columns.
        head: column -> its first texts, twenty at most.
        sequence, label, accession: columns that are probably that; None where none looks like it.
        classes: names of columns side by side that hold a single 1 in each row and 0 else; empty where there are none.
        numbers: columns that hold numbers alone, as far as was seen, and neither name nor number the rows.
    """

    names: tuple[str, ...]
    head: dict[str, list[str]]
    sequence: str | None
    label: str | None
    accession: str | None
    classes: tuple[str, ...]
    numbers: tuple[str, ...]


def look(path: Path) -> Look:
    """Look at the first rows of a table.

    Raises:
        UserError: it cannot be read; see `read_text`.
    """
    names = column_names(path)
    head = read_text(path, names, _ROWS).columns
    return Look(
        names,
        head,
        sequence=_named(names, _SEQUENCES) or next((name for name in names if _is_sequence(head[name])), None),
        label=_named(names, _LABELS),
        accession=next((name for name in names if is_accession(name, None)), None),
        classes=_one_hot(names, head),
        numbers=tuple(
            name
            for name in names
            if not names_rows(name) and head[name] and all(is_number(text) for text in head[name])
        ),
    )


def teacher_name(file: str) -> str:
    """A teacher's name from its file's: "esm2_650m_logits.csv" gives "esm2-650m"."""
    stem = suggest_name(Path(file).stem)
    for ending in ("-logits", "-probabilities", "-probs", "-outputs"):
        stem = stem.removesuffix(ending)
    return stem or "teacher"


def _named(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    by_lower = {name.strip().lower(): name for name in reversed(names)}
    return next((by_lower[name] for name in wanted if name in by_lower), None)


def _is_sequence(texts: Sequence[str]) -> bool:
    return bool(texts) and all(len(text) >= _SEQUENCE_LENGTH and set(text) <= set(LETTERS) for text in texts)


def _one_hot(names: Sequence[str], head: dict[str, list[str]]) -> tuple[str, ...]:
    """The longest run of columns of 0 and 1 whose rows each hold one 1; a run may begin or end with other flags."""
    runs: list[list[str]] = [[]]
    for name in names:
        zeros_and_ones = head[name] and {text.removesuffix(".0") for text in head[name]} <= {"0", "1"}
        if zeros_and_ones and len(name.splitlines()) == 1:  # classes are typed in one line
            runs[-1].append(name)
        else:
            runs.append([])
    best: tuple[str, ...] = ()
    for run in runs:
        if not run or len(run) > _MOST_CLASSES:
            continue
        # the ones of each row up to a column, and the first column that has so many before it
        ones = (0,) * len(head[run[0]])
        first = {ones: 0}
        for end, name in enumerate(run, 1):
            ones = tuple(one + text.startswith("1") for one, text in zip(ones, head[name], strict=True))
            first.setdefault(ones, end)
            start = first.get(tuple(one - 1 for one in ones), end)
            if end - start >= max(2, len(best) + 1):
                best = tuple(run[start:end])
    return best
