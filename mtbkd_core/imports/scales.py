"""The scales of a teacher's numbers, which become logits: logits, probabilities, logarithms of them, odds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

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
#: Cells that are looked at in one go, as float64, so that what is in between stays small.
_AT_ONCE = 2**18
_Of = Callable[[np.ndarray], np.ndarray]


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
    sums, low, high = _by_row(values, lambda block: np.stack([block.sum(1), block.min(1), block.max(1)], 1)).T
    tolerance = sum_tolerance(values)
    off = np.abs(sums - 1) > tolerance + 1e-9
    outside = (low < -ROUNDING) | (high > 1 + SUM_TOLERANCE)
    # a few cells or rows that are wrong do not make logits of the others
    most = (~off & ~outside).mean() >= 0.5
    if not most and (found := _other_scale(file, values, places)) is not None:
        return found
    if not most and normalise and low.min() >= 0:
        if not sums.all():
            raise UserError(f"{file.at(places[sums.argmin()])} holds zeros alone, which cannot be normalised")
        return Scaled(_converted(values, _shared_out), "shares, each row divided by its sum", True)
    if not most and outside.any():
        return Scaled(values, check_logits(file, names, values, places))
    wrong = off | outside
    if wrong.any():
        row = int(wrong.argmax())
        seen = "most rows sum to 1" if most else "all its numbers are from 0 to 1"
        why = f"{seen}, so the file is read as probabilities"
        if low[row] < -ROUNDING:
            column = int(values[row].argmin())
            got = f"got {values[row, column]:g}, expected a probability, 0 to 1"
            raise UserError(f"{file.at(places[row], names[column])}: {got}: {why}")
        got = f"{file.at(places[row])} sums to {sums[row]:.3f}, expected 1 within {tolerance:g}: {why}"
        own = "where each class has a probability of its own (sigmoids), or some are not there"
        raise UserError(got if most else f"{got}; {own}, --normalise divides by the sum")
    zeros = int(_by_row(values, lambda block: (block < SMALLEST).sum(1)).sum())
    set_to = f"; {zeros:,} of them below {SMALLEST} were set to it" if zeros else ""
    return Scaled(_converted(values, _shared_out), f"probabilities, of which the logarithm was taken{set_to}", True)


def _blocks(values: np.ndarray) -> Iterator[np.ndarray]:
    """Some rows of [N, C] after another, as float64."""
    rows = max(1, _AT_ONCE // max(1, values.shape[1]))
    for start in range(0, len(values), rows):
        yield values[start : start + rows].astype(np.float64)


def _by_row(values: np.ndarray, of: _Of) -> np.ndarray:
    """What is worked out of each row of [N, C]."""
    return np.concatenate([of(block) for block in _blocks(values)])


def _all(values: np.ndarray, of: _Of) -> bool:
    """Whether something holds in all cells, or rows, of [N, C]."""
    return all(bool(of(block).all()) for block in _blocks(values))


def _converted(values: np.ndarray, of: _Of) -> np.ndarray:
    """What becomes of [N, C], cell by cell or within its row, in the same type."""
    found, start = np.empty_like(values), 0
    for block in _blocks(values):
        found[start : start + len(block)] = of(block)
        start += len(block)
    return found


def _are_rounded(block: np.ndarray, decimals: int) -> np.ndarray:
    """Where numbers have so many decimals, as far as float32 keeps them."""
    close: np.ndarray = np.isclose(block, np.round(block, decimals), rtol=6e-8, atol=1e-7)
    return close


def _logarithm(shares: np.ndarray) -> np.ndarray:
    logarithm: np.ndarray = np.log(np.maximum(shares, SMALLEST))
    return logarithm


def _shared_out(block: np.ndarray) -> np.ndarray:
    return _logarithm(block / block.sum(1, keepdims=True))


@dataclass(frozen=True)
class _Scale:
    """A scale that numbers may be on: what they would be as probabilities, and how that becomes logits.

    Attributes:
        shares: makes probabilities [n, C] of numbers.
        sums: [N], of the probabilities of each row; 1 within the tolerance where it is on this scale.
        largest: [N], the largest of them.
    """

    kind: str
    shares: _Of
    sums: np.ndarray
    largest: np.ndarray
    tolerance: float = SUM_TOLERANCE
    base: float | None = None

    @classmethod
    def of(
        cls, values: np.ndarray, kind: str, shares: _Of, tolerance: float = SUM_TOLERANCE, base: float | None = None
    ) -> _Scale:
        """The scale of numbers [N, C]."""

        def of_rows(block: np.ndarray) -> np.ndarray:
            found = shares(block)
            return np.stack([found.sum(1), found.max(1)], 1)

        sums, largest = _by_row(values, of_rows).T
        return cls(kind, shares, sums, largest, tolerance, base)

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
        tell = ~self.off & (1 - self.largest > 1.5 * np.abs(self.sums - 1))
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
        return Scaled(_converted(values, partial(np.multiply, math.log(best.base))), best.kind)
    odds = best.kind.startswith("odds")
    return Scaled(_converted(values, lambda block: _logarithm(best.shares(block))), best.kind, odds)


def _scales(values: np.ndarray) -> Iterator[_Scale]:
    """The scales that numbers [N, C] may be on."""
    for base, name in ((math.e, "e"), (10.0, "10"), (2.0, "2")):
        yield _of_base(values, base, name)
    yield _Scale.of(values, "odds, of which the logarithm of each probability was taken", _of_odds)
    if values.shape[1] > 2 and _all(values, lambda block: np.abs(block) < MAX_LOGIT):
        yield _Scale.of(values, "log odds of each class, which were brought to log probabilities", _of_log_odds)


def _of_odds(block: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        shares: np.ndarray = np.where(block >= 0, block / (1 + block), np.nan)
    return shares


def _of_log_odds(block: np.ndarray) -> np.ndarray:
    shares: np.ndarray = 1 / (1 + np.exp(-np.clip(block, -500, 500)))
    return shares


def _of_base(values: np.ndarray, base: float, name: str) -> _Scale:
    """Logarithms to a base; their sums are as far from 1 as rounding to one decimal takes them."""
    rounded = _all(values, partial(_are_rounded, decimals=1)) and not _all(values, lambda block: block == block.round())
    tolerance = base**0.05 - 1 if rounded else 0.0
    kind = f"logarithms of probabilities to base {name}, which were brought to base e"
    return _Scale.of(values, kind, lambda block: base ** np.minimum(block, 100.0), max(SUM_TOLERANCE, tolerance), base)


def check_logits(file: Table, names: Sequence[str], given: np.ndarray, places: np.ndarray) -> str:
    """What numbers are that are no probabilities, in words; refuses what is no logits either."""
    least = min(float(block[known].min()) for block in _blocks(given) if (known := np.isfinite(block)).any())

    def known_of(block: np.ndarray) -> np.ndarray:
        return np.where(np.isfinite(block), block, least)

    sums, low, high = _by_row(
        given, lambda block: np.stack([(known := known_of(block)).sum(1), known.min(1), known.max(1)], 1)
    ).T
    # logits can be alike in sum, too, but then they are made: ranks, or certain answers times 5
    first, whole = np.sort(known_of(given[:1].astype(np.float64)), 1), float(np.median(sums))
    shares = (low >= 0) & (np.abs(sums - whole) <= SUM_TOLERANCE * whole)
    alike = shares.mean() >= _NEARLY_ALL and least <= 0.5 * whole / given.shape[1]
    if alike and not _all(given, lambda block: np.sort(known_of(block), 1) == first):
        raise UserError(
            f"{file.file}: nearly all rows hold no negative number and sum to {whole:.4g}: these are neither logits "
            f"nor probabilities, which sum to 1; --normalise divides each row by its sum"
        )
    large = np.maximum(-low, high) > MAX_LOGIT
    if large.any():
        row = int(large.argmax())
        column = int((np.abs(known_of(given[row].astype(np.float64))) > MAX_LOGIT).argmax())
        got = f"got {given[row, column]:g}, expected a logit, at most {MAX_LOGIT:g} in size"
        raise UserError(f"{file.at(places[row], names[column])}: {got}, or -inf for a class that is not known")
    if (high <= 0).all() and _all(given, lambda block: np.abs(np.exp(block).sum(1) - 1) <= SUM_TOLERANCE):
        return "log probabilities, which serve as logits"
    return "logits"


def sum_tolerance(values: np.ndarray) -> float:
    """How far from 1 a row of probabilities [N, C] may sum: as far as rounding to the decimals that were kept takes it.

    Whole numbers are certain answers, which nothing was rounded of.
    """
    for decimals in range(4):
        if _all(values, partial(_are_rounded, decimals=decimals)):
            rounding = values.shape[1] * 0.5 * 10.0**-decimals if decimals else 0.0
            return min(max(SUM_TOLERANCE, rounding), MAX_SUM_TOLERANCE)
    return SUM_TOLERANCE
