"""Calibration: reliability curves with bands, and calibration errors.

Probabilities are [M, C] and labels [M]; `figures` draws what these calls return.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray
from torch import Tensor

from mtbkd_core.common.progress import UserError

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

#: Bins of the expected calibration error and of the diagrams.
BINS = 15
#: Decimals of probabilities before bins, quantiles and searches: rounding is not to part equal ones.
DIGITS = 6


@dataclass(frozen=True)
class Reliability:
    """A reliability curve: confidence against accuracy, bin by bin.

    Attributes:
        edges: [B + 1] of the bins of confidence.
        count: [B] examples in each bin.
        confidence, accuracy: [B] their means in each bin; NaN where a bin is empty.
        low, high: [B] 95 % band of the accuracy (Clopper and Pearson, 1934); NaN where a bin is empty.
    """

    edges: Array
    count: NDArray[np.int64]
    confidence: Array
    accuracy: Array
    low: Array
    high: Array

    @property
    def error(self) -> float:
        """Expected calibration error: mean |accuracy - confidence| over bins, weighted by their counts."""
        gap = np.abs(self.accuracy - self.confidence)
        return float(np.nansum(gap * self.count) / self.count.sum())


def reliability(
    probabilities: Tensor, labels: Tensor, *, bins: int = BINS, class_index: int | None = None, equal_mass: bool = False
) -> Reliability:
    """Bin the confidence of M predictions and compare it with their accuracy.

    Args:
        probabilities: [M, C].
        labels: [M].
        bins: number of bins.
        class_index: look at this class's probability; None: at the probability of the most probable class.
        equal_mass: bins that hold equally many examples (as far as ties allow), in place of equally wide ones.
    Raises:
        ValueError: no example, or shapes that do not agree.
    """
    p, y = checked(probabilities, labels)
    if class_index is None:
        return _binned(p.max(1), p.argmax(1) == y, bins, equal_mass)
    return _binned(p[:, class_index], y == class_index, bins, equal_mass)


def rounded(confidence: Array) -> Array:
    """Confidences to `DIGITS` decimals."""
    found: Array = np.round(confidence, DIGITS)
    return found


def equal_width_place(confidence: Array, bins: int = BINS) -> Labels:
    """[M], the bin of equal width of each of M rounded confidences; an edge belongs to the bin below it."""
    return np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)


def equal_mass_place(confidence: Array, bins: int = BINS) -> tuple[Labels, Array]:
    """The bin of each of M rounded confidences and the edges [bins + 1] of bins that hold equally many of them."""
    edges = rounded(np.quantile(confidence, np.linspace(0, 1, bins + 1)))
    # equal confidences share a bin, so that the examples' order does not matter
    return np.searchsorted(edges[1:-1], confidence), edges


def _binned(confidence: Array, correct: NDArray[np.bool_], bins: int = BINS, equal_mass: bool = False) -> Reliability:
    confidence = rounded(confidence)
    if equal_mass:
        place, edges = equal_mass_place(confidence, bins)
    else:
        place, edges = equal_width_place(confidence, bins), np.linspace(0, 1, bins + 1)
    count = np.bincount(place, minlength=bins)
    hits = np.bincount(place, correct, bins)
    with np.errstate(invalid="ignore"):
        accuracy, mean_confidence = hits / count, np.bincount(place, confidence, bins) / count
    low, high = exact_bounds(hits, count)
    empty = count == 0
    return Reliability(
        edges, count, mean_confidence, accuracy, np.where(empty, np.nan, low), np.where(empty, np.nan, high)
    )


def exact_bounds(hits: NDArray[Any], count: NDArray[Any], tail: float = 0.025) -> tuple[Array, Array]:
    """The exact bounds of shares, each missed with a probability of `tail` at most (Clopper and Pearson, 1934)."""
    low = np.where(hits > 0, scipy.stats.beta.ppf(tail, hits, count - hits + 1), 0.0)
    high = np.where(hits < count, scipy.stats.beta.ppf(1 - tail, hits + 1, count - hits), 1.0)
    return low, high


def _binned_error(place: Labels, gap: Array) -> float:
    """`Reliability.error` from the bins [M] of M examples and what the truth exceeds the confidence by, [M]."""
    return float(np.abs(np.bincount(place, gap)).sum() / len(gap))


def expected_calibration_error(p: Array, y: Labels) -> float:
    """The ECE of the top class's confidence over 15 bins of equal width."""
    confidence = rounded(p.max(1))
    return _binned_error(equal_width_place(confidence), (p.argmax(1) == y) - confidence)


def adaptive_calibration_error(p: Array, y: Labels) -> float:
    """The ECE of the top class's confidence over 15 bins of equally many predictions."""
    confidence = rounded(p.max(1))
    return _binned_error(equal_mass_place(confidence)[0], (p.argmax(1) == y) - confidence)


def classwise_calibration_error(p: Array, y: Labels) -> float:
    """The ECE of each class's own probability, mean over classes."""
    p = rounded(p)
    each = [_binned_error(equal_width_place(p[:, c]), (y == c) - p[:, c]) for c in range(p.shape[1])]
    return float(np.mean(each))


