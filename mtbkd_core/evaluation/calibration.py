"""Calibration: reliability curves with bands, calibration errors, and the temperature that corrects them.

Probabilities are [M, C] and labels [M]; `figures` draws what these calls return.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtbkd_core.config.models import TEMPERATURE_LIMITS

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

#: Bins of the expected calibration error and of the diagrams.
BINS = 15


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


def _binned(confidence: Array, correct: NDArray[np.bool_], bins: int = BINS, equal_mass: bool = False) -> Reliability:
    if equal_mass:
        edges = np.quantile(confidence, np.linspace(0, 1, bins + 1))
        # equal confidences share a bin, so that the examples' order does not matter
        place = np.searchsorted(edges[1:-1], confidence)
    else:
        edges = np.linspace(0, 1, bins + 1)
        place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    hits = np.bincount(place, correct, bins)
    with np.errstate(invalid="ignore"):
        accuracy, mean_confidence = hits / count, np.bincount(place, confidence, bins) / count
    low = np.where(hits > 0, scipy.stats.beta.ppf(0.025, hits, count - hits + 1), 0.0)
    high = np.where(hits < count, scipy.stats.beta.ppf(0.975, hits + 1, count - hits), 1.0)
    empty = count == 0
    return Reliability(
        edges, count, mean_confidence, accuracy, np.where(empty, np.nan, low), np.where(empty, np.nan, high)
    )


def expected_calibration_error(p: Array, y: Labels) -> float:
    """The ECE of the top class's confidence over 15 bins of equal width."""
    return _binned(p.max(1), p.argmax(1) == y).error


def adaptive_calibration_error(p: Array, y: Labels) -> float:
    """The ECE of the top class's confidence over 15 bins of equally many predictions."""
    return _binned(p.max(1), p.argmax(1) == y, equal_mass=True).error


def classwise_calibration_error(p: Array, y: Labels) -> float:
    """The ECE of each class's own probability, mean over classes."""
    return float(np.mean([_binned(p[:, c], y == c).error for c in range(p.shape[1])]))


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
    from sklearn.metrics import roc_auc_score

    if correct.all() or not correct.any():
        return None
    return float(roc_auc_score(~correct, 1 - confidence))


def smooth_calibration_error(confidence: Array, correct: NDArray[np.bool_]) -> float:
    """Calibration error without bins: residuals smoothed at the scale of the error itself.

    The residuals correct - confidence, smoothed over confidence by a Gaussian that is reflected at 0 and 1, give an
    error at every bandwidth; it falls as the bandwidth grows, and the answer is where the two are equal. Source:
    Blasiok and Nakkiran, "Smooth ECE: principled reliability diagrams via kernel smoothing", ICLR 2024.
    """
    cells = 512
    frequency, basis = _cosines(cells)
    place = np.clip((confidence * cells).astype(int), 0, cells - 1)
    residual = np.bincount(place, correct - confidence, cells) / len(confidence)
    # a cosine series is the reflected signal's spectrum, so damping it is smoothing with reflection
    spectrum = basis.T @ residual * np.where(frequency > 0, 2.0, 1.0) / cells

    def error_at(bandwidth: float) -> float:
        return float(np.abs(basis @ (spectrum * np.exp(-0.5 * (frequency * bandwidth) ** 2))).sum())

    low, high = 1e-3, 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (middle, high) if error_at(middle) > middle else (low, middle)
    return error_at((low + high) / 2)


@cache
def _cosines(cells: int) -> tuple[Array, Array]:
    """Frequencies [cells], and the cosines of each at the middles of as many cells from 0 to 1, [cells, cells]."""
    frequency: Array = np.pi * np.arange(cells, dtype=float)
    return frequency, np.cos(np.outer((np.arange(cells) + 0.5) / cells, frequency))


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature that minimises the NLL of logits [M, C] / temperature against labels [M].

    It is sought between the limits of every temperature setting; an NLL that still falls there ends within 1 % of one.
    Source: Guo et al., "On calibration of modern neural networks", ICML 2017.
    """
    wide = logits.double()
    if bool((wide.argmax(-1) == labels).all()):
        return TEMPERATURE_LIMITS[0]  # the NLL falls all the way, at last by less than float64 can resolve

    def nll(log_temperature: float) -> float:
        return float(torch.nn.functional.cross_entropy(wide / np.exp(log_temperature), labels))

    # in 1 / temperature the NLL is convex, so there is one minimum to find
    return float(
        np.exp(scipy.optimize.minimize_scalar(nll, bounds=tuple(np.log(TEMPERATURE_LIMITS)), method="bounded").x)
    )


@dataclass(frozen=True)
class FittedTemperatures:
    """What `fit_temperatures` finds.

    Attributes:
        values: [K] temperatures, to three significant digits.
        at_limit: [K] whether the fit ended at a limit of the setting: the best temperature lies beyond it.
    """

    values: tuple[float, ...]
    at_limit: tuple[bool, ...]


def fit_temperatures(logits: Tensor, labels: Tensor) -> FittedTemperatures:
    """Each teacher's own temperature by `fit_temperature`, from logits [K, N, C] and labels [N].

    As entropy temperatures they make the entropies of differently calibrated teachers comparable, and can calibrate the
    teachers (Guo et al., 2017). Labels that a teacher was trained on give temperatures that are too low: it is right
    there.
    """
    low, high = TEMPERATURE_LIMITS
    values, at_limit = [], []
    for row in logits:
        found = fit_temperature(row, labels)
        # the search stops a little short of its bounds
        limit = low if found < 1.01 * low else high if found > 0.99 * high else None
        values.append(float(f"{found:.3g}") if limit is None else limit)
        at_limit.append(limit is not None)
    return FittedTemperatures(tuple(values), tuple(at_limit))


def checked(probabilities: Tensor, labels: Tensor) -> tuple[Array, Labels]:
    """Both as arrays; float64 rows, renormalised to sum to 1 exactly.

    Raises:
        ValueError: no example, shapes that do not agree, or rows that are no probabilities.
    """
    p, y = probabilities.detach().cpu().double().numpy(), labels.cpu().numpy()
    if p.ndim != 2 or len(p) != len(y) or not len(y):
        raise ValueError(f"probabilities must be [M, C] and labels [M] with M >= 1, got {p.shape} and {y.shape}")
    total = p.sum(1, keepdims=True)
    if not np.isfinite(p).all() or (p < 0).any() or np.abs(total - 1).max() > 1e-3:
        raise ValueError("probabilities must be finite, not negative, and sum to 1 in every row")
    return p / total, y
