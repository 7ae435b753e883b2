"""Langevin dynamics with momentum, split as B-A-O-A-B.

    B: v <- v + (h/2) grad      A: u <- u + (h/2) v
    O: v <- c v + sqrt((1 - c^2) temperature) noise, with c = exp(-friction h)

One gradient a step: the one that closes a step opens the next. With minibatch gradients it is SGHMC's integrator.
Source: Leimkuhler and Matthews, Applied Mathematics Research eXpress 2013(1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

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
    factor,
    is_positive,
    noise_like,
)


@dataclass(frozen=True)
class BAOABState:
    """Position and momentum [S, P], and the target at the position."""

    position: Tensor
    momentum: Tensor
    density: Density


def build(target: Target, *, step_size: Number, friction: float = 1.0, temperature: float = 1.0) -> Transform:
    """The BAOAB integrator, unit mass in whitened coordinates.

    Args:
        target: the log joint and its gradient.
        step_size: h, in whitened coordinates.
        friction: per unit of time; small lets momentum carry far, large is like SGLD with eps = h^2 / 2.
        temperature: of the stationary density; 0 is damped descent without noise.
    Raises:
        ValueError: a step size or friction that is not positive, or a negative temperature.
    """
    if not is_positive(step_size) or not friction > 0 or not temperature >= 0:
        raise ValueError(
            "step_size and friction must be positive and temperature not negative, "
            f"got {step_size}, {friction}, {temperature}"
        )
    decay = apply(lambda h: math.exp(-friction * h), step_size)
    noise_scale = apply(lambda c: math.sqrt((1 - c**2) * temperature), decay)
    half = apply(lambda h: h / 2, step_size)

    def init(position: Tensor, generator: Source) -> BAOABState:
        momentum = math.sqrt(temperature) * noise_like(position, generator)
        return BAOABState(position, momentum, target(position, None))

    def update(state: BAOABState, batch: Tensor | None, generator: Source) -> tuple[BAOABState, Info]:
        momentum = add_scaled(state.momentum, state.density.gradient, half)
        position = add_scaled(state.position, momentum, half)
        momentum = add_scaled(momentum.mul_(factor(decay)), noise_like(momentum, generator), noise_scale)
        position = add_scaled(position, momentum, half)
        density = target(position, batch)
        momentum = add_scaled(momentum, density.gradient, half)
        return BAOABState(position, momentum, density), Info(density.log_joint, density.teacher_share)

    return Transform(init, update)
