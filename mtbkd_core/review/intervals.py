"""The interval of a calibration error that a verdict rests on."""

from __future__ import annotations

import math

from mtbkd_core.evaluation.errors import ExactCalibration, interval


def ece_interval(found: float, test_set: float, sampler: float, calibrated: ExactCalibration) -> tuple[float, float]:
    """An interval of the ECE of infinitely many test examples.

    The ECE of few examples is too high: with exact calibration it would be `calibrated`. The true one, added in
    squares to that, gives about what was found on average, so the lower end leaves that out (benchmarks/review.py). The
    upper end does not, which keeps wrong passes rare.
    """
    low, high = interval(found, math.hypot(test_set, sampler))
    return math.sqrt(max(0.0, max(0.0, low) ** 2 - (calibrated.mean or 0.0) ** 2)), high
