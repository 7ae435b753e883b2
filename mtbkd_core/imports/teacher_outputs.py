"""A teacher's file: it holds logits or probabilities, which become logits, and are compared with the labels."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.classes import class_columns, is_whole, numbered_columns, plain
from mtbkd_core.imports.labels import largest
from mtbkd_core.imports.limits import check_size
from mtbkd_core.imports.number_file import NumberFile, open_numbers
from mtbkd_core.imports.scales import SMALLEST, Scaled, check_logits, to_logits
from mtbkd_core.imports.table import Table, count_of
from mtbkd_core.imports.top_k import as_shares, indices_by_name, leave_some, spread, top_k_columns, with_rest

#: Standard deviations up to which a hit rate is no better than chance, and from which another is clearly better.
CHANCE, FAR_BEYOND_CHANCE = 2, 5
#: A logit in every row of a column that says that the class is not known.
NEVER = -1e4


@dataclass(frozen=True)
class TeacherOutputs:
    """A teacher's outputs for a table's N rows.

    Attributes:
        logits: [N, C] float32; -inf: a class that it does not know there; a row of them: it abstains.
        accuracy: share of the labels that it knows which it names.
        columns: of the file, in the order of the classes; empty where the file names none.
        notes, warnings: what was made of the file, and what looks wrong with it; a line each.
        stated: [C], for a class that is unknown because its column holds one value in every row: the logit that this
            would be if another file of the teacher held others; else NaN.
        together: [N, C], the classes of which it states the sum alone, which the logits spread evenly; None: of none.
    """

    logits: np.ndarray
    accuracy: float
    columns: tuple[str, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    stated: np.ndarray
    together: np.ndarray | None = None

    @property
    def known(self) -> np.ndarray:
        """[C], the classes that it knows anywhere."""
        known: np.ndarray = np.isfinite(self.logits).any(0)
        return known

    @property
    def abstains(self) -> int:
        """In how many rows it abstains."""
        return int((~np.isfinite(self.logits)).all(1).sum())


def read_teacher(
    path: Path,
    table: Table,
    labels: np.ndarray,
    class_names: Sequence[str],
    id_column: str | None = None,
    reserved: Collection[str] = (),
    *,
    label: str | None = None,
    like: Sequence[str] = (),
    normalise: bool = False,
) -> TeacherOutputs:
    """Read and check one teacher's file.

    A class is unknown to a teacher where the header names other classes alone, or its column holds one value in every
    row: -inf, a probability of 0, or a logit of `NEVER` or less. In a single row -inf says so. A row that is empty, or
    in which fewer than two classes are left, is an abstention.

    Args:
        labels: [N] class indices of the table's rows, -1 without a label.
        class_names: C names, by which `class_columns` finds the columns.
        id_column, reserved, label: as `open_numbers`.
        like: columns of the same teacher's other file, in the order of the classes.
        normalise: divide each row by its sum, where its numbers are no probabilities of one class out of C.
    Raises:
        UserError: as `open_numbers` and `class_columns`; another number of columns, numbers that are neither logits nor
            probabilities, or a file that says nothing; one line with file, row and column.
    """
    opened = open_numbers(path, table, id_column, reserved, class_names, label, gaps=True)
    file, classes = opened.file, len(class_names)
    top = top_k_columns(opened.names) if file.named else None
    check_size(file.file, len(file), classes)
    if top is not None:
        by_name, values = indices_by_name(file, top[0], class_names), opened.values(top[1], np.float32)
        indices = opened.values(top[0], np.float32) if by_name is None else np.full_like(values, np.nan)
        if by_name is not None:
            indices[: len(by_name)] = by_name
        logits, kind, together = spread(file, top[0], indices, values, classes)
        stated = np.full(classes, np.nan)
        names, notes = list[str](), list(opened.notes)
    else:
        logits, kind, stated, names, notes, together = _by_class(opened, class_names, like, normalise)
    logits[np.isfinite(logits).sum(1) < 2] = -np.inf
    rest = opened.in_order(together) if together.any() else None
    outputs = TeacherOutputs(opened.in_order(logits), 0.0, (), (), (), stated, rest)
    notes += [f"{file.file}: read as {kind}", *_of_partial(file.file, outputs, class_names)]
    counted = np.isfinite(np.take_along_axis(outputs.logits, np.maximum(labels, 0)[:, None], 1)[:, 0]) & (labels >= 0)
    if not counted.any():
        raise UserError(f"{file.file}: knows the label of no row, so nothing of it can be checked")
    named = outputs.logits.argmax(1)
    accuracy, hits, warnings = _compare(opened, named[counted], labels[counted], classes)
    columns = tuple(names) if file.named else ()
    return replace(
        outputs, accuracy=accuracy, columns=columns, notes=(*notes, hits), warnings=(*opened.warnings, *warnings)
    )


def _by_class(
    opened: NumberFile, class_names: Sequence[str], like: Sequence[str], normalise: bool
) -> tuple[np.ndarray, str, np.ndarray, list[str], list[str], np.ndarray]:
    """Outputs of a file with a column for each class that the teacher knows.

    Returns:
        logits [N, C], rows as in the file, -inf where nothing is known; what they are; `stated`; columns; notes;
        and the classes of which the sum alone is stated [N, C].
    """
    file, classes, notes = opened.file, len(class_names), list(opened.notes)
    names, places = list(opened.names), list(range(classes))
    one_of_two = classes == 2 and len(names) == 1
    if file.named and not one_of_two:
        names, by, places = class_columns(file.file, opened.names, class_names, like)
        notes += [f"{file.file}: its columns were taken {by}"] if by else []
    if len(names) != len(places) and not one_of_two:
        got = count_of(len(names), "column")
        raise UserError(f"{file.file}: has {got} of numbers, expected {classes}: one for each class")
    values = opened.values(names, np.float64 if one_of_two else np.float32)
    speaks = np.flatnonzero(~np.isnan(values).all(1))
    if not len(speaks):
        raise UserError(f"{file.file}: is empty in every row")
    total = len(values)
    values = values if len(speaks) == total else values[speaks]
    together, stated = np.zeros((total, classes), dtype=bool), np.full(classes, np.nan)
    some = len(places) < classes and not normalise and bool((values > NEVER).all())
    shares, what = as_shares(values) if some else (values, "")
    if one_of_two:
        said, kind = _of_second_class(file, names[0], values[:, 0], class_names, speaks)
        return _placed(said, speaks, total, [0, 1], 2), kind, stated, names, notes, together
    if what and leave_some(shares):
        named = np.zeros_like(together)
        named[speaks[:, None], np.array(places)] = True
        logits = _placed(np.log(np.maximum(shares, SMALLEST)), speaks, total, places, classes)
        mass = np.zeros(total)
        mass[speaks] = shares.sum(1)
        logits, together, words = with_rest(logits, named, mass)
        return logits, f"{what} of some of the classes{words}", stated, names, notes, together
    said, kind, stated[places] = _with_unknown(file, names, values, normalise, speaks)
    return _placed(said, speaks, total, places, classes), kind, stated, names, notes, together


def _placed(said: np.ndarray, rows: np.ndarray, total: int, columns: Sequence[int], classes: int) -> np.ndarray:
    """Logits [n, m] in their rows and columns of [total, classes] float32, with -inf elsewhere."""
    if len(rows) == total and list(columns) == list(range(classes)):
        return said.astype(np.float32, copy=False)
    logits = np.full((total, classes), -np.inf, np.float32)
    logits[rows[:, None], np.array(columns)] = said
    return logits


def _with_unknown(
    file: Table, names: Sequence[str], values: np.ndarray, normalise: bool, rows: np.ndarray
) -> tuple[np.ndarray, str, np.ndarray]:
    """Logits [N, m] of columns, -inf in those that hold one value which says nothing; their kind; and `stated` [m]."""
    same, first = (values == values[0]).all(0), values[0].astype(np.float64)
    never = same & (first <= NEVER)
    if never.all():
        raise UserError(f"{file.file}: says in no row anything of a class")
    scaled = _scaled(file, names, values, never, normalise, rows)
    if scaled.shares and (zero := same & (first == 0)).any():
        never = never | zero
        scaled = _scaled(file, names, values, never, normalise, rows)
    logits = _placed(scaled.logits, np.arange(len(values)), len(values), np.flatnonzero(~never).tolist(), len(names))
    stated = np.where(never, np.log(SMALLEST) if scaled.shares else first, np.nan)
    return logits, scaled.kind, np.where(np.isfinite(stated), stated, np.nan)


def _scaled(
    file: Table, names: Sequence[str], values: np.ndarray, never: np.ndarray, normalise: bool, rows: np.ndarray
) -> Scaled:
    left = np.flatnonzero(~never).tolist()
    return to_logits(
        file, [names[place] for place in left], values[:, left] if never.any() else values, normalise, rows
    )


def _of_partial(file: str, found: TeacherOutputs, class_names: Sequence[str]) -> list[str]:
    """What a teacher that does not know all leaves out, a line each; refuses one that says nothing."""
    known, total = int(found.known.sum()), len(found.logits)
    if not known:
        raise UserError(f"{file}: knows fewer than two classes in every row, of which there is nothing to say")
    lines = []
    if known < len(class_names):
        lines.append(f"{file}: knows {known} of {len(class_names):,} classes: {_listed(class_names, found.known)}")
    gaps = ~np.isfinite(found.logits[:, found.known])
    some = int((gaps.any(1) & ~gaps.all(1)).sum())
    lines += [f"{file}: knows not all of these in {count_of(some, 'row')}"] if some else []
    if found.abstains:
        lines.append(f"{file}: abstains in {found.abstains:,} of {count_of(total, 'row')}")
    return lines


def _listed(class_names: Sequence[str], known: np.ndarray, most: int = 6) -> str:
    which = np.flatnonzero(known)
    shown = ", ".join(repr(class_names[place][:40]) for place in which[:most])
    return f"{shown} and {len(which) - most:,} more" if len(which) > most else shown


def agree(first: TeacherOutputs, second: TeacherOutputs) -> None:
    """Of a teacher's two files, what one never says and the other does is not unknown: it is what stands there."""
    for one, other in ((first, second), (second, first)):
        said = np.isfinite(one.stated) & other.known
        one.logits[:, said] = np.where(np.isfinite(one.logits).any(1)[:, None], one.stated[said], -np.inf)


