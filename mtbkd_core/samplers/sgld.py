"""Stochastic gradient Langevin dynamics.

    u <- u + eps grad + sqrt(2 eps temperature) noise

Source: Welling and Teh, ICML 2011, in the convention in which the drift is eps times the whole gradient.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.samplers.base import Info, Target, Transform, noise_like


@dataclass(frozen=True)
class SGLDState:
    """Position [S, P]."""

    position: Tensor


def build(target: Target, *, step_size: float, temperature: float = 1.0) -> Transform:
    """SGLD with a constant step.

    Args:
        target: the log joint; its gradient may come from a minibatch.
        step_size: eps, in whitened coordinates squared.
        temperature: of the stationary density; 0 is gradient ascent.
    Raises:
        ValueError: a step size that is not positive, or a negative temperature.
    """
    if not step_size > 0 or not temperature >= 0:
        raise ValueError(f"step_size must be positive and temperature not negative, got {step_size} and {temperature}")
    noise_scale = math.sqrt(2 * step_size * temperature)

    def init(position: Tensor, generator: torch.Generator) -> SGLDState:
        return SGLDState(position)

    def update(state: SGLDState, batch: Tensor | None, generator: torch.Generator) -> tuple[SGLDState, Info]:
        density = target(state.position, batch)
        position = torch.add(state.position, density.gradient, alpha=step_size)
        position = torch.add(position, noise_like(position, generator), alpha=noise_scale)
        return SGLDState(position), Info(density.log_joint, density.teacher_share)

    return Transform(init, update)
