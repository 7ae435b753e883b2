"""The mixture of a configuration: settings and subsets that differ by chain, and calibrated teachers."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mtbkd_core.config.choices import WeightRule
from mtbkd_core.config.models import PriorConfig
from mtbkd_core.prior import MixturePrior, entropy_weights, prior_logits, stack_priors, weights_under
from tests.prior.draws import normal

PRIORS = [
    PriorConfig(concentration=2.0, temperature=1.0, strength=1.0),
    PriorConfig(concentration=20.0, temperature=3.0, strength=0.1, rule="softmin", softmin_temperature=0.4),
    PriorConfig(base_weights=(0.1, 0.2, 0.7), rule="fixed"),
    PriorConfig(entropy_temperatures=(0.5, 1.0, 4.0), strength=0.0),
    PriorConfig(entropy_temperatures=(0.5, 1.0, 4.0), calibrated_teachers=True),
]
SUBSETS = torch.tensor([[1, 1, 1], [1, 0, 1], [0, 1, 0], [0, 1, 1], [1, 1, 0]]).bool()


def same(found: MixturePrior, expected: MixturePrior, student: Tensor, chain: int | None = None) -> None:
    """Both give students with logits [..., N, C] the same density and gradient; of one of the chains."""
    for ours, theirs in zip(*(each.gradient(*each.terms(student)) for each in (found, expected)), strict=True):
        torch.testing.assert_close(ours if chain is None else ours[chain], theirs if chain is None else theirs[chain])


@pytest.mark.parametrize("active", [None, SUBSETS[1], SUBSETS], ids=["all teachers", "one subset", "subset per chain"])
@pytest.mark.parametrize("priors", [PRIORS, PRIORS[:1]], ids=["prior per chain", "one prior"])
def test_settings_and_subsets_by_chain_equal_separate_ones(
    priors: list[PriorConfig], active: Tensor | None, generator: torch.Generator
) -> None:
    student, teachers = normal(generator, 5, 7, 4), normal(generator, 3, 7, 4, scale=2)
    together = stack_priors(teachers, priors, active)
    for chain in range(5):
        subset = active if active is None or active.ndim == 1 else active[chain]
        same(together, stack_priors(teachers, [priors[chain % len(priors)]], subset), student, chain)


def test_a_subset_is_the_mixture_of_its_teachers_alone(generator: torch.Generator) -> None:
    """All 2^K - 1 of them at once."""
    student, teachers = normal(generator, 7, 6, 4), normal(generator, 3, 6, 4)
    subsets = torch.tensor([[bool(mask >> k & 1) for k in range(3)] for mask in range(1, 8)])
    density, _, gradient = (mixture := stack_priors(teachers, PRIORS[:1], subsets)).gradient(*mixture.terms(student))
    for chain, subset in enumerate(subsets):
        alone = stack_priors(teachers[subset], PRIORS[:1])
        expected, _, slope = alone.gradient(*alone.terms(student))
        torch.testing.assert_close(density[chain], expected[chain])
        torch.testing.assert_close(gradient[chain], slope[chain])


@pytest.mark.parametrize("rule", list(WeightRule))
def test_calibrated_teachers_are_teachers_with_divided_logits(rule: WeightRule, generator: torch.Generator) -> None:
    student, teachers, temperatures = normal(generator, 6, 4), normal(generator, 3, 6, 4), (0.5, 1.0, 4.0)
    asked = PriorConfig(rule=rule, entropy_temperatures=temperatures, calibrated_teachers=True)
    divided = teachers / torch.tensor(temperatures, dtype=teachers.dtype)[:, None, None]
    same(stack_priors(teachers, [asked]), stack_priors(divided, [PriorConfig(rule=rule)]), student)
    uncalibrated = stack_priors(teachers, [asked.model_copy(update={"calibrated_teachers": False})])
    assert (uncalibrated.targets - stack_priors(teachers, [asked]).targets).abs().max() > 0.05


def test_whole_numbers_are_calibrated_by_temperatures_that_are_none(generator: torch.Generator) -> None:
    whole = torch.randint(-5, 5, (2, 6, 4), generator=generator)
    prior = PriorConfig(entropy_temperatures=(1.5, 2.7), calibrated_teachers=True)
    torch.testing.assert_close(prior_logits(whole, prior), torch.stack([whole[0] / 1.5, whole[1] / 2.7]))


def test_calibration_without_temperatures_changes_nothing(generator: torch.Generator) -> None:
    teachers = normal(generator, 3, 6, 4)
    assert torch.equal(prior_logits(teachers, PriorConfig(calibrated_teachers=True)), teachers)


def test_weights_under_a_configuration_are_the_entropy_weights(generator: torch.Generator) -> None:
    teachers, taus = normal(generator, 3, 6, 4), (0.5, 1.0, 2.0)
    prior = PriorConfig(rule="softmin", base_weights=(1, 2, 3), entropy_temperatures=taus, softmin_temperature=0.3)
    expected = entropy_weights(
        teachers, rule="softmin", base=[1.0, 2.0, 3.0], entropy_temperature=taus, softmin_temperature=0.3
    )
    torch.testing.assert_close(weights_under(teachers, prior), expected)


@pytest.mark.parametrize(
    "call",
    [
        lambda z: stack_priors(z, []),
        lambda z: stack_priors(z, PRIORS[:2], SUBSETS),
        lambda z: stack_priors(z, PRIORS[:1], SUBSETS[:, :2]),
        lambda z: stack_priors(z, PRIORS[:1], torch.zeros(3).bool()),
        lambda z: stack_priors(z[:2], PRIORS[2:3]),
        lambda z: stack_priors(z * math.nan, PRIORS[:1]),
    ],
    ids=["no setting", "numbers differ", "subset of other teachers", "no teacher", "weights of others", "NaN"],
)
def test_priors_that_do_not_fit_the_teachers_are_refused_in_one_line(call: Callable[[Tensor], object]) -> None:
    with pytest.raises(ValueError, match="teacher") as caught:
        call(torch.zeros(3, 6, 4))
    assert "\n" not in str(caught.value)