def described(file: str, found: TeacherOutputs, class_names: Sequence[str]) -> str:
    """What a teacher is, one line for people: its file, its hit rate, and what it does not know."""
    every = bool(found.known.all())
    knows = "" if every else f" knows {_listed(class_names, found.known)};"
    which = "the labels" if np.isfinite(found.logits).all() else "those labels that it knows"
    silent = f"; abstains in {count_of(found.abstains, 'row')}" if found.abstains else ""
    return f"From {file}:{knows} names {found.accuracy:.1%} of {which}{silent}."


def _of_second_class(
    file: Table, name: str, values: np.ndarray, classes: Sequence[str], rows: np.ndarray
) -> tuple[np.ndarray, str]:
    """Logits [N, 2] of one column, which says how probable a class is: that of its name, or the second one."""
    of = 0 if plain(name) == plain(classes[0]) else 1
    which = f"of {classes[of][:40]!r}, the {('first', 'second')[of]} class"
    if ((values >= 0) & (values <= 1)).all():
        logits, kind = np.log(np.maximum(np.stack([1 - values, values], 1), SMALLEST)), "probability"
    else:
        check_logits(file, [name], values[:, None], rows)
        logits, kind = np.stack([np.zeros_like(values), values], 1), "logit"
    return logits if of else logits[:, ::-1], f"the {kind} {which}, in one column"


