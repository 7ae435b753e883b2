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
