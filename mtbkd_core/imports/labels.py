"""Labels of a table as class indices; every problem is named with its place in the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.classes import MAX_CLASSES, alike, check_class_names, invisible, is_whole, without_point
from mtbkd_core.imports.table import MISSING, Table, count_of, is_number

#: Rows that a class needs, so that each part of a split, validation included, gets one.
LEAST_OF_CLASS = 8
#: Rows that it needs where a table of its own is for testing: one on each side of the validation split.
LEAST_WITH_TEST = 2
#: No class has a number beyond this; a label may be a number of any length.
_BEYOND = 1e9


@dataclass(frozen=True)
class Labels:
    """Labels of a table.

    Attributes:
        indices: [N] int64, -1 without a label, and where it is wrong.
        names: of the C classes.
        notes, warnings: what was made of them, and what may be wrong; a line each.
        problems: what is wrong with some of the labels, a line each.
    """

    indices: np.ndarray
    names: tuple[str, ...]
    notes: tuple[str, ...]
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_labels(
    table: Table,
    column: str,
    class_names: Sequence[str] | None,
    others: Sequence[str] = (),
    unlabelled: bool = False,
) -> Labels:
    """Labels as class indices, and what is wrong with some: missing, without a class, holding an invisible sign.

    Args:
        column: of N labels: names of classes, or whole numbers from 0, which count the classes in their order. A whole
            number may have ".0" after it.
        class_names: C names in order; None: the labels' own. Whole numbers then are the classes 0 to the largest; names
            are put in alphabetical order.
        others: labels in another table; where names are numbers themselves, both tables decide together whether the
            labels are names or count the classes.
        unlabelled: whether rows without a label are allowed.
    Raises:
        UserError: no label at all, fewer than two classes or too many; one line.
    """
    texts = table.texts(column)
    every = [without_point(text) for text in texts]
    notes, problems = list[str](), list[str]()
    own = {without_point(name) for name in class_names or ()}
    there = np.array([text in own or text not in MISSING for text in every], dtype=bool)
    _check_missing(table, column, ~there, notes if unlabelled else problems, unlabelled)
    if hidden := [row for row, text in enumerate(every) if invisible(text)]:
        row, more = hidden[0], f" (and {count_of(len(hidden) - 1, 'more row')})" if len(hidden) > 1 else ""
        got = f"got {texts[row][:40]!r}, which holds the invisible sign {invisible(every[row])}{more}"
        problems.append(f"{table.at(row, column)}: {got}")
        there[hidden] = False
    clean = [text for text, is_there in zip(every, there, strict=True) if is_there]
    # what most rows hold is what labels are; the first of the others is named with its place
    if class_names is not None:
        names = check_class_names(class_names)
        numbered = not _are_names([*clean, *(map(without_point, others) if any(map(is_whole, names)) else ())], names)
    elif numbered := are_numbers(clean):
        names = tuple(map(str, range(max(2, min(largest(clean) + 1, MAX_CLASSES)))))
    else:
        names = check_class_names(sorted(set(clean)), f"{table.file}: column {column!r}: different labels")
        notes.append(f"{table.file}: the classes are the labels in alphabetical order: {_listed(names)}")
    known = {without_point(name): index for index, name in enumerate(names)}
    labels = np.full(len(every), -1)
    labels[there] = [_number(text) if numbered else known.get(text, -1) for text in clean]
    wrong = there & ((labels < 0) | (labels >= len(names)))
    if wrong.any():
        row = int(wrong.argmax())
        got = f"got {texts[row].strip()[:40]!r}, which has no class, expected {_expected(names, numbered)}"
        more = f" (and {count_of(int(wrong.sum()) - 1, 'more row')})" if wrong.sum() > 1 else ""
        problems.append(f"{table.at(row, column)}: {got}{more}{_way_out(clean, names)}")
        labels[wrong] = -1
    counts = np.bincount(labels[labels >= 0], minlength=len(names))
    if absent := [name for name, count in zip(names, counts, strict=True) if not count]:
        notes.append(f"{table.file}: no row has the label {_listed(absent)}")
    if (counts > 0).sum() == 1 and not wrong.any():
        problems.append(f"{table.file}: column {column!r}: every label is the same, expected two classes at least")
    return Labels(labels, names, tuple(notes), tuple(problems), _warn_of_alike(table, column, names))


def _warn_of_alike(table: Table, column: str, names: Sequence[str]) -> tuple[str, ...]:
    if not (pairs := alike(names)):
        return ()
    one, other = pairs[0]
    foreign = next((letter for letter in other + one if ord(letter) > 127 and (letter in one) != (letter in other)), "")
    holds = f", of which one holds U+{ord(foreign):04X}" if foreign else ""
    more = f" (and {count_of(len(pairs) - 1, 'more pair')})" if len(pairs) > 1 else ""
    differ = f"{one[:40]!r} and {other[:40]!r} differ in case, blanks or letters that look the same alone{holds}{more}"
    return (f"{table.file}: column {column[:60]!r}: {differ}: if they are one class, write them alike",)


def _check_missing(table: Table, column: str, missing: np.ndarray, lines: list[str], allowed: bool) -> None:
    """Add a line on rows without a label, with the ways out where they are not allowed; refuse a column of none."""
    if not missing.any():
        return
    count, first = int(missing.sum()), int(missing.argmax())
    if count == len(missing):
        raise UserError(f"{table.file}: column {column!r}: holds no label")
    if not allowed:
        got = (
            f"{table.file}: {count_of(count, 'row')} without a label, the first at {table.at(first).partition(': ')[2]}"
        )
        lines.append(
            f"{got}, column {column!r}: leave them out, or use them for what the teachers say of them: --unlabelled"
        )
        return
    lines.append(f"{table.file}: {count_of(count, 'row')} without a label: only the teachers speak of them")


def _way_out(texts: Sequence[str], names: Sequence[str]) -> str:
    """How labels that count from 1, leave gaps or are below 0 are named, where there are as many as classes."""
    counted = list(names) == [str(number) for number in range(len(names))]
    numbers = different_numbers(texts) if counted else []
    if len(numbers) != len(names) or numbers == list(names):
        return ""
    from_one = numbers == [str(number) for number in range(1, len(names) + 1)]
    below = numbers[0].startswith("-")
    what = "the labels count from 1" if from_one else "some are below 0" if below else "the labels leave gaps"
    shown = ",".join(numbers[:12]) + (",..." if len(numbers) > 12 else "")
    return f": {what}; name the classes in order: --classes{'=' if below else ' '}{shown}"


def different_numbers(texts: Sequence[str]) -> list[str]:
    """The different whole numbers among labels, from the least on."""
    return sorted({without_point(text) for text in texts if is_whole(text)}, key=float)


def are_numbers(texts: Sequence[str]) -> bool:
    """Whether labels are whole numbers, but for a few that are wrong: no name of a class, which needs more rows."""
    odd = Counter(text.strip() for text in texts if not is_whole(text))
    few = all(count < LEAST_OF_CLASS or is_number(text) for text, count in odd.items())
    return few and 2 * odd.total() < len(texts)


def largest(texts: Sequence[str]) -> int:
    """The largest of the labels that are whole numbers."""
    return max(map(_number, texts))


def count_from_one(texts: Sequence[str]) -> bool:
    """Whether the least of the labels is 1."""
    return min(map(_number, texts)) == 1


def _number(text: str) -> int:
    """A label's number; -1 where it is none."""
    return int(max(-1.0, min(float(without_point(text)), _BEYOND))) if is_whole(text) else -1