def auroc_misclassification(confidence: Array, correct: NDArray[np.bool_]) -> float | None:
    """How well uncertainty, 1 - confidence, tells errors from right answers: the area under the ROC curve.

    The chance that a wrong answer is less confident than a right one, a tie counting half: 1 is best, 0.5 is chance.
    Source: Hendrycks and Gimpel, "A baseline for detecting misclassified and out-of-distribution examples in neural
    networks", ICLR 2017.

    Args:
        confidence: [M], probability of the most probable class.
        correct: [M], whether that class is the label.
    Returns:
        the area, or None where every answer is right or every answer is wrong: no pair can be compared.
    """
    if correct.all() or not correct.any():
        return None
    return float(resampled_auroc(rounded(confidence), correct, np.ones((1, len(correct))))[0])


def resampled_auroc(confidence: Array, correct: NDArray[Any], weights: Array) -> Array:
    """`auroc_misclassification` [B] of rounded confidences [M] where example m counts weights[b, m] times.

    NaN where every answer that counts is right or every one is wrong.
    """
    order = np.argsort(confidence, kind="stable")
    ordered, right = weights[:, order], correct[order].astype(float)
    starts = np.flatnonzero(np.diff(confidence[order], prepend=-1) > 0)
    # one column for each confidence, so that a tie counts half
    wrongs, rights = (np.add.reduceat(ordered * each, starts, axis=1) for each in (1 - right, right))
    below = np.cumsum(wrongs, 1) - wrongs
    pairs = (rights * (below + wrongs / 2)).sum(1)
    with np.errstate(invalid="ignore"):
        found: Array = pairs / (wrongs.sum(1) * rights.sum(1))
    return found


def smooth_calibration_error(confidence: Array, correct: NDArray[np.bool_]) -> float:
    """Calibration error without bins: residuals smoothed at the scale of the error itself.

    The residuals correct - confidence, smoothed over confidence by a Gaussian that is reflected at 0 and 1, give an
    error at every bandwidth; it falls as the bandwidth grows, and the answer is where the two are equal. Source:
    Blasiok and Nakkiran, "Smooth ECE: principled reliability diagrams via kernel smoothing", ICLR 2024.
    """
    return _smoothed(rounded(confidence), correct)[0]


def smooth_error_slope(confidence: Array, correct: Array) -> tuple[float, Array]:
    """`smooth_calibration_error` of rounded confidences [M], and how it moves when an example counts more, [M].

    By implicit differentiation of the point at which error and bandwidth are equal.
    """
    value, error_at, smooth, place = _smoothed(confidence, correct)
    signs = np.sign(smooth(value, None))
    direct = smooth(value, signs)[place] * (correct - confidence) / len(confidence)
    step = 0.01 * value + 1e-6
    falls = (error_at(value + step) - error_at(value - step)) / (2 * step)
    return value, direct / (1 - falls)


def _smoothed(
    confidence: Array, correct: NDArray[Any]
) -> tuple[float, Callable[[float], float], Callable[[float, Array | None], Array], Labels]:
    """The smooth error, the error at a bandwidth, how to smooth a signal [cells] (None: residuals), and cells [M]."""
    cells = 512
    frequency, basis = _cosines(cells)
    place: Labels = np.clip((confidence * cells).astype(np.int64), 0, cells - 1)
    residual = np.bincount(place, correct - confidence, cells) / len(confidence)
    # a cosine series is the reflected signal's spectrum, so damping it is smoothing with reflection
    scale = np.where(frequency > 0, 2.0, 1.0) / cells
    spectrum = basis.T @ residual * scale

    def smooth(bandwidth: float, signal: Array | None = None) -> Array:
        of = spectrum if signal is None else basis.T @ signal * scale
        found: Array = basis @ (of * np.exp(-0.5 * (frequency * bandwidth) ** 2))
        return found

    def error_at(bandwidth: float) -> float:
        return float(np.abs(smooth(bandwidth)).sum())

    low, high = 1e-3, 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (middle, high) if error_at(middle) > middle else (low, middle)
    return error_at((low + high) / 2), error_at, smooth, place


@cache
def _cosines(cells: int) -> tuple[Array, Array]:
    """Frequencies [cells], and the cosines of each at the middles of as many cells from 0 to 1, [cells, cells]."""
    frequency: Array = np.pi * np.arange(cells, dtype=float)
    return frequency, np.cos(np.outer((np.arange(cells) + 0.5) / cells, frequency))


def checked(probabilities: Tensor, labels: Tensor) -> tuple[Array, Labels]:
    """Both as arrays; float64 rows, renormalised to sum to 1 exactly.

    Raises:
        ValueError: no example, or shapes that do not agree.
        UserError: rows that are no probabilities.
    """
    p, y = probabilities.detach().cpu().double().numpy(), labels.cpu().numpy()
    if p.ndim != 2 or len(p) != len(y) or not len(y):
        raise ValueError(f"probabilities must be [M, C] and labels [M] with M >= 1, got {p.shape} and {y.shape}")
    total = p.sum(1, keepdims=True)
    if not np.isfinite(p).all() or (p < 0).any() or np.abs(total - 1).max() > 1e-3:
        raise UserError("probabilities: must be finite, not negative, and sum to 1 in every row")
    return p / total, y
