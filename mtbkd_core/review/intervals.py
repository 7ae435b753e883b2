"""The interval of a calibration error that a verdict rests on."""

from __future__ import annotations

import math

from mtbkd_core.evaluation.errors import ExactCalibration, interval


def ece_interval(found: float, test_set: float, sampler: float, calibrated: ExactCalibration) -> tuple[float, float]:
    """An interval of the ECE of infinitely many test examples.

    The ECE of few examples is too high: with exact calibration it would be `calibrated`. The true one, added in
    squares to that, gives about what was found, so the lower end leaves out the 95 % point of exact calibration.
    """
    _, high = interval(found, math.hypot(test_set, sampler))
    return math.sqrt(max(0.0, found**2 - (calibrated.high or 0.0) ** 2)), high
