"""A teacher's file: it holds logits or probabilities, which become logits, and are compared with the labels."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.classes import class_columns, numbered_columns
from mtbkd_core.imports.number_file import NumberFile, open_numbers
from mtbkd_core.imports.table import Table, count_of

#: How far from 1 a row of probabilities may sum, and the most that is allowed where few decimals were kept.
SUM_TOLERANCE, MAX_SUM_TOLERANCE = 0.02, 0.5
#: Standard deviations up to which a hit rate is no better than chance, and from which another is clearly better.
CHANCE, FAR_BEYOND_CHANCE = 2, 5
#: What a probability may be below 0, as 1 minus the others can be.
ROUNDING = 1e-6
#: Logits beyond this are no network's outputs.
MAX_LOGIT = 1e6
#: A probability of 0 has no logarithm; this, near float32's resolution at 1, is taken instead.
SMALLEST = 1e-7


@dataclass(frozen=True)
class TeacherOutputs:
    """A teacher's outputs for a table's N rows.

    Attributes:
        logits: [N, C] float32.
        accuracy: share of labels that it names.
        columns: of the file, in the order of the classes; empty where the file names none.
        notes, warnings: what was made of the file, and what looks wrong with it; a line each.
    """

    logits: np.ndarray
    accuracy: float
    columns: tuple[str, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


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

    Args:
        labels: [N] class indices of the table's rows, -1 without a label.
        class_names: C names, by which `class_columns` finds the columns.
        id_column, reserved, label: as `open_numbers`.
        like: columns of the same teacher's other file, in the order of the classes.
        normalise: divide each row by its sum, where its numbers are no probabilities of one class out of C.
    Raises:
        UserError: as `open_numbers` and `class_columns`; another number of columns, or numbers that are neither logits
            nor probabilities; one line with file, row and column.
    """
    opened = open_numbers(path, table, id_column, reserved, class_names, label)
    file = opened.file
    notes = list(opened.notes)
    names: Sequence[str] = opened.names
    one_of_two = len(class_names) == 2 and len(names) == 1
    if file.named and not one_of_two:
        names, by = class_columns(file.file, opened.names, class_names, like)
        notes += [f"{file.file}: its columns were taken {by}"] if by else []
    if one_of_two:
        logits, kind = _of_second_class(file, names[0], opened.values(names)[:, 0], class_names)
    elif len(names) != len(class_names):
        got = count_of(len(names), "column")
        raise UserError(f"{file.file}: has {got} of numbers, expected {len(class_names)}: one for each class")
    else:
        logits, kind = to_logits(file, names, opened.values(names), normalise)
    logits = opened.in_order(logits)
    notes.append(f"{file.file}: read as {kind}")
    known = labels >= 0
    accuracy, hits, warnings = _compare(opened, logits.argmax(1)[known], labels[known], len(class_names))
    columns = tuple(names) if file.named else ()
    return TeacherOutputs(logits.astype(np.float32), accuracy, columns, (*notes, hits), warnings)


def _of_second_class(file: Table, name: str, values: np.ndarray, classes: Sequence[str]) -> tuple[np.ndarray, str]:
    """Logits [N, 2] of one column, which says how probable the second class is."""
    which = f"of {classes[1][:40]!r}, the second class"
    if ((values >= 0) & (values <= 1)).all():
        shares = np.log(np.maximum(np.stack([1 - values, values], 1), SMALLEST))
        return shares, f"the probability {which}, in one column"
    _check_logits(file, [name], values[:, None])
    return np.stack([np.zeros_like(values), values], 1), f"the logit {which}, in one column"


def count_classes(path: Path, table: Table, least: int, id_column: str | None, reserved: Collection[str]) -> int:
    """How many classes a teacher's file knows: its numbered columns where they are `least` or more, else all."""
    opened = open_numbers(path, table, id_column, reserved)
    numbered = numbered_columns(opened.names) if opened.file.named else {}
    return len(numbered) if len(numbered) >= max(2, least) else len(opened.names)


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


