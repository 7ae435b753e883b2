"""The anchored warm start: Adam from a draw of the prior, held near it.

Each chain maximises log likelihood + log mixture - ||u - u_0||^2 / 2 with u_0 its own draw from the standard normal.
The optima spread like a posterior would, so the warm start alone is a deep ensemble, and the chains begin at the
posterior's typical log joint. Sources: Kingma and Ba, ICLR 2015 (Adam); Pearce, Leibfried and Brintrup, AISTATS 2020
(anchoring).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.samplers.base import Event, Info, Step, Target, Transform, minibatch
from mtbkd_core.samplers.randomness import Randomness

_DECAY_MEAN, _DECAY_SQUARE, _TINY = 0.9, 0.99, 1e-8


@dataclass(frozen=True)
class WarmStartState:
    """Position [S, P], running mean and mean square of the gradient, and the number of steps done."""

    position: Tensor
    mean: Tensor
    square: Tensor
    step: int


def build(target: Target, *, step_size: float = 0.2, steps: int) -> Transform:
    """Adam with a linear decay of the step over `steps` updates; `target` is already anchored.

    Args:
        target: the anchored log joint.
        step_size: of the first update, in whitened coordinates.
        steps: over how many updates the step size falls to nothing.
    """

    def init(position: Tensor, random: Randomness) -> WarmStartState:
        return WarmStartState(position, torch.zeros_like(position), torch.zeros_like(position), 0)

    def update(state: WarmStartState, batch: Tensor | None, random: Randomness) -> tuple[WarmStartState, Info]:
        density = target(state.position, batch)
        step = state.step + 1
        mean = torch.lerp(density.gradient, state.mean, _DECAY_MEAN)
        square = torch.lerp(density.gradient.square(), state.square, _DECAY_SQUARE)
        rate = step_size * max(0.0, 1 - (step - 1) / steps) / (1 - _DECAY_MEAN**step)
        scale = (square / (1 - _DECAY_SQUARE**step)).sqrt() + _TINY
        position = torch.addcdiv(state.position, mean, scale, value=rate)
        return WarmStartState(position, mean, square, step), Info(density.log_joint, density.teacher_share)

    return Transform(init, update)


def climb(
    target: LogPosterior, start: Tensor, steps: int, batch_size: int | None, random: Randomness
) -> Generator[Step, None, Tensor]:
    """Adam's steps on the target from whitened positions [S, P]; the value is where they end.

    Args:
        batch_size: examples of a gradient; None: all.
    """
    sampler = build(target, steps=steps)
    state: WarmStartState = sampler.init(start, random)
    for number in range(1, steps + 1):
        state, info = sampler.update(state, minibatch(target.labels, batch_size, random), random)
        yield Step(state, info, Event.WARM_START, number, steps)
    return state.position


def warm_start(
    target: LogPosterior, start: Tensor, settings: SamplerConfig, random: Randomness
) -> Generator[Step, None, Tensor]:
    """The anchored warm start of every chain from its own whitened draw of the prior [S, P].

    It is that of temperature 1 whatever the posterior's is; tuning and burn-in cool or heat the chains from there. A
    step shows the log joint that is sampled next, not the anchored one that is climbed.
    """
    size = settings.warm_start_batch_size or settings.batch_size
    before = start
    for step in climb(target.anchored(start), start, settings.warm_start_steps, size, random):
        free = 0.5 * ((before - start).square().sum(-1) - before.square().sum(-1))
        yield step._replace(info=step.info._replace(log_joint=step.info.log_joint + free))
        before = step.state.position
    return before
