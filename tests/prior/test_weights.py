"""The entropy weights against the maths: worked examples, identities, limits, settings that differ by chain."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mtbkd_core.config.choices import WeightRule
from mtbkd_core.prior import entropies, entropy_weights
from tests.prior.draws import normal

EACH_RULE = pytest.mark.parametrize("rule", list(WeightRule))


def test_entropy_is_that_of_the_tempered_probabilities() -> None:
    # softmax(log 9, 0) = (0.9, 0.1); at temperature 2 it is (3, 1) / 4
    logits = torch.tensor([[[math.log(9), 0.0]], [[0.0, 0.0]]], dtype=torch.float64)
    by_hand = -(0.9 * math.log(0.9) + 0.1 * math.log(0.1))
    tempered = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert entropies(logits).flatten().tolist() == pytest.approx([by_hand, math.log(2)])
    assert entropies(logits, [2.0, 5.0]).flatten().tolist() == pytest.approx([tempered, math.log(2)])


def test_inverse_entropy_weights_of_three_teachers_by_hand() -> None:
    # entropies 0, log 2 and log 2: shares 0, 1/2, 1/2; base (1/2, 1/4, 1/4): proportional to 1/2, 1/8, 1/8
    logits = torch.tensor([[[900.0, 0.0]], [[0.0, 0.0]], [[3.0, 3.0]]])
    weights = entropy_weights(logits, base=[2.0, 1.0, 1.0])
    assert weights[:, 0].tolist() == pytest.approx([4 / 6, 1 / 6, 1 / 6])


def test_softmin_weights_by_hand() -> None:
    logits = torch.tensor([[[900.0, 0.0]], [[0.0, 0.0]]], dtype=torch.float64)
    # exp(-H / beta) with H = 0 and log 2, beta = 1/2: 1 and 1/4; base (1/3, 2/3)
    weights = entropy_weights(logits, rule="softmin", base=[1.0, 2.0], softmin_temperature=0.5)
    assert weights[:, 0].tolist() == pytest.approx([2 / 3, 1 / 3])


@EACH_RULE
@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_weights_sum_to_one_and_are_not_negative(rule: WeightRule, count: int, generator: torch.Generator) -> None:
    logits = torch.randn(count, 50, 10, generator=generator) * 10
    base = torch.rand(count, generator=generator) + 0.01
    weights = entropy_weights(logits, rule=rule, base=base, entropy_temperature=base + 0.5, softmin_temperature=0.3)
    assert weights.shape == (count, 50)
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(0), torch.ones(50))


@EACH_RULE
def test_weights_permute_with_the_teachers(rule: WeightRule, generator: torch.Generator) -> None:
    logits = normal(generator, 5, 20, 4, scale=2)
    base, temperature = torch.rand(2, 5, generator=generator, dtype=torch.float64) + 0.1
    order = torch.tensor([3, 0, 4, 1, 2])
    weights = entropy_weights(logits, rule=rule, base=base, entropy_temperature=temperature)
    moved = entropy_weights(logits[order], rule=rule, base=base[order], entropy_temperature=temperature[order])
    torch.testing.assert_close(moved, weights[order])
    assert weights[0].unique().numel() > 1 or rule is WeightRule.FIXED


@EACH_RULE
@pytest.mark.parametrize("logit", [0.0, 3.0, 4000.0])
def test_equally_certain_teachers_have_their_base_weights(rule: WeightRule, logit: float) -> None:
    """All entropies zero (a logit of 4000) or all equal."""
    logits = torch.zeros(3, 6, 10)
    for k in range(3):
        logits[k, :, k] = logit
    base = torch.tensor([0.5, 0.3, 0.2])
    weights = entropy_weights(logits, rule=rule, base=base, softmin_temperature=0.01)
    torch.testing.assert_close(weights, base[:, None].expand(3, 6))


@EACH_RULE
def test_a_single_teacher_has_weight_one(rule: WeightRule, generator: torch.Generator) -> None:
    logits = torch.cat([torch.randn(1, 20, 3, generator=generator), torch.tensor([[[9e3, 0, 0], [0, 0, 0]]])], 1)
    assert (entropy_weights(logits, rule=rule, base=[0.2], softmin_temperature=0.01) == 1).all()


def test_softmin_goes_from_the_base_weights_to_the_most_certain_teacher(generator: torch.Generator) -> None:
    logits = normal(generator, 4, 30, 5, scale=3)
    base = torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64)
    for beta in (1e9, math.inf):
        wide = entropy_weights(logits, rule="softmin", base=base, softmin_temperature=beta)
        torch.testing.assert_close(wide, base[:, None].expand(4, 30))
    certain = torch.nn.functional.one_hot(entropies(logits).argmin(0), 4).T.double()
    for beta in (1e-6, 1e-300):
        sharp = entropy_weights(logits, rule="softmin", base=base, softmin_temperature=beta)
        torch.testing.assert_close(sharp, certain)


def test_softmin_near_0_in_float32_trusts_the_most_certain_teacher_with_a_base_weight() -> None:
    logits = torch.tensor([[[9.0, 0.0]], [[2.0, 0.0]], [[1.0, 0.0]]])
    weights = entropy_weights(logits, rule="softmin", base=[0.0, 1.0, 1.0], softmin_temperature=1e-39)
    assert weights[:, 0].tolist() == [0, 1, 0]


@EACH_RULE
def test_a_teacher_that_is_not_active_is_as_if_it_were_not_there(rule: WeightRule, generator: torch.Generator) -> None:
    logits = normal(generator, 3, 12, 4, scale=2)
    base = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    weights = entropy_weights(logits, rule=rule, base=base, active=torch.tensor([True, False, True]))
    alone = entropy_weights(logits[[0, 2]], rule=rule, base=base[[0, 2]])
    assert (weights[1] == 0).all()
    torch.testing.assert_close(weights[[0, 2]], alone)


@EACH_RULE
def test_settings_that_differ_by_chain_equal_separate_evaluations(rule: WeightRule, generator: torch.Generator) -> None:
    logits = normal(generator, 3, 7, 4)
    base, temperature = torch.rand(2, 5, 3, generator=generator, dtype=torch.float64) + 0.1
    beta = torch.rand(5, generator=generator, dtype=torch.float64) + 0.1
    active = torch.tensor([[1, 1, 1], [1, 1, 0], [0, 1, 1], [1, 0, 0], [1, 0, 1]]).bool()
    together = entropy_weights(
        logits, rule=rule, base=base, entropy_temperature=temperature, softmin_temperature=beta, active=active
    )
    for s in range(5):
        alone = entropy_weights(
            logits,
            rule=rule,
            base=base[s],
            entropy_temperature=temperature[s],
            softmin_temperature=float(beta[s]),
            active=active[s],
        )
        torch.testing.assert_close(together[s], alone)


def test_the_former_name_of_the_softmin_temperature_still_works_and_names_the_new_one() -> None:
    logits = torch.tensor([[[3.0, 0.0]], [[0.0, 0.0]]])
    with pytest.warns(FutureWarning, match=r"^sharpness is now called softmin_temperature$"):
        found = entropy_weights(logits, rule="softmin", sharpness=0.3)
    assert torch.equal(found, entropy_weights(logits, rule="softmin", softmin_temperature=0.3))


Z = torch.zeros(2, 3, 4)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: entropy_weights(torch.zeros(0, 3, 4)), "K >= 1"),
        (lambda: entropy_weights(torch.zeros(3, 4)), "K, N, C"),
        (lambda: entropy_weights(Z.index_fill(0, torch.tensor([1]), math.nan)), "finite"),
        (lambda: entropy_weights(Z + math.inf), "finite"),
        (lambda: entropy_weights(Z, entropy_temperature=0.0), "entropy_temperature"),
        (lambda: entropy_weights(Z, entropy_temperature=[1.0, -1.0]), "entropy_temperature"),
        (lambda: entropy_weights(Z, entropy_temperature=math.nan), "entropy_temperature"),
        (lambda: entropy_weights(Z, entropy_temperature=[1.0, 1.0, 1.0]), "2 teachers"),
        (lambda: entropy_weights(Z, base=[0.0, 0.0]), "base weight"),
        (lambda: entropy_weights(Z, base=[1.0, -1.0]), "base weight"),
        (lambda: entropy_weights(Z, base=[1.0, math.nan]), "base weight"),
        (lambda: entropy_weights(Z, base=[1.0, 1.0, 1.0]), "base"),
        (lambda: entropy_weights(Z, base=1.0), "base"),
        (lambda: entropy_weights(Z, active=torch.tensor([False, False])), "active"),
        (lambda: entropy_weights(Z, active=torch.tensor([True] * 3)), "active"),
        (lambda: entropy_weights(Z, rule="softmin", softmin_temperature=0.0), "softmin_temperature"),
        (lambda: entropy_weights(Z, rule="softmin", softmin_temperature=math.nan), "softmin_temperature"),
        (lambda: entropy_weights(Z, rule="loudest"), "loudest"),
        (lambda: entropy_weights(Z, base=[[1.0, 1.0]] * 2, softmin_temperature=[1.0] * 3), "do not broadcast"),
    ],
)
def test_bad_input_is_refused_in_one_line(call: Callable[[], Tensor], words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
