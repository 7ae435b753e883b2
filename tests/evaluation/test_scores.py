"""The table of scores: every score is worked out and described."""

import math

import pytest
import torch

from mtbkd_core.evaluation.errors import ScoreError
from mtbkd_core.evaluation.predictive import summarise
from mtbkd_core.evaluation.scores import COMPARED, OF_ALL, SCORES, Scores, posterior_scores, scores


def test_predictions_have_every_score_and_a_posterior_more(generator: torch.Generator) -> None:
    draws = torch.randn(2, 5, 20, 3, generator=generator).softmax(-1)
    labels = torch.randint(3, (20,), generator=generator)
    predictive = summarise(draws)
    found, plain = posterior_scores(predictive, labels), scores(predictive.mean, labels)
    assert set(plain.row) == set(OF_ALL)
    assert set(COMPARED) < set(OF_ALL) < set(SCORES) == set(found.row)
    assert {name: found.row[name] for name in OF_ALL} == plain.row
    assert all(math.isfinite(value) for value in found.row.values())


def test_a_score_that_a_file_lacks_or_that_is_not_finite_is_none() -> None:
    found = Scores.model_validate({"nll": 0.5, "ece": math.nan})
    assert (found["nll"], found.ece, found.brier) == (0.5, None, None)
    assert found.dump() == {"nll": 0.5, "ece": None}
    with pytest.raises(KeyError):
        found["beauty"]


@pytest.mark.parametrize(
    ("name", "said"), [("accuracy", "higher is better."), ("nll", "lower is better."), ("set_size", "mean.")]
)
def test_the_help_says_which_way_is_better_where_one_is(name: str, said: str) -> None:
    assert SCORES[name].help.endswith(said)


def test_values_are_written_in_their_unit() -> None:
    assert (SCORES["accuracy"].text(0.954), SCORES["nll"].text(0.16), SCORES["ece"].text(None)) == (
        "95.4%",
        "0.1600",
        "–",
    )


def test_a_value_is_written_with_its_errors() -> None:
    error = ScoreError(sampler=0.0006, test_set=0.012)
    assert SCORES["nll"].text(0.172, error) == "0.1720 ± 0.0120 (sampler 0.0006)"
    assert SCORES["nll"].text(0.172, error, sampler=False) == "0.1720 ± 0.0120"
    assert SCORES["accuracy"].text(0.95, ScoreError(test_set=0.009)) == "95.0% ± 0.9%"
    assert SCORES["nll"].text(None, error) == "–"
    assert Scores(nll=0.172, errors={"nll": error}).text("nll") == "0.1720 ± 0.0120 (sampler 0.0006)"
    assert Scores(nll=0.172).text("nll") == "0.1720"


def test_coverage_and_size_of_sets_are_of_the_rows_that_measure_them(generator: torch.Generator) -> None:
    predictive = summarise(torch.randn(2, 5, 20, 3, generator=generator).softmax(-1))
    labels = torch.randint(3, (20,), generator=generator)
    rows = torch.arange(0, 20, 2)
    found = posterior_scores(predictive, labels, rows)
    sets = predictive.prediction_set[rows]
    assert found.coverage == pytest.approx(float(sets.gather(1, labels[rows][:, None]).float().mean()))
    assert found.set_size == pytest.approx(float(sets.sum(1).float().mean()))
