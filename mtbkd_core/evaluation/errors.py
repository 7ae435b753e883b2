"""The two errors of a score: the sampler's, by the jackknife over chains, and the test set's, by the bootstrap.

Sources: Efron and Tibshirani, "An introduction to the bootstrap", 1993 (both); Vaicenavicius et al., "Evaluating model
calibration in classification", AISTATS 2019 (the ECE of an exactly calibrated model). S chains, M test examples, C
classes, B bootstrap samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import combinations

import numpy as np
import scipy
import torch
from torch import Tensor

from mtbkd_core.evaluation.calibration import (
    BINS,
    Array,
    Labels,
    checked,
    equal_mass_place,
    equal_width_place,
    resampled_auroc,
    rounded,
    smooth_error_slope,
)
from mtbkd_core.evaluation.records import Number, Record

#: Resamples of the test set, and simulations of exact calibration.
RESAMPLES = 300
#: Subsets of the chains that a score is worked out with, at most.
_SUBSETS = 32


class ScoreError(Record):
    """The standard errors of a score.

    Attributes:
        sampler: of the Monte Carlo draws; None for one chain, or what has no chains.
        test_set: of a test set of this size; None where it is not known.
    """

    sampler: Number = None
    test_set: Number = None


class ExactCalibration(Record):
    """What the ECE would be if the predictions were exactly calibrated.

    Attributes:
        mean: over simulated labels.
        high: its 95 % point.
        p_value: share of simulations with an ECE of at least the one found.
    """

    mean: Number = None
    high: Number = None
    p_value: Number = None


class Reading(StrEnum):
    """What a difference says, its errors considered."""

    BETTER = "better"
    WORSE = "worse"
    UNCLEAR = "no clear difference"
    UNKNOWN = "unknown"


class Difference(Record):
    """A score minus that of an opponent on the same test set.

    Attributes:
        difference: in the score's unit.
        sampler: its standard error from the Monte Carlo draws; None where a row has a single chain.
        test_set: its paired standard error from a test set of this size.
        low, high: the 95 % interval under both errors, of the test set's alone where the sampler's is not known.
        verdict: whether the first row is better; unknown where an error is not known.
    """

    difference: Number = None
    sampler: Number = None
    test_set: Number = None
    low: Number = None
    high: Number = None
    verdict: Reading = Reading.UNKNOWN

    @property
    def is_clear(self) -> bool:
        """Whether it is larger than its errors."""
        return self.verdict in (Reading.BETTER, Reading.WORSE)


def jackknife(chain_means: Tensor, score: Callable[[Tensor], Mapping[str, float | None]]) -> dict[str, float | None]:
    """The sampler's standard error of scores of the posterior mean, by the jackknife over chains: see `kept_chains`.

    Args:
        chain_means: [S, M, C], each chain's mean probabilities (or whatever `score` takes the mean over chains of).
        score: scores by name of a mean [M, C]; one that is None anywhere has no error.
    Returns:
        the standard error by name; None for one chain.
    """
    if len(chain_means) < 2:
        return dict.fromkeys(score(chain_means.mean(0)))
    return jackknife_errors([score(mean) for mean in left_out(chain_means)], len(chain_means))


@lru_cache
def kept_chains(chains: int) -> Tensor:
    """[R, S], 1 where a chain is kept, 0 where it is left out: a quarter of S >= 2 chains, at least two of four.

    A score that jumps where an example changes its class or its bin hardly feels a single chain, and the jackknife that
    leaves out one holds the truth too seldom (0.87 for an accuracy of 8 chains where 0.95 is stated; with two left out
    0.955: benchmarks/log/comparisons.md). All such subsets where they are few, else some that leave out each chain as
    often. Source: Shao and Wu, "A general theory for jackknife variance estimation", Annals of Statistics 1989.
    """
    out = _number_left_out(chains)
    subsets: list[Sequence[int]]
    if math.comb(chains, out) <= _SUBSETS:
        subsets = list(combinations(range(chains), out))
    else:
        random, blocks = np.random.default_rng(0), chains // out
        orders = [random.permutation(chains).tolist() for _ in range(_SUBSETS // blocks)]
        subsets = [order[out * block : out * (block + 1)] for order in orders for block in range(blocks)]
    kept = torch.ones(len(subsets), chains, dtype=torch.float64)
    for row, subset in zip(kept, subsets, strict=True):
        row[list(subset)] = 0
    return kept


def _number_left_out(chains: int) -> int:
    return max(2, chains // 4) if chains > 3 else 1


def left_out(chain_means: Tensor) -> Tensor:
    """[R, ...], the mean over the chains of each of `kept_chains`, for S >= 2 chains' means [S, ...]."""
    kept = kept_chains(len(chain_means)).to(chain_means)
    found: Tensor = torch.tensordot(kept / kept.sum(1, keepdim=True), chain_means, 1)
    return found


