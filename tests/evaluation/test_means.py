"""Scores over seeds: the standard error of the mean, and of one seed the run's own errors."""

import math

import pytest

from mtbkd_core.evaluation.errors import ScoreError, interval
from mtbkd_core.evaluation.means import Mean, errors_of, mean_over, means_of, row_with_errors, without_errors
from mtbkd_core.evaluation.scores import COMPARED, PosteriorScores

ERROR = ScoreError(sampler=0.03, test_set=0.04)


def test_several_seeds_have_the_standard_error_of_their_mean() -> None:
    found = mean_over([0.1, 0.3, None, 0.2], [ERROR] * 4)
    assert (found.value, found.seeds) == (pytest.approx(0.2), 3)
    assert found.error == pytest.approx(0.1 / math.sqrt(3))
    assert found.half_width == pytest.approx(interval(0.0, found.error, 2)[1])


def test_a_single_seed_has_both_errors_of_its_run() -> None:
    found = mean_over([None, 0.3], [ScoreError(), ERROR])
    assert found == Mean(0.3, pytest.approx(0.05), 1)
    assert found.half_width == pytest.approx(1.96 * 0.05, rel=1e-3)
    assert mean_over([0.3], [ScoreError(test_set=0.04)]).error == 0.04


def test_what_is_not_known_has_no_error() -> None:
    assert mean_over([0.3]) == Mean(0.3, None, 1)
    assert mean_over([None]) == Mean()
    assert mean_over([0.3]).half_width is None


def test_a_row_holds_the_errors_of_what_is_compared_and_gives_them_back() -> None:
    scores = PosteriorScores(nll=0.2, accuracy=0.9, deviance=0.1, errors={"nll": ERROR, "deviance": ERROR})
    row = row_with_errors(scores)
    assert errors_of(row) == {"nll": ERROR}
    assert without_errors(row) == scores.row
    assert set(means_of([row])) == set(COMPARED)
    assert means_of([row])["nll"] == mean_over([0.2], [ERROR])
