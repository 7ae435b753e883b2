"""Checking a table's sequences and labels, each problem in one line with its place in the file."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.reading import Places, count_of, is_number
from mtbkd_core.proteins.amino_acids import AMINO_ACIDS, OTHER_LETTERS

LETTERS = AMINO_ACIDS + OTHER_LETTERS
#: An amino acid chain; titin, the longest known, has 34,350.
MAX_LENGTH = 50_000
MAX_CLASSES = 256
#: Rows that a class needs, so that each part of a split, validation included, gets one.
LEAST_OF_CLASS = 8
#: What no class is counted to; a label may be a number of any length.
_BEYOND = 1e9
_WHOLE = re.compile(r"[+-]?\d+(\.0*)?")
_WRONG = re.compile(f"[^{LETTERS}]")


def check_sequences(sequences: Sequence[str], places: Places, column: str) -> None:
    """Refuse what is not an amino acid chain in capital letters.

    B, Z, J, X (not known exactly), U and O (the two rare ones) are allowed; a stop (*), a gap (-) or a space is not.

    Raises:
        UserError: the first such row, one line.
    """
    for row, sequence in enumerate(sequences):
        where = places.at(row, column)
        if not sequence.strip():
            raise UserError(f"{where}: is empty, expected a sequence of amino acids")
        if len(sequence) > MAX_LENGTH:
            raise UserError(f"{where}: {len(sequence):,} letters, allowed: at most {MAX_LENGTH:,}")
        wrong = _WRONG.search(sequence)
        if wrong is None:
            continue
        letter, place = wrong.group(), wrong.start() + 1
        if letter.isspace():
            raise UserError(f"{where}: a space or line break at letter {place}, expected capital letters alone")
        if letter.upper() in LETTERS:
            raise UserError(f"{where}: {letter!r} in lower case at letter {place}, expected capital letters alone")
        raise UserError(
            f"{where}: {letter!r} at letter {place} is no amino acid, allowed: {AMINO_ACIDS}, and {OTHER_LETTERS} for "
            "those that are rare or not known"
        )


def check_labels(
    texts: Sequence[str],
    places: Places,
    column: str,
    class_names: Sequence[str] | None,
    others: Sequence[str] = (),
) -> tuple[np.ndarray, tuple[str, ...], tuple[str, ...]]:
    """Labels as class indices.

    Args:
        texts: N labels: names of classes, or whole numbers from 0, which count the classes in their order. A whole
            number may have ".0" after it.
        class_names: C names in order; None: the labels' own. Whole numbers then are the classes 0 to the largest; names
            are put in alphabetical order.
        others: labels of the same column in another table; where names are numbers themselves, both tables decide
            together whether the labels are names or count the classes.
    Returns:
        [N] int64, the C names, and notes for people, a line each.
    Raises:
        UserError: an empty label or one that has no class, fewer than two classes; one line.
    """
    for row, text in enumerate(texts):
        if not text.strip():
            raise UserError(f"{places.at(row, column)}: is empty, expected a label")
    clean = [_without_point(text) for text in texts]
    notes: list[str] = []
    # what most rows hold is what labels are; of the others, the first is said with its place
    if class_names is not None:
        names = check_class_names(class_names)
        both = any(_WHOLE.fullmatch(name) for name in names)
        numbered = not _are_names([*clean, *map(_without_point, others if both else ())], names)
    elif numbered := are_numbers(texts):
        largest = max(_index(text) for text in clean if _WHOLE.fullmatch(text))
        names = tuple(str(number) for number in range(max(1, min(largest, MAX_CLASSES - 1)) + 1))
    else:
        names = check_class_names(sorted(set(clean)), f"{places.file}: column {column!r}: different labels")
        notes.append(f"{places.file}: the classes are the labels in alphabetical order: {', '.join(names)}")
    known = {_without_point(name): index for index, name in enumerate(names)}
    labels = np.empty(len(clean), dtype=np.int64)
    for row, text in enumerate(clean):
        index = known.get(text, -1) if not numbered else _index(text) if _WHOLE.fullmatch(text) else -1
        if not 0 <= index < len(names):
            allowed = _expected(names, numbered)
            got = texts[row].strip()[:40]
            raise UserError(f"{places.at(row, column)}: got {got!r}, which has no class, expected {allowed}")
        labels[row] = index
    counts = np.bincount(labels, minlength=len(names))
    absent = [name for name, count in zip(names, counts, strict=True) if not count]
    if absent:
        notes.append(f"{places.file}: no row has the label {', '.join(absent)}")
    if (counts > 0).sum() < 2:
        raise UserError(f"{places.file}: column {column!r}: every label is the same, expected two classes at least")
    return labels, names, tuple(notes)


def is_whole(text: str) -> bool:
    """Whether a label is a whole number, which may have ".0" after it."""
    return bool(_WHOLE.fullmatch(text.strip()))


def are_numbers(texts: Sequence[str]) -> bool:
    """Whether labels are whole numbers, but for a few that are wrong: no name of a class, which needs more rows."""
    odd = Counter(text.strip() for text in texts if not _WHOLE.fullmatch(text.strip()))
    few = all(count < LEAST_OF_CLASS or is_number(text) for text, count in odd.items())
    return few and 2 * odd.total() < len(texts)


def _are_names(texts: Sequence[str], names: Sequence[str]) -> bool:
    """Whether labels are classes' names, rather than numbers that count the classes from 0."""
    known = {_without_point(name) for name in names}
    named = sum(text in known for text in texts)
    whole = [text for text in texts if _WHOLE.fullmatch(text)]
    if named == len(texts):
        return True
    counted = len(whole) == len(texts) and all(0 <= _index(text) < len(names) for text in whole)
    return not counted and (2 * named > len(texts) or 2 * len(whole) < len(texts))


