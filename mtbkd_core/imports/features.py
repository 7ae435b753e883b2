"""The features of a table's rows: descriptors of sequences, a protein model's outputs, or numbers from a file."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.imports.table import Table, count_of
from mtbkd_core.proteins.amino_acids import AMINO_ACIDS, OTHER_LETTERS
from mtbkd_core.proteins.features import cached_descriptors

LETTERS = AMINO_ACIDS + OTHER_LETTERS
#: An amino acid chain; titin, the longest known, has 34,350.
MAX_LENGTH = 50_000
#: The letters of DNA and RNA, of which no protein of `_LONG` letters consists; with IUPAC's of bases that are not known
#: exactly, of which few do, if so large a part of a sequence is known.
_BASES, _LONG = frozenset("ACGTUN"), 20
_AMBIGUOUS, _MOSTLY = frozenset("ACGTURYSWKMBDHVN"), 0.6
#: Letters of all sequences together from which on bases alone tell, however short each is.
_TOGETHER = 100
#: A cell that may be a time, and the seconds since 1970 of 1990 and of 2100.
_TIME, _SINCE, _UNTIL = re.compile(r"[0-9]{8,13}(\.0*)?"), 631_152_000, 4_102_444_800
_WRONG = re.compile(f"[^{LETTERS}]")


def check_sequences(table: Table, column: str) -> list[str]:
    """A column of amino acid chains in capital letters.

    B, Z, J, X (not known exactly), U and O (the two rare ones) are allowed; a stop (*), a gap (-) or a space is not.

    Raises:
        UserError: the first row that holds something else, one line.
    """
    sequences = table.texts(column)
    for row, sequence in enumerate(sequences):
        wrong = _WRONG.search(sequence)
        if wrong is None and 0 < len(sequence) <= MAX_LENGTH:
            continue
        problem = f"{len(sequence):,} letters, allowed: at most {MAX_LENGTH:,}"
        if not sequence.strip():
            problem = "is empty, expected a sequence of amino acids"
        elif wrong is not None and len(sequence) <= MAX_LENGTH:
            problem = _wrong_letter(wrong.group(), wrong.start() + 1)
        raise UserError(f"{table.at(row, column)}: {problem}")
    bases, long = _bases(sequences)
    if 2 * len(bases) >= max(1, long):
        raise UserError(
            f"{_are_bases(table, column, bases, long)}: this is DNA or RNA, expected amino acids; translate it first"
        )
    if sum(map(len, sequences)) >= _TOGETHER and len(letters := set().union(*sequences)) > 2 and letters <= _BASES:
        raise UserError(
            f"{table.file}: column {column[:60]!r}: all sequences hold the letters of bases alone: this is DNA or RNA, "
            "expected amino acids; translate it first"
        )
    return sequences


def warn_of_bases(table: Table, column: str) -> tuple[str, ...]:
    """A line where one sequence in twenty, or more, is probably DNA or RNA."""
    bases, long = _bases(table.texts(column))
    if 20 * len(bases) < max(1, long):
        return ()
    return (f"{_are_bases(table, column, bases, long)}: are they DNA or RNA? Expected amino acids",)


def _bases(sequences: Sequence[str]) -> tuple[list[int], int]:
    """The rows of long sequences that are probably DNA or RNA, and how many are long."""
    long = [row for row, sequence in enumerate(sequences) if len(sequence) >= _LONG]
    return [row for row in long if _is_dna(sequences[row])], len(long)


def _is_dna(sequence: str) -> bool:
    letters = set(sequence)
    if not letters - _BASES:
        return True
    sure = sum(map(sequence.count, "ACGTU"))
    return not letters - _AMBIGUOUS and len(letters & _BASES) >= 3 and sure > _MOSTLY * len(sequence)


def _are_bases(table: Table, column: str, bases: Sequence[int], long: int) -> str:
    which = f"{len(bases):,} of {count_of(long, 'sequence')} of {_LONG} letters or more"
    return f"{table.at(bases[0], column)}: {which} hold the letters of bases alone, mostly A, C, G, T and U"


def _wrong_letter(letter: str, place: int) -> str:
    if letter.isspace():
        return f"a space or line break at letter {place}, expected capital letters alone"
    if letter.upper() in LETTERS:
        return f"{letter!r} in lower case at letter {place}, expected capital letters alone"
    rare = f"{OTHER_LETTERS} for those that are rare or not known"
    return f"{letter!r} at letter {place} is no amino acid, allowed: {AMINO_ACIDS}, and {rare}"


def from_sequences(
    table: Table, column: str, model: str | None, on_progress: OnProgress | None, should_stop: ShouldStop | None
) -> Tensor:
    """Features [N, F] of a column of sequences: the descriptors, or where a model is named its mean-pooled outputs.

    Raises:
        UserError: a model that cannot be loaded, or a sequence that is too long for it.
        Cancelled: `should_stop` said so.
    """
    sequences = table.texts(column)
    if model is None:
        return cached_descriptors(sequences, on_progress, should_stop)
    from mtbkd_core.proteins.embeddings import embed

    return embed(
        sequences, model, on_progress=on_progress, should_stop=should_stop, where=lambda row: table.at(row, column)
    )


def from_columns(table: Table, columns: Sequence[str]) -> Tensor:
    """Features [N, F] from columns of a table; refuses a cell that is no finite number, in one line."""
    return torch.from_numpy(table.numbers(raw_columns(table, columns), dtype=np.float32))


def raw_columns(table: Table, columns: Sequence[str]) -> tuple[str, ...]:
    """Names of columns, with those of the places of a list in place of a column of lists."""
    return tuple(name for column in columns for name in table.lists.get(column, (column,)))


def warn_of_times(table: Table, columns: Sequence[str]) -> tuple[str, ...]:
    """A line each on columns of whole numbers that may be dates such as 20200131, or times since 1970."""
    found = [(name, what) for name in columns if (what := _times(table, name))]
    return tuple(
        f"{table.file}: feature {name[:60]!r} holds what looks like {what}: a student takes it as a plain number"
        for name, what in found
    )


def _times(table: Table, name: str) -> str:
    """What times a column holds, by its first cell and then by all; empty where it holds none."""
    column = table.cells.column(name)
    if not len(column) or not _TIME.fullmatch(str(column[0].as_py())):
        return ""
    texts = table.texts(name)
    if not all(map(_TIME.fullmatch, texts)):
        return ""
    numbers = np.array([int(text.partition(".")[0]) for text in texts])
    year, month, day = numbers // 10_000, numbers // 100 % 100, numbers % 100
    if ((year >= 1900) & (year <= 2100) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all():
        return "dates"
    for unit, size in (("seconds", 1), ("milliseconds", 1000)):
        if ((numbers >= _SINCE * size) & (numbers <= _UNTIL * size)).all():
            return f"{unit} since 1970"
    return ""


def warn_of_features(features: np.ndarray, labels: np.ndarray, names: Sequence[str], file: str) -> tuple[str, ...]:
    """A line each where features [N, F] are the same in every row, or the same throughout each class but not in all."""
    warnings = []
    constant = np.flatnonzero(features.min(0) == features.max(0))
    if len(constant):
        warnings.append(
            f"{file}: feature {_listed(constant, names)}: the same in every row, which tells the student nothing"
        )
    rows = np.flatnonzero(labels >= 0)
    rows = rows[np.bincount(labels[rows])[labels[rows]] > 1]  # one row is always like itself
    rows = rows[np.argsort(labels[rows], kind="stable")]
    starts = np.flatnonzero(np.diff(labels[rows], prepend=-1))
    if len(starts) > 1:
        ordered = features[rows]
        least, most = (part.reduceat(ordered, starts, axis=0) for part in (np.minimum, np.maximum))
        telling = np.flatnonzero((least == most).all(0) & (least.max(0) > least.min(0)))
        if len(telling):
            why = "the same throughout each class, so that it gives the label away"
            warnings.append(f"{file}: feature {_listed(telling, names)}: {why}")
    return tuple(warnings)


def _listed(places: np.ndarray, names: Sequence[str]) -> str:
    named = ", ".join(repr(names[place]) if names else str(place + 1) for place in places[:6])
    return named + (f" and {len(places) - 6:,} more" if len(places) > 6 else "")
