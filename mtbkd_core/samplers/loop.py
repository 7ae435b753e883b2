"""The one sampling loop: choose a step size, burn in, sample, and begin again where a chain leaves the posterior.

It yields every step and keeps nothing itself. Collecting draws (`draws`), the timed sampler, the exact reference of the
bias check and progress are loops over what it yields.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mtbkd_core.common.progress import UserError
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.samplers.base import Event, SamplerSpec, Step, Transform, minibatch, per_chain
from mtbkd_core.samplers.guard import STEPS_TO_JUDGE, Guard, Mean
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.samplers.registry import sampler_spec

_log = logging.getLogger(__name__)

MOST_RESTARTS = 5
CHECK_EVERY = 20


class LeftPosterior(UserError):
    """A chain leaves the posterior at every step size tried.

    Attributes:
        step_size: the last one.
    """

    def __init__(self, step_size: float) -> None:
        self.step_size = step_size
        super().__init__(f"sampler.step_size: a chain leaves the posterior even at {step_size:.2g}; give a smaller one")


def run_chains(
    target: LogPosterior,
    position: Tensor,
    settings: SamplerConfig,
    random: Randomness,
    kept: Sequence[int],
    *,
    groups: int = 1,
    guarded: bool = True,
) -> Iterator[Step]:
    """Sample the target from whitened positions [G S, P] of G groups of chains, each with a step size of its own.

    A step size that is not given is tuned first. When chains leave the posterior (see `guard`), their groups begin
    again with a shorter step, after the other groups have come to the end: a `RESTART`, which names the groups.

    Args:
        kept: numbers of the steps, from 1 and burn-in included, after which the position is kept, in order; the loop
            ends after the last. A number may stand there twice, and is then yielded twice.
        guarded: whether log joint and energy are watched; else a chain has left where its log joint is not finite.
    Raises:
        LeftPosterior: a chain leaves at every step size tried.
    """
    spec = sampler_spec(settings.algorithm)
    step_sizes = torch.full((groups,), settings.step_size or torch.nan, dtype=torch.float64)
    if settings.step_size is None:
        tuned = yield from spec.tune(target, position, settings, random, groups)
        position, step_sizes = tuned.position, tuned.step_sizes
    guard = Guard(torch.full((groups,), -torch.inf, device=position.device))
    if guarded:
        log_joint = target(position).log_joint
        guard = Guard.around(log_joint, groups, position.shape[1], settings.temperature, spec.energy_variance)
    going, gradients = torch.arange(groups), 0
    for restart in range(MOST_RESTARTS + 1):
        chains = torch.arange(len(position)).view(groups, -1)[going].flatten().to(position.device)
        own = target if len(going) == groups else target.of_chains(chains)
        attempt = _Attempt(own, settings, spec, random, guard.of(going), going, step_sizes[going].clone(), gradients)
        last = yield from attempt.steps(position[chains], kept)
        gradients, left = last.gradients, attempt.left
        if not left.any():
            return
        shortest = float(step_sizes[going][left].min())
        if restart == MOST_RESTARTS:
            raise LeftPosterior(shortest)
        _log.warning("a chain left the posterior at step size %.4g; starting again with a shorter one", shortest)
        going = going[left]
        step_sizes[going] *= spec.shorten
        yield last._replace(event=Event.RESTART, groups=going, step_sizes=step_sizes[going])


@dataclass
class _Attempt:
    """One way from the start to the last kept step, with one step size a group, that may be set right once.

    Attributes:
        groups: [G'], which ones go this way.
        left: [G'] on the CPU, which have left the posterior.
    """

    target: LogPosterior
    settings: SamplerConfig
    spec: SamplerSpec
    random: Randomness
    guard: Guard
    groups: Tensor
    step_sizes: Tensor
    gradients: int
    left: Tensor = field(init=False)

    def steps(self, position: Tensor, kept: Sequence[int]) -> Generator[Step, None, Step]:
        """Yield each step; the value is the last, which is not yielded where all groups have left by it."""
        spec, settings, burn_in = self.spec, self.settings, self.settings.burn_in
        self.left = torch.zeros(len(self.groups), dtype=torch.bool)
        sampler = self._built(position)
        state = sampler.init(position, self.random)
        energy, upcoming, number = Mean(len(self.groups)), iter(kept), 0
        next_kept: int | None = next(upcoming)
        while next_kept is not None:
            number += 1
            batch = minibatch(self.target, settings.batch_size, self.random)
            state, info = sampler.update(state, batch, self.random)
            self.gradients += spec.gradients_per_step(settings)
            is_draw, is_exact = number == next_kept, batch is None
            if is_draw and not (is_exact and spec.exact_log_joint):
                info, is_exact = info._replace(log_joint=self.target(state.position).log_joint), True
            if info.energy_error is not None and number > burn_in // 2:
                energy.add(info.energy_error.square() / position.shape[1])
            if is_draw or number % CHECK_EVERY == 0:
                self.left |= self.guard.left_by_log_joint(info.log_joint, exact=is_exact)
                if number >= burn_in + STEPS_TO_JUDGE or number == kept[-1]:
                    self.left |= self.guard.left_by_energy(energy.value)
            event = Event.DRAW if is_draw else Event.SAMPLING if number > burn_in else Event.BURN_IN
            step = Step(state, info, event, number, kept[-1], self.groups, self.step_sizes, self.gradients)
            if self.left.all():
                break
            if number == burn_in:
                self._retune(energy.value)
                sampler, energy = self._built(position), Mean(len(self.groups))
            if not is_draw:
                yield step
            while next_kept == number:
                yield step
                next_kept = next(upcoming, None)
        return step

    def _built(self, position: Tensor) -> Transform:
        return self.spec.build(self.target, self.settings, per_chain(self.step_sizes, position))

    def _retune(self, energy_variance: Tensor | None) -> None:
        """Set a tuned step right by the burn-in's second half.

        The tuning's few steps begin where the warm start ended, and the errors grow until the chains have spread.
        """
        if self.settings.step_size is None and self.spec.retune is not None and energy_variance is not None:
            better = self.spec.retune(self.step_sizes, energy_variance)
            self.step_sizes = torch.where(energy_variance.isfinite(), better, self.step_sizes)
