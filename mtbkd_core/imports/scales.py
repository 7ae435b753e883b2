"""The scales of a teacher's numbers, which become logits: logits, probabilities, logarithms of them, odds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.table import Table, count_of

#: How far from 1 a row of probabilities may sum, and the most that is allowed where few decimals were kept.
SUM_TOLERANCE, MAX_SUM_TOLERANCE = 0.02, 0.5
#: What a probability may be below 0, as 1 minus the others can be.
ROUNDING = 1e-6
#: Logits beyond this are no network's outputs.
MAX_LOGIT = 1e6
#: Share of rows from which on they tell what all are, and the others are wrong.
_NEARLY_ALL = 0.9
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
    if not most and (found := _other_scale(file, values, places)) is not None:
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


@dataclass(frozen=True)
class _Scale:
    """A scale that numbers [N, C] may be on: what they would be as probabilities, and how that becomes logits."""

    kind: str
    shares: np.ndarray
    tolerance: float = SUM_TOLERANCE
    base: float | None = None

    @property
    def sums(self) -> np.ndarray:
        """[N], 1 within the tolerance where a row is on this scale."""
        sums: np.ndarray = self.shares.sum(1)
        return sums

    @property
    def off(self) -> np.ndarray:
        """[N], rows that are not on this scale."""
        off: np.ndarray = ~(np.abs(self.sums - 1) <= self.tolerance)
        return off

    @property
    def fit(self) -> float:
        """Share of rows that are on this scale, of those that tell; 0 where none does.

        A row does not tell where its largest number alone makes 1, as 0 does in any base.
        """
        tell = ~self.off & (1 - self.shares.max(1) > 1.5 * np.abs(self.sums - 1))
        return float(tell.sum() / max(1, (tell | self.off).sum()))


def _other_scale(file: Table, values: np.ndarray, places: np.ndarray) -> Scaled | None:
    """Logarithms of probabilities in other bases, and odds, as logits; None where the numbers are none of these.

    They are told by their rows: 10^x, 2^x, or v / (1 + v), sum to 1 in nine of ten that tell.

    Raises:
        UserError: rows that do not, where the others do; one line.
    """
    best = max(_scales(values), key=lambda scale: scale.fit)
    if best.fit < _NEARLY_ALL or best.base == math.e:
        return None
    if best.off.any():
        row = int(best.off.argmax())
        more = f" (and {count_of(int(best.off.sum()) - 1, 'more row')})" if best.off.sum() > 1 else ""
        got = f"as probabilities, its numbers sum to {best.sums[row]:.4g}, expected 1 within {best.tolerance:.2g}{more}"
        raise UserError(f"{file.at(places[row])}: {got}: nearly all rows hold {best.kind.partition(',')[0]}")
    if best.base is not None:
        return Scaled(values * math.log(best.base), best.kind)
    return Scaled(_logarithm(best.shares), best.kind, best.kind.startswith("odds"))


def _scales(values: np.ndarray) -> Iterator[_Scale]:
    """The scales that numbers [N, C] may be on, one after another: each takes as much memory as they do."""
    for base, name in ((math.e, "e"), (10.0, "10"), (2.0, "2")):
        yield _of_base(values, base, name)
    with np.errstate(invalid="ignore", divide="ignore"):
        odds = np.where(values >= 0, values / (1 + values), np.nan)
    yield _Scale("odds, of which the logarithm of each probability was taken", odds)
    if values.shape[1] > 2 and (np.abs(values) < MAX_LOGIT).all():
        sigmoids = 1 / (1 + np.exp(-np.clip(values, -500, 500)))
        yield _Scale("log odds of each class, which were brought to log probabilities", sigmoids)


def _of_base(values: np.ndarray, base: float, name: str) -> _Scale:
    """Logarithms to a base; their sums are as far from 1 as rounding to one decimal takes them."""
    rounded = np.allclose(values, np.round(values, 1), rtol=0, atol=1e-7) and not (values % 1 == 0).all()
    tolerance = base**0.05 - 1 if rounded else 0.0
    kind = f"logarithms of probabilities to base {name}, which were brought to base e"
    return _Scale(kind, base ** np.minimum(values, 100.0), max(SUM_TOLERANCE, tolerance), base)


def check_logits(file: Table, names: Sequence[str], given: np.ndarray, places: np.ndarray) -> str:
    """What numbers are that are no probabilities, in words; refuses what is no logits either."""
    known = np.isfinite(given)
    values = np.where(known, given, given[known].min())
    # logits can be alike in sum, too, but then they are made: ranks, or certain answers times 5
    whole, made = float(np.median(values.sum(1))), not np.ptp(np.sort(values, 1), axis=0).any()
    shares = (values >= 0).all(1) & (np.abs(values.sum(1) - whole) <= SUM_TOLERANCE * whole)
    if shares.mean() >= _NEARLY_ALL and values.min() <= 0.5 * whole / values.shape[1] and not made:
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
