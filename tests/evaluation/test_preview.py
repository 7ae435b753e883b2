"""What the Prior page shows without training: the same weights as a run uses, and pulls on an untrained student."""

import math

import pytest
import torch
from torch import Tensor

from mtbkd_core.config.choices import WeightRule
from mtbkd_core.config.models import PriorConfig
from mtbkd_core.evaluation.preview import effect, mixture_probabilities
from mtbkd_core.prior import prior_logits, pulls, weights_under


@pytest.fixture
def teachers(generator: torch.Generator) -> Tensor:
    return 2 * torch.randn(3, 12, 5, generator=generator)


def test_the_mixtures_prediction_by_hand() -> None:
    logits = torch.tensor([[[2 * math.log(3), 0.0]], [[0.0, 0.0]]])  # (3/4, 1/4) and (1/2, 1/2) at temperature 2
    weights = torch.tensor([[0.25], [0.75]])
    assert mixture_probabilities(logits, weights, 2.0)[0].tolist() == pytest.approx([0.5625, 0.4375])


@pytest.mark.parametrize(
    ("name", "teacher"),
    [
        ("strength", None),
        ("concentration", None),
        ("temperature", None),
        ("softmin_temperature", None),
        ("base_weights", 1),
        ("entropy_temperatures", 2),
    ],
)
@pytest.mark.parametrize("calibrated", [False, True])
def test_varying_a_setting_is_setting_it(name: str, teacher: int | None, calibrated: bool, teachers: Tensor) -> None:
    prior = PriorConfig(
        rule=WeightRule.SOFTMIN,
        strength=0.5,
        concentration=9.0,
        entropy_temperatures=(1.0, 2.0, 1.0),
        calibrated_teachers=calibrated,
    )
    values = [0.3, 1.0, 4.0]
    found = effect(prior, teachers, torch.zeros(12).long(), name, values, teacher)
    assert found.teachers.shape == (3, 3)
    assert found.label == pytest.approx(math.sqrt(0.8**2 + 4 * 0.2**2))
    for row, value in zip(found.teachers, values, strict=True):
        others = (1.0, 2.0, 1.0) if name == "entropy_temperatures" else (1.0, 1.0, 1.0)
        one_each = tuple(value if k == teacher else others[k] for k in range(3))
        changed = prior.model_copy(update={name: value if teacher is None else one_each})
        arrows = pulls(
            torch.zeros(12, 5),
            prior_logits(teachers, changed),
            weights_under(teachers, changed),
            concentration=changed.concentration,
            temperature=changed.temperature,
            strength=changed.strength,
        )
        torch.testing.assert_close(row, arrows.norm(dim=-1).mean(-1))


def test_a_setting_that_is_none_or_lacks_its_teacher_is_refused(teachers: Tensor) -> None:
    labels = torch.zeros(12).long()
    with pytest.raises(ValueError, match="loudness"):
        effect(PriorConfig(), teachers, labels, "loudness", [1.0])
    with pytest.raises(ValueError, match="a teacher is needed"):
        effect(PriorConfig(), teachers, labels, "base_weights", [1.0])
