"""The one shape of every sampler: `build(target, ...)` gives a `Transform` of two pure functions.

`init(position)` makes a frozen state; `update(state, batch, generator)` gives the next state and what is worth
watching. Positions are whitened, [S, P]: S chains side by side. One convention for temperature, everywhere: a sampler's
stationary density is proportional to exp(log joint / temperature), so 1 is the posterior and 0 is no noise at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from mtbkd_core.posterior import Density

Target = Callable[[Tensor, Tensor | None], Density]


class State(Protocol):
    """What every sampler's state has, whatever else it holds."""

    @property
    def position(self) -> Tensor:
        """[S, P], whitened."""


class Info(NamedTuple):
    """What a step shows beside the new state.

    Attributes:
        log_joint: [S], in nats, at the position that the step's gradient was taken at.
        teacher_share: [S, K] mean responsibilities there, or None.
        acceptance: [S] Metropolis acceptance probability, or None for samplers that accept always.
        energy_error: [S] by how much the step missed the conserved energy, over the temperature; None where nothing is
            conserved, or where the acceptance says it.
    """

    log_joint: Tensor
    teacher_share: Tensor | None = None
    acceptance: Tensor | None = None
    energy_error: Tensor | None = None


class Transform(NamedTuple):
    """A sampler: two pure functions.

    `init(position, generator)` makes the first state; `update(state, batch, generator)` gives the next one and `Info`.
    """

    init: Callable[[Tensor, torch.Generator], Any]
    update: Callable[[Any, Tensor | None, torch.Generator], tuple[Any, Info]]


def noise_like(position: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal numbers of the position's shape, from the caller's generator."""
    return torch.randn(position.shape, generator=generator, dtype=position.dtype, device=position.device)
