"""Choosing a step size, by the acceptance of short trajectories or by the error of the energy; good burn-in besides."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.samplers.base import Build, Event, Mean, Step, Target, Tuned, Tuning, choose, group_means, per_chain
from mtbkd_core.samplers.randomness import Randomness

#: Trajectories of the acceptance rule, and rounds of the energy rule.
ROUNDS = 12
#: Gradients of a trajectory, and steps of a round.
STEPS_PER_ROUND = 8


def tune_acceptance(
    build: Build,
    target: Target,
    position: Tensor,
    settings: SamplerConfig,
    random: Randomness,
    groups: int = 1,
    *,
    first: float = 0.05,
    trajectories: int = ROUNDS,
    wanted: float = 0.8,
) -> Tuning:
    """Adapt HMC's step size until its mean acceptance over a group's chains is near `wanted`.

    Each trajectory moves the log step by its excess acceptance, with a gain that falls as the square root of the count;
    the second half of the trajectories is averaged (after Robbins and Monro).

    Args:
        build: HMC's.
        position: [S, P], whitened.
        groups: of equally many chains; a group shares one step size.
    """
    log_steps, later = torch.full((groups,), math.log(first), dtype=torch.float64), list[Tensor]()
    state, accepted = build(target, settings, per_chain(log_steps.exp(), position)).init(position, random), Mean(groups)
    for count in range(1, trajectories + 1):
        state, info = build(target, settings, per_chain(log_steps.exp(), position)).update(state, None, random)
        assert info.acceptance is not None
        log_steps = log_steps + 1.5 / math.sqrt(count) * (group_means(info.acceptance, groups) - wanted)
        if count > trajectories // 2:
            later.append(log_steps)
            accepted.add(info.acceptance)
        yield Step(state, info, Event.TUNING, count, trajectories)
    return Tuned(torch.stack(later).mean(0).exp(), state.position, accepted.value)


def step_for_energy(step_size: Tensor, found: Tensor, wanted: float) -> Tensor:
    """The step sizes at which MCLMC has the wanted energy variance per dimension, where `step_size` had `found`.

    The error of a step grows as its third power, its variance as the sixth (Robnik et al., JMLR 24, 2023). The answer
    is at most twice or half the step asked about, for beyond that the law is not to be trusted.
    """
    return step_size * (wanted / found.clamp_min(1e-30)).pow(1 / 6).clamp(0.5, 2.0)


def tune_energy(
    build: Build,
    target: Target,
    position: Tensor,
    settings: SamplerConfig,
    random: Randomness,
    groups: int = 1,
    *,
    wanted: float,
    first: float = 0.01,
    rounds: int = ROUNDS,
) -> Tuning:
    """Adapt MCLMC's step size until the mean square of a step's energy error, per dimension, is near `wanted`.

    After every round of some steps the step size follows `step_for_energy`; the second half of the rounds is averaged.
    A round in which a chain's energy is not finite is undone, and the step size halved.

    Args:
        build: MCLMC's.
        position: [S, P], whitened.
        groups: of equally many chains; a group shares one step size.
        first: rather too short than too long, which would throw the chains off where they are.
    """
    step_sizes, later = torch.full((groups,), first, dtype=torch.float64), list[Tensor]()
    state = build(target, settings, per_chain(step_sizes, position)).init(position, random)
    for count in range(1, rounds + 1):
        sampler = build(target, settings, per_chain(step_sizes, position))
        moved, energy = state, Mean(groups)
        for _ in range(STEPS_PER_ROUND):
            moved, info = sampler.update(moved, None, random)
            assert info.energy_error is not None
            energy.add(info.energy_error.double().square() / position.shape[1])
        assert energy.value is not None
        fine = energy.value.isfinite()
        state = choose(per_chain(fine, position).bool()[:, 0], moved, state)
        step_sizes = torch.where(fine, step_for_energy(step_sizes, energy.value, wanted), step_sizes / 2)
        if count > rounds // 2:
            later.append(step_sizes.log())
        yield Step(state, info, Event.TUNING, count, rounds)
    return Tuned(torch.stack(later).mean(0).exp(), state.position)