def to_logits(file: Table, names: Sequence[str], values: np.ndarray, normalise: bool = False) -> tuple[np.ndarray, str]:
    """Logits [N, C] of a file's numbers, and what they are, in words.

    Args:
        normalise: as `read_teacher`.
    Raises:
        UserError: numbers that are neither logits nor probabilities of one class out of C.
    """
    sums = values.sum(1)
    tolerance = sum_tolerance(values)
    off = np.abs(sums - 1) > tolerance + 1e-9
    outside = (values < -ROUNDING) | (values > 1 + SUM_TOLERANCE)
    # a few cells or rows that are wrong do not make logits of the others
    most = (~off & ~outside.any(1)).mean() >= 0.5
    if not most and (found := _other_scale(values)) is not None:
        return found
    if not most and normalise and (values >= 0).all():
        if not sums.all():
            raise UserError(f"{file.at(int(sums.argmin()))} holds zeros alone, which cannot be normalised")
        return np.log(np.maximum(values / sums[:, None], SMALLEST)), "shares, each row divided by its sum"
    if not most and outside.any():
        return values, _check_logits(file, names, values)
    wrong = off | outside.any(1)
    if wrong.any():
        row = int(wrong.argmax())
        seen = "most rows sum to 1" if most else "all its numbers are from 0 to 1"
        why = f"{seen}, so the file is read as probabilities"
        if (values[row] < -ROUNDING).any():
            column = int(values[row].argmin())
            got = f"got {values[row, column]:g}, expected a probability, 0 to 1"
            raise UserError(f"{file.at(row, names[column])}: {got}: {why}")
        got = f"{file.at(row)} sums to {sums[row]:.3f}, expected 1 within {tolerance:g}: {why}"
        way = (
            "" if most else "; where each class has a probability of its own (sigmoids), --normalise divides by the sum"
        )
        raise UserError(got + way)
    zeros = int((values < SMALLEST).sum())
    set_to = f"; {zeros:,} of them below {SMALLEST} were set to it" if zeros else ""
    shares = np.log(np.maximum(values / sums[:, None], SMALLEST))
    return shares, f"probabilities, of which the logarithm was taken{set_to}"


def _other_scale(values: np.ndarray) -> tuple[np.ndarray, str] | None:
    """Logarithms of probabilities in other bases, and odds, as logits; None where the numbers are none of these.

    They are told by their rows: 10^x, 2^x, or v / (1 + v), sum to 1.
    """

    def sum_to_1(shares: np.ndarray) -> bool:
        return bool((np.abs(shares.sum(1) - 1) <= SUM_TOLERANCE).all())

    if (values <= 0).all():
        for base, name in ((10.0, "base 10"), (2.0, "base 2")):
            if sum_to_1(base**values) and not sum_to_1(np.exp(values)):
                return values * math.log(base), f"logarithms of probabilities to {name}, which were brought to base e"
    if (values >= 0).all() and sum_to_1(shares := values / (1 + values)):
        return np.log(np.maximum(shares, SMALLEST)), "odds, of which the logarithm of each probability was taken"
    if values.shape[1] > 2 and (np.abs(values) < MAX_LOGIT).all():
        shares = 1 / (1 + np.exp(-np.clip(values, -500, 500)))
        if sum_to_1(shares):
            return np.log(
                np.maximum(shares, SMALLEST)
            ), "log odds of each class, which were brought to log probabilities"
    return None


def _check_logits(file: Table, names: Sequence[str], values: np.ndarray) -> str:
    """What numbers are that are no probabilities, in words; refuses what is no logits either."""
    # logits can be alike in sum, too, but then they are made: ranks, or certain answers times 5
    whole, made = float(np.median(values.sum(1))), not np.ptp(np.sort(values, 1), axis=0).any()
    shares = (values >= 0).all(1) & (np.abs(values.sum(1) - whole) <= SUM_TOLERANCE * whole)
    if shares.mean() >= 0.9 and values.min() <= 0.5 * whole / values.shape[1] and not made:
        raise UserError(
            f"{file.file}: nearly all rows hold no negative number and sum to {whole:.4g}: these are neither logits "
            f"nor probabilities, which sum to 1; --normalise divides each row by its sum"
        )
    large = np.abs(values) > MAX_LOGIT
    if large.any():
        row, column = (int(place) for place in np.argwhere(large)[0])
        got = f"got {values[row, column]:g}, expected a logit, at most {MAX_LOGIT:g} in size"
        raise UserError(f"{file.at(row, names[column])}: {got}")
    if (values <= 0).all() and (np.abs(np.exp(values).sum(1) - 1) <= SUM_TOLERANCE).all():
        return "log probabilities, which serve as logits"
    return "logits"


def sum_tolerance(values: np.ndarray) -> float:
    """How far from 1 a row of probabilities [N, C] may sum: as far as rounding to the decimals that were kept takes it.

    Whole numbers are certain answers, which nothing was rounded of.
    """
    for decimals in range(4):
        if np.allclose(values, np.round(values, decimals), rtol=0, atol=1e-7):  # float32 keeps so much
            rounding = values.shape[1] * 0.5 * 10.0**-decimals if decimals else 0.0
            return min(max(SUM_TOLERANCE, rounding), MAX_SUM_TOLERANCE)
    return SUM_TOLERANCE
