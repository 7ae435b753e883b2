"""The anchored warm start: Adam from a draw of the prior, held near it.

Each chain maximises log likelihood + log mixture - ||u - u_0||^2 / 2 with u_0 its own draw from the standard normal.
The optima spread like a posterior would, so the warm start alone is a deep ensemble, and the chains begin at the
posterior's typical log joint. Sources: Kingma and Ba, ICLR 2015 (Adam); Pearce, Leibfried and Brintrup, AISTATS 2020
(anchoring).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.samplers.base import Info, Source, Target, Transform

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

    def init(position: Tensor, generator: Source) -> WarmStartState:
        return WarmStartState(position, torch.zeros_like(position), torch.zeros_like(position), 0)

    def update(state: WarmStartState, batch: Tensor | None, generator: Source) -> tuple[WarmStartState, Info]:
        density = target(state.position, batch)
        step = state.step + 1
        mean = torch.lerp(density.gradient, state.mean, _DECAY_MEAN)
        square = torch.lerp(density.gradient.square(), state.square, _DECAY_SQUARE)
        rate = step_size * max(0.0, 1 - (step - 1) / steps) / (1 - _DECAY_MEAN**step)
        scale = (square / (1 - _DECAY_SQUARE**step)).sqrt() + _TINY
        position = torch.addcdiv(state.position, mean, scale, value=rate)
        return WarmStartState(position, mean, square, step), Info(density.log_joint, density.teacher_share)

    return Transform(init, update)