def jackknife_errors(values: Sequence[Mapping[str, float | None]], chains: int) -> dict[str, float | None]:
    """`jackknife_error` of scores by name, from rows of values without some of the chains."""
    return {name: jackknife_error([row[name] for row in values], chains) for name in (values[0] if values else ())}


def jackknife_error(values: list[float | None], chains: int) -> float | None:
    """The standard error from a score's values with each of `kept_chains` alone; None where one of them is None."""
    known = [value for value in values if value is not None]
    if len(known) < len(values) or len(known) < 2:
        return None
    out = _number_left_out(chains)
    return math.sqrt((chains - out) / out) * float(np.std(known))


def interval(value: float, error: float, degrees: float = math.inf, level: float = 0.95) -> tuple[float, float]:
    """A two-sided interval by Student's t; the sampler's error of S chains has S - 1 degrees of freedom."""
    half = _quantile(degrees, level) * error
    return value - half, value + half


def _quantile(degrees: float, level: float) -> float:
    share = (1 + level) / 2
    return float(scipy.stats.norm.ppf(share) if math.isinf(degrees) else scipy.stats.t.ppf(share, degrees))


def read_difference(
    difference: float | None,
    test_set: float | None,
    sampler: float | None,
    *,
    chains: int,
    higher_is_better: bool,
    level: float = 0.95,
) -> Difference:
    """A difference with its interval and what it says.

    The half widths under the two independent errors add as squares; the sampler's is by Student's t with `chains` - 1
    degrees of freedom.

    Args:
        difference: of the scores on the whole test set; None where one is not defined.
        test_set: its standard error by the paired bootstrap.
        sampler: its standard error by the jackknife; None for one chain.
        chains: that the sampler's error was worked out from.
        higher_is_better: of the score.
    """
    if difference is None or test_set is None:
        return Difference(difference=difference, sampler=sampler, test_set=test_set)
    half = _quantile(math.inf, level) * test_set
    if sampler is not None:
        half = math.hypot(half, _quantile(chains - 1, level) * sampler)
    low, high = difference - half, difference + half
    verdict = Reading.UNCLEAR
    if sampler is None:
        verdict = Reading.UNKNOWN
    elif low > 0 or high < 0:
        verdict = Reading.BETTER if (low > 0) == higher_is_better else Reading.WORSE
    return Difference(difference=difference, sampler=sampler, test_set=test_set, low=low, high=high, verdict=verdict)


@lru_cache(maxsize=2)
def resamples(count: int, seed: int = 0, number: int = RESAMPLES) -> Array:
    """[B, M], how often each of M test examples is in each of B bootstrap samples; the same for what is paired."""
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), number).astype(float)
    weights.flags.writeable = False
    return weights


