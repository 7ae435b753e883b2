"""R-hat and effective draws of chains that agree, disagree, are slow, or stand still."""

import math

import pytest
import torch
from torch import Tensor

from mtbkd_core.evaluation.diagnostics import R_HAT_LIMIT, chains_agree, convergence, r_hat_text, worst_r_hat


def chains(generator: torch.Generator, draws: int = 500, examples: int = 5) -> Tensor:
    """[8, D, M], independent standard normal numbers."""
    return torch.randn(8, draws, examples, generator=generator)


def test_independent_draws_have_an_r_hat_near_one_and_count_in_full(generator: torch.Generator) -> None:
    values = chains(generator)
    found = convergence(values, values[..., 0])
    for r_hat in (found.r_hat, found.r_hat_median, found.r_hat_p95, found.r_hat_max, found.r_hat_log_joint):
        assert 0.99 < r_hat < 1.01
    for ess in (found.ess, found.ess_median, found.ess_p5):
        assert ess == pytest.approx(4000, rel=0.2)


@pytest.mark.parametrize("still", [False, True])
def test_a_chain_in_another_place_is_above_the_limit(still: bool, generator: torch.Generator) -> None:
    values = chains(generator)
    values[0] = 5.0 if still else values[0] + 3
    found = convergence(values, values[..., 0])
    assert min(found.r_hat, found.r_hat_median, found.r_hat_log_joint) > R_HAT_LIMIT
    assert found.ess < 400


def test_one_example_that_disagrees_shows_in_the_maximum_alone(generator: torch.Generator) -> None:
    values = chains(generator, examples=50)
    values[0, :, 7] += 3
    found = convergence(values, values[..., 0])
    assert found.r_hat_max > R_HAT_LIMIT > 1.01 > found.r_hat_median
    assert found.r_hat_log_joint < 1.01


def test_slow_chains_have_fewer_effective_draws(generator: torch.Generator) -> None:
    """A first-order autoregression of coefficient 0.9 has D (1 - 0.9) / (1 + 0.9) effective draws."""
    noise = chains(generator, draws=4000, examples=3)
    values = torch.zeros_like(noise)
    for step in range(1, 4000):
        values[:, step] = 0.9 * values[:, step - 1] + noise[:, step]
    found = convergence(values[:, 100:], values[..., 0])
    assert found.ess_median == pytest.approx(8 * 3900 * 0.1 / 1.9, rel=0.2)


def test_an_example_that_never_changes_is_left_out(generator: torch.Generator) -> None:
    values = chains(generator)
    with_constant = torch.cat([values, torch.zeros(8, 500, 1)], -1)
    found, alone = convergence(with_constant, values[..., 0]), convergence(values, values[..., 0])
    for name in ("r_hat_median", "r_hat_p95", "r_hat_max", "ess_median", "ess_p5"):
        assert getattr(found, name) == getattr(alone, name)


def test_where_nothing_changes_there_is_no_number(generator: torch.Generator) -> None:
    found = convergence(torch.zeros(8, 50, 3), chains(generator)[..., 0])
    assert (found.r_hat, found.r_hat_max, found.ess_p5, found.ess) == (None, None, None, None)
    assert 0.9 < found.r_hat_log_joint < 1.1


@pytest.mark.parametrize(("number", "draws"), [(16, 100), (4, 100), (2, 8), (8, 50)])
def test_chains_that_stand_still_apart_have_no_r_hat_and_one_effective_draw_each(
    number: int, draws: int, generator: torch.Generator
) -> None:
    apart = torch.randn(number, 1, 20, generator=generator).expand(number, draws, 20)
    found = convergence(apart, apart[..., 0])
    for r_hat in (found.r_hat, found.r_hat_median, found.r_hat_p95, found.r_hat_max, found.r_hat_log_joint):
        assert r_hat is None
    assert (found.ess, found.ess_median, found.ess_p5) == (number, number, number)


def test_without_an_r_hat_chains_do_not_agree() -> None:
    assert chains_agree(1.05)
    for r_hat in (1.051, math.inf, math.nan, None):
        assert not chains_agree(r_hat)
    assert worst_r_hat([1.01, 1.2]) == 1.2
    assert worst_r_hat([1.01, None]) == math.inf
    assert math.isnan(worst_r_hat([]))
    assert [r_hat_text(value) for value in (1.0404, math.inf, math.nan, None)] == ["1.040", "none", "none", "none"]


def test_a_single_chain_is_compared_with_itself(generator: torch.Generator) -> None:
    steady = torch.randn(1, 1000, 2, generator=generator)
    assert convergence(steady, steady[..., 0]).r_hat < 1.02
    drifting = steady + torch.linspace(0, 5, 1000)[:, None]
    assert convergence(drifting, drifting[..., 0]).r_hat > R_HAT_LIMIT


@pytest.mark.parametrize(("draws", "trace"), [(3, 50), (50, 3)])
def test_fewer_than_four_draws_are_refused(draws: int, trace: int) -> None:
    with pytest.raises(ValueError, match="at least 4 draws a chain are needed, got 3"):
        convergence(torch.zeros(8, draws, 2), torch.zeros(8, trace))
