"""Reweighted draws say what draws of another posterior would, as far as Pareto k allows."""

import pytest
import torch

from mtbkd_core.evaluation.reweighting import Trust, Weights, log_prior, smoothed_weights
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.prior import MixturePrior, entropy_weights
from mtbkd_core.students.mlp import DenseStudent

K, N, C, F = 3, 7, 4, 5


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mixture(**settings: float) -> MixturePrior:
    teachers = 2 * torch.randn(K, N, C, generator=generator(1), dtype=torch.float64)
    return MixturePrior.build(teachers, entropy_weights(teachers), **settings)


def test_the_log_weight_is_the_difference_of_the_log_joints() -> None:
    student = DenseStudent((F, C), weight_scale=0.6)
    x = torch.randn(N, F, generator=generator(2), dtype=torch.float64)
    position = torch.randn(9, student.n_parameters, generator=generator(3), dtype=torch.float64)
    one, other = mixture(concentration=6.0, temperature=1.5), mixture(concentration=9.0, temperature=2.5, strength=0.4)
    joints = [LogPosterior(student, x, torch.arange(N) % C, prior)(position).log_joint for prior in (other, one)]
    logits = student.logits(0.6 * position, x)
    torch.testing.assert_close(log_prior(other, logits) - log_prior(one, logits), joints[0] - joints[1])


def test_the_means_are_those_of_the_weighted_draws_and_of_the_draws_themselves() -> None:
    weights = Weights.smoothed(0.3 * torch.randn(1, 4, 50, generator=generator(4), dtype=torch.float64))
    values = torch.rand(4, 50, 6, generator=generator(5), dtype=torch.float64)
    found = weights.of(values)
    torch.testing.assert_close(found.own, values.mean((0, 1)))
    torch.testing.assert_close(found.means[0], (weights.values[1][..., None] * values).sum((0, 1)))


def test_even_weights_change_nothing_and_are_worth_all_draws() -> None:
    weights = Weights.smoothed(torch.zeros(1, 4, 50, dtype=torch.float64))
    (change,) = weights.of(torch.rand(4, 50, 2, generator=generator(6)).double()).changes(lambda mean: float(mean[0]))
    assert (change.value, change.sampler) == pytest.approx((0, 0), abs=1e-12)
    assert weights.effective == pytest.approx([200])


def test_weights_that_are_nearly_even_have_no_tail_that_could_not_be_trusted() -> None:
    """One draw in a hundred stands out, by less than a hundredth."""
    tail = 1e-6 * torch.randn(2000, generator=generator(8), dtype=torch.float64)
    tail[:20] += 0.5 * torch.rand(20, generator=generator(7), dtype=torch.float64) ** 6
    assert smoothed_weights(tail)[1] > 0.7
    weights, k = smoothed_weights(tail / 100)
    torch.testing.assert_close(weights, (tail / 100).softmax(0))
    assert k == 0


def test_weights_on_half_of_the_draws_are_worth_half_of_them() -> None:
    half = torch.cat([torch.full((1, 50), 1 / 50), torch.zeros(1, 50)]).double()
    assert Weights(torch.stack([half, half]), (0.0,)).effective == pytest.approx([50])


@pytest.mark.parametrize(
    ("pareto_k", "trust"),
    [(-0.3, Trust.RELIABLE), (0.49, Trust.RELIABLE), (0.5, Trust.ROUGH), (0.7, Trust.ROUGH), (0.71, Trust.UNRELIABLE)],
)
def test_pareto_k_says_whether_the_draws_can_tell(pareto_k: float, trust: Trust) -> None:
    assert Trust.of(pareto_k) is trust


def test_reweighting_a_gaussian_finds_the_mean_of_the_shifted_one() -> None:
    draws = torch.randn(20_000, generator=generator(5), dtype=torch.float64)
    weights, k = smoothed_weights(0.3 * draws)
    assert float(weights @ draws) == pytest.approx(0.3, abs=0.03)
    assert k < 0.5


def test_a_change_that_is_too_large_is_told_by_pareto_k() -> None:
    draws = torch.randn(2_000, generator=generator(6), dtype=torch.float64)
    _, k = smoothed_weights(8 * draws)
    assert k > 0.7