def count_classes(
    path: Path, table: Table, least: int, of_header: int, id_column: str | None, reserved: Collection[str]
) -> int:
    """How many classes a teacher's file speaks of: its numbered columns where they are `least` or more, else all.

    A header of other numbers names some of the classes from 0 on, of which there are `of_header` or more: `least`, or
    one fewer where no label is 0, for then labels that count from 1 are likelier than a class that nothing is in.
    """
    opened = open_numbers(path, table, id_column, reserved, tuple(map(str, range(least))), gaps=True)
    if opened.file.named and top_k_columns(opened.names):
        return least
    numbered = numbered_columns(opened.names) if opened.file.named else {}
    if len(numbered) >= max(2, least):
        return len(numbered)
    if opened.file.named and opened.names and all(map(is_whole, opened.names)) and min(numbered, default=0) == 0:
        return max(of_header, 1 + largest(opened.names))
    return len(opened.names)


def _compare(
    opened: NumberFile, named: np.ndarray, labels: np.ndarray, n_classes: int
) -> tuple[float, str, tuple[str, ...]]:
    """The hit rate; it beside that of chance, a line that says how rows were matched; and warnings."""
    from scipy.optimize import linear_sum_assignment

    file = opened.file.file
    accuracy = float((named == labels).mean())
    chance = chance_agreement(named, labels, n_classes)
    spread = math.sqrt(chance * (1 - chance) / len(labels))
    rates = f"names {accuracy:.1%} of the labels, chance {chance:.1%}"
    counts = np.bincount(named * n_classes + labels, minlength=n_classes**2).reshape(n_classes, n_classes)
    best = float(counts[linear_sum_assignment(counts, maximize=True)].sum() / len(labels))
    warnings: tuple[str, ...] = ()
    if accuracy <= chance + CHANCE * spread:
        warnings = (f"{file}: {rates}: no better than chance, so its rows or columns may be in another order",)
    elif best > accuracy + max(FAR_BEYOND_CHANCE * spread, 0.1):
        order = f"and with its columns in another order {best:.1%}: they may not be in that of the classes"
        warnings = (f"{file}: {rates}, {order}",)
    return accuracy, f"{opened.matching}; it {rates}", warnings


def chance_agreement(named: np.ndarray, labels: np.ndarray, n_classes: int) -> float:
    """Share of labels that the same answers would name if their rows were shuffled."""
    shares = [np.bincount(values, minlength=n_classes) / len(values) for values in (named, labels)]
    return float(shares[0] @ shares[1])
