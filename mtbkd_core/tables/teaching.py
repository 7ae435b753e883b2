"""What a teacher says, from a file: logits or probabilities, told apart and held against the labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mtbkd_core.progress import UserError
from mtbkd_core.tables.matrix import Matrix, check_order, check_size, read_matrix
from mtbkd_core.tables.reading import Places

#: How far from 1 a row of rounded probabilities may sum.
SUM_TOLERANCE = 0.02
#: Standard deviations of chance beyond which agreement is not chance's, and beyond which another order is the right one.
CHANCE, FAR_BEYOND_CHANCE = 2, 5
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
) -> Said:
    """Read and check one teacher's file.

    Args:
        labels: [N] class indices of the table's rows.
        class_names: C names. A file whose header has them all may hold them in any order, among other columns.
        table: where the table's rows are.
        accessions, accession: of the table's rows, and that column's name, where there is one.
    Raises:
        UserError: another number of rows or columns, rows in another order by accession, a number that is not finite,
            probabilities that do not sum to 1; one line with file, row and column. Rows that agree with the labels as
            chance would, and far better in another simple order.
    """
    matrix = read_matrix(path, len(labels), accession)
    notes = list(matrix.notes)
    matrix, by_name = _in_order_of_classes(matrix, class_names)
    if by_name:
        notes.append(f"{path.name}: its columns were taken by the classes' names")
    check_size(matrix, len(labels), table.file)
    if matrix.values.shape[1] != len(class_names):
        raise UserError(
            f"{path.name}: has {matrix.values.shape[1]:,} columns of numbers, expected {len(class_names)}: one for "
            "each class"
        )
    if check_order(matrix, accessions, table):
        notes.append(f"{path.name}: its rows are the table's by {matrix.accession_name}")
    logits, kind = to_logits(matrix)
    notes.append(f"{path.name}: read as {kind}")
    named = logits.argmax(1)
    accuracy = float((named == labels).mean())
    chance = chance_agreement(named, labels, len(class_names))
    spread = math.sqrt(chance * (1 - chance) / len(labels))
    warnings = []
    if accuracy <= chance + CHANCE * spread:
        agreement, words = max(_other_orders(named, labels))
        if agreement > chance + FAR_BEYOND_CHANCE * spread:
            # of labels with a pattern, such as sorted ones, two mistakes look the same
            columns = _best_by_columns(named, labels, len(class_names)) > (agreement + chance) / 2
            raise UserError(
                f"{path.name}: its rows are {words}{', or its columns not in that of the classes' if columns else ''}: "
                f"row by row it names {accuracy:.1%} of the labels, where chance would name {chance:.1%}, but with "
                f"rows {words} {agreement:.1%}; expected the order of {table.file}"
            )
        warnings.append(
            f"{path.name}: names {accuracy:.1%} of the labels, where chance would name {chance:.1%}: its rows or "
            "columns may be in another order than the table's"
        )
    else:
        notes.append(f"{path.name}: names {accuracy:.1%} of the labels, where chance would name {chance:.1%}")
    return Said(logits.astype(np.float32), accuracy, tuple(notes), tuple(warnings))


def chance_agreement(named: np.ndarray, labels: np.ndarray, n_classes: int) -> float:
    """Share of labels that the same answers would name if their rows were shuffled."""
    shares = [np.bincount(values, minlength=n_classes) / len(values) for values in (named, labels)]
    return float(shares[0] @ shares[1])


def _other_orders(named: np.ndarray, labels: np.ndarray) -> list[tuple[float, str]]:
    """Share of labels named if the rows were in another order, and how they would then have been put in the file."""
    orders = (
        (labels[::-1], "in reverse order"),
        (np.roll(labels, -1), "one row too early"),
        (np.roll(labels, 1), "one row too late"),
        (np.sort(labels), "in the order of their classes"),
    )
    return [(float((named == order).mean()), words) for order, words in orders]


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
    off = np.abs(sums - 1) > SUM_TOLERANCE
    # one row that is wrong does not make logits of the others
    within = (values >= 0).all() and ((values <= 1 + SUM_TOLERANCE).all() or off.mean() < 0.5)
    if within and off.any():
        row = int(off.argmax())
        raise UserError(
            f"{matrix.places.at(row)} sums to {sums[row]:.3f}, expected 1 within {SUM_TOLERANCE}: none of the "
            "numbers is negative, and they are from 0 to 1 or most rows sum to 1, so they are read as probabilities"
        )
    if within:
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


def _in_order_of_classes(matrix: Matrix, class_names: Sequence[str]) -> tuple[Matrix, bool]:
    names = matrix.names
    if names is None or not set(class_names) <= set(names) or tuple(names) == tuple(class_names):
        return matrix, False
    index = [names.index(name) for name in class_names]
    chosen = Matrix(
        matrix.values[:, index], tuple(class_names), matrix.places, matrix.accession_name, matrix.accessions
    )
    return chosen, True
