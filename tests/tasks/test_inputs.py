"""What goes into a student: on one scale, within reach, and as wide as it is meant to count."""

import pytest
import torch

from mtbkd_core.tasks.inputs import Standardisation

#: Means 2 and 5; deviations 1 and 0.
REFERENCE = torch.tensor([[1.0, 5.0], [3.0, 5.0]])


def test_features_are_scaled_by_the_reference_a_constant_one_becomes_0_and_far_ones_are_cut() -> None:
    assert Standardisation.of(REFERENCE).apply(REFERENCE).tolist() == [[-1, 0], [1, 0]]
    assert Standardisation.of(REFERENCE).apply(torch.tensor([[5.0, 9.0], [99.0, 5.0], [-99.0, 5.0]])).tolist() == [
        [3, 0],
        [5, 0],
        [-5, 0],
    ]


def test_a_reach_widens_a_feature_after_the_cut() -> None:
    found = Standardisation.of(REFERENCE, torch.tensor([2.0, 0.5])).apply(torch.tensor([[99.0, 9.0], [3.0, 5.0]]))
    assert found.tolist() == [[10, 0], [2, 0]]


@pytest.mark.parametrize("mean", [0.0, 1e6])
def test_what_differs_only_by_rounding_is_constant(mean: float) -> None:
    reference = torch.full((50, 1), mean)
    reference[0] += 1e-3 * mean * 1e-6
    assert Standardisation.of(reference).apply(reference).abs().max() == 0
