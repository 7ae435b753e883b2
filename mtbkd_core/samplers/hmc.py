"""Full-batch Hamiltonian Monte Carlo with Metropolis correction: exact, and so the judge of the others.

Source: Neal, "MCMC using Hamiltonian dynamics", Handbook of Markov Chain Monte Carlo, 2011, chapter 5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.posterior import Density
from mtbkd_core.samplers.base import Info, Target, Transform, noise_like


@dataclass(frozen=True)
class HMCState:
    """Position [S, P] and the target there."""

    position: Tensor
    density: Density


def build(target: Target, *, step_size: float, leapfrog_steps: int, temperature: float = 1.0) -> Transform:
    """HMC with unit mass in whitened coordinates; one update is one trajectory.

    Args:
        target: the log joint and its gradient, on all examples.
        step_size: of the leapfrog, in whitened coordinates.
        leapfrog_steps: gradients per trajectory.
        temperature: of the stationary density; must be positive.
    Raises:
        ValueError: a step size, number of steps or temperature that is not positive.
    """
    if not step_size > 0 or not leapfrog_steps > 0 or not temperature > 0:
        raise ValueError(f"all settings must be positive, got {step_size}, {leapfrog_steps}, {temperature}")

    def init(position: Tensor, generator: torch.Generator) -> HMCState:
        return HMCState(position, target(position, None))

    def update(state: HMCState, batch: Tensor | None, generator: torch.Generator) -> tuple[HMCState, Info]:
        if batch is not None:
            raise ValueError("HMC's correction needs all examples; it cannot use a minibatch")
        start = math.sqrt(temperature) * noise_like(state.position, generator)
        position, density = state.position, state.density
        momentum = torch.add(start, density.gradient, alpha=step_size / 2)
        for step in range(leapfrog_steps):
            position = torch.add(position, momentum, alpha=step_size)
            density = target(position, None)
            last = step == leapfrog_steps - 1
            momentum = torch.add(momentum, density.gradient, alpha=step_size / 2 if last else step_size)

        gain = density.log_joint - state.density.log_joint - 0.5 * (momentum.square() - start.square()).sum(-1)
        acceptance = torch.nan_to_num(gain / temperature, nan=-math.inf).clamp_max(0).exp()
        coin = torch.rand(acceptance.shape, generator=generator, dtype=acceptance.dtype, device=acceptance.device)
        accept = coin < acceptance
        kept = _choose(accept, HMCState(position, density), state)
        return kept, Info(kept.density.log_joint, kept.density.teacher_share, acceptance)

    return Transform(init, update)


def _choose(accept: Tensor, new: HMCState, old: HMCState) -> HMCState:
    column = accept[:, None]
    share = new.density.teacher_share
    if share is not None and old.density.teacher_share is not None:
        share = torch.where(column, share, old.density.teacher_share)
    return HMCState(
        torch.where(column, new.position, old.position),
        Density(
            torch.where(accept, new.density.log_joint, old.density.log_joint),
            torch.where(column, new.density.gradient, old.density.gradient),
            share,
        ),
    )
