"""What a teacher says, from a file: logits or probabilities, told apart and held against the labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.matrix import Matrix, check_size, read_matrix
from mtbkd_core.imports.order import check_order, first_missing, in_order_of_classes
from mtbkd_core.imports.reading import Places, count_of

#: How far from 1 a row of probabilities may sum, and the most that is allowed where few decimals were kept.
SUM_TOLERANCE, MAX_SUM_TOLERANCE = 0.02, 0.5
#: Agreement is hardly more than chance below so many standard deviations, or so much of the way from chance to 1 unless
#: some class is told from the others at least so well.
CHANCE, LEAST_BEYOND_CHANCE, KNOWN_CLASS = 2, 0.1, 0.25
#: Standard deviations beyond which another order is the right one.
FAR_BEYOND_CHANCE = 5
#: What a probability may be below 0, as 1 minus the others can be.
ROUNDING = 1e-6
#: Logits beyond this are no network's outputs.
MAX_LOGIT = 1e6
#: A probability of 0 has no logarithm; this, near float32's resolution at 1, is taken instead.
SMALLEST = 1e-7


@dataclass(frozen=True)
class Said:
    """What a teacher says of N examples.

    Attributes:
        logits: [N, C] float32.
        accuracy: share of labels that it names.
        notes, warnings: what was made of the file, and what looks wrong with it; a line each.
    """

    logits: np.ndarray
    accuracy: float
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def read_teacher(
    path: Path,
    labels: np.ndarray,
    class_names: Sequence[str],
    table: Places,
    accessions: Sequence[str] | None = None,
    accession: str | None = None,
    index: Sequence[str] | None = None,
) -> Said:
    """Read and check one teacher's file.

    Args:
        labels: [N] class indices of the table's rows.
        class_names: C names. A file whose header has them all may hold them in any order, among other columns, numbers
            or text; one whose header has the classes' numbers, counted from 0 or 1, may hold those in any order.
        table: where the table's rows are.
        accessions, accession: of the table's rows, and that column's name, where there is one.
        index: the table's own column that numbers its rows, where there is one.
    Raises:
        UserError: another number of rows or columns, rows in another order by accession or number, a number that is not
            finite, probabilities that do not sum to 1; one line with file, row and column. A header that names some
            classes, not all, over other columns. Rows that agree with the labels as chance would, and far better in
            another simple order.
    """
    matrix = read_matrix(path, len(labels), accession, class_names)
    matrix, notes = in_order_of_classes(matrix, class_names)
    check_size(matrix, len(labels), table.file, first_missing(matrix, accessions, table))
    if matrix.values.shape[1] != len(class_names):
        raise UserError(
            f"{path.name}: has {count_of(matrix.values.shape[1], 'column')} of numbers, expected {len(class_names)}: "
            "one for each class"
        )
    notes += check_order(matrix, accessions, table, accession, index)
    logits, kind = to_logits(matrix)
    notes.append(f"{path.name}: read as {kind}")
    named = logits.argmax(1)
    accuracy = float((named == labels).mean())
    chance = chance_agreement(named, labels, len(class_names))
    spread = math.sqrt(chance * (1 - chance) / len(labels))
    warnings = []
    by_columns = _best_by_columns(named, labels, len(class_names))
    # a specialist of few classes is no better than that over all, but it knows its own
    knows = accuracy > chance + CHANCE * spread and best_class(named, labels) >= KNOWN_CLASS
    if accuracy <= chance + max(CHANCE * spread, LEAST_BEYOND_CHANCE * (1 - chance)) and not knows:
        agreement, words = max(_other_orders(named, labels))
        # of labels with a pattern, such as sorted ones, two mistakes look the same
        columns = by_columns > (agreement + chance) / 2
        far = agreement > chance + max(FAR_BEYOND_CHANCE * spread, 2 * LEAST_BEYOND_CHANCE * (1 - chance))
        # a teacher that takes each class for the next is moved rows of sorted labels, too: it may be meant so
        if far and not (columns and "rows too" in words):
            raise UserError(
                f"{path.name}: its rows are {words}{', or its columns not in that of the classes' if columns else ''}: "
                f"row by row it names {accuracy:.1%} of the labels, where chance would name {chance:.1%}, but with "
                f"rows {words} {agreement:.1%}; expected the order of {table.file}"
            )
        than = "hardly more than" if accuracy > chance else "no more than"
        warnings.append(
            f"{path.name}: names {accuracy:.1%} of the labels, {than} the {chance:.1%} of chance: its rows "
            f"or columns are probably in another order than those of {table.file}"
        )
    else:
        notes.append(f"{path.name}: names {accuracy:.1%} of the labels, where chance would name {chance:.1%}")
        if by_columns > accuracy + max(FAR_BEYOND_CHANCE * spread, LEAST_BEYOND_CHANCE):
            warnings.append(
                f"{path.name}: names {accuracy:.1%} of the labels, and with its columns in another order "
                f"{by_columns:.1%}: they may not be in that of the classes"
            )
    return Said(logits.astype(np.float32), accuracy, tuple(notes), tuple(warnings))


def chance_agreement(named: np.ndarray, labels: np.ndarray, n_classes: int) -> float:
    """Share of labels that the same answers would name if their rows were shuffled."""
    shares = [np.bincount(values, minlength=n_classes) / len(values) for values in (named, labels)]
    return float(shares[0] @ shares[1])


def best_class(named: np.ndarray, labels: np.ndarray) -> float:
    """How well the best known class is told from the others, by Youden's J (1950): 1 is always right, 0 is chance.

    J is how often the class is named where it is the label, less how often where it is not.
    """
    found = [
        float((named[labels == each] == each).mean() - (named[labels != each] == each).mean())
        for each in np.unique(labels)
    ]
    return max(found)


def _other_orders(named: np.ndarray, labels: np.ndarray) -> list[tuple[float, str]]:
    """Share of labels named if the rows were in another order, and how they would then have been put in the file."""
    orders = [(labels[::-1], "in reverse order"), (np.sort(labels), "in the order of their classes")]
    found = [(float((named == order).mean()), words) for order, words in orders]
    count = len(labels)
    # agreement at every shift at once: a correlation for each class
    shifted = np.zeros(count)
    for each in np.intersect1d(named, labels):
        spectrum = np.fft.rfft(named == each) * np.fft.rfft(labels == each).conj()
        shifted += np.fft.irfft(spectrum, count)
    shifts = np.arange(1, count)
    shifts = shifts[np.argsort(np.minimum(shifts, count - shifts), kind="stable")]  # of equal ones the smallest
    shift = int(shifts[shifted.round()[shifts].argmax()])
    rows, where = (shift, "late") if shift <= count / 2 else (count - shift, "early")
    how_many = "one row" if rows == 1 else f"{rows:,} rows"
    return [*found, (float(shifted[shift] / count), f"{how_many} too {where}")]


def _best_by_columns(named: np.ndarray, labels: np.ndarray, n_classes: int) -> float:
    """Largest share of labels named by any order of the columns."""
    from scipy.optimize import linear_sum_assignment

    counts = np.bincount(named * n_classes + labels, minlength=n_classes**2).reshape(n_classes, n_classes)
    best = linear_sum_assignment(counts, maximize=True)
    return float(counts[best].sum() / len(labels))


def to_logits(matrix: Matrix) -> tuple[np.ndarray, str]:
    """Logits [N, C] and what the file holds, in words.

    Raises:
        UserError: numbers that are neither logits nor probabilities of one class out of C.
    """
    values = matrix.values
    sums = values.sum(1)
    tolerance = sum_tolerance(values)
    off = np.abs(sums - 1) > tolerance + 1e-9
    outside = (values < -ROUNDING) | (values > 1 + SUM_TOLERANCE)
    # a few cells or rows that are wrong do not make logits of the others
    most = (~off & ~outside.any(1)).mean() >= 0.5
    within = most or not outside.any()
    if within and (off | outside.any(1)).any():
        row = int((off | outside.any(1)).argmax())
        why = "most rows sum to 1" if most else "all its numbers are from 0 to 1"
        why += ", so the file is read as probabilities"
        if (values[row] < -ROUNDING).any():
            column = int(values[row].argmin())
            where = matrix.places.at(row, matrix.column(column))
            raise UserError(f"{where}: got {values[row, column]:g}, expected a probability, 0 to 1: {why}")
        raise UserError(f"{matrix.places.at(row)} sums to {sums[row]:.3f}, expected 1 within {tolerance:g}: {why}")
    if not within:
        _check_no_shares(matrix)
    else:
        zeros = int((values < SMALLEST).sum())
        shares = np.log(np.maximum(values / sums[:, None], SMALLEST))
        shifted = f"; {zeros:,} of them below {SMALLEST} were set to it" if zeros else ""
        return shares, f"probabilities, of which the logarithm was taken{shifted}"
    large = np.abs(values) > MAX_LOGIT
    if large.any():
        row, column = (int(place) for place in np.argwhere(large)[0])
        where = matrix.places.at(row, matrix.column(column))
        raise UserError(f"{where}: got {values[row, column]:g}, expected a logit, at most {MAX_LOGIT:g} in size")
    if (values <= 0).all() and (np.abs(np.exp(values).sum(1) - 1) <= SUM_TOLERANCE).all():
        return values, "log probabilities, which serve as logits"
    return values, "logits"


def _check_no_shares(matrix: Matrix) -> None:
    """Refuse shares of another whole than 1, such as percentages: hardly a negative number, and all sums alike.

    Logits can be like that, too, if they are made: certain answers times 5, or ranks, have the same numbers in every
    row, and what is shifted to be positive has no small one.
    """
    values = matrix.values
    sums, n_classes = values.sum(1), values.shape[1]
    whole = float(np.median(sums))
    if whole <= 0 or values.min() > 0.5 * whole / n_classes or not np.ptp(np.sort(values, 1), axis=0).any():
        return
    alike = (np.isclose(values, np.round(values, decimals), rtol=0, atol=1e-9).all(1).mean() for decimals in range(7))
    decimals = next((decimals for decimals, share in enumerate(alike) if share >= 0.9), 7)
    allowed = min(SUM_TOLERANCE * whole, max(1e-4 * whole, n_classes * 0.5 * 10.0**-decimals))
    if ((values >= 0).all(1) & (np.abs(sums - whole) <= allowed)).mean() >= 0.9:
        raise UserError(
            f"{matrix.places.file}: nearly all rows hold no negative number and sum to {whole:.4g}: these are "
            f"neither logits nor probabilities, whose rows sum to 1; expected either, such as these over {whole:.4g}"
        )


def sum_tolerance(values: np.ndarray) -> float:
    """How far from 1 a row of probabilities [N, C] may sum: as far as rounding to the decimals that were kept takes it.

    Whole numbers are certain answers, which nothing was rounded of.
    """
    for decimals in range(4):
        if np.allclose(values, np.round(values, decimals), rtol=0, atol=1e-7):  # float32 keeps so much
            rounding = values.shape[1] * 0.5 * 10.0**-decimals if decimals else 0.0
            return min(max(SUM_TOLERANCE, rounding), MAX_SUM_TOLERANCE)
    return SUM_TOLERANCE
