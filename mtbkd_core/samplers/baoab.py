"""Langevin dynamics with momentum, split as B-A-O-A-B.

    B: v <- v + (h/2) grad      A: u <- u + (h/2) v
    O: v <- c v + sqrt((1 - c^2) temperature) noise, with c = exp(-friction h)

One gradient a step: the one that closes a step opens the next. With minibatch gradients it is SGHMC's integrator.
Source: Leimkuhler and Matthews, Applied Mathematics Research eXpress 2013(1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.posterior import Density
from mtbkd_core.samplers.base import Info, SamplerSpec, Target, Transform
from mtbkd_core.samplers.hmc import LEAPFROG_GRADIENTS, tune_leapfrog
from mtbkd_core.samplers.randomness import Randomness

#: It stays accurate at a somewhat longer step than the leapfrog that the tuning measures.
STEP_FACTOR = 1.1


@dataclass(frozen=True)
class BAOABState:
    """Position and momentum [S, P], and the target at the position."""

    position: Tensor
    momentum: Tensor
    density: Density


def build(target: Target, settings: SamplerConfig, step_size: Tensor) -> Transform:
    """The BAOAB integrator, unit mass in whitened coordinates.

    The settings' friction is per unit of time: small lets momentum carry far, large is like SGLD with eps = h^2 / 2.
    A temperature of 0 is damped descent without noise.
    """
    friction, temperature = settings.friction, settings.temperature
    half, decay = step_size / 2, torch.exp(-friction * step_size)
    noise_scale = (-torch.expm1(-2 * friction * step_size) * temperature).sqrt()

    def init(position: Tensor, random: Randomness) -> BAOABState:
        momentum = random.normal(position.shape).mul_(math.sqrt(temperature))
        return BAOABState(position, momentum, target(position, None))

    def update(state: BAOABState, batch: Tensor | None, random: Randomness) -> tuple[BAOABState, Info]:
        momentum = torch.addcmul(state.momentum, state.density.gradient, half)
        position = torch.addcmul(state.position, momentum, half)
        momentum = momentum.mul_(decay).addcmul_(random.normal(position.shape), noise_scale)
        position.addcmul_(momentum, half)
        density = target(position, batch)
        momentum.addcmul_(density.gradient, half)
        return BAOABState(position, momentum, density), Info(density.log_joint, density.teacher_share)

    return Transform(init, update)


SPEC = SamplerSpec(
    build,
    tune=tune_leapfrog(lambda leapfrog_step: STEP_FACTOR * leapfrog_step),
    tuning_gradients=lambda settings: LEAPFROG_GRADIENTS,
)
