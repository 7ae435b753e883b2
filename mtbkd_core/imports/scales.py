"""The scales of a teacher's numbers, which become logits: logits, probabilities, logarithms of them, odds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.table import Table

#: How far from 1 a row of probabilities may sum, and the most that is allowed where few decimals were kept.
SUM_TOLERANCE, MAX_SUM_TOLERANCE = 0.02, 0.5
#: What a probability may be below 0, as 1 minus the others can be.
ROUNDING = 1e-6
#: Logits beyond this are no network's outputs.
MAX_LOGIT = 1e6
#: A probability of 0 has no logarithm; where it stands beside others in its column it is a statement, and so small.
SMALLEST = 1e-6


@dataclass(frozen=True)
class Scaled:
    """A file's numbers as logits.

    Attributes:
        logits: [N, C].
        kind: what the numbers are, in words.
        shares: whether they are probabilities, or numbers in their proportion, so that 0 is none.
    """

    logits: np.ndarray
    kind: str
    shares: bool = False


def to_logits(
    file: Table, names: Sequence[str], values: np.ndarray, normalise: bool = False, rows: np.ndarray | None = None
) -> Scaled:
    """A file's numbers [N, C] as logits.

    Args:
        values: finite, or -inf where a class is not known.
        normalise: as `read_teacher`.
        rows: [N], where they stand in the file; None: they are all of it.
    Raises:
        UserError: numbers that are neither logits nor probabilities of one class out of C.
    """
    places = np.arange(len(values)) if rows is None else rows
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
            raise UserError(f"{file.at(places[sums.argmin()])} holds zeros alone, which cannot be normalised")
        return Scaled(_logarithm(values / sums[:, None]), "shares, each row divided by its sum", True)
    if not most and outside.any():
        return Scaled(values, check_logits(file, names, values, places))
    wrong = off | outside.any(1)
    if wrong.any():
        row = int(wrong.argmax())
        seen = "most rows sum to 1" if most else "all its numbers are from 0 to 1"
        why = f"{seen}, so the file is read as probabilities"
        if (values[row] < -ROUNDING).any():
            column = int(values[row].argmin())
            got = f"got {values[row, column]:g}, expected a probability, 0 to 1"
            raise UserError(f"{file.at(places[row], names[column])}: {got}: {why}")
        got = f"{file.at(places[row])} sums to {sums[row]:.3f}, expected 1 within {tolerance:g}: {why}"
        own = "where each class has a probability of its own (sigmoids), or some are not there"
        raise UserError(got if most else f"{got}; {own}, --normalise divides by the sum")
    zeros = int((values < SMALLEST).sum())
    set_to = f"; {zeros:,} of them below {SMALLEST} were set to it" if zeros else ""
    shares = _logarithm(values / sums[:, None])
    return Scaled(shares, f"probabilities, of which the logarithm was taken{set_to}", True)


def _logarithm(shares: np.ndarray) -> np.ndarray:
    logarithm: np.ndarray = np.log(np.maximum(shares, SMALLEST))
    return logarithm


def _other_scale(values: np.ndarray) -> Scaled | None:
    """Logarithms of probabilities in other bases, and odds, as logits; None where the numbers are none of these.

    They are told by their rows: 10^x, 2^x, or v / (1 + v), sum to 1.
    """

    def sum_to_1(shares: np.ndarray) -> bool:
        return bool((np.abs(shares.sum(1) - 1) <= SUM_TOLERANCE).all())

    if (values <= 0).all():
        for base, name in ((10.0, "base 10"), (2.0, "base 2")):
            if sum_to_1(base**values) and not sum_to_1(np.exp(values)):
                kind = f"logarithms of probabilities to {name}, which were brought to base e"
                return Scaled(values * math.log(base), kind)
    if (values >= 0).all() and sum_to_1(shares := values / (1 + values)):
        return Scaled(_logarithm(shares), "odds, of which the logarithm of each probability was taken", True)
    if values.shape[1] > 2 and (np.abs(values) < MAX_LOGIT).all():
        shares = 1 / (1 + np.exp(-np.clip(values, -500, 500)))
        if sum_to_1(shares):
            return Scaled(_logarithm(shares), "log odds of each class, which were brought to log probabilities")
    return None


def check_logits(file: Table, names: Sequence[str], given: np.ndarray, places: np.ndarray) -> str:
    """What numbers are that are no probabilities, in words; refuses what is no logits either."""
    known = np.isfinite(given)
    values = np.where(known, given, given[known].min())
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
        raise UserError(f"{file.at(places[row], names[column])}: {got}, or -inf for a class that is not known")
    if (given <= 0).all() and (np.abs(np.exp(given).sum(1) - 1) <= SUM_TOLERANCE).all():
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
