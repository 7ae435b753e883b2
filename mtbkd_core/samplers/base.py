"""The one shape of every sampler: `build(target, ...)` gives a `Transform` of two pure functions.

`init(position)` makes a frozen state; `update(state, batch, generator)` gives the next state and what is worth
watching. Positions are whitened, [S, P]: S chains side by side. One convention for temperature, everywhere: a sampler's
stationary density is proportional to exp(log joint / temperature), so 1 is the posterior and 0 is no noise at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
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

    init: Callable[[Tensor, Source], Any]
    update: Callable[[Any, Tensor | None, Source], tuple[Any, Info]]


@dataclass(frozen=True)
class PerGroup:
    """A number for each of G groups of chains that are run as one batch, each group with its own step size.

    Attributes:
        values: G of them.
        chains: of one group (S).
        device: where the chains are.
    """

    values: tuple[float, ...]
    chains: int
    device: torch.device

    @cached_property
    def column(self) -> Tensor:
        """[G S, 1], float32: each chain's number."""
        return torch.tensor(self.values, device=self.device).repeat_interleave(self.chains)[:, None]


#: One number for all chains, or one for each group.
Number = float | PerGroup


def per_group(values: Sequence[float], position: Tensor) -> Number:
    """The groups' numbers for their chains' positions [G S, P]; a single one stays a plain number."""
    if len(values) == 1:
        return values[0]
    return PerGroup(tuple(values), len(position) // len(values), position.device)


def apply(formula: Callable[[float], float], number: Number) -> Number:
    """The formula of one number or of each group's, in double precision either way."""
    if isinstance(number, PerGroup):
        return PerGroup(tuple(formula(value) for value in number.values), number.chains, number.device)
    return formula(number)


def is_positive(number: Number) -> bool:
    """Whether all of it is; NaN is not."""
    return all(value > 0 for value in (number.values if isinstance(number, PerGroup) else [number]))


def factor(number: Number) -> float | Tensor:
    """What a tensor of all chains [S, ...] is to be multiplied with."""
    return number.column if isinstance(number, PerGroup) else number


def add_scaled(base: Tensor, direction: Tensor, amount: Number) -> Tensor:
    """The sum base + amount * direction, rounded the same for one number and for groups."""
    if isinstance(amount, PerGroup):
        return torch.addcmul(base, direction, amount.column)
    return torch.add(base, direction, alpha=amount)


class Streams:
    """The random numbers of G groups of chains, each from the generator that it would have alone.

    Groups that share a generator object get the same numbers, drawn once.
    """

    def __init__(self, generators: Sequence[torch.Generator]) -> None:
        self.generators = tuple(generators)

    def fill(self, like: Tensor, draw: Callable[[Tensor, torch.Generator], object]) -> Tensor:
        """A tensor of the shape of `like` [G S, ...], each group's part filled by `draw(part, generator)`."""
        numbers = torch.empty_like(like)
        drawn: dict[torch.Generator, Tensor] = {}
        for part, generator in zip(numbers.chunk(len(self.generators)), self.generators, strict=True):
            if generator in drawn:
                part.copy_(drawn[generator])
            else:
                draw(part, generator)
                drawn[generator] = part
        return numbers


#: Where random numbers come from.
Source = torch.Generator | Streams


def noise_like(position: Tensor, generator: Source) -> Tensor:
    """Standard normal numbers of the position's shape, from the caller's generator."""
    if isinstance(generator, Streams):
        return generator.fill(position, lambda part, own: torch.randn(part.shape, generator=own, out=part))
    return torch.randn(position.shape, generator=generator, dtype=position.dtype, device=position.device)


def coins_like(values: Tensor, generator: Source) -> Tensor:
    """Numbers from 0 to 1, likewise."""
    if isinstance(generator, Streams):
        return generator.fill(values, lambda part, own: torch.rand(part.shape, generator=own, out=part))
    return torch.rand(values.shape, generator=generator, dtype=values.dtype, device=values.device)


def permutation(count: int, generator: Source) -> Tensor:
    """A random order of `count` examples; groups must share one generator, for a minibatch is that of all chains."""
    if isinstance(generator, Streams):
        if len(set(generator.generators)) > 1:
            raise ValueError("groups of chains with different seeds cannot share a minibatch")
        generator = generator.generators[0]
    return torch.randperm(count, generator=generator, device=generator.device)
