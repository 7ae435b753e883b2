"""Which number of labels is chosen on a path of cross-validated scores."""

import pytest
import torch

from mtbkd_core.config.models import PriorConfig
from mtbkd_core.evaluation.strength_path import StrengthChoice, compared, smallest_good

#: 0, 1, 1, 4 labels; the second of 1 label at a larger concentration.
SETTINGS = [
    PriorConfig(strength=strength, concentration=concentration, temperature=1.0)
    for strength, concentration in ((0.0, 4.0), (0.25, 4.0), (0.1, 10.0), (1.0, 4.0))
]


def scores(*means: float, spread: float = 0.0) -> torch.Tensor:
    """[P, 100] log probabilities with these means; differences from the last have this standard deviation."""
    noise = torch.randn(100, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    noise = spread * (noise - noise.mean()) / noise.std()
    rows = [mean + place * noise for place, mean in enumerate(reversed(means))]
    return torch.stack(rows[::-1])


def test_points_are_compared_with_the_best_in_pairs() -> None:
    points = compared(SETTINGS, scores(-1.0, -0.6, -0.5, -0.4, spread=0.2))
    assert [point.labels for point in points] == [0, 1, 1, 4]
    assert [point.gap for point in points] == pytest.approx([0.6, 0.2, 0.1, 0.0])
    assert [point.error for point in points] == pytest.approx([0.06, 0.04, 0.02, 0.0])


@pytest.mark.parametrize(
    ("means", "chosen"),
    [
        ((-0.5, -0.5, -0.5, -0.5), (0, 4.0)),  # all alike: no teacher
        ((-0.5, -0.421, -0.419, -0.4), (1, 10.0)),  # within the error of 0.02: the better concentration
        ((-0.5, -0.43, -0.43, -0.4), (1, 4.0)),  # the first is within its error of 0.04
        ((-0.5, -0.45, -0.45, -0.4), (4, 4.0)),
        ((-0.3, -0.45, -0.45, -0.4), (0, 4.0)),  # teachers do harm
    ],
)
def test_the_smallest_number_within_an_error_of_the_best_is_chosen(
    means: tuple[float, ...], chosen: tuple[float, float]
) -> None:
    point = smallest_good(compared(SETTINGS, scores(*means, spread=0.2)))
    assert (point.labels, point.concentration) == chosen


def test_a_choice_is_put_into_words_and_into_a_configuration() -> None:
    points = compared(SETTINGS, scores(-0.5, -0.45, -0.405, -0.4, spread=0.2))
    point = smallest_good(points)
    about = {"examples": 100, "folds": 5, "scored": 2, "chains": 4, "steps": 60, "batch_size": 50}
    choice = StrengthChoice(
        points=points, temperature=1.0, **about, **point.model_dump(include={"labels", "strength", "concentration"})
    )
    assert "1 labels a statement" in choice.sentence
    assert "at 4 labels" in choice.sentence
    assert choice.how == "4 settings, 2 of 5 folds of 100 held-out labels, 4 fits each, 60 steps of 50 examples."
    assert StrengthChoice.model_validate_json(choice.model_dump_json()) == choice