def _without_point(text: str) -> str:
    """A label or name as it is compared: a whole number without ".0" after it."""
    return text.strip().partition(".")[0] if _WHOLE.fullmatch(text.strip()) else text.strip()


def _expected(names: Sequence[str], numbered: bool, most: int = 12) -> str:
    """The labels that there may be, for a message."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    listed = ", ".join(name[:40] for name in names[:most]) + more
    if not numbered:
        return listed
    count_up = list(names) == [str(number) for number in range(len(names))]
    return f"0 to {len(names) - 1}" + ("" if count_up else f", which count {listed}")


def _index(text: str) -> int:
    return int(max(-_BEYOND, min(float(text), _BEYOND)))


def check_one_hot(
    columns: Sequence[Sequence[str]], labels: np.ndarray, class_names: Sequence[str], places: Places, column: str
) -> None:
    """Hold labels against columns, one a class, of 0 and 1 with one 1 in each row; of others nothing is known.

    Args:
        columns: C columns of N texts, or none.
        column: name of the column of labels.
    Raises:
        UserError: the first row whose label is not where a 1 is, one line.
    """
    cells = np.array([[text.strip().removesuffix(".0") for text in texts] for texts in columns])
    if not cells.size or not np.isin(cells, ("0", "1")).all() or ((cells == "1").sum(0) != 1).any():
        return
    wrong = cells[labels, np.arange(len(labels))] != "1"
    if wrong.any():
        row = int(wrong.argmax())
        held = class_names[int((cells[:, row] == "1").argmax())]
        raise UserError(
            f"{places.at(row, column)}: the label is class {class_names[labels[row]]!r}, but the row's 1 is in column "
            f"{held!r}: expected the same"
        )


def check_class_names(names: Sequence[str], said_in: str = "classes") -> tuple[str, ...]:
    """Names of classes as they are kept.

    Args:
        said_in: where the person named them, as the message begins.
    Raises:
        UserError: one that is empty, named twice or of several lines; a single one, or too many.
    """
    clean = tuple(name.strip() for name in names)
    if not 2 <= len(clean) <= MAX_CLASSES:
        raise UserError(f"{said_in}: got {len(clean):,}, allowed: 2 to {MAX_CLASSES}")
    for index, name in enumerate(clean):
        if not name:
            raise UserError(f"{said_in}: name {index + 1} of {len(clean)} is empty")
        if len(name.splitlines()) > 1:
            raise UserError(f"{said_in}: name {index + 1} of {len(clean)} is {name[:40]!r}, expected it in one line")
        if _without_point(name) in map(_without_point, clean[:index]):
            raise UserError(f"{said_in}: {name!r} is named twice, expected each class once")
    return clean


def split_names(text: str) -> list[str]:
    """Names with commas between them, as `join_names` writes them; one in double quotes may hold a comma itself.

    Raises:
        UserError: a line break, which no name can hold.
    """
    try:
        return [name.strip() for name in next(csv.reader([text.strip()], skipinitialspace=True), [])]
    except csv.Error:
        raise UserError(f"classes: got {text[:40]!r}, expected names in one line, with commas between them") from None


def join_names(names: Sequence[str]) -> str:
    """Names as a person would type them: a, b, "c, d"."""
    return ", ".join('"' + name.replace('"', '""') + '"' if set(name) & set(',"') else name for name in names)


def check_enough(labels: np.ndarray, names: Sequence[str], least: int, why: str, said_in: str = "classes:") -> None:
    """Refuse a class that has some rows but fewer than `least`; `why` says what so many are needed for.

    Args:
        said_in: where the labels stand, as the message begins.
    """
    counts = np.bincount(labels, minlength=len(names))
    for name, count in zip(names, counts, strict=True):
        if 0 < count < least:
            raise UserError(f"{said_in} {name!r} has {count_of(int(count), 'row')}, expected {least} at least: {why}")
