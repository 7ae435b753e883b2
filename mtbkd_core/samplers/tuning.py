"""Choosing a step size, by the acceptance of short trajectories or by the error of the energy; good burn-in besides."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mtbkd_core.samplers.base import Event, Step, Transform, Tuned, Tuning, group_means, per_chain
from mtbkd_core.samplers.randomness import Randomness

#: Trajectories of the acceptance rule, and rounds of the energy rule.
ROUNDS = 12
#: Gradients of a trajectory, and steps of a round.
STEPS_PER_ROUND = 8

#: Step size [S, 1] -> the sampler that is tuned.
Build = Callable[[Tensor], Transform]


def tune_acceptance(
    build: Build,
    position: Tensor,
    random: Randomness,
    *,
    first: float = 0.05,
    trajectories: int = ROUNDS,
    wanted: float = 0.8,
    groups: int = 1,
) -> Tuning:
    """Adapt HMC's step size until its mean acceptance over a group's chains is near `wanted`.

    Each trajectory moves the log step by its excess acceptance, with a gain that falls as the square root of the count;
    the second half of the trajectories is averaged (after Robbins and Monro).

    Args:
        build: HMC at a step size.
        position: [S, P], whitened.
        groups: of equally many chains; a group shares one step size.
    """
    log_steps, later = torch.full((groups,), math.log(first), dtype=torch.float64), list[Tensor]()
    state = build(per_chain(log_steps.exp(), position)).init(position, random)
    for count in range(1, trajectories + 1):
        state, info = build(per_chain(log_steps.exp(), position)).update(state, None, random)
        assert info.acceptance is not None
        log_steps = log_steps + 1.5 / math.sqrt(count) * (group_means(info.acceptance, groups) - wanted)
        if count > trajectories // 2:
            later.append(log_steps)
        yield Step(state, info, Event.TUNING, count, trajectories)
    return Tuned(torch.stack(later).mean(0).exp(), state.position)


def step_for_energy(step_size: Tensor, found: Tensor, wanted: float) -> Tensor:
    """The step sizes at which MCLMC has the wanted energy variance per dimension, where `step_size` had `found`.

    The error of a step grows as its third power, its variance as the sixth (Robnik et al., JMLR 24, 2023). The answer
    is at most twice or half the step asked about, for beyond that the law is not to be trusted.
    """
    return step_size * (wanted / found.clamp_min(1e-30)).pow(1 / 6).clamp(0.5, 2.0)


def tune_energy(
    build: Build,
    choose: Callable[[Tensor, Any, Any], Any],
    position: Tensor,
    random: Randomness,
    *,
    wanted: float,
    first: float = 0.01,
    rounds: int = ROUNDS,
    groups: int = 1,
) -> Tuning:
    """Adapt MCLMC's step size until the mean square of a step's energy error, per dimension, is near `wanted`.

    After every round of some steps the step size follows `step_for_energy`; the second half of the rounds is averaged.
    A round in which a chain's energy is not finite is undone, and the step size halved.

    Args:
        build: MCLMC at a step size.
        choose: which chains [S] take the first of two states, and which the second -> a state.
        position: [S, P], whitened.
        first: rather too short than too long, which would throw the chains off where they are.
        groups: of equally many chains; a group shares one step size.
    """
    step_sizes, later = torch.full((groups,), first, dtype=torch.float64), list[Tensor]()
    state = build(per_chain(step_sizes, position)).init(position, random)
    for count in range(1, rounds + 1):
        sampler = build(per_chain(step_sizes, position))
        moved, squares = state, list[Tensor]()
        for _ in range(STEPS_PER_ROUND):
            moved, info = sampler.update(moved, None, random)
            assert info.energy_error is not None
            squares.append(info.energy_error.double().square())
        found = group_means(torch.stack(squares).mean(0), groups) / position.shape[1]
        fine = found.isfinite()
        state = choose(per_chain(fine, position).bool()[:, 0], moved, state)
        step_sizes = torch.where(fine, step_for_energy(step_sizes, found, wanted), step_sizes / 2)
        if count > rounds // 2:
            later.append(step_sizes.log())
        yield Step(state, info, Event.TUNING, count, rounds)
    return Tuned(torch.stack(later).mean(0).exp(), state.position)
