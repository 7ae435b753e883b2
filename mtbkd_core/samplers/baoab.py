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

from mtbkd_core.posterior import Density
from mtbkd_core.samplers.base import Info, Target, Transform, noise_like


@dataclass(frozen=True)
class BAOABState:
    """Position and momentum [S, P], and the target at the position."""

    position: Tensor
    momentum: Tensor
    density: Density


def build(target: Target, *, step_size: float, friction: float = 1.0, temperature: float = 1.0) -> Transform:
    """The BAOAB integrator, unit mass in whitened coordinates.

    Args:
        target: the log joint and its gradient.
        step_size: h, in whitened coordinates.
        friction: per unit of time; small lets momentum carry far, large is like SGLD with eps = h^2 / 2.
        temperature: of the stationary density; 0 is damped descent without noise.
    Raises:
        ValueError: a step size or friction that is not positive, or a negative temperature.
    """
    if not step_size > 0 or not friction > 0 or not temperature >= 0:
        raise ValueError(
            "step_size and friction must be positive and temperature not negative, "
            f"got {step_size}, {friction}, {temperature}"
        )
    decay = math.exp(-friction * step_size)
    noise_scale = math.sqrt((1 - decay**2) * temperature)
    half = step_size / 2

    def init(position: Tensor, generator: torch.Generator) -> BAOABState:
        momentum = math.sqrt(temperature) * noise_like(position, generator)
        return BAOABState(position, momentum, target(position, None))

    def update(state: BAOABState, batch: Tensor | None, generator: torch.Generator) -> tuple[BAOABState, Info]:
        momentum = torch.add(state.momentum, state.density.gradient, alpha=half)
        position = torch.add(state.position, momentum, alpha=half)
        momentum = torch.add(decay * momentum, noise_like(momentum, generator), alpha=noise_scale)
        position = torch.add(position, momentum, alpha=half)
        density = target(position, batch)
        momentum = torch.add(momentum, density.gradient, alpha=half)
        return BAOABState(position, momentum, density), Info(density.log_joint, density.teacher_share)

    return Transform(init, update)
