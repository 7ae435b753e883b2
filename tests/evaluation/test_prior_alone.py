"""The prior before any student is trained, as the page on the prior shows it."""

import numpy as np
import pytest
import torch

from mtbkd_core.config.models import PriorConfig
from mtbkd_core.config.parse import settings
from mtbkd_core.evaluation.prior_alone import highest_strength, leading_classes, prior_at, score_alone, values_around
from mtbkd_core.evaluation.scores import scores

LOGITS = torch.randn(2, 12, 4, generator=torch.Generator().manual_seed(0)) * 3
LABELS = torch.arange(12) % 4


def test_one_teacher_alone_is_scored_as_its_tempered_predictions() -> None:
    found, weights = score_alone(LOGITS[:1], LABELS, PriorConfig(temperature=1.5))
    assert found.row == scores((LOGITS[0] / 1.5).softmax(-1), LABELS).row
    assert found.errors["nll"].test_set is not None
    assert weights == pytest.approx(np.ones((1, 12)))


def test_the_mean_is_the_weighted_sum_of_the_modes() -> None:
    here = prior_at(LOGITS[:, 5], PriorConfig(entropy_temperatures=(2.0, 0.5), calibrated_teachers=True))
    assert here.weights.sum() == pytest.approx(1)
    assert here.targets.sum(-1) == pytest.approx(np.ones(2))
    assert here.mean == pytest.approx(here.weights @ here.targets, abs=1e-6)


def test_leading_classes_are_the_most_probable_or_all_in_their_order() -> None:
    assert leading_classes(np.array([0.1, 0.2, 0.3, 0.4])) == [3, 2, 1]
    assert leading_classes(np.array([0.2, 0.3, 0.5])) == [0, 1, 2]


@pytest.mark.parametrize(("name", "now", "ends"), [("strength", 5.0, (0, 5)), ("base_weights", 1.0, (0.05, 1))])
def test_values_span_a_settings_range_and_its_present_value(name: str, now: float, ends: tuple[float, float]) -> None:
    values = values_around(settings()[f"prior.{name}"], now)
    assert (values[0], values[-1]) == pytest.approx(ends)


def test_values_of_a_logarithmic_setting_have_equal_ratios() -> None:
    values = values_around(settings()["prior.softmin_temperature"], 1.0)
    assert np.diff(np.log(values)) == pytest.approx(np.log(10 / 0.05) / 24)


def test_the_range_of_the_strength_holds_twice_what_a_task_starts_with() -> None:
    assert (highest_strength(0.5), highest_strength(9)) == (2, 18)
