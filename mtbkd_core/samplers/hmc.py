"""Full-batch Hamiltonian Monte Carlo with Metropolis correction: exact, and so the reference of the others.

Source: Neal, "MCMC using Hamiltonian dynamics", Handbook of Markov Chain Monte Carlo, 2011, chapter 5.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.posterior import Density
from mtbkd_core.samplers.base import Info, SamplerSpec, Target, Transform, Tuned, Tuning, choose
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.samplers.tuning import ROUNDS, STEPS_PER_ROUND, tune_acceptance


@dataclass(frozen=True)
class HMCState:
    """Position [S, P] and the target there."""

    position: Tensor
    density: Density


def build(target: Target, settings: SamplerConfig, step_size: Tensor) -> Transform:
    """HMC with unit mass in whitened coordinates, on all examples; one update is one trajectory."""
    half, steps, temperature = step_size / 2, settings.leapfrog_steps, settings.temperature

    def init(position: Tensor, random: Randomness) -> HMCState:
        return HMCState(position, target(position, None))

    def update(state: HMCState, batch: Tensor | None, random: Randomness) -> tuple[HMCState, Info]:
        start = random.normal(state.position.shape).mul_(math.sqrt(temperature))
        position, density = state.position, state.density
        momentum = torch.addcmul(start, density.gradient, half)
        for step in range(steps):
            position = torch.addcmul(position, momentum, step_size)
            density = target(position, None)
            momentum.addcmul_(density.gradient, half if step == steps - 1 else step_size)

        gain = density.log_joint - state.density.log_joint - 0.5 * (momentum.square() - start.square()).sum(-1)
        acceptance = torch.nan_to_num(gain / temperature, nan=-math.inf).clamp_max(0).exp()
        accept = random.uniform(acceptance.shape) < acceptance
        kept = choose(accept, HMCState(position, density), state)
        return kept, Info(kept.density.log_joint, kept.density.teacher_share, acceptance)

    return Transform(init, update)


#: What `tune_leapfrog` costs a chain.
LEAPFROG_GRADIENTS = ROUNDS * STEPS_PER_ROUND
tune = partial(tune_acceptance, build)


def tune_leapfrog(
    own_step: Callable[[Tensor], Tensor],
) -> Callable[[Target, Tensor, SamplerConfig, Randomness, int], Tuning]:
    """The tuning rule of a sampler with a step that follows from the leapfrog step that HMC accepts."""

    def rule(target: Target, position: Tensor, settings: SamplerConfig, random: Randomness, groups: int) -> Tuning:
        leapfrog = settings.model_copy(update={"leapfrog_steps": STEPS_PER_ROUND})
        tuned: Tuned = yield from tune(target, position, leapfrog, random, groups)
        return replace(tuned, step_sizes=own_step(tuned.step_sizes))

    return rule


SPEC = SamplerSpec(
    build,
    tune,
    tuning_gradients=lambda settings: ROUNDS * settings.leapfrog_steps,
    gradients_per_step=lambda settings: settings.leapfrog_steps,
)
