"""One example of a run: its draws, and where an out-of-distribution input stands."""

from dataclasses import replace

import torch

from mtbkd_core.evaluation.one_example import draws_at, share_below, shifted_inputs
from mtbkd_core.evaluation.predictions import PredictionsOnShift
from tests.made_up import made_up_predictions


def test_draws_at_an_example_are_spread_over_all_chains() -> None:
    draws = torch.arange(8 * 200 * 2 * 3).reshape(8, 200, 2, 3)
    found = draws_at(draws, 1, [2, 0])
    assert found.shape == (400, 2)
    assert found.tolist() == [
        [float(draws[s, d, 1, 2]), float(draws[s, d, 1, 0])] for s in range(8) for d in range(0, 200, 4)
    ]


def test_shifted_inputs_are_ordered_by_the_score_and_named_by_the_most_probable_class() -> None:
    mean = torch.tensor([[0.1, 0.9], [0.8, 0.2], [0.5, 0.5]])
    score = torch.tensor([3.0, 1.0, 2.0])
    far = PredictionsOnShift(mean, mean - 0.1, mean + 0.1, {"epistemic": score})
    found = shifted_inputs(replace(made_up_predictions(), shifts={"far": far}), "far")
    assert found.order == [1, 2, 0]
    assert found.named == [1, 0, 0]


def test_the_share_below_a_value_leaves_out_equal_values() -> None:
    assert share_below(torch.tensor([1.0, 2.0, 2.0, 3.0]), 2.0) == 0.25
