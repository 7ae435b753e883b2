"""Every sampler finds a Gaussian with known mean and covariance, is reproducible, and rests where nothing pushes it."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mtbkd_core.posterior import Density
from mtbkd_core.samplers import baoab, hmc, mclmc, sgld
from mtbkd_core.samplers.base import Target, Transform
from tests.samplers.runner import assert_moments, run, within_error
from tests.samplers.scenarios import DIMENSIONS, Gaussian, flat

SGLD_STEP = 0.1

Build = Callable[..., Transform]
BUILDERS: dict[str, Build] = {
    "sgld": lambda target, **more: sgld.build(target, step_size=SGLD_STEP, **more),
    "baoab": lambda target, **more: baoab.build(target, step_size=0.5, **more),
    "mclmc": lambda target, **more: mclmc.build(target, step_size=0.3, **more),
    "hmc": lambda target, **more: hmc.build(target, step_size=0.4, leapfrog_steps=4, **more),
}
ON_MINIBATCHES = ["sgld", "baoab"]


def stationary(name: str, target: Gaussian, temperature: float = 1.0) -> Tensor:
    """The covariance that a sampler has on a Gaussian. HMC is exact, and so are BAOAB's positions (Leimkuhler and
    Matthews, 2013); MCLMC is so nearly, at this step, that the difference drowns in the Monte Carlo error. SGLD's
    recursion u <- (1 - eps P) u + sqrt(2 eps T) noise has T P^-1 (1 - eps P / 2)^-1.
    """
    if name != "sgld":
        return temperature * target.covariance
    shrink = torch.eye(DIMENSIONS, dtype=torch.float64) - SGLD_STEP * target.precision / 2
    return temperature * target.covariance @ torch.linalg.inv(shrink)


def starts(chains: int) -> Tensor:
    return torch.randn(chains, DIMENSIONS, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


@pytest.fixture(params=BUILDERS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


#: Steps that give one chain, or sixteen together, a thousand and more effective draws.
STEPS = {
    "sgld": {1: 15_000, 16: 1200},
    "baoab": {1: 4000, 16: 800},
    "mclmc": {1: 6000, 16: 1000},
    "hmc": {1: 1500, 16: 400},
}


@pytest.mark.parametrize("chains", [1, 16])
def test_it_finds_a_gaussian(name: str, chains: int) -> None:
    target, steps = Gaussian.random(seed=chains), STEPS[name][chains]
    draws = run(BUILDERS[name](target), starts(chains), steps=steps, burn_in=100)
    assert draws.shape == (chains, steps, DIMENSIONS)
    assert_moments(draws, target.mean, stationary(name, target))


def test_sglds_known_bias_is_small() -> None:
    target = Gaussian.random(seed=1)
    ratio = stationary("sgld", target).diagonal() / target.covariance.diagonal()
    assert (ratio < 1.12).all()


@pytest.mark.parametrize("temperature", [0.25, 3.0])
def test_temperature_scales_the_covariance(name: str, temperature: float) -> None:
    target = Gaussian.random(seed=2)
    draws = run(BUILDERS[name](target, temperature=temperature), starts(16), steps=1000, burn_in=100)
    assert_moments(draws, target.mean, stationary(name, target, temperature))


@pytest.mark.parametrize("friction", [0.3, 8.0])
def test_friction_does_not_change_what_baoab_finds(friction: float) -> None:
    target = Gaussian.random(seed=3)
    draws = run(baoab.build(target, step_size=0.5, friction=friction), starts(16), steps=2000, burn_in=200)
    assert_moments(draws, target.mean, target.covariance)


def test_baoabs_momentum_has_the_temperature() -> None:
    """On a flat target the momentum is an Ornstein-Uhlenbeck process, whose variance is the temperature."""
    sampler = baoab.build(flat, step_size=0.5, friction=1.0, temperature=2.0)
    generator = torch.Generator().manual_seed(0)
    state = sampler.init(torch.zeros(16, 3), generator)
    momenta = []
    for _ in range(1500):
        state, _ = sampler.update(state, None, generator)
        momenta.append(state.momentum)
    within_error(torch.stack(momenta, 1).square(), torch.full((3,), 2.0))


def test_hmc_corrects_a_step_that_is_too_long() -> None:
    """Its leapfrog alone would be far off: many trajectories are refused, and what is kept is still the Gaussian."""
    target = Gaussian.random(seed=4)
    sampler = hmc.build(target, step_size=1.2, leapfrog_steps=2)
    generator = torch.Generator().manual_seed(0)
    acceptance = sampler.update(sampler.init(starts(16), generator), None, generator)[1].acceptance
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

    start = torch.zeros(50, 1)
    draws = run(hmc.build(cliff, step_size=0.5, leapfrog_steps=2), start, steps=20)
    assert torch.isfinite(draws).all()
    assert (draws.abs() < 1).all()
    assert draws.unique().numel() > 10


@pytest.mark.parametrize("name", ON_MINIBATCHES)
def test_without_noise_and_slope_nothing_moves(name: str) -> None:
    start = starts(4)
    draws = run(BUILDERS[name](flat, temperature=0.0), start, steps=5)
    assert torch.equal(draws, start[:, None].expand_as(draws))


@pytest.mark.parametrize("name", ON_MINIBATCHES)
def test_without_noise_the_mode_is_found(name: str) -> None:
    target = Gaussian.random(seed=6)
    draws = run(BUILDERS[name](target, temperature=0.0), starts(4), steps=400)
    torch.testing.assert_close(draws[:, -1], target.mean.expand(4, -1), rtol=0, atol=1e-6)


def test_the_same_seed_gives_the_same_draws(name: str) -> None:
    sampler = BUILDERS[name](Gaussian.random(seed=7))
    first, again, other = (run(sampler, starts(4), steps=20, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_torchs_global_generator_is_neither_asked_nor_moved(name: str) -> None:
    before = torch.get_rng_state()
    run(BUILDERS[name](Gaussian.random(seed=7)), starts(2), steps=3)
    assert torch.equal(torch.get_rng_state(), before)


def test_chains_are_independent(name: str) -> None:
    """From one start, no two chains draw the same, and their correlation is that of chance."""
    target = Gaussian.random(seed=8)
    draws = run(BUILDERS[name](target), starts(1).expand(8, -1).clone(), steps=800, burn_in=50)
    assert draws[:, 0].unique(dim=0).shape[0] == 8
    assert draws[:, :, 0].corrcoef().triu(1).abs().max() < 0.4


def test_a_step_says_the_log_joint_where_its_gradient_was_taken(name: str) -> None:
    target, generator = Gaussian.random(seed=9), torch.Generator().manual_seed(0)
    sampler = BUILDERS[name](target)
    before = sampler.init(starts(4), generator)
    after, info = sampler.update(before, None, generator)
    where = before if name == "sgld" else after
    torch.testing.assert_close(info.log_joint, target(where.position).log_joint)


def test_a_state_is_not_changed_by_an_update(name: str) -> None:
    sampler, generator = BUILDERS[name](Gaussian.random(seed=10)), torch.Generator().manual_seed(0)
    state = sampler.init(starts(4), generator)
    kept = state.position.clone()
    sampler.update(state, None, generator)
    assert torch.equal(state.position, kept)


@pytest.mark.parametrize("name", ON_MINIBATCHES)
def test_the_batch_reaches_the_target(name: str) -> None:
    seen: list[Tensor | None] = []

    def target(position: Tensor, batch: Tensor | None = None) -> Density:
        seen.append(batch)
        return flat(position)

    batch = torch.tensor([2, 0])
    run(BUILDERS[name](target), starts(1), steps=3, batch=batch)
    assert sum(part is batch for part in seen) == 3


@pytest.mark.parametrize("name", ["hmc", "mclmc"])
def test_a_sampler_that_needs_the_energy_has_no_use_for_a_minibatch(name: str) -> None:
    with pytest.raises(ValueError, match="minibatch"):
        run(BUILDERS[name](flat), starts(1), steps=1, batch=torch.tensor([0]))


@pytest.mark.parametrize(
    "call",
    [
        lambda target: sgld.build(target, step_size=0.0),
        lambda target: sgld.build(target, step_size=float("nan")),
        lambda target: sgld.build(target, step_size=0.1, temperature=-1.0),
        lambda target: baoab.build(target, step_size=-0.1),
        lambda target: baoab.build(target, step_size=0.1, friction=0.0),
        lambda target: baoab.build(target, step_size=0.1, temperature=-1.0),
        lambda target: sgld.build(target, step_size=0.1, decay_steps=0),
        lambda target: mclmc.build(target, step_size=0.0),
        lambda target: mclmc.build(target, step_size=0.1, friction=-1.0),
        lambda target: mclmc.build(target, step_size=0.1, temperature=0.0),
        lambda target: hmc.build(target, step_size=0.0, leapfrog_steps=3),
        lambda target: hmc.build(target, step_size=0.1, leapfrog_steps=0),
        lambda target: hmc.build(target, step_size=0.1, leapfrog_steps=3, temperature=0.0),
    ],
)
def test_settings_that_cannot_work_are_refused(call: Callable[[Target], Transform]) -> None:
    with pytest.raises(ValueError, match="positive"):
        call(flat)
