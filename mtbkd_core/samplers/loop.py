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
from mtbkd_core.samplers.base import (
    Event,
    Info,
    Mean,
    SamplerSpec,
    State,
    Step,
    Transform,
    Tuned,
    choose,
    minibatch,
    per_chain,
)
from mtbkd_core.samplers.chains import Chains
from mtbkd_core.samplers.guard import STEPS_TO_JUDGE, Guard
from mtbkd_core.samplers.preconditioner import Preconditioned
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.samplers.registry import sampler_spec

_log = logging.getLogger(__name__)

MOST_RESTARTS = 5
CHECK_EVERY = 20
#: Of the burn-in, after each of which a tuned step is set right; how often the last, which is a trial, is repeated; and
#: the steps after it between two looks at whether a step has become too long.
ROUNDS, MOST_TRIALS, WINDOW = 4, 5, 50
#: What a step that has become too long is multiplied by: rare errors are so large that their mean would say far less.
SHORTER = 0.85


class LeftPosterior(UserError):
    """A chain leaves the posterior at every step size tried.

    Attributes:
        step_size: the last one.
    """

    def __init__(self, step_size: float) -> None:
        self.step_size = step_size
        super().__init__(f"sampler.step_size: a chain leaves the posterior even at {step_size:.2g}; give a smaller one")


def run_chains(
    target: LogPosterior | Preconditioned,
    position: Tensor,
    settings: SamplerConfig,
    random: Randomness,
    kept: Sequence[int],
    *,
    groups: int = 1,
    guarded: bool = True,
    begin: Chains | None = None,
) -> Iterator[Step]:
    """Sample the target from whitened positions [G S, P] of G groups of chains, each with a step size of its own.

    A step size that is not given is tuned first. When chains leave the posterior (see `guard`), their groups begin
    again with a shorter step, after the other groups have come to the end: a `RESTART`, which names the groups.

    Args:
        kept: numbers of the steps, from 1 and burn-in included, after which the position is kept, in order; the loop
            ends after the last. A number may stand there twice, and is then yielded twice.
        guarded: whether log joint and energy are watched; else a chain has left where its log joint is not finite.
        begin: where the chains of the one group stand, from where they go on without tuning or burn-in; `position` and
            `random` are theirs, and `kept` begins after their step.
    Raises:
        LeftPosterior: a chain leaves at every step size tried.
    """
    spec = sampler_spec(settings.algorithm)
    if begin is not None:
        tuned = Tuned(torch.tensor([begin.step_size], dtype=torch.float64), position)
    elif settings.step_size is None:
        tuned = yield from spec.tune(target, position, settings, random, groups)
    else:
        tuned = Tuned(torch.full((groups,), settings.step_size, dtype=torch.float64), position)
    position, step_sizes = tuned.position, tuned.step_sizes.clone()
    guard = Guard(torch.full((groups,), -torch.inf, device=position.device))
    if guarded:
        log_joint = target(position).log_joint
        guard = Guard.around(log_joint, groups, position.shape[1], settings.temperature, spec.energy_variance)
    going, gradients = torch.arange(groups), begin.gradients if begin is not None else 0
    before = begin.restarts if begin is not None else 0
    for restarts in range(MOST_RESTARTS + 1):
        chains = torch.arange(len(position)).view(groups, -1)[going].flatten().to(position.device)
        own = target if len(going) == groups else target.of_chains(chains)
        accepted = Mean(len(going), None if tuned.acceptance is None else tuned.acceptance[going])
        counts = gradients, before + restarts
        attempt = _Attempt(own, settings, spec, random, guard.of(going), going, step_sizes[going], *counts, accepted)
        last = yield from attempt.steps(position[chains], kept, begin, anew=restarts > 0)
        gradients, left = last.gradients, attempt.left
        if not left.any():
            return
        going = going[left]
        shortest = float(step_sizes[going].min())
        if restarts == MOST_RESTARTS:
            raise LeftPosterior(shortest)
        _log.warning("a chain left the posterior at step size %.4g; starting again with a shorter one", shortest)
        step_sizes[going] *= spec.shorten
        yield last._replace(event=Event.RESTART, groups=going, step_sizes=step_sizes[going])


