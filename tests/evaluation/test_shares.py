"""Shares of examples and their exact intervals, with the sampler's error."""

import numpy as np
import pytest

from mtbkd_core.evaluation.errors import interval, jackknife_error
from mtbkd_core.evaluation.shares import class_scores, share_interval

LABELS = np.array([0, 0, 0, 2, 2])
PREDICTED = np.array([0, 0, 1, 2, 2])


def test_an_interval_of_a_share_is_exact() -> None:
    low, high = share_interval(0, 30)
    assert (low, high) == (0, pytest.approx(1 - 0.025 ** (1 / 30)))


def test_intervals_that_are_read_together_are_wider() -> None:
    assert share_interval(20, 30, of=10)[0] < share_interval(20, 30)[0]


def test_the_samplers_error_widens_an_interval_by_students_t() -> None:
    low, high = share_interval(20, 30)
    wider = share_interval(20, 30, sampler=0.05, chains=4)
    spread = interval(0.0, 0.05, 3)[1]
    assert (2 / 3 - wider[0]) ** 2 == pytest.approx((2 / 3 - low) ** 2 + spread**2)
    assert (wider[1] - 2 / 3) ** 2 == pytest.approx((high - 2 / 3) ** 2 + spread**2)


def test_classes_without_an_example_are_left_out() -> None:
    found = class_scores(PREDICTED, LABELS)
    assert [(one.label, one.right, one.count) for one in found] == [(0, 2, 3), (2, 2, 2)]
    assert [(one.low, one.high) for one in found] == [share_interval(2, 3), share_interval(2, 2)]
    assert all(one.sampler is None for one in found)


def test_a_classs_sampler_error_is_the_jackknife_over_chains() -> None:
    without = [PREDICTED, np.array([0, 1, 1, 2, 2]), np.array([0, 0, 0, 2, 2])]
    first, second = class_scores(PREDICTED, LABELS, without, 3)
    assert first.sampler == pytest.approx(jackknife_error([2 / 3, 1 / 3, 1.0], 3))
    assert (first.low, first.high) == share_interval(2, 3, sampler=first.sampler, chains=3)
    assert second.sampler == 0
