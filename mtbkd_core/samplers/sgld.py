"""Stochastic gradient Langevin dynamics.

    u <- u + eps_t grad + sqrt(2 eps_t temperature) noise,   eps_t = eps (1 + t / b)^-0.55

t counts steps from 0; b = infinity is the constant step. With a finite b the sum of the steps has no end and the sum of
their squares has one, so that the bias goes to 0; step t then stands for a time eps_t, and averages weigh by it.
Source: Welling and Teh, ICML 2011 (their schedule a (b + t)^-0.55 too), in the convention in which the drift is eps
times the whole gradient.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.config.choices import Schedule
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.samplers.base import Info, SamplerSpec, Target, Transform
from mtbkd_core.samplers.hmc import LEAPFROG_GRADIENTS, tune_leapfrog
from mtbkd_core.samplers.randomness import Randomness

_POWER = 0.55


@dataclass(frozen=True)
class SGLDState:
    """Position [S, P], and the number of steps done."""

    position: Tensor
    step: int = 0


def time(settings: SamplerConfig, step: int) -> float:
    """eps_t / eps of step t; b is the number of steps of the burn-in, or 1, where steps decay."""
    decaying = settings.schedule is Schedule.DECAYING
    return math.pow(1 + step / max(1, settings.burn_in), -_POWER) if decaying else 1.0


def build(target: Target, settings: SamplerConfig, step_size: Tensor) -> Transform:
    """SGLD with a constant or a decaying step; `step_size` is eps, in whitened coordinates squared.

    The gradient may come from a minibatch. A temperature of 0 is gradient ascent.
    """

    def init(position: Tensor, random: Randomness) -> SGLDState:
        return SGLDState(position)

    def update(state: SGLDState, batch: Tensor | None, random: Randomness) -> tuple[SGLDState, Info]:
        density = target(state.position, batch)
        eps = step_size * time(settings, state.step)
        position = torch.addcmul(state.position, density.gradient, eps)
        position.addcmul_(random.normal(position.shape), (2 * settings.temperature * eps).sqrt())
        return SGLDState(position, state.step + 1), Info(density.log_joint, density.teacher_share)

    return Transform(init, update)


SPEC = SamplerSpec(
    build,
    # HMC's leapfrog of step h moves by h^2 / 2 times the gradient
    tune=tune_leapfrog(lambda leapfrog_step: leapfrog_step**2 / 2),
    tuning_gradients=lambda settings: LEAPFROG_GRADIENTS,
    exact_log_joint=False,
    shorten=0.5,  # its step is a square
    time=time,
)
