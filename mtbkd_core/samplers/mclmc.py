"""Microcanonical Langevin Monte Carlo, unadjusted: motion at constant speed in a direction that the gradient bends.

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
from functools import cache, partial

import torch
from torch import Tensor

from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.posterior import Density
from mtbkd_core.samplers.base import Info, SamplerSpec, Target, Transform
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.samplers.tuning import ROUNDS, STEPS_PER_ROUND, step_for_energy, tune_energy

#: Twice friction times step at which nothing is left of a direction in float32; the noise of a longer one overflows.
_FORGOTTEN = 80.0
#: The energy variance per dimension that the step is tuned to: half of the papers' value, because chains go on
#: spreading after the burn-in and then have up to twice as much; a looser one was seen to bias.
ENERGY_VARIANCE = 2.5e-4


@dataclass(frozen=True)
class MCLMCState:
    """Position and direction [S, P], each direction of length 1, and the target at the position."""

    position: Tensor
    direction: Tensor
    density: Density


def build(target: Target, settings: SamplerConfig, step_size: Tensor) -> Transform:
    """MCLMC in whitened coordinates, on all examples and in at least two dimensions.

    The step size is a time: a coordinate moves by about h sqrt(temperature) in a step. A friction of 0 never renews the
    direction, and draws no random number after the start.
    """
    friction, temperature = settings.friction, settings.temperature
    forgetting = torch.expm1((2 * friction * step_size).clamp_max(_FORGOTTEN))

    @cache
    def scales(dimensions: int) -> tuple[Tensor, Tensor, Tensor]:
        """Of a step's length, of its bend and of its noise."""
        speed = math.sqrt(dimensions * temperature)
        bend = step_size * (speed / (2 * temperature * (dimensions - 1)))
        return step_size * speed, bend, (forgetting / dimensions).sqrt()

    def init(position: Tensor, random: Randomness) -> MCLMCState:
        return MCLMCState(position, _unit(random.normal(position.shape)), target(position, None))

    def update(state: MCLMCState, batch: Tensor | None, random: Randomness) -> tuple[MCLMCState, Info]:
        dimensions = state.position.shape[1]
        length, bend, noise_scale = scales(dimensions)
        direction, first = _turn(state.direction, state.density.gradient, bend)
        position = torch.addcmul(state.position, direction, length)
        density = target(position, None)
        direction, second = _turn(direction, density.gradient, bend)
        gained = (density.log_joint - state.density.log_joint) / temperature
        error = first.add_(second).mul_(dimensions - 1).sub_(gained)
        if friction:
            noise = random.normal(direction.shape)
            direction = torch.addcmul(direction, noise, noise_scale)
        direction = _unit(direction)  # of rounding, too
        return MCLMCState(position, direction, density), Info(
            density.log_joint, density.teacher_share, energy_error=error
        )

    return Transform(init, update)


def _turn(direction: Tensor, gradient: Tensor, bend: Tensor) -> tuple[Tensor, Tensor]:
    """The B step: the new directions [S, P], and the growth [S] of the logarithm of the momentum's length.

    Written with x = exp(-d) - 1 alone, which cannot overflow on a steep slope: numerator and denominator over half of
    exp(d) are 2 (1 + x) n - e x (2 + x - (n.e) x) and 2 + x (2 + x) (1 - n.e). A step is mostly calls on few numbers,
    so that their count is what it costs; the length of e is divided out of the one factor that it goes with.
    """
    tiny = torch.finfo(gradient.dtype).tiny
    length = torch.linalg.vector_norm(gradient, dim=-1, keepdim=True)
    each = length.clamp_min(tiny)
    cosine = (direction * gradient).sum(-1, keepdim=True).div_(each)
    angle = length * bend
    shrunk = torch.expm1(angle.neg())
    more = shrunk + 2
    both = shrunk * more
    half = torch.addcmul(both + 2, both, cosine, value=-1).clamp_min_(tiny).mul_(0.5)
    along = torch.addcmul(more, cosine, shrunk, value=-1).mul_(shrunk).div_(each.mul_(half))
    turned = (direction * (shrunk + 1).div_(half)).addcmul_(gradient, along, value=-0.5)
    return turned, angle.add_(half.log_())[..., 0]


def _unit(vector: Tensor) -> Tensor:
    return torch.nn.functional.normalize(vector, dim=-1)


SPEC = SamplerSpec(
    build,
    tune=partial(tune_energy, build, wanted=ENERGY_VARIANCE),
    tuning_gradients=lambda settings: ROUNDS * STEPS_PER_ROUND,
    shorten=0.5,  # its energy variance says that the step is far too long, not just too long
    energy_variance=ENERGY_VARIANCE,
    retune=partial(step_for_energy, wanted=ENERGY_VARIANCE),
)
