"""Temperatures that calibrate teachers: known ones are found, and none leaves what the setting allows."""

import pytest
import torch

from mtbkd_core.config.models import PriorConfig
from mtbkd_core.teachers.temperatures import fit_temperature, fit_temperatures


def test_the_fitted_temperature_undoes_a_known_one(generator: torch.Generator) -> None:
    logits = torch.randn(4000, 5, generator=generator, dtype=torch.float64) * 2
    labels = torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]
    alone = fit_temperature(logits, labels)
    assert alone == pytest.approx(1, abs=0.08)
    assert fit_temperature(3 * logits, labels) == pytest.approx(3 * alone, rel=1e-3)
    nll = [float(torch.nn.functional.cross_entropy(logits / (alone * by), labels)) for by in (0.98, 1.0, 1.02)]
    assert nll[1] < min(nll[0], nll[2])


def test_each_teacher_has_a_temperature_of_its_own_and_none_leaves_what_the_setting_allows(
    generator: torch.Generator,
) -> None:
    logits = torch.randn(2000, 5, generator=generator, dtype=torch.float64) * 2
    labels = torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]
    always_right = torch.nn.functional.one_hot(labels, 5).double()
    found = fit_temperatures(torch.stack([logits, 3 * logits, always_right, -always_right]), labels)
    alone = fit_temperature(logits, labels)
    assert found.values == (pytest.approx(alone, rel=5e-3), pytest.approx(3 * alone, rel=5e-3), 0.01, 100.0)
    assert found.at_limit == (False, False, True, True)
    for value in found.values:
        assert PriorConfig(entropy_temperatures=(value,)).entropy_temperatures == (value,)


def test_a_teacher_of_some_classes_is_calibrated_by_the_labels_that_it_knows(generator: torch.Generator) -> None:
    logits = torch.randn(500, 5, generator=generator, dtype=torch.float64) * 2
    labels = torch.randint(5, (500,), generator=generator)
    logits[:, 3:], logits[:40] = -torch.inf, -torch.inf
    known = (labels < 3) & (torch.arange(500) >= 40)
    assert fit_temperature(logits, labels) == fit_temperature(logits[known][:, :3], labels[known])
    assert fit_temperature(torch.full_like(logits, -torch.inf), labels) == 1