def _are_names(texts: Sequence[str], names: Sequence[str]) -> bool:
    """Whether labels are classes' names, rather than numbers that count the classes from 0."""
    known = {without_point(name) for name in names}
    named, whole = sum(text in known for text in texts), sum(map(is_whole, texts))
    counted = whole == len(texts) and all(0 <= _number(text) < len(names) for text in texts)
    return named == len(texts) or (not counted and (2 * named > len(texts) or 2 * whole < len(texts)))


def _expected(names: Sequence[str], numbered: bool, most: int = 12) -> str:
    """The labels that there may be, for a message."""
    listed = _listed(names, most)
    count_up = list(names) == [*map(str, range(len(names)))]
    return (f"0 to {len(names) - 1}" + ("" if count_up else f", which count {listed}")) if numbered else listed


def _listed(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(name[:40] for name in names[:most]) + more


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
    if (apart := (held != labels) & (labels >= 0)).any():
        row = int(apart.argmax())
        is_class = f"the label is class {columns[labels[row]]!r}, but the row's 1 is in column {columns[held[row]]!r}"
        raise UserError(f"{table.at(row, column)}: {is_class}: expected the same")


def check_enough(
    table: Table, column: str, labels: np.ndarray, names: Sequence[str], least: int = LEAST_OF_CLASS
) -> None:
    """Refuse a class with fewer rows than a split needs; its first row is named, which may be a slip of the pen."""
    counts = np.where(labels < 0, least, np.bincount(labels[labels >= 0], minlength=len(names))[labels])
    if (counts < least).any():
        row = int((counts < least).argmax())
        got = count_of(int(counts[row]), "row")
        needs = f"expected {least} at least: a split needs some on each side"
        raise UserError(f"{table.at(row, column)}: class {names[labels[row]][:40]!r} has {got}, {needs}")
