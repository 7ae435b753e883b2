"""Samplers side by side on one posterior, from one start: what each has found after how many seconds and gradients.

A timed sampler goes on for as long as it is asked to and then waits, so that several of them can take turns in one
process while a page draws what they have. Its clock counts its own work alone: choosing the step size and sampling, not
the measuring. What is measured is what the posterior is used for, the mean of the predictive probabilities.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.common.progress import ShouldStop, stop_if
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.evaluation.diagnostics import total_variation
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.samplers.base import Event, Step
from mtbkd_core.samplers.loop import LeftPosterior, run_chains
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.samplers.registry import sampler_spec

#: Between two draws that count; where one step takes more, as a trajectory of HMC may, every step gives one.
_GRADIENTS_PER_DRAW = 16

#: Reads seconds from anywhere.
Clock = Callable[[], float]


@dataclass(frozen=True)
class TracePoint:
    """What a timed sampler has at one moment.

    Attributes:
        seconds: of its own work.
        gradients: of one chain.
        log_joint: mean over the chains, in nats, at its last draw; before one, at its start.
        distance: mean total variation distance of its predictive mean to the reference, 0 to 1; None before a draw.
    """

    seconds: float
    gradients: int
    log_joint: float
    distance: float | None


class TimedSampler:
    """One sampler, its chains side by side, that goes on in slices.

    When a chain leaves the posterior, all begin again with a shorter step (see `samplers.loop`); what was drawn before
    no longer counts, and the clock runs on.

    Attributes:
        seconds, gradients: as in `TracePoint`.
        step_size: in whitened coordinates; None until it is chosen.
        restarts: how often all began again.
        problem: why it ended early; None where it did not.
    """

    def __init__(
        self,
        target: LogPosterior,
        position: Tensor,
        x: Tensor,
        settings: SamplerConfig,
        *,
        seed: int = 0,
        seconds: float = 0.0,
        on_draw: Callable[[Tensor, Tensor], None] = lambda probabilities, log_joint: None,
        on_restart: Callable[[], None] = lambda: None,
        clock: Clock = time.perf_counter,
    ) -> None:
        """Begin with nothing done.

        Args:
            target: the posterior.
            position: [S, P], whitened, where the chains start; the settings' warm start is not made again.
            x: [M, F], what is predicted.
            settings: the sampler, its step size (None: tuned first), its burn-in and, for minibatches, the batch size.
            seed: of its random numbers.
            seconds: what is on the clock before it begins: a warm start's, say.
            on_draw: given each draw's probabilities [S, M, C] and log joints [S].
            on_restart: called when all begin again, and the draws given so far no longer count.
            clock: see `Clock`.
        """
        self.seconds, self.gradients, self.step_size = seconds, 0, settings.step_size
        self.restarts = 0
        self.problem: str | None = None
        self._target, self._x, self._settings, self._clock = target, x, settings, clock
        self._on_draw, self._on_restart = on_draw, on_restart
        self._spec = sampler_spec(settings.algorithm)
        every = max(1, _GRADIENTS_PER_DRAW // self._spec.gradients_per_step(settings))
        draws = range(settings.burn_in + every, sys.maxsize, every)
        random = Randomness.seeded(seed, position.device, position.dtype)
        self._steps = run_chains(target, position, settings, random, draws)
        self._tuning = self._spec.tuning_gradients(settings) if settings.step_size is None else 0
        self._start = float(target(position).log_joint.mean())
        self._forget()

    def _forget(self) -> None:
        """No draw so far."""
        self._log_joint = self._start
        self._weight = self._kept_weight = self._joint_sum = 0.0
        self._sums: Tensor | None = None

    @torch.no_grad()
    def advance(self, seconds: float, *, should_stop: ShouldStop | None = None) -> None:
        """Go on for so many seconds of its own work.

        Raises:
            LeftPosterior: a chain leaves the posterior even at the last step size tried.
            Cancelled: `should_stop`, asked before every step, said so.
        """
        end = self.seconds + seconds
        while self.seconds < end:
            stop_if(should_stop)
            started = self._clock()
            step = next(self._steps)
            self.seconds += self._clock() - started
            self._take(step)

    def _take(self, step: Step) -> None:
        if step.event is Event.TUNING:
            self.gradients = self._tuning * step.number // step.of
            return
        self.gradients, self.step_size = self._tuning + step.gradients, float(step.step_sizes)
        if step.event is Event.RESTART:
            self.restarts += 1
            self._forget()
            self._on_restart()
            return
        if step.event is not Event.BURN_IN:
            self._weight += self._spec.time(self._settings, step.number - 1)
        if step.event is Event.DRAW:
            self._keep(step.state.position, step.info.log_joint)

    def _keep(self, position: Tensor, log_joint: Tensor) -> None:
        student = self._target.student
        self._log_joint = float(log_joint.mean())
        probabilities = student.probabilities(student.weight_scale * position, self._x)
        weighted = self._weight * probabilities
        self._sums = weighted if self._sums is None else self._sums + weighted
        self._joint_sum += self._weight * self._log_joint
        self._kept_weight, self._weight = self._kept_weight + self._weight, 0.0
        self._on_draw(probabilities, log_joint)

    @property
    def chain_means(self) -> Tensor | None:
        """[S, M, C], each chain's mean over the draws after the burn-in; None before the first."""
        return None if self._sums is None else self._sums / self._kept_weight

    @property
    def mean(self) -> Tensor | None:
        """[M, C], the mean over chains and draws after the burn-in; None before the first."""
        return None if self.chain_means is None else self.chain_means.mean(0)

    @property
    def mean_log_joint(self) -> float | None:
        """The log joint's mean over chains and draws after the burn-in, in nats; None before the first."""
        return self._joint_sum / self._kept_weight if self._kept_weight else None

    def point(self, reference: Tensor) -> TracePoint:
        """What it has now, against a reference's predictive mean [M, C]."""
        mean = self.mean
        distance = None if mean is None else total_variation(mean, reference)
        return TracePoint(self.seconds, self.gradients, self._log_joint, distance)


def take_turns(
    samplers: Mapping[str, TimedSampler],
    reference: Tensor,
    *,
    seconds: float,
    slice_seconds: float = 0.1,
    should_stop: ShouldStop | None = None,
) -> Iterator[tuple[str, TracePoint]]:
    """Let samplers take turns until each has worked for so many seconds more; the one furthest behind goes next.

    One that leaves the posterior at every step size ends early, with its `problem` set.

    Args:
        samplers: name -> sampler.
        reference: [M, C], the predictive mean that they are compared with.
        seconds: of each one's work.
        slice_seconds: of a turn.
        should_stop: asked at every step.
    Yields:
        the name of the one that had its turn, and what it has now.

    Raises:
        Cancelled: `should_stop` said so.
    """
    ends = {name: sampler.seconds + seconds for name, sampler in samplers.items()}

    def is_waiting(name: str) -> bool:
        return samplers[name].problem is None and samplers[name].seconds < ends[name]

    while waiting := [name for name in samplers if is_waiting(name)]:
        name = min(waiting, key=lambda name: samplers[name].seconds - ends[name])
        sampler = samplers[name]
        try:
            sampler.advance(min(slice_seconds, ends[name] - sampler.seconds), should_stop=should_stop)
        except LeftPosterior as error:
            sampler.problem = f"a chain left the posterior even at a step size of {error.step_size:.2g}"
        yield name, sampler.point(reference)
