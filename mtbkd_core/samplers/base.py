"""The one shape of every sampler, and what a step of any chain shows.

An algorithm's file has `build(target, settings, step_size)`, which gives a `Transform` of two pure functions, and a
`SPEC`, by which the loop and the registry know it. Settings are valid: `SamplerConfig` has seen to it. Positions are
whitened, [S, P]: S chains side by side; step sizes are [S, 1]. One convention for temperature, everywhere: a sampler's
stationary density is proportional to exp(log joint / temperature), so 1 is the posterior and 0 is no noise at all.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.posterior import Density
from mtbkd_core.samplers.randomness import Randomness

Target = Callable[[Tensor, Tensor | None], Density]
T = TypeVar("T")


class State(Protocol):
    """What every sampler's state has."""

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

    `init(position, random)` makes the first state; `update(state, batch, random)` gives the next one and `Info`.
    """

    init: Callable[[Tensor, Randomness], Any]
    update: Callable[[Any, Tensor | None, Randomness], tuple[Any, Info]]


class Event(StrEnum):
    """What a step is part of; a draw is a step of the sampling after which the position is kept."""

    WARM_START = "warm_start"
    TUNING = "tuning"
    BURN_IN = "burn_in"
    SAMPLING = "sampling"
    DRAW = "draw"
    RESTART = "restart"


class Mean:
    """The mean in each of G groups of chains of what was added; before that, a default [G].

    Attributes:
        total, count: what was added [S] so far, and how often.
    """

    def __init__(self, groups: int, default: Tensor | None = None, total: Tensor | None = None, count: int = 0) -> None:
        self._groups, self._default = groups, default
        self.total, self.count = torch.zeros(()) if total is None else total, count

    def add(self, values: Tensor) -> None:
        """Add a number of each chain, [S]."""
        self.total, self.count = self.total.to(values.device) + values.double(), self.count + 1

    @property
    def value(self) -> Tensor | None:
        """[G], float64 on the CPU."""
        return group_means(self.total, self._groups) / self.count if self.count else self._default

    def of(self, place: int, chains: slice) -> Mean:
        """That of one group and its chains; what is added to one is not added to the other."""
        default = None if self._default is None else self._default[place : place + 1]
        return Mean(1, default, self.total[chains] if self.count else None, self.count)

    def tensors(self) -> dict[str, Tensor]:
        """What a file holds of it, by name."""
        named = {} if self._default is None else {"default": self._default}
        return named | ({"total": self.total, "count": torch.tensor(self.count)} if self.count else {})

    @classmethod
    def from_tensors(cls, named: Mapping[str, Tensor]) -> Mean:
        """The inverse of `tensors`, of one group."""
        return cls(1, named.get("default"), named.get("total"), int(named.get("count", 0)))


class Step(NamedTuple):
    """One step of all chains that are under way.

    Attributes:
        state, info: after the step; of a draw `info.log_joint` is exact at the position.
        event: what it is part of. A restart's state and info are those that were given up.
        number, of: of the steps of the warm start, of the tuning, or of burn-in and sampling together, from 1.
        groups: [G'], which groups of chains these are, of the sampling.
        step_sizes: [G'], theirs.
        gradients: of one chain since the tuning.
        restarts: of these groups.
        acceptance: its mean after the burn-in, or, of samplers that accept always, in the tuning.
        energy_variance: mean square of a step's energy error after the burn-in, per dimension, since the step sizes
            last changed.
    """

    state: State
    info: Info
    event: Event
    number: int
    of: int
    groups: Tensor = torch.arange(1)
    step_sizes: Tensor = torch.full((1,), torch.nan)
    gradients: int = 0
    restarts: int = 0
    acceptance: Mean = Mean(1)
    energy_variance: Mean = Mean(1)


@dataclass(frozen=True)
class Tuned:
    """Each group's step size [G] and acceptance [G], if any, on the CPU in float64; and the positions now [S, P]."""

    step_sizes: Tensor
    position: Tensor
    acceptance: Tensor | None = None


#: Tuning as steps that can be watched; its value is what was found.
Tuning = Generator[Step, None, Tuned]
#: Target, settings and step size [S, 1] -> the sampler.
Build = Callable[[Target, SamplerConfig, Tensor], Transform]


def one_gradient(settings: SamplerConfig) -> int:
    """A step costs a single gradient."""
    return 1


def equal_times(settings: SamplerConfig, step: int) -> float:
    """All steps stand for the same time."""
    return 1.0


@dataclass(frozen=True)
class SamplerSpec:
    """An algorithm, as its own file exports it.

    Attributes:
        build: see `Build`.
        tune: target, position [S, P], settings, randomness and number of groups of chains -> the groups' step sizes.
        tuning_gradients, gradients_per_step: what the tuning and a step cost a chain.
        exact_log_joint: whether a step on all examples shows the log joint at the position that it ends at.
        shorten: factor of the step size after a chain has left the posterior.
        energy_variance: of a step, per dimension, that `tune` aims at; None: no energy is watched.
        retune: step sizes [G] and the energy variances [G] that they had in the burn-in -> better ones; None: none.
        time: settings and a step's number from 0 -> the sampler's time that it stands for, over that of the first.
    """

    build: Build
    tune: Callable[[Target, Tensor, SamplerConfig, Randomness, int], Tuning]
    tuning_gradients: Callable[[SamplerConfig], int]
    gradients_per_step: Callable[[SamplerConfig], int] = one_gradient
    exact_log_joint: bool = True
    shorten: float = 0.7
    energy_variance: float | None = None
    retune: Callable[[Tensor, Tensor], Tensor] | None = None
    time: Callable[[SamplerConfig, int], float] = equal_times


def per_chain(values: Tensor, position: Tensor) -> Tensor:
    """The groups' values [G] for each of their chains, [S, 1], as positions [S, P] need them."""
    return values.repeat_interleave(len(position) // len(values))[:, None].to(position)


def choose(accept: Tensor, new: T, old: T) -> T:
    """The new state of the chains for which `accept` [S] holds, the old one of the others; chains are first axes."""
    changes: dict[str, Any] = {}
    for each in fields(new):  # type: ignore[arg-type]
        value, other = getattr(new, each.name), getattr(old, each.name)
        if isinstance(value, Tensor):
            changes[each.name] = torch.where(accept.view(-1, *[1] * (value.ndim - 1)), value, other)
        elif is_dataclass(value):
            changes[each.name] = choose(accept, value, other)
    return replace(new, **changes)  # type: ignore[type-var]


def group_means(values: Tensor, groups: int) -> Tensor:
    """The mean of the chains' values [S] in each group: [G], float64 on the CPU."""
    return values.double().view(groups, -1).mean(1).cpu()


def minibatch(labels: Tensor, size: int | None, random: Randomness) -> Tensor | None:
    """The examples [B] of the next gradient, of those with labels [N], drawn anew; None: all of them."""
    if size is None or size >= len(labels):
        return None
    return random.permutation(len(labels))[:size]


def watched(steps: Generator[Step, None, T], watch: Callable[[Step], object]) -> T:
    """Take all steps, show each one, and return what the generator returns."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            value: T = end.value
            return value
        watch(step)
