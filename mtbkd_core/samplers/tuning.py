"""Choosing a step size, by the acceptance of short trajectories or by the error of the energy; good burn-in besides."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.samplers import hmc, mclmc
from mtbkd_core.samplers.base import Info, Source, Target, Transform, per_group

#: The energy variance per dimension that MCLMC is tuned to: the papers' value. What a run then has is mostly between it
#: and 1e-3, because chains go on spreading after the tuning; a looser one was seen to bias.
ENERGY_VARIANCE = 5e-4


@dataclass(frozen=True)
class Tuned:
    """Each group's step size, the acceptance it had (None: nothing was refused), and where the chains stand now."""

    step_sizes: tuple[float, ...]
    acceptances: tuple[float | None, ...]
    position: Tensor

    @property
    def step_size(self) -> float:
        """Of the only group, or the first."""
        return self.step_sizes[0]

    @property
    def acceptance(self) -> float | None:
        """Likewise."""
        return self.acceptances[0]


def tune_step_size(
    target: Target,
    position: Tensor,
    generator: Source,
    *,
    first: float = 0.05,
    trajectories: int = 12,
    leapfrog_steps: int = 8,
    wanted: float = 0.8,
    temperature: float = 1.0,
    groups: int = 1,
    watch: Callable[[int, Info], None] | None = None,
) -> Tuned:
    """Adapt HMC's step size until its mean acceptance over the chains is near `wanted`.

    Each trajectory moves the log step by its excess acceptance, with a gain that falls as the square root of the count;
    the second half of the trajectories is averaged (after Robbins and Monro).

    Args:
        position: [S, P], whitened.
        temperature: of the stationary density.
        groups: of equally many chains; a group shares one step size.
        watch: called with the trajectory's number and its `Info`.
    """
    log_steps, later = [math.log(first)] * groups, list[list[float]]()

    def build(steps: Sequence[float]) -> Transform:
        step_size = per_group(steps, position)
        return hmc.build(target, step_size=step_size, leapfrog_steps=leapfrog_steps, temperature=temperature)

    state = build([first] * groups).init(position, generator)
    acceptances = list[list[float]]()
    for count in range(trajectories):
        state, info = build([math.exp(log_step) for log_step in log_steps]).update(state, None, generator)
        assert info.acceptance is not None
        acceptance = info.acceptance.double().view(groups, -1).mean(1).tolist()
        gain = 1.5 / math.sqrt(count + 1)
        log_steps = [log_step + gain * (a - wanted) for log_step, a in zip(log_steps, acceptance, strict=True)]
        if count >= trajectories // 2:
            later.append(log_steps)
            acceptances.append(acceptance)
        if watch is not None:
            watch(count, info)
    return Tuned(tuple(math.exp(mean) for mean in _means(later)), tuple(_means(acceptances)), state.position)


def _means(rows: Sequence[Sequence[float]]) -> list[float]:
    return [sum(column) / len(column) for column in zip(*rows, strict=True)]


def step_for_energy(step_size: float, found: float, wanted: float = ENERGY_VARIANCE) -> float:
    """The step at which MCLMC has the wanted energy variance per dimension, where `step_size` had `found`.

    The error of a step grows as its third power, its variance as the sixth (Robnik et al., JMLR 24, 2023). The answer
    is at most twice or half the step asked about, for beyond that the law is not to be trusted.
    """
    return step_size * min(max(math.pow(wanted / max(found, 1e-30), 1 / 6), 0.5), 2.0)


def tune_energy_variance(
    target: Target,
    position: Tensor,
    generator: Source,
    *,
    first: float = 0.01,
    rounds: int = 12,
    steps: int = 8,
    wanted: float = ENERGY_VARIANCE,
    friction: float = 1.0,
    temperature: float = 1.0,
    groups: int = 1,
    watch: Callable[[int, Info], None] | None = None,
) -> Tuned:
    """Adapt MCLMC's step size until the mean square of a step's energy error, per dimension, is near `wanted`.

    After every round of some steps the step size follows `step_for_energy`; the second half of the rounds is averaged.
    A round in which a chain's energy is not finite is undone, and the step size halved.

    Args:
        position: [S, P], whitened.
        first: rather too short than too long, which would throw the chains off where they are.
        friction, temperature: as MCLMC is going to have them.
        groups: of equally many chains; a group shares one step size.
        watch: called with the round's number and its last step's `Info`.
    """
    step_sizes, later = [first] * groups, list[list[float]]()

    def build(steps: Sequence[float]) -> Transform:
        return mclmc.build(target, step_size=per_group(steps, position), friction=friction, temperature=temperature)

    state = build(step_sizes).init(position, generator)
    for count in range(rounds):
        sampler = build(step_sizes)
        moved, squares = state, list[Tensor]()
        for _ in range(steps):
            moved, info = sampler.update(moved, None, generator)
            assert info.energy_error is not None
            squares.append(info.energy_error.double().square().view(groups, -1).mean(1))
        if watch is not None:
            watch(count, info)
        found = (torch.stack(squares).mean(0) / position.shape[1]).tolist()
        fine = [math.isfinite(energy) for energy in found]
        undone = torch.tensor(fine, device=position.device).logical_not().repeat_interleave(len(position) // groups)
        state = mclmc.choose(undone, state, moved)
        step_sizes = [
            step_for_energy(step_size, energy, wanted) if ok else step_size / 2
            for step_size, energy, ok in zip(step_sizes, found, fine, strict=True)
        ]
        if count >= rounds // 2:
            later.append([math.log(step_size) for step_size in step_sizes])
    return Tuned(tuple(math.exp(mean) for mean in _means(later)), (None,) * groups, state.position)
