"""Microcanonical Langevin: what its motion conserves, turns back to, and forgets."""

import pytest
import torch
from torch import Tensor

from mtbkd_core.config.choices import Algorithm
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.samplers import mclmc
from mtbkd_core.samplers.base import Target
from mtbkd_core.samplers.mclmc import MCLMCState
from mtbkd_core.samplers.randomness import Randomness
from tests.samplers.runner import built, normal, source
from tests.samplers.scenarios import Gaussian, flat


def go(target: Target, state: MCLMCState, count: int, *, step_size: float) -> tuple[MCLMCState, Tensor]:
    """Steps without refreshment, and the sum [S] of their energy errors."""
    sampler, random = built(Algorithm.MCLMC, target, step_size, friction=0.0), source()
    error = torch.zeros(len(state.position), dtype=torch.float64)
    for _ in range(count):
        state, info = sampler.update(state, None, random)
        assert info.energy_error is not None
        error += info.energy_error
    return state, error


def begin(target: Target, dimensions: int = 3, chains: int = 5) -> MCLMCState:
    state: MCLMCState = built(Algorithm.MCLMC, target).init(normal(chains, dimensions), source(1))
    return state


def test_on_a_flat_target_a_chain_goes_straight_on_at_its_speed() -> None:
    start = begin(flat)
    end, error = go(flat, start, 10, step_size=0.2)
    torch.testing.assert_close(end.position, start.position + 10 * 0.2 * 3**0.5 * start.direction)
    torch.testing.assert_close(error, torch.zeros_like(error), rtol=0, atol=1e-12)


def test_without_refreshment_the_way_back_is_the_way() -> None:
    target = Gaussian.random(seed=1)
    start = begin(target)
    there, _ = go(target, start, 25, step_size=0.3)
    assert (there.position - start.position).norm(dim=-1).min() > 0.1
    back, _ = go(target, MCLMCState(there.position, -there.direction, there.density), 25, step_size=0.3)
    torch.testing.assert_close(back.position, start.position)
    torch.testing.assert_close(back.direction, -start.direction)


def test_the_energys_error_of_a_way_falls_with_the_square_of_the_step() -> None:
    """Only where the two parts of the energy, log joint and speed, are those that the motion conserves."""
    target = Gaussian.random(seed=2)
    start = begin(target)
    errors = [go(target, start, round(2 / step), step_size=step)[1].abs() for step in (0.04, 0.02, 0.01)]
    assert (errors[0] < 0.02).all()
    torch.testing.assert_close(errors[0] / errors[1], torch.full((5,), 4.0).double(), rtol=0.1, atol=0)
    torch.testing.assert_close(errors[1] / errors[2], torch.full((5,), 4.0).double(), rtol=0.1, atol=0)


def test_the_direction_is_forgotten_at_the_frictions_rate() -> None:
    """On a flat target in many dimensions the directions' overlap after a time t is exp(-friction t)."""
    sampler, random = built(Algorithm.MCLMC, flat, 0.1, friction=0.5), source()
    start = state = sampler.init(torch.zeros(200, 2000, dtype=torch.float64), random)
    for count in range(1, 21):
        state, _ = sampler.update(state, None, random)
        overlap = float((start.direction * state.direction).sum(-1).mean())
        assert overlap == pytest.approx(2.718281828 ** (-0.5 * 0.1 * count), abs=0.01)
    torch.testing.assert_close(state.direction.norm(dim=-1), torch.ones(200).double())


def test_a_steep_slope_does_not_overflow() -> None:
    """In float32 exp(d) would be infinite here; the direction becomes the gradient's."""
    target, settings = Gaussian(torch.zeros(3), 1e-6 * torch.eye(3)), SamplerConfig().model_copy(update={"friction": 0})
    sampler, random = mclmc.build(target, settings, torch.tensor([[1e-3]])), Randomness.seeded(0)
    state, info = sampler.update(sampler.init(torch.ones(2, 3), random), None, random)
    assert torch.isfinite(state.position).all()
    assert info.energy_error is not None
    assert torch.isfinite(info.energy_error).all()
    torch.testing.assert_close(state.direction, -torch.ones(2, 3) / 3**0.5)


def test_a_direction_of_which_nothing_is_left_is_a_new_one() -> None:
    """At friction times step of 10,000 the refreshment's formula overflows."""
    sampler = mclmc.build(flat, SamplerConfig(friction=1000.0), torch.tensor([[10.0], [0.1]]))
    start = sampler.init(torch.zeros(2, 3), random := Randomness.seeded(0))
    state, _ = sampler.update(start, None, random)
    assert torch.isfinite(state.position).all()
    torch.testing.assert_close(state.direction.norm(dim=-1), torch.ones(2))
    assert not torch.equal(state.direction, start.direction)
