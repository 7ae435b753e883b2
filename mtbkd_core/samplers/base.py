"""The one shape of every sampler, and what a step of any chain shows.

An algorithm's file has `build(target, ...)`, which gives a `Transform` of two pure functions, and a `SPEC`, by which
the loop and the registry know it. Positions are whitened, [S, P]: S chains side by side; step sizes are [S, 1]. One
convention for temperature, everywhere: a sampler's stationary density is proportional to
exp(log joint / temperature), so 1 is the posterior and 0 is no noise at all.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Protocol, TypeVar

from torch import Tensor

from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.posterior import Density, LogPosterior
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


class Step(NamedTuple):
    """One step of all chains that are under way.

    Attributes:
        state, info: after the step; of a draw `info.log_joint` is exact at the position.
        event: what it is part of. A restart's state and info are those that were given up.
        number, of: of the steps of the warm start, of the tuning, or of burn-in and sampling together, from 1.
        groups: [G'], which groups of chains these are; None: all.
        step_sizes: [G'], of each group; None where there is none yet.
        gradients: of one chain since the tuning.
    """

    state: State
    info: Info
    event: Event
    number: int
    of: int
    groups: Tensor | None = None
    step_sizes: Tensor | None = None
    gradients: int = 0


@dataclass(frozen=True)
class Tuned:
    """Each group's step size [G], float64 on the CPU, and where the chains stand now [S, P]."""

    step_sizes: Tensor
    position: Tensor


#: Tuning as steps that can be watched; its value is what was found.
Tuning = Generator[Step, None, Tuned]


def constant(settings: SamplerConfig, step: int) -> float:
    """Every step stands for the same time."""
    return 1.0


@dataclass(frozen=True)
class SamplerSpec:
    """An algorithm, as its own file exports it.

    Attributes:
        build: target, settings and step size [S, 1] -> the sampler.
        tune: target, position [S, P], settings, randomness and number of groups of chains, each of which shares a step
            size -> the groups' step sizes.
        tuning_gradients: what `tune` costs a chain.
        gradients_per_step: what a step costs a chain.
        exact_log_joint: whether a step on all examples shows the log joint at the position that it ends at.
        shorten: factor of the step size after a chain has left the posterior.
        energy_variance: of a step, per dimension, that `tune` aims at; chains have left where it is twenty times as
            large. None: no energy is watched.
        retune: step sizes [G] and the energy variances [G] that they had in the burn-in -> better ones; None: none.
        time: settings and a step's number from 0 -> the sampler's time that it stands for, over that of the first.
    """

    build: Callable[[Target, SamplerConfig, Tensor], Transform]
    tune: Callable[[Target, Tensor, SamplerConfig, Randomness, int], Tuning]
    tuning_gradients: Callable[[SamplerConfig], int]
    gradients_per_step: Callable[[SamplerConfig], int] = lambda settings: 1
    exact_log_joint: bool = True
    shorten: float = 0.7
    energy_variance: float | None = None
    retune: Callable[[Tensor, Tensor], Tensor] | None = None
    time: Callable[[SamplerConfig, int], float] = constant


def per_chain(values: Tensor, position: Tensor) -> Tensor:
    """The groups' values [G] for each of their chains, [S, 1], as positions [S, P] need them."""
    return values.repeat_interleave(len(position) // len(values))[:, None].to(position)


def group_means(values: Tensor, groups: int) -> Tensor:
    """The mean of the chains' values [S] in each group: [G], float64 on the CPU."""
    return values.double().view(groups, -1).mean(1).cpu()


def is_positive(step_size: Tensor) -> bool:
    """Whether all of it is; NaN is not."""
    return bool((step_size > 0).all())


def minibatch(target: LogPosterior, size: int | None, random: Randomness) -> Tensor | None:
    """The examples [B] of the next gradient, drawn anew; None: all of them."""
    if size is None or size >= len(target.labels):
        return None
    return random.permutation(len(target.labels))[:size]


def watched(steps: Generator[Step, None, T], watch: Callable[[Step], object]) -> T:
    """Take all steps, show each one, and return what the generator returns."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            value: T = end.value
            return value
        watch(step)