def resampled_scores(
    probabilities: Tensor, labels: Tensor, weights: Array, only: str | None = None
) -> dict[str, Array]:
    """The scores of predictions [M, C] against labels [M] on each bootstrap sample of `resamples`, by name: [B] each.

    Those of `scores.OF_ALL`, or one of them. The bins of the adaptive ECE are those of the whole test set, and the
    smooth ECE is linear in the residuals about its bandwidth there (which gives its standard error, and not its exact
    values). NaN where a sample has no AUROC.
    """
    p, y = checked(probabilities, labels)
    confidence, correct = rounded(p.max(1)), (p.argmax(1) == y).astype(float)
    truth = np.eye(p.shape[1])[y]
    gap = correct - confidence

    def smooth_ece() -> Array:
        value, slope = smooth_error_slope(confidence, correct)
        return value + (weights - 1) @ slope

    each: dict[str, Callable[[], Array]] = {
        "accuracy": lambda: weights @ correct / len(y),
        "nll": lambda: weights @ -np.log(np.clip(p[np.arange(len(y)), y], np.finfo(float).eps, None)) / len(y),
        "brier": lambda: weights @ np.square(p - truth).sum(1) / len(y),
        "ece": lambda: _binned_error(equal_width_place(confidence), gap, weights),
        "ece_adaptive": lambda: _binned_error(equal_mass_place(confidence)[0], gap, weights),
        "ece_classwise": lambda: _classwise(rounded(p), truth, weights),
        "smooth_ece": smooth_ece,
        "auroc_misclassification": lambda: resampled_auroc(confidence, correct, weights),
    }
    return {name: each[name]() for name in ([only] if only else each)}


def standard_errors(resampled: Mapping[str, Array]) -> dict[str, float | None]:
    """`standard_error` of each of the scores of `resampled_scores`."""
    return {name: standard_error(values) for name, values in resampled.items()}


def standard_error(resampled: Array) -> float | None:
    """The test set's standard error from a score [B] on bootstrap samples; None where one is not defined."""
    return float(resampled.std(ddof=1)) if np.isfinite(resampled).all() else None


def bootstrap(probabilities: Tensor, labels: Tensor, seed: int = 0) -> dict[str, float | None]:
    """The test set's standard error of each score of predictions [M, C]; None where a score is not defined."""
    return standard_errors(resampled_scores(probabilities, labels, resamples(len(labels), seed)))


def exact_calibration(probabilities: Tensor, found: float, seed: int = 0, number: int = RESAMPLES) -> ExactCalibration:
    """The ECE that exactly calibrated labels would give these predictions [M, C], beside the one found."""
    confidence = rounded(probabilities.detach().cpu().double().max(1).values.numpy())
    hits = np.random.default_rng(seed).random((number, len(confidence)), dtype=np.float32) < confidence
    # each simulation has labels of its own, and counts every example once
    simulated = np.abs((hits - confidence) @ _membership(equal_width_place(confidence))).sum(1) / len(confidence)
    above = (1 + (simulated >= found - 1e-12).sum()) / (1 + number)
    return ExactCalibration(
        mean=float(simulated.mean()), high=float(np.quantile(simulated, 0.95)), p_value=float(above)
    )


def _membership(place: Labels) -> Array:
    """[M, bins], 1 where an example falls into a bin."""
    inside: Array = np.eye(BINS)[place]
    return inside


def _binned_error(place: Labels, gap: Array, weights: Array) -> Array:
    """The ECE [B] on each bootstrap sample, from bins [M] and what accuracy exceeds confidence by [M]."""
    error: Array = np.abs(weights @ (_membership(place) * gap[:, None])).sum(1)
    return error / len(gap)


def _classwise(p: Array, truth: Array, weights: Array) -> Array:
    """The classwise ECE [B], mean over classes that bins [M, C] hold."""
    each = [_binned_error(equal_width_place(p[:, c]), truth[:, c] - p[:, c], weights) for c in range(p.shape[1])]
    mean: Array = np.mean(each, 0)
    return mean