@dataclass
class _Attempt:
    """One way of groups of chains from the start to the last kept step; what it has is as in `Step`.

    Attributes:
        left: [G'] on the CPU, which groups have left the posterior.
    """

    target: LogPosterior | Preconditioned
    settings: SamplerConfig
    spec: SamplerSpec
    random: Randomness
    guard: Guard
    groups: Tensor
    step_sizes: Tensor
    gradients: int
    restarts: int
    acceptance: Mean
    energy_variance: Mean = field(init=False)
    recent: Mean = field(init=False)
    left: Tensor = field(init=False)

    def steps(
        self, position: Tensor, kept: Sequence[int], begin: Chains | None, *, anew: bool
    ) -> Generator[Step, None, Step]:
        """Yield each step; the value is the last, which is not yielded where all groups have left by it.

        With `anew`, chains that went on from where they stood begin again there, and have done no step of their own.
        """
        burn_in, batch_size = self.settings.burn_in, self.settings.batch_size
        self.left, self.energy_variance = torch.zeros(len(self.groups), dtype=torch.bool), Mean(len(self.groups))
        self.recent, rounds, trials = Mean(len(self.groups)), round_ends(burn_in), 1
        sampler = self._built(position)
        if begin is None or anew:
            state = sampler.init(position, self.random)
        else:
            spare = Randomness.seeded(0, position.device, position.dtype)  # its momentum is replaced
            state = begin.placed(sampler.init(position, spare))
            every = slice(None)
            self.acceptance, self.energy_variance = begin.acceptance.of(0, every), begin.energy_variance.of(0, every)
        number = 0 if begin is None else begin.number
        before, upcoming = state, iter(kept)
        next_kept: int | None = next(upcoming)
        while next_kept is not None:
            number += 1
            batch = minibatch(self.target.labels, batch_size, self.random)
            state, info = sampler.update(state, batch, self.random)
            self.gradients += self.spec.gradients_per_step(self.settings)
            is_draw, is_exact = number == next_kept, batch is None
            if is_draw and not (is_exact and self.spec.exact_log_joint):
                info, is_exact = info._replace(log_joint=self.target(state.position).log_joint), True
            self._measure(info, number, position.shape[1])
            out = torch.zeros_like(self.left)
            if is_draw or number % CHECK_EVERY == 0 or number in rounds:
                out = self.guard.left_by_log_joint(info.log_joint, exact=is_exact)
                if self.energy_variance.count >= STEPS_TO_JUDGE or number == kept[-1]:
                    out |= self.guard.left_by_energy(self.energy_variance.value)
            event = Event.DRAW if is_draw else Event.SAMPLING if number > burn_in else Event.BURN_IN
            step = self._step(state, info, event, number, kept[-1])
            if number in rounds and self.settings.step_size is None:
                again = self._end_round(out)
                state = choose(per_chain(~out, position)[:, 0].bool(), state, before)
                out, before, sampler = torch.zeros_like(out), state, self._built(position)
                if number == burn_in and again and trials < MOST_TRIALS:
                    number, trials = rounds[-2] if len(rounds) > 1 else 0, trials + 1
            elif number > burn_in and (number - burn_in) % WINDOW == 0 and self._shorten():
                sampler = self._built(position)
            self.left |= out
            if self.left.all():
                break
            if not is_draw:
                yield step
            while next_kept == number:
                yield step
                next_kept = next(upcoming, None)
        return step

    def _built(self, position: Tensor) -> Transform:
        return self.spec.build(self.target, self.settings, per_chain(self.step_sizes, position))

    def _step(self, state: State, info: Info, event: Event, number: int, of: int) -> Step:
        means = (self.acceptance, self.energy_variance)
        own = (self.groups, self.step_sizes, self.gradients, self.restarts)
        return Step(state, info, event, number, of, *own, *means)

    def _measure(self, info: Info, number: int, dimensions: int) -> None:
        sampling = number > self.settings.burn_in
        if info.acceptance is not None and sampling:
            self.acceptance.add(info.acceptance)
        if info.energy_error is not None:
            error = info.energy_error.double().square() / dimensions
            self.recent.add(error)
            if sampling:
                self.energy_variance.add(error)

    def _end_round(self, out: Tensor) -> bool:
        """Set tuned steps right after a round of the burn-in; whether the step of a group was far too long.

        Args:
            out: [G'], which groups have left the posterior; they go back to where the round began.
        """
        found, self.recent = self.recent.value, Mean(len(self.groups))
        self.step_sizes = torch.where(out, self.step_sizes * self.spec.shorten, self.step_sizes)
        if self.spec.retune is None or found is None:
            return bool(out.any())
        better = self.spec.retune(self.step_sizes, found)
        self.step_sizes = torch.where(found.isfinite() & ~out, better, self.step_sizes)
        return bool((out | self.guard.too_long(found)).any())

    def _shorten(self) -> bool:
        """Whether a tuned step has become too long, and was set right: errors grow where chains spread still."""
        found, self.recent = self.recent.value, Mean(len(self.groups))
        if self.settings.step_size is not None or self.spec.retune is None or found is None:
            return False
        too_long = self.guard.too_long(found)
        if too_long.any():
            self.step_sizes = torch.where(too_long, SHORTER * self.step_sizes, self.step_sizes)
            self.energy_variance = Mean(len(self.groups))  # of the new steps
        return bool(too_long.any())


def round_ends(burn_in: int) -> list[int]:
    """The steps of the burn-in after which a step size is set right; the last round is the trial of what was chosen."""
    return sorted({burn_in * part // ROUNDS for part in range(1, ROUNDS + 1)} - {0})
