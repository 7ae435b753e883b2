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
from mtbkd_core.samplers.base import Info, SamplerSpec, Target, Transform, is_positive
from mtbkd_core.samplers.hmc import LEAPFROG_GRADIENTS, tune_leapfrog
from mtbkd_core.samplers.randomness import Randomness

_POWER = 0.55


@dataclass(frozen=True)
class SGLDState:
    """Position [S, P], and the number of steps done."""

    position: Tensor
    step: int = 0


def step_share(step: int, decay_steps: float) -> float:
    """eps_t / eps of step t, with b the `decay_steps`."""
    return math.pow(1 + step / decay_steps, -_POWER)


def build(target: Target, *, step_size: Tensor, temperature: float = 1.0, decay_steps: float = math.inf) -> Transform:
    """SGLD with a constant or a decaying step.

    Args:
        target: the log joint; its gradient may come from a minibatch.
        step_size: [S, 1], eps of the first step, in whitened coordinates squared.
        temperature: of the stationary density; 0 is gradient ascent.
        decay_steps: b; infinite: constant.
    Raises:
        ValueError: a step size or number of steps that is not positive, or a negative temperature.
    """
    if not is_positive(step_size) or not temperature >= 0 or not decay_steps > 0:
        raise ValueError(
            "step_size and decay_steps must be positive and temperature not negative, "
            f"got {step_size.flatten().tolist()}, {decay_steps} and {temperature}"
        )

    def init(position: Tensor, random: Randomness) -> SGLDState:
        return SGLDState(position)

    def update(state: SGLDState, batch: Tensor | None, random: Randomness) -> tuple[SGLDState, Info]:
        density = target(state.position, batch)
        eps = step_size * step_share(state.step, decay_steps)
        position = torch.addcmul(state.position, density.gradient, eps)
        position.addcmul_(random.normal(position.shape), (2 * temperature * eps).sqrt())
        return SGLDState(position, state.step + 1), Info(density.log_joint, density.teacher_share)

    return Transform(init, update)


def _decay_steps(settings: SamplerConfig) -> float:
    return max(1, settings.burn_in) if settings.schedule is Schedule.DECAYING else math.inf


SPEC = SamplerSpec(
    build=lambda target, settings, step_size: build(
        target, step_size=step_size, temperature=settings.temperature, decay_steps=_decay_steps(settings)
    ),
    # HMC's leapfrog of step h moves by h^2 / 2 times the gradient
    tune=tune_leapfrog(lambda leapfrog_step: leapfrog_step**2 / 2),
    tuning_gradients=lambda settings: LEAPFROG_GRADIENTS,
    exact_log_joint=False,
    shorten=0.5,  # its step is a square
    time=lambda settings, step: step_share(step, _decay_steps(settings)),
)
