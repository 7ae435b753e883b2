"""Full-batch Hamiltonian Monte Carlo with Metropolis correction: exact, and so the judge of the others.

Source: Neal, "MCMC using Hamiltonian dynamics", Handbook of Markov Chain Monte Carlo, 2011, chapter 5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.posterior import Density
from mtbkd_core.samplers.base import (
    Info,
    Number,
    Source,
    Target,
    Transform,
    add_scaled,
    apply,
    coins_like,
    is_positive,
    noise_like,
)


@dataclass(frozen=True)
class HMCState:
    """Position [S, P] and the target there."""

    position: Tensor
    density: Density


def build(target: Target, *, step_size: Number, leapfrog_steps: int, temperature: float = 1.0) -> Transform:
    """HMC with unit mass in whitened coordinates; one update is one trajectory.

    Args:
        target: the log joint and its gradient, on all examples.
        step_size: of the leapfrog, in whitened coordinates.
        leapfrog_steps: gradients per trajectory.
        temperature: of the stationary density; must be positive.
    Raises:
        ValueError: a step size, number of steps or temperature that is not positive.
    """
    if not is_positive(step_size) or not leapfrog_steps > 0 or not temperature > 0:
        raise ValueError(f"all settings must be positive, got {step_size}, {leapfrog_steps}, {temperature}")

    half = apply(lambda h: h / 2, step_size)

    def init(position: Tensor, generator: Source) -> HMCState:
        return HMCState(position, target(position, None))

    def update(state: HMCState, batch: Tensor | None, generator: Source) -> tuple[HMCState, Info]:
        if batch is not None:
            raise ValueError("HMC's correction needs all examples; it cannot use a minibatch")
        start = math.sqrt(temperature) * noise_like(state.position, generator)
        position, density = state.position, state.density
        momentum = add_scaled(start, density.gradient, half)
        for step in range(leapfrog_steps):
            position = add_scaled(position, momentum, step_size)
            density = target(position, None)
            last = step == leapfrog_steps - 1
            momentum = add_scaled(momentum, density.gradient, half if last else step_size)

        gain = density.log_joint - state.density.log_joint - 0.5 * (momentum.square() - start.square()).sum(-1)
        acceptance = torch.nan_to_num(gain / temperature, nan=-math.inf).clamp_max(0).exp()
        accept = coins_like(acceptance, generator) < acceptance
        kept = _choose(accept, HMCState(position, density), state)
        return kept, Info(kept.density.log_joint, kept.density.teacher_share, acceptance)

    return Transform(init, update)


def _choose(accept: Tensor, new: HMCState, old: HMCState) -> HMCState:
    column = accept[:, None]
    return HMCState(torch.where(column, new.position, old.position), new.density.where(accept, old.density))
