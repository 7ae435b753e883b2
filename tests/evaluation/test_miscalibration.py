"""Which way probabilities are wrong: signed, with both errors."""

import pytest
import torch

from mtbkd_core.evaluation.miscalibration import miscalibration


def predictions(confidence: float, right: int, of: int = 100) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities of two classes, all for the first one, and labels of which `right` are of it."""
    return torch.tensor([[confidence, 1 - confidence]]).repeat(of, 1), (torch.arange(of) >= right).long()


@pytest.mark.parametrize(
    ("confidence", "right", "said"),
    [
        (0.9, 60, "overconfident: it says 90.0% on average where 60.0% are right (+30.0 points ["),
        (0.6, 95, "underconfident: it says 60.0% on average where 95.0% are right (-35.0 points ["),
        (0.9, 87, "neither over- nor underconfident within the error: it says 90.0% on average where 87.0% are right"),
    ],
)
def test_the_direction_is_told_where_it_is_beyond_the_error(confidence: float, right: int, said: str) -> None:
    assert miscalibration(*predictions(confidence, right)).sentence.startswith(said)


def test_chains_that_disagree_widen_the_interval() -> None:
    mean, labels = predictions(0.9, 80)
    draws = torch.stack([torch.full((2, 100), value) for value in (0.6, 0.8, 1.0, 1.0)])
    alone = miscalibration(mean, labels).gap
    both = miscalibration(mean, labels, torch.stack([draws, 1 - draws], -1)).gap
    assert alone.low is not None
    assert both.low is not None
    assert both.low < alone.low


def test_one_example_has_no_direction() -> None:
    assert "cannot be told" in miscalibration(*predictions(0.9, 1, of=1)).sentence
