"""The two errors of a score: the sampler's, by the jackknife over chains, and the test set's, by the bootstrap.

Sources: Efron and Tibshirani, "An introduction to the bootstrap", 1993 (both); Vaicenavicius et al., "Evaluating model
calibration in classification", AISTATS 2019 (the ECE of an exactly calibrated model). S chains, M test examples, C
classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray
from torch import Tensor

from mtbkd_core.evaluation.calibration import BINS

Array = NDArray[np.float64]
#: Resamples of the test set, and simulations of exact calibration.
RESAMPLES = 500
#: Confidences that differ by rounding alone are equal.
_DIGITS = 6


@dataclass(frozen=True)
class ScoreError:
    """The standard errors of a score.

    Attributes:
        sampler: of the Monte Carlo draws; None for one chain, or what has no chains.
        test_set: of a test set of this size; None where it is not known.
    """

    sampler: float | None = None
    test_set: float | None = None


@dataclass(frozen=True)
class ExactCalibration:
    """What the ECE would be if the predictions were exactly calibrated.

    Attributes:
        mean: over simulated labels.
        high: its 95 % point.
        p_value: share of simulations with an ECE of at least the one found.
    """

    mean: float
    high: float
    p_value: float


def jackknife(chain_means: Tensor, score: Callable[[Tensor], Mapping[str, float | None]]) -> dict[str, float | None]:
    """The sampler's standard error of scores of the posterior mean.

    Each chain is left out in turn; the scores' spread over the S results, scaled by (S - 1), is their error.

    Args:
        chain_means: [S, M, C], each chain's mean probabilities (or whatever `score` takes the mean over chains of).
        score: scores by name of a mean [M, C]; one that is None anywhere has no error.
    Returns:
        the standard error by name; None for one chain.
    """
    chains = len(chain_means)
    whole = chain_means.mean(0)
    if chains < 2:
        return dict.fromkeys(score(whole))
    left_out = [score((chains * whole - own) / (chains - 1)) for own in chain_means]
    return {name: jackknife_error([row[name] for row in left_out]) for name in left_out[0]}


def jackknife_error(values: list[float | None]) -> float | None:
    """The standard error from S >= 2 leave-one-out values; None where one of them is None."""
    known = [value for value in values if value is not None]
    if len(known) < len(values) or len(known) < 2:
        return None
    each = np.asarray(known)
    return float(math.sqrt((len(each) - 1) / len(each) * np.square(each - each.mean()).sum()))


def interval(value: float, error: float, degrees: float = math.inf, level: float = 0.95) -> tuple[float, float]:
    """A two-sided interval by Student's t; the sampler's error of S chains has S - 1 degrees of freedom."""
    quantile = scipy.stats.norm.ppf if math.isinf(degrees) else lambda share: scipy.stats.t.ppf(share, degrees)
    half = float(quantile((1 + level) / 2)) * error
    return value - half, value + half


def resamples(count: int, seed: int, number: int = RESAMPLES) -> Array:
    """[B, M], how often each of M test examples is in each of B bootstrap samples; the same for what is paired."""
    return np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), number).astype(float)


def resampled_scores(probabilities: Tensor, labels: Tensor, weights: Array) -> dict[str, Array]:
    """The scores of predictions [M, C] against labels [M] on each bootstrap sample of `resamples`, by name: [B] each.

    Accuracy, NLL, Brier score, ECE, classwise ECE and AUROC of misclassification; NaN where a sample has no AUROC.
    """
    p = probabilities.detach().cpu().double().numpy()
    p, y = p / p.sum(1, keepdims=True), labels.cpu().numpy()
    count = len(y)
    confidence, correct = np.round(p.max(1), _DIGITS), (p.argmax(1) == y).astype(float)
    truth = np.eye(p.shape[1])[y]
    own = np.clip(p[np.arange(count), y], np.finfo(float).eps, None)
    each = {"accuracy": correct, "nll": -np.log(own), "brier": np.square(p - truth).sum(1)}
    classwise = [_binned_error(np.round(p[:, c], _DIGITS), truth[:, c], weights) for c in range(p.shape[1])]
    return {
        **{name: weights @ values / count for name, values in each.items()},
        "ece": _binned_error(confidence, correct, weights),
        "ece_classwise": np.mean(classwise, 0),
        "auroc_misclassification": _auroc(confidence, correct, weights),
    }


def bootstrap(probabilities: Tensor, labels: Tensor, seed: int = 0) -> dict[str, float | None]:
    """The test set's standard error of each score of `resampled_scores`; None where a score is not defined."""
    found = resampled_scores(probabilities, labels, resamples(len(labels), seed))
    return {name: float(values.std(ddof=1)) if np.isfinite(values).all() else None for name, values in found.items()}


def paired_bootstrap(
    one: Tensor, other: Tensor, labels: Tensor, seed: int = 0, level: float = 0.95
) -> dict[str, tuple[float, float]]:
    """Percentile intervals of the scores of one prediction [M, C] minus those of another on the same test set."""
    weights = resamples(len(labels), seed)
    first, second = (resampled_scores(each, labels, weights) for each in (one, other))
    tails = [(1 - level) / 2, (1 + level) / 2]
    found = {name: np.quantile(first[name] - second[name], tails) for name in first}
    return {name: (float(low), float(high)) for name, (low, high) in found.items() if math.isfinite(low + high)}


def exact_calibration(probabilities: Tensor, found: float, seed: int = 0) -> ExactCalibration:
    """The ECE that exactly calibrated labels would give these predictions [M, C], beside the one found."""
    confidence = np.round(probabilities.detach().cpu().double().max(1).values.numpy(), _DIGITS)
    hits = np.random.default_rng(seed).random((RESAMPLES, len(confidence))) < confidence
    # each simulation has labels of its own, and counts every example once
    gap = (hits - confidence) / len(confidence)
    simulated = np.abs(gap @ _membership(confidence)).sum(1)
    above = (1 + (simulated >= found - 1e-12).sum()) / (1 + RESAMPLES)
    return ExactCalibration(float(simulated.mean()), float(np.quantile(simulated, 0.95)), float(above))


def _membership(confidence: Array) -> Array:
    """[M, bins], 1 where a confidence falls into a bin of the ECE."""
    place = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    inside: Array = np.eye(BINS)[place]
    return inside


def _binned_error(confidence: Array, correct: Array, weights: Array) -> Array:
    """The ECE [B] over bins of equal width on each bootstrap sample."""
    gap: Array = np.abs(weights @ (_membership(confidence) * (correct - confidence)[:, None])).sum(1)
    return gap / len(confidence)


def _auroc(confidence: Array, correct: Array, weights: Array) -> Array:
    """AUROC of misclassification [B] on each bootstrap sample; a tie counts half."""
    order = np.argsort(confidence, kind="stable")
    _, group = np.unique(confidence[order], return_inverse=True)
    ties = np.zeros((len(order), group.max() + 1))
    ties[np.arange(len(order)), group] = 1
    ordered = weights[:, order]
    wrong, right = (ordered * (1 - correct[order])) @ ties, (ordered * correct[order]) @ ties
    below = np.cumsum(wrong, 1) - wrong
    pairs = (right * (below + wrong / 2)).sum(1)
    with np.errstate(invalid="ignore"):
        found: Array = pairs / (wrong.sum(1) * right.sum(1))
    return found
