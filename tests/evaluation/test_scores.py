"""What the scores are called: every number that is computed has a name, and says which way is better."""

import pytest
import torch

from mtbkd_core.evaluation.calibration import scores
from mtbkd_core.evaluation.scores import COMPARED, OF_ALL, SCORES


def test_every_score_of_a_prediction_has_its_words() -> None:
    probabilities = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]])
    assert set(scores(probabilities, torch.tensor([0, 1, 0]))) == set(OF_ALL)
    assert set(COMPARED) < set(OF_ALL) < set(SCORES)


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
