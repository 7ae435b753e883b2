"""Labels of a table as class indices; every problem is named with its place in the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.classes import MAX_CLASSES, check_class_names, is_whole, without_point
from mtbkd_core.imports.table import Table, count_of, is_number

#: Rows that a class needs, so that each part of a split, validation included, gets one.
LEAST_OF_CLASS = 8
#: No class has a number beyond this; a label may be a number of any length.
_BEYOND = 1e9


def check_labels(
    table: Table, column: str, class_names: Sequence[str] | None, others: Sequence[str] = ()
) -> tuple[np.ndarray, tuple[str, ...], tuple[str, ...]]:
    """Labels as class indices.

    Args:
        column: of N labels: names of classes, or whole numbers from 0, which count the classes in their order. A whole
            number may have ".0" after it.
        class_names: C names in order; None: the labels' own. Whole numbers then are the classes 0 to the largest; names
            are put in alphabetical order.
        others: labels in another table; where names are numbers themselves, both tables decide together whether the
            labels are names or count the classes.
    Returns:
        [N] int64, the C names, and notes for people, a line each.
    Raises:
        UserError: an empty label or one that has no class, fewer than two classes; one line.
    """
    texts = table.texts(column)
    clean = [without_point(text) for text in texts]
    if "" in clean:
        raise UserError(f"{table.at(clean.index(''), column)}: is empty, expected a label")
    notes: list[str] = []
    # what most rows hold is what labels are; the first of the others is named with its place
    if class_names is not None:
        names = check_class_names(class_names)
        numbered = not _are_names([*clean, *(map(without_point, others) if any(map(is_whole, names)) else ())], names)
    elif numbered := are_numbers(clean):
        names = tuple(map(str, range(max(2, min(largest(clean) + 1, MAX_CLASSES)))))
    else:
        names = check_class_names(sorted(set(clean)), f"{table.file}: column {column!r}: different labels")
        notes.append(f"{table.file}: the classes are the labels in alphabetical order: {', '.join(names)}")
    known = {without_point(name): index for index, name in enumerate(names)}
    labels = np.array([_number(text) if numbered else known.get(text, -1) for text in clean])
    wrong = (labels < 0) | (labels >= len(names))
    if wrong.any():
        row = int(wrong.argmax())
        got = f"got {texts[row].strip()[:40]!r}, which has no class, expected {_expected(names, numbered)}"
        raise UserError(f"{table.at(row, column)}: {got}")
    counts = np.bincount(labels, minlength=len(names))
    if absent := [name for name, count in zip(names, counts, strict=True) if not count]:
        notes.append(f"{table.file}: no row has the label {', '.join(absent)}")
    if (counts > 0).sum() < 2:
        raise UserError(f"{table.file}: column {column!r}: every label is the same, expected two classes at least")
    return labels, names, tuple(notes)


def are_numbers(texts: Sequence[str]) -> bool:
    """Whether labels are whole numbers, but for a few that are wrong: no name of a class, which needs more rows."""
    odd = Counter(text.strip() for text in texts if not is_whole(text))
    few = all(count < LEAST_OF_CLASS or is_number(text) for text, count in odd.items())
    return few and 2 * odd.total() < len(texts)


def largest(texts: Sequence[str]) -> int:
    """The largest of the labels that are whole numbers."""
    return max(map(_number, texts))


def _number(text: str) -> int:
    """A label's number; -1 where it is none."""
    return int(max(-1.0, min(float(text), _BEYOND))) if is_whole(text) else -1


def _are_names(texts: Sequence[str], names: Sequence[str]) -> bool:
    """Whether labels are classes' names, rather than numbers that count the classes from 0."""
    known = {without_point(name) for name in names}
    named, whole = sum(text in known for text in texts), sum(map(is_whole, texts))
    counted = whole == len(texts) and all(0 <= _number(text) < len(names) for text in texts)
    return named == len(texts) or (not counted and (2 * named > len(texts) or 2 * whole < len(texts)))


def _expected(names: Sequence[str], numbered: bool, most: int = 12) -> str:
    """The labels that there may be, for a message."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    listed = ", ".join(name[:40] for name in names[:most]) + more
    count_up = list(names) == [*map(str, range(len(names)))]
    return (f"0 to {len(names) - 1}" + ("" if count_up else f", which count {listed}")) if numbered else listed


def check_one_hot(table: Table, columns: Sequence[str], column: str, labels: np.ndarray) -> None:
    """Compare labels with columns, one a class, of 0 and 1 with one 1 in each row; other columns say nothing.

    Args:
        columns: C names, or none.
        column: of the labels.
    Raises:
        UserError: the first row with the 1 in the column of another class, one line.
    """
    cells = np.array([[text.strip().removesuffix(".0") for text in table.texts(name)] for name in columns])
    if not cells.size or not np.isin(cells, ("0", "1")).all() or ((cells == "1").sum(0) != 1).any():
        return
    held = (cells == "1").argmax(0)
    if (held != labels).any():
        row = int((held != labels).argmax())
        is_class = f"the label is class {columns[labels[row]]!r}, but the row's 1 is in column {columns[held[row]]!r}"
        raise UserError(f"{table.at(row, column)}: {is_class}: expected the same")


def check_enough(table: Table, column: str, labels: np.ndarray, names: Sequence[str]) -> None:
    """Refuse a class with fewer rows than a split needs; its first row is named, which may be a slip of the pen."""
    counts = np.bincount(labels)[labels]
    if (counts < LEAST_OF_CLASS).any():
        row = int((counts < LEAST_OF_CLASS).argmax())
        got = count_of(int(counts[row]), "row")
        needs = f"expected {LEAST_OF_CLASS} at least: a split needs some on each side"
        raise UserError(f"{table.at(row, column)}: class {names[labels[row]]!r} has {got}, {needs}")
