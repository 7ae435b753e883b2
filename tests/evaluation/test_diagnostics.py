"""R-hat and effective draws of chains that agree, disagree, are slow, or stand still."""

import math

import pytest
import torch
from torch import Tensor

from mtbkd_core.evaluation.diagnostics import (
    R_HAT_LIMIT,
    Convergence,
    Verdict,
    chains_agree,
    convergence,
    convergence_by_example,
    judge,
    r_hat_text,
    verdict_sentence,
    worst_r_hat,
)


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


def test_the_verdict_takes_the_worst_of_three_numbers() -> None:
    """Digits, seed 0: 1.002 of the mean and 1.082 of the log joint was once called converged."""
    assert judge([1.002, 1.03, 1.082], chains=16, draws=100) is Verdict.NOT_CONVERGED
    assert judge([1.002, 1.051, 1.01], chains=16, draws=100) is Verdict.NOT_CONVERGED
    assert judge([1.002, math.inf, 1.01], chains=16, draws=100) is Verdict.NOT_CONVERGED
    assert judge([1.05, 1.05, 1.05], chains=16, draws=100) is Verdict.CONVERGED
    assert judge([1.0, math.nan, 1.0], chains=16, draws=100) is Verdict.CONVERGED


def test_few_draws_a_single_chain_and_no_number_are_no_convergence() -> None:
    assert judge([1.0, 1.0, 1.0], chains=16, draws=49) is Verdict.TOO_FEW_DRAWS
    assert judge([1.0, 1.0, 1.0], chains=1, draws=500) is None
    assert judge([1.0, 1.3, 1.0], chains=1, draws=500) is Verdict.NOT_CONVERGED
    assert judge([math.nan] * 3, chains=8, draws=500) is None


def test_the_examples_on_which_chains_disagree_are_found(generator: torch.Generator) -> None:
    values = chains(generator, examples=50)
    values[0, :, [7, 9]] += 3
    values[:, :, 11] = 0
    found, r_hats = convergence_by_example(values, values[..., 0])
    assert (r_hats > R_HAT_LIMIT).nonzero()[:, 0].tolist() == [7, 9]
    assert r_hats.isnan().nonzero()[:, 0].tolist() == [11]
    assert (found.share_apart, found.chains, found.draws) == (0.04, 8, 500)
    assert found.verdict is Verdict.CONVERGED


def test_a_verdict_is_said_in_words() -> None:
    def sentence(r_hat: float, p95: float, joint: float, share: float, draws: int = 100) -> str:
        verdict = judge([r_hat, p95, joint], chains=8, draws=draws)
        return verdict_sentence(
            Convergence(
                r_hat=r_hat,
                r_hat_p95=p95,
                r_hat_log_joint=joint,
                share_apart=share,
                verdict=verdict,
                chains=8,
                draws=draws,
            )
        )

    assert sentence(1.0, 1.0, 1.01, 0).startswith("The chains agree on the score, the log joint and the examples (")
    assert "nearly all examples, not on 2% of those measured" in sentence(1.0, 1.0, 1.01, 0.02)
    assert "not on less than 1% of those measured" in sentence(1.0, 1.0, 1.01, 0.004)
    assert sentence(1.0, 1.08, 1.0, 0.07) == (
        "The chains agree on the score, not on every example: 7% of intervals are not to be relied on."
    )
    assert sentence(1.2, 1.3, 1.1, 0.5).startswith("The chains disagree on the score itself (R-hat 1.200)")
    joint = sentence(1.0, 1.03, 1.082, 0.03)
    assert "not on the log joint (R-hat 1.082)" in joint
    assert joint.endswith("3% of intervals are not to be relied on.")
    assert sentence(1.0, 1.0, 1.0, 0, 20) == (
        "Too few draws to tell whether the chains agree: 20 a chain, 50 are needed."
    )


def test_a_run_of_a_former_version_is_judged_by_the_numbers_that_it_has() -> None:
    assert Convergence(r_hat=1.0, r_hat_p95=1.0, r_hat_log_joint=1.2).judged is Verdict.NOT_CONVERGED
    assert Convergence(r_hat=1.0, r_hat_p95=1.0, r_hat_log_joint=1.0).judged is Verdict.CONVERGED
    assert Convergence(r_hat=None).judged is Verdict.NOT_CONVERGED
    assert Convergence().judged is None
    assert verdict_sentence(Convergence()) == ""
