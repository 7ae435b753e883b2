"""Microcanonical Langevin Monte Carlo, unadjusted: motion at constant speed, whose direction the gradient bends.

With P dimensions, a direction n of length 1, speed s = sqrt(P temperature), and a step of B-A-B-O:
    B: n <- (n + e (sinh d + (n.e) (cosh d - 1))) / (cosh d + (n.e) sinh d), with e the gradient's direction and
       d = (h/2) s |gradient| / (temperature (P - 1))
    A: u <- u + h s n
    O: n <- (n + k z) / |n + k z|, z standard normal, k^2 = (exp(2 friction h) - 1) / P

The speed is that of BAOAB's momentum, so that step size and friction mean the same there and here: the direction is
forgotten after a time of 1 / friction, on a decoherence length L = sqrt(P temperature) / friction. The papers' rule is
L = sqrt(sum of the coordinates' variances); in whitened coordinates the prior's are 1, so that friction 1 is the rule
at its longest, for a posterior that the data hardly narrow.

There is no correction: the density is exact as h goes to 0, and the variance of the energy's error rules its bias.
Sources: Robnik, De Luca, Silverstein and Seljak, JMLR 24, 2023 (dynamics, energy); Robnik and Seljak, AABI 2024
(refreshment, rule for L); Sommer, Robnik, Nozadze, Seljak and Rügamer, ICLR 2025, arXiv 2502.06335 (neural networks).
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
    factor,
    is_positive,
    noise_like,
)

#: Twice friction times step at which nothing is left of a direction in float32; the noise of a longer one overflows.
_FORGOTTEN = 80.0


@dataclass(frozen=True)
class MCLMCState:
    """Position and direction [S, P], each direction of length 1, and the target at the position."""

    position: Tensor
    direction: Tensor
    density: Density


def build(target: Target, *, step_size: Number, friction: float = 1.0, temperature: float = 1.0) -> Transform:
    """MCLMC in whitened coordinates.

    Args:
        target: the log joint and its gradient, on all examples; at least two dimensions.
        step_size: h, a time; a coordinate moves by about h sqrt(temperature) in a step.
        friction: per unit of time; 0 never renews the direction, and draws no random number after the start.
        temperature: of the stationary density; must be positive.
    Raises:
        ValueError: a step size or temperature that is not positive, a negative friction, one dimension, or a minibatch,
            whose noise in the energy the dynamics would take for slope.
    """
    if not is_positive(step_size) or not temperature > 0 or not friction >= 0:
        raise ValueError(
            "step_size and temperature must be positive and friction not negative, "
            f"got {step_size}, {temperature}, {friction}"
        )

    def init(position: Tensor, generator: Source) -> MCLMCState:
        if position.shape[1] < 2:
            raise ValueError("one dimension has no direction to turn to; MCLMC needs two or more")
        return MCLMCState(position, _unit(noise_like(position, generator)), target(position, None))

    def update(state: MCLMCState, batch: Tensor | None, generator: Source) -> tuple[MCLMCState, Info]:
        if batch is not None:
            raise ValueError("MCLMC's energy needs all examples; it cannot use a minibatch")
        dimensions = state.position.shape[1]
        speed = math.sqrt(dimensions * temperature)
        bend = apply(lambda h: h / 2 * speed / (temperature * (dimensions - 1)), step_size)

        direction, first = _turn(state.direction, state.density.gradient, bend)
        position = add_scaled(state.position, direction, apply(lambda h: h * speed, step_size))
        density = target(position, None)
        direction, second = _turn(direction, density.gradient, bend)
        gained = (density.log_joint - state.density.log_joint) / temperature
        error = (dimensions - 1) * (first + second) - gained
        if friction:
            scale = apply(lambda h: math.sqrt(math.expm1(min(2 * friction * h, _FORGOTTEN)) / dimensions), step_size)
            direction = _unit(add_scaled(direction, noise_like(direction, generator), scale))
        return MCLMCState(position, direction, density), Info(
            density.log_joint, density.teacher_share, energy_error=error
        )

    return Transform(init, update)


def _turn(direction: Tensor, gradient: Tensor, bend: Number) -> tuple[Tensor, Tensor]:
    """The B step: the new directions [S, P], and the growth [S] of the logarithm of the momentum's length.

    Written with exp(-d) alone, which cannot overflow on a steep slope.
    """
    length = torch.linalg.vector_norm(gradient, dim=-1, keepdim=True)
    uphill = gradient / length.clamp_min(torch.finfo(gradient.dtype).tiny)
    cosine = (direction * uphill).sum(-1, keepdim=True)
    angle = length * factor(bend)
    shrink = torch.exp(-angle)
    turned = uphill * ((1 - shrink) * (1 + shrink + cosine * (1 - shrink))) + 2 * shrink * direction
    stretched = 1 + cosine + (1 - cosine) * shrink.square()
    growth = angle + (stretched.clamp_min(torch.finfo(gradient.dtype).tiny) / 2).log()
    return _unit(turned), growth[..., 0]


def _unit(vector: Tensor) -> Tensor:
    return torch.nn.functional.normalize(vector, dim=-1)


def choose(accept: Tensor, new: MCLMCState, old: MCLMCState) -> MCLMCState:
    """The new state of the chains for which `accept` [S] holds, the old one of the others."""
    column = accept[:, None]
    return MCLMCState(
        torch.where(column, new.position, old.position),
        torch.where(column, new.direction, old.direction),
        new.density.where(accept, old.density),
    )
