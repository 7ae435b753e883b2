"""Intervals that a verdict rests on: of shares, of a calibration error, and with the sampler's error added.

Sources: Clopper and Pearson, Biometrika 1934 (shares); Dunn, JASA 1961 (several at once).
"""

from __future__ import annotations

import math

from scipy.stats import beta

from mtbkd_core.evaluation.errors import ExactCalibration, interval

LEVEL = 0.95


def share_interval(hits: int, count: int, *, sampler: float = 0.0, of: int = 1) -> tuple[float, float]:
    """An exact interval of a share, two-sided, widened by the sampler's error.

    Args:
        hits, count: of `count` cases.
        sampler: the sampler's standard error of the share.
        of: how many intervals are read together; each has the level that keeps that of all (Bonferroni).
    """
    tail = (1 - LEVEL) / 2 / of
    low = float(beta.ppf(tail, hits, count - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, count - hits)) if hits < count else 1.0
    share = hits / count
    spread = 1.96 * sampler
    return max(0.0, share - math.hypot(share - low, spread)), min(1.0, share + math.hypot(high - share, spread))


def ece_interval(found: float, test_set: float, sampler: float, calibrated: ExactCalibration) -> tuple[float, float]:
    """An interval of the ECE of infinitely many test examples.

    The ECE of few examples is too high: with exact calibration it would be `calibrated`. The true one, added in
    squares to that, gives about what was found, so the lower end leaves out the 95 % point of exact calibration.
    """
    _, high = interval(found, math.hypot(test_set, sampler))
    return math.sqrt(max(0.0, found**2 - (calibrated.high or 0.0) ** 2)), high
