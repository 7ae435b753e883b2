"""Full-batch Hamiltonian Monte Carlo with Metropolis correction: exact, and so the reference of the others.

Source: Neal, "MCMC using Hamiltonian dynamics", Handbook of Markov Chain Monte Carlo, 2011, chapter 5.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.posterior import Density
from mtbkd_core.samplers.base import Info, SamplerSpec, Target, Transform, Tuned, Tuning, is_positive
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.samplers.tuning import ROUNDS, STEPS_PER_ROUND, tune_acceptance


@dataclass(frozen=True)
class HMCState:
    """Position [S, P] and the target there."""

    position: Tensor
    density: Density


def build(target: Target, *, step_size: Tensor, leapfrog_steps: int, temperature: float = 1.0) -> Transform:
    """HMC with unit mass in whitened coordinates; one update is one trajectory.

    Args:
        target: the log joint and its gradient, on all examples.
        step_size: [S, 1], of the leapfrog, in whitened coordinates.
        leapfrog_steps: gradients per trajectory.
        temperature: of the stationary density; must be positive.
    Raises:
        ValueError: a step size, number of steps or temperature that is not positive.
    """
    if not is_positive(step_size) or not leapfrog_steps > 0 or not temperature > 0:
        raise ValueError(
            f"all settings must be positive, got {step_size.flatten().tolist()}, {leapfrog_steps}, {temperature}"
        )
    half = step_size / 2

    def init(position: Tensor, random: Randomness) -> HMCState:
        return HMCState(position, target(position, None))

    def update(state: HMCState, batch: Tensor | None, random: Randomness) -> tuple[HMCState, Info]:
        if batch is not None:
            raise ValueError("HMC's correction needs all examples; it cannot use a minibatch")
        start = random.normal(state.position.shape).mul_(math.sqrt(temperature))
        position, density = state.position, state.density
        momentum = torch.addcmul(start, density.gradient, half)
        for step in range(leapfrog_steps):
            position = torch.addcmul(position, momentum, step_size)
            density = target(position, None)
            momentum.addcmul_(density.gradient, half if step == leapfrog_steps - 1 else step_size)

        gain = density.log_joint - state.density.log_joint - 0.5 * (momentum.square() - start.square()).sum(-1)
        acceptance = torch.nan_to_num(gain / temperature, nan=-math.inf).clamp_max(0).exp()
        accept = random.uniform(acceptance.shape) < acceptance
        kept = HMCState(torch.where(accept[:, None], position, state.position), density.where(accept, state.density))
        return kept, Info(kept.density.log_joint, kept.density.teacher_share, acceptance)

    return Transform(init, update)


#: What `tune_leapfrog` costs a chain.
LEAPFROG_GRADIENTS = ROUNDS * STEPS_PER_ROUND


def tune(
    target: Target,
    position: Tensor,
    settings: SamplerConfig,
    random: Randomness,
    groups: int = 1,
    leapfrog_steps: int | None = None,
) -> Tuning:
    """The step size by the acceptance of HMC's own trajectories, or of some with other leapfrog steps."""

    def built(step_size: Tensor) -> Transform:
        return build(
            target,
            step_size=step_size,
            leapfrog_steps=leapfrog_steps or settings.leapfrog_steps,
            temperature=settings.temperature,
        )

    return tune_acceptance(built, position, random, groups=groups)


def tune_leapfrog(
    own_step: Callable[[Tensor], Tensor],
) -> Callable[[Target, Tensor, SamplerConfig, Randomness, int], Tuning]:
    """The tuning rule of a sampler whose step follows from the leapfrog step that HMC accepts."""

    def rule(target: Target, position: Tensor, settings: SamplerConfig, random: Randomness, groups: int) -> Tuning:
        tuned: Tuned = yield from tune(target, position, settings, random, groups, STEPS_PER_ROUND)
        return replace(tuned, step_sizes=own_step(tuned.step_sizes))

    return rule


SPEC = SamplerSpec(
    build=lambda target, settings, step_size: build(
        target, step_size=step_size, leapfrog_steps=settings.leapfrog_steps, temperature=settings.temperature
    ),
    tune=tune,
    tuning_gradients=lambda settings: ROUNDS * settings.leapfrog_steps,
    gradients_per_step=lambda settings: settings.leapfrog_steps,
)
