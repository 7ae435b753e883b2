"""Choosing a step size: short Metropolis-corrected trajectories, which are good burn-in besides."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.samplers import hmc
from mtbkd_core.samplers.base import Info, Target


@dataclass(frozen=True)
class Tuned:
    """The leapfrog's step size, the acceptance it had, and where the chains stand now."""

    step_size: float
    acceptance: float
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
    watch: Callable[[int, Info], None] | None = None,
) -> Tuned:
    """Adapt HMC's step size until its mean acceptance over the chains is near `wanted`.

    Each trajectory moves the log step by its excess acceptance, with a gain that falls as the square root of the count;
    the second half of the trajectories is averaged (after Robbins and Monro).

    Args:
        position: [S, P], whitened; all chains share one step size.
        watch: called with the trajectory's number and its `Info`.
    """
    log_step, later = math.log(first), []
    state = hmc.build(target, step_size=first, leapfrog_steps=leapfrog_steps).init(position, generator)
    acceptances: list[float] = []
    for count in range(trajectories):
        sampler = hmc.build(target, step_size=math.exp(log_step), leapfrog_steps=leapfrog_steps)
        state, info = sampler.update(state, None, generator)
        assert info.acceptance is not None
        acceptance = float(info.acceptance.mean())
        log_step += 1.5 * (acceptance - wanted) / math.sqrt(count + 1)
        if count >= trajectories // 2:
            later.append(log_step)
            acceptances.append(acceptance)
        if watch is not None:
            watch(count, info)
    return Tuned(math.exp(sum(later) / len(later)), sum(acceptances) / len(acceptances), state.position)
