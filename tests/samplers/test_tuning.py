"""Choosing a step size: by the acceptance of short trajectories, or by the energy error of MCLMC's steps."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from mtbkd_core.config.choices import Algorithm
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.posterior import Density
from mtbkd_core.samplers import baoab, hmc, mclmc, sgld
from mtbkd_core.samplers.base import Event, Step, Target, Tuned, watched
from mtbkd_core.samplers.mclmc import ENERGY_VARIANCE
from mtbkd_core.samplers.tuning import step_for_energy
from tests.samplers.runner import assert_moments, built, normal, source
from tests.samplers.scenarios import DIMENSIONS, Gaussian


def accepted(target: Target, position: Tensor, temperature: float = 1.0, watch: Any = id, **more: Any) -> Tuned:
    settings = SamplerConfig(temperature=temperature)
    return watched(hmc.tune(target, position, settings, source(), **more), watch)


def by_energy(target: Target, position: Tensor, temperature: float = 1.0, **more: Any) -> Tuned:
    settings = SamplerConfig(temperature=temperature, friction=1.0)
    return watched(mclmc.SPEC.tune(target, position, settings, source(), **more), id)


def wide_gaussian(scale: float) -> Gaussian:
    """40 coordinates of different scales, so that no number of leapfrog steps brings all of them round at once."""
    return Gaussian(torch.zeros(40).double(), scale**2 * torch.linspace(0.5, 1.5, 40).double().square().diag())


@pytest.mark.parametrize("first", [0.02, 0.3, 5.0])
def test_the_tuned_step_is_accepted_about_as_often_as_wanted(first: float) -> None:
    """Acceptance falls steeply with the step here; the start is far too short, or too long."""
    target, random = wide_gaussian(1.0), source()
    tuned = accepted(target, normal(32, 40), first=first, trajectories=60)
    sampler = built(Algorithm.HMC, target, tuned.step_sizes, leapfrog_steps=8)
    _, info = sampler.update(sampler.init(tuned.position, random), None, random)
    assert info.acceptance is not None
    assert tuned.acceptance is not None
    assert float(info.acceptance.mean()) == pytest.approx(0.8, abs=0.12)
    assert float(tuned.acceptance) == pytest.approx(0.8, abs=0.12)


def test_a_target_four_times_as_narrow_needs_a_step_four_times_as_short() -> None:
    found = [
        float(accepted(wide_gaussian(scale), scale * normal(32, 40), trajectories=60).step_sizes)
        for scale in (1.0, 0.25)
    ]
    assert found[0] / found[1] == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize("temperature", [0.1, 10.0])
def test_at_another_temperature_the_leapfrogs_step_is_the_same(temperature: float) -> None:
    """On a Gaussian, temperature scales the positions and the momenta alike, and the acceptance not at all."""
    target, start = wide_gaussian(1.0), normal(32, 40)
    plain, hot = accepted(target, start), accepted(target, temperature**0.5 * start, temperature)
    torch.testing.assert_close(hot.step_sizes, plain.step_sizes)


@pytest.mark.parametrize(("first", "temperature"), [(0.001, 1.0), (0.01, 4.0), (2.0, 1.0)])
def test_mclmcs_tuned_step_has_the_wanted_energy_variance(first: float, temperature: float) -> None:
    target, random = wide_gaussian(1.0), source(3)
    start = temperature**0.5 * normal(32, 40, seed=1) * torch.linspace(0.5, 1.5, 40)
    tuned = by_energy(target, start, temperature, first=first, rounds=40)
    sampler = built(Algorithm.MCLMC, target, tuned.step_sizes, temperature=temperature)
    state, squares = sampler.init(tuned.position, random), []
    for _ in range(400):
        state, info = sampler.update(state, None, random)
        assert info.energy_error is not None
        squares.append(info.energy_error.square().mean() / 40)
    assert float(torch.stack(squares).mean()) == pytest.approx(ENERGY_VARIANCE, rel=0.25)


def test_the_step_for_an_energy_variance_follows_its_sixth_root_but_not_far() -> None:
    found = step_for_energy(torch.full((4,), 0.1), torch.tensor([128e-4, 1e-4, 0.0, 1e9]), 2e-4)
    assert found.tolist() == pytest.approx([0.05, 0.1 * 2 ** (1 / 6), 0.2, 0.05])


def test_mclmcs_tuning_steps_back_from_where_the_energy_is_not_finite() -> None:
    def cliff(position: Tensor, batch: Tensor | None = None) -> Density:
        inside = (position.abs() < 1e-3).all(-1)
        return Density(torch.where(inside, 0.0, -math.inf), torch.zeros_like(position))

    tuned = by_energy(cliff, torch.zeros(4, 2).double(), first=0.5)
    assert tuned.step_sizes < 0.01
    assert (tuned.position.abs() < 1e-3).all()


def test_a_chain_that_cannot_move_shortens_the_step() -> None:
    def broken(position: Tensor, batch: Tensor | None = None) -> Density:
        away = (position != 0).any(-1)
        return Density(torch.where(away, -math.inf, 0.0), torch.zeros_like(position))

    tuned = accepted(broken, torch.zeros(4, 2).double())
    assert tuned.step_sizes < 0.01
    assert (tuned.position == 0).all()


def test_where_tuning_leaves_the_chains_is_a_draw_of_the_target() -> None:
    target = Gaussian.random(seed=3)
    end = accepted(target, torch.zeros(3000, DIMENSIONS).double(), first=0.4, trajectories=25).position
    assert_moments(end.view(6, 500, DIMENSIONS), target.mean, target.covariance)


def test_tuning_can_be_watched() -> None:
    seen: list[Step] = []
    accepted(Gaussian.random(seed=3), normal(4, DIMENSIONS), trajectories=6, watch=seen.append)
    assert [(step.event, step.number, step.of) for step in seen] == [(Event.TUNING, n, 6) for n in range(1, 7)]
    assert all(step.info.log_joint.shape == (4,) for step in seen)


def test_the_other_samplers_steps_follow_from_the_leapfrogs() -> None:
    target, settings = Gaussian.random(seed=3), SamplerConfig()

    def found(rule: Any) -> Tensor:
        return watched(rule(target, normal(8, DIMENSIONS), settings, source(), 2), id).step_sizes

    leapfrog = found(hmc.tune)
    assert leapfrog.shape == (2,)
    torch.testing.assert_close(found(baoab.SPEC.tune), 1.1 * leapfrog)
    torch.testing.assert_close(found(sgld.SPEC.tune), leapfrog.square() / 2)
