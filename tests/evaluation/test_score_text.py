"""Scores as text."""

import math

import pytest

from mtbkd_core.common.durations import duration_text
from mtbkd_core.evaluation.errors import Difference, ExactCalibration, Reading
from mtbkd_core.evaluation.score_text import (
    better_text,
    calibration_text,
    change_text,
    difference_text,
    mean_text,
)
from mtbkd_core.evaluation.scores import Scores


@pytest.mark.parametrize(
    ("score", "value", "other", "text"),
    [
        ("accuracy", 0.9, 0.876, "+2.4 points"),
        ("nll", 0.25, 0.5, "-0.250"),
        ("nll", None, 0.5, "–"),
    ],
)
def test_a_change_is_in_points_or_in_the_scores_own_unit(
    score: str, value: float | None, other: float, text: str
) -> None:
    assert change_text(score, value, other) == text


@pytest.mark.parametrize(
    ("scores", "text"),
    [
        (["accuracy", "nll", "brier", "ece"], "Accuracy: higher is better. NLL, Brier and ECE: lower is better."),
        (["accuracy", "auroc_misclassification"], "Accuracy and AUROC: higher is better."),
        (["set_size", "ece"], "ECE: lower is better."),
    ],
)
def test_which_way_is_better_is_named_for_every_score_that_has_one(scores: list[str], text: str) -> None:
    assert better_text(scores) == text


@pytest.mark.parametrize(
    ("mean", "error", "text"),
    [(0.9, 0.012, "90.0% ± 1.2%"), (0.9, math.nan, "90.0%"), (math.nan, math.nan, "–")],
)
def test_a_mean_has_its_error_where_there_is_one(mean: float, error: float, text: str) -> None:
    assert mean_text("accuracy", mean, error) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (-0.037, -0.0002, "-1.80 [-3.70, -0.02], worse"),
        (-0.037, -0.0006, "-1.8 [-3.7, -0.1], worse"),
        (-0.037, 0.0002, "-1.8 [-3.7, +0.0], no clear difference"),
    ],
)
def test_an_interval_that_leaves_0_out_is_not_rounded_to_it(low: float, high: float, text: str) -> None:
    verdict = Reading.WORSE if high < 0 else Reading.UNCLEAR
    assert difference_text("accuracy", Difference(difference=-0.018, low=low, high=high, verdict=verdict)) == text


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [(0.997, 0.006, "99.7% +0.2% -1.4%"), (0.003, 0.006, "0.3% +1.4% -0.2%"), (1.0, 0.01, "100.0% +0.0% -1.0%")],
)
def test_the_error_of_a_share_keeps_within_0_and_100_percent(value: float, error: float, text: str) -> None:
    assert mean_text("accuracy", value, error) == text


@pytest.mark.parametrize(("seconds", "text"), [(89, "89\u00a0s"), (120, "2\u00a0min"), (9000, "2.5\u00a0h")])
def test_a_duration_has_a_unit_that_suits_it(seconds: float, text: str) -> None:
    assert duration_text(seconds) == duration_text(seconds / 3, 3) == text


def test_a_difference_is_written_with_its_interval_and_what_it_says() -> None:
    found = Difference(difference=-0.0122, low=-0.0437, high=0.0191, verdict=Reading.UNCLEAR)
    assert difference_text("nll", found) == "-0.012 [-0.044, +0.019], no clear difference"
    assert difference_text("nll", Difference()) == "–, unknown"


def test_an_ece_stands_beside_that_of_exact_calibration() -> None:
    exact = ExactCalibration(mean=0.0252, high=0.0363, p_value=0.01)
    above = calibration_text(Scores(ece=0.0395, calibrated_ece=exact))
    assert above.startswith("ECE is above what exact calibration gives: the same predictions would have")
    assert "0.0252 on average, and at most 0.0363" in above
    assert "within what exact calibration gives" in calibration_text(Scores(ece=0.03, calibrated_ece=exact))
    assert calibration_text(Scores(ece=0.03)) == ""
