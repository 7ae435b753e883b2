"""Every registered sampler finds a Gaussian with known mean and covariance, repeats itself, and keeps to its spec."""

import pytest
import torch
from torch import Tensor

from mtbkd_core.config.choices import Algorithm
from mtbkd_core.posterior import Density
from mtbkd_core.samplers.registry import sampler_spec
from tests.samplers.runner import STEPS, assert_moments, built, normal, run, source, within_error
from tests.samplers.scenarios import DIMENSIONS, Gaussian, flat

EVERY = pytest.mark.parametrize("name", Algorithm)
ON_MINIBATCHES = pytest.mark.parametrize("name", [name for name in Algorithm if "sampler.batch_size" in name.uses])


def stationary(name: Algorithm, target: Gaussian, temperature: float = 1.0) -> Tensor:
    """The covariance that a sampler has on a Gaussian. HMC is exact, and so are BAOAB's positions (Leimkuhler and
    Matthews, 2013); MCLMC is so nearly, at this step, that the difference drowns in the Monte Carlo error. SGLD's
    recursion u <- (1 - eps P) u + sqrt(2 eps T) noise has T P^-1 (1 - eps P / 2)^-1.
    """
    if name is not Algorithm.SGLD:
        return temperature * target.covariance
    shrink = torch.eye(DIMENSIONS, dtype=torch.float64) - STEPS[name] * target.precision / 2
    return temperature * target.covariance @ torch.linalg.inv(shrink)


def starts(chains: int) -> Tensor:
    return normal(chains, DIMENSIONS)


@EVERY
@pytest.mark.parametrize("temperature", [0.25, 1.0, 3.0])
def test_it_finds_a_gaussian_at_any_temperature(name: Algorithm, temperature: float) -> None:
    target = Gaussian.random(seed=2)
    draws = run(built(name, target, temperature=temperature), starts(16), steps=1200, burn_in=100)
    assert_moments(draws, target.mean, stationary(name, target, temperature))


def test_sglds_known_bias_is_small() -> None:
    target = Gaussian.random(seed=1)
    ratio = stationary(Algorithm.SGLD, target).diagonal() / target.covariance.diagonal()
    assert (ratio < 1.12).all()


@EVERY
def test_each_chain_has_its_own_step_size(name: Algorithm) -> None:
    """Chains with ten thousandth of a step hardly move, and the others do."""
    sizes = torch.tensor([0.1, 1e-5]).repeat_interleave(4)
    moved = run(built(name, flat, sizes), torch.zeros(8, 3).double(), steps=3)[:, -1].norm(dim=-1)
    assert moved[:4].min() > 3 * moved[4:].max()


@pytest.mark.parametrize("name", [name for name in Algorithm if "sampler.friction" in name.uses])
@pytest.mark.parametrize("friction", [0.3, 4.0])
def test_friction_does_not_change_what_is_found(name: Algorithm, friction: float) -> None:
    target = Gaussian.random(seed=3)
    draws = run(built(name, target, 0.3, friction=friction), starts(16), steps=1800, burn_in=200)
    assert_moments(draws, target.mean, target.covariance)


def test_baoabs_momentum_has_the_temperature() -> None:
    """On a flat target the momentum is an Ornstein-Uhlenbeck process of a variance that is the temperature."""
    sampler, random = built(Algorithm.BAOAB, flat, temperature=2.0), source()
    state, momenta = sampler.init(torch.zeros(16, 3).double(), random), []
    for _ in range(1500):
        state, _ = sampler.update(state, None, random)
        momenta.append(state.momentum)
    within_error(torch.stack(momenta, 1).square(), torch.full((3,), 2.0))


def test_hmc_corrects_a_step_that_is_too_long() -> None:
    """Its leapfrog alone would be far off: many trajectories are refused, and what is kept is still the Gaussian."""
    target = Gaussian.random(seed=4)
    sampler, random = built(Algorithm.HMC, target, 1.2, leapfrog_steps=2), source()
    acceptance = sampler.update(sampler.init(starts(16), random), None, random)[1].acceptance
    assert acceptance is not None
    assert float(acceptance.min()) < 0.9
    assert_moments(run(sampler, starts(16), steps=2500, burn_in=100), target.mean, target.covariance)


def test_hmc_refuses_what_is_not_finite_and_stays() -> None:
    def cliff(position: Tensor, batch: Tensor | None = None) -> Density:
        inside = position.abs() < 1
        return Density(
            torch.where(inside.all(-1), 0.0, float("nan")),
            torch.where(inside, 0.0, float("nan")),
            torch.ones(len(position), 2),
        )

    draws = run(built(Algorithm.HMC, cliff, 0.5, leapfrog_steps=2), torch.zeros(50, 1).double(), steps=20)
    assert torch.isfinite(draws).all()
    assert (draws.abs() < 1).all()
    assert draws.unique().numel() > 10


@ON_MINIBATCHES
def test_without_noise_and_slope_nothing_moves(name: Algorithm) -> None:
    start = starts(4)
    draws = run(built(name, flat, temperature=0.0), start, steps=5)
    assert torch.equal(draws, start[:, None].expand_as(draws))


@ON_MINIBATCHES
def test_without_noise_the_mode_is_found(name: Algorithm) -> None:
    target = Gaussian.random(seed=6)
    draws = run(built(name, target, temperature=0.0), starts(4), steps=400)
    torch.testing.assert_close(draws[:, -1], target.mean.expand(4, -1), rtol=0, atol=1e-6)


@EVERY
def test_the_same_seed_gives_the_same_draws_and_torchs_global_generator_is_not_used(name: Algorithm) -> None:
    sampler, before = built(name, Gaussian.random(seed=7)), torch.get_rng_state()
    first, again, other = (run(sampler, starts(4), steps=20, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


@EVERY
def test_chains_are_independent(name: Algorithm) -> None:
    """From one start, no two chains draw the same, and their correlation is that of chance."""
    target = Gaussian.random(seed=8)
    draws = run(built(name, target), starts(1).expand(8, -1).clone(), steps=800, burn_in=50)
    assert draws[:, 0].unique(dim=0).shape[0] == 8
    assert draws[:, :, 0].corrcoef().triu(1).abs().max() < 0.4


@EVERY
def test_a_step_shows_the_log_joint_where_its_gradient_was_taken_and_changes_no_state(name: Algorithm) -> None:
    target, random = Gaussian.random(seed=9), source()
    sampler = built(name, target)
    before = sampler.init(starts(4), random)
    kept = before.position.clone()
    after, info = sampler.update(before, None, random)
    assert torch.equal(before.position, kept)
    where = after if sampler_spec(name).exact_log_joint else before
    torch.testing.assert_close(info.log_joint, target(where.position).log_joint)


@ON_MINIBATCHES
def test_a_minibatch_reaches_the_target(name: Algorithm) -> None:
    seen: list[Tensor | None] = []

    def target(position: Tensor, batch: Tensor | None = None) -> Density:
        seen.append(batch)
        return flat(position)

    batch = torch.tensor([2, 0])
    run(built(name, target), starts(1), steps=3, batch=batch)
    assert sum(part is batch for part in seen) == 3
