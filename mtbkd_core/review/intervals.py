"""The interval of an ECE that a verdict rests on."""

from __future__ import annotations

import math

import scipy

from mtbkd_core.evaluation.errors import ExactCalibration, interval


def ece_interval(found: float, test_set: float, sampler: float, calibrated: ExactCalibration) -> tuple[float, float]:
    """An interval of the ECE of infinitely many test examples.

    The ECE of few examples is too high: with exact calibration it would be `calibrated`, on average c. The ends of the
    interval of what was found leave that out. A bin's gap g with a standard error s is found as |N(g, s)|, and of all
    gaps with a sum of t those are found as the least whose g / s are alike: as E|N(t, S)|, S = c sqrt(pi / 2). The
    upper end is the t at which that is the end of what was found, but not below what was found, so that a true ECE
    above it is as rare as stated. The lower end takes c off in squares, which is more.
    Trials: benchmarks/log/decisions.md.
    """
    low, high = interval(found, math.hypot(test_set, sampler))
    by_chance = calibrated.mean or 0.0
    lowest = math.sqrt(max(0.0, max(0.0, low) ** 2 - by_chance**2))
    return lowest, max(found, _unfolded(high, by_chance * math.sqrt(math.pi / 2)))


def _unfolded(mean: float, scale: float) -> float:
    """The t at which E|N(t, scale)| is `mean`; 0 where it is more even at 0."""

    def above(t: float) -> float:
        spread = scale * math.sqrt(2 / math.pi) * math.exp(-0.5 * (t / scale) ** 2)
        return spread + t * math.erf(t / scale / math.sqrt(2)) - mean

    if scale == 0:
        return mean
    return 0.0 if above(0.0) >= 0 else float(scipy.optimize.brentq(above, 0.0, mean))
