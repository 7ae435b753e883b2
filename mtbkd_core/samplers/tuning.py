"""Choosing a step size, by the acceptance of short trajectories or by the error of the energy; good burn-in besides."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.samplers import hmc, mclmc
from mtbkd_core.samplers.base import Info, Target, Transform

#: The energy variance per dimension that MCLMC is tuned to: the papers' value. What a run then has is mostly between it
#: and 1e-3, because chains go on spreading after the tuning; a looser one was seen to bias.
ENERGY_VARIANCE = 5e-4


@dataclass(frozen=True)
class Tuned:
    """The step size, the acceptance that it had (None: nothing was refused), and where the chains stand now."""

    step_size: float
    acceptance: float | None
    position: Tensor


def tune_step_size(
    target: Target,
    position: Tensor,
    generator: torch.Generator,
    *,
    first: float = 0.05,
    trajectories: int = 12,
    leapfrog_steps: int = 8,
    wanted: float = 0.8,
    temperature: float = 1.0,
    watch: Callable[[int, Info], None] | None = None,
) -> Tuned:
    """Adapt HMC's step size until its mean acceptance over the chains is near `wanted`.

    Each trajectory moves the log step by its excess acceptance, with a gain that falls as the square root of the count;
    the second half of the trajectories is averaged (after Robbins and Monro).

    Args:
        position: [S, P], whitened; all chains share one step size.
        temperature: of the stationary density.
        watch: called with the trajectory's number and its `Info`.
    """
    log_step, later = math.log(first), []

    def build(step_size: float) -> Transform:
        return hmc.build(target, step_size=step_size, leapfrog_steps=leapfrog_steps, temperature=temperature)

    state = build(first).init(position, generator)
    acceptances: list[float] = []
    for count in range(trajectories):
        state, info = build(math.exp(log_step)).update(state, None, generator)
        assert info.acceptance is not None
        acceptance = float(info.acceptance.mean())
        log_step += 1.5 * (acceptance - wanted) / math.sqrt(count + 1)
        if count >= trajectories // 2:
            later.append(log_step)
            acceptances.append(acceptance)
        if watch is not None:
            watch(count, info)
    return Tuned(math.exp(sum(later) / len(later)), sum(acceptances) / len(acceptances), state.position)


def step_for_energy(step_size: float, found: float, wanted: float = ENERGY_VARIANCE) -> float:
    """The step at which MCLMC has the wanted energy variance per dimension, where `step_size` had `found`.

    The error of a step grows as its third power, its variance as the sixth (Robnik et al., JMLR 24, 2023). The answer
    is at most twice or half the step asked about, for beyond that the law is not to be trusted.
    """
    return step_size * min(max(math.pow(wanted / max(found, 1e-30), 1 / 6), 0.5), 2.0)


def tune_energy_variance(
    target: Target,
    position: Tensor,
    generator: torch.Generator,
    *,
    first: float = 0.01,
    rounds: int = 12,
    steps: int = 8,
    wanted: float = ENERGY_VARIANCE,
    friction: float = 1.0,
    temperature: float = 1.0,
    watch: Callable[[int, Info], None] | None = None,
) -> Tuned:
    """Adapt MCLMC's step size until the mean square of a step's energy error, per dimension, is near `wanted`.

    After every round of some steps the step size follows `step_for_energy`; the second half of the rounds is averaged.
    A round in which a chain's energy is not finite is undone, and the step size halved.

    Args:
        position: [S, P], whitened; all chains share one step size.
        first: rather too short than too long, which would throw the chains off where they are.
        friction, temperature: as MCLMC is going to have them.
        watch: called with the round's number and its last step's `Info`.
    """
    step_size, later = first, list[float]()
    state = mclmc.build(target, step_size=first, friction=friction, temperature=temperature).init(position, generator)
    for count in range(rounds):
        sampler = mclmc.build(target, step_size=step_size, friction=friction, temperature=temperature)
        moved, squares = state, list[Tensor]()
        for _ in range(steps):
            moved, info = sampler.update(moved, None, generator)
            assert info.energy_error is not None
            squares.append(info.energy_error.square().mean())
        if watch is not None:
            watch(count, info)
        found = float(torch.stack(squares).mean()) / position.shape[1]
        if math.isfinite(found):
            state, step_size = moved, step_for_energy(step_size, found, wanted)
        else:
            step_size /= 2
        if count >= rounds // 2:
            later.append(math.log(step_size))
    return Tuned(math.exp(sum(later) / len(later)), None, state.position)
