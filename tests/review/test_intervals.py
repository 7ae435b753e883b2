"""The interval of an ECE: what few examples add to it is taken off, and no more."""

import math

import pytest
import scipy

from mtbkd_core.evaluation.errors import ExactCalibration
from mtbkd_core.review.intervals import ece_interval

Z = float(scipy.stats.norm.ppf(0.975))


@pytest.mark.parametrize("gap", [0.3, 1.0, 2.5])
def test_its_upper_end_is_the_gap_that_would_be_found_as_the_end_of_what_was_found(gap: float) -> None:
    exact = ExactCalibration(mean=math.sqrt(2 / math.pi))  # of one bin with a standard error of 1
    high = float(scipy.stats.foldnorm.mean(gap))
    found = gap / 2
    assert ece_interval(found, (high - found) / Z, 0.0, exact)[1] == pytest.approx(gap)


def test_its_upper_end_is_not_below_what_was_found_nor_above_the_end_of_that() -> None:
    for found, error in ((0.02, 0.001), (0.03, 0.01), (0.1, 0.01)):
        low, high = ece_interval(found, error, 0.0, ExactCalibration(mean=0.03))
        assert found <= high <= found + Z * error
        assert low <= high


def test_without_the_ece_of_exact_calibration_nothing_is_taken_off() -> None:
    assert ece_interval(0.1, 0.01, 0.0, ExactCalibration()) == pytest.approx((0.1 - 0.01 * Z, 0.1 + 0.01 * Z))


def test_gaps_that_are_spread_as_evenly_as_can_be_are_found_as_the_formula_says() -> None:
    """Any other gaps of the same sum, with the same errors, are found as more."""
    errors, total = [0.2, 0.5, 1.0, 0.3], 1.4
    scale = sum(errors)

    def found(gaps: list[float]) -> float:
        pairs = zip(gaps, errors, strict=True)
        return float(sum(error * scipy.stats.foldnorm.mean(gap / error) for gap, error in pairs))

    least = scale * float(scipy.stats.foldnorm.mean(total / scale))
    assert found([total * error / scale for error in errors]) == pytest.approx(least)
    for other in ([1.4, 0, 0, 0], [0.35, 0.35, 0.35, 0.35], [0, 0, 1.4, 0], [0.1, 0.3, 0.8, 0.2]):
        assert found(other) > least
