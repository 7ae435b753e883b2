"""Samplers side by side on one posterior, from one start: what each has found after how many seconds and gradients.

A racer goes on for as long as it is told and then waits, so that several of them can take turns in one process while
a page draws what they have. Its clock counts its own work alone: choosing the step size and sampling, not the
measuring. What is measured is what the posterior is used for, the mean of the predictive probabilities.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.common.progress import ShouldStop, stop_if
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.evaluation.diagnostics import total_variation
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.samplers import chains
from mtbkd_core.samplers.base import State
from mtbkd_core.samplers.tuning import step_for_energy

#: Between two draws that count; where one step takes more, as a trajectory of HMC may, every step gives one.
_GRADIENTS_PER_DRAW = 16


@dataclass(frozen=True)
class Standing:
    """Where a racer is.

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


class Racer:
    """One sampler, its chains side by side, that goes on in slices.

    When a chain leaves the posterior, told as in `samplers.chains.sample_groups`, all begin again with a shorter step
    from where the first one began; what was drawn before no longer counts, and the clock runs on.

    Attributes:
        seconds, gradients: as in `Standing`.
        step_size: in whitened coordinates; None until it is chosen.
        restarts: how often all began again.
        problem: why it dropped out of a race; None where it did not.
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
        on_draw: Callable[[Tensor, Tensor], None] | None = None,
        on_restart: Callable[[], None] | None = None,
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
        """
        self.seconds, self.gradients, self.step_size = seconds, 0, settings.step_size
        self.restarts = 0
        self.problem: str | None = None
        self._target, self._x, self._settings = target, x, settings
        self._generator = torch.Generator(position.device).manual_seed(seed)
        self._position = position
        self._state: State | None = None
        self._log_joint = float(target(position).log_joint.mean())
        self._on_draw, self._on_restart = on_draw, on_restart
        self._forget()

    def _forget(self) -> None:
        """Nothing drawn, no step taken."""
        self._steps = 0
        self._energy, self._energies = 0.0, 0
        self._weight = self._kept_weight = self._joint_sum = 0.0
        shape = (len(self._position), len(self._x), self._target.student.sizes[-1])
        self._sums = torch.zeros(shape, device=self._position.device)

    @torch.no_grad()
    def advance(self, seconds: float, *, should_stop: ShouldStop | None = None) -> None:
        """Go on for so many seconds of its own work; choosing the step size is one piece, however long it takes.

        Raises:
            FloatingPointError: a chain leaves the posterior even at the last step size tried.
            Cancelled: `should_stop`, asked before every step, said so.
        """
        end = self.seconds + seconds
        if self._state is None:
            self._begin(should_stop)
        settings, per_step = self._settings, chains.gradients_per_step(self._settings)
        every = max(1, _GRADIENTS_PER_DRAW // per_step)
        while self.seconds < end:
            stop_if(should_stop)
            started = time.perf_counter()
            batch = chains.minibatch(settings, self._target, self._generator)
            self._state, info = self._sampler.update(self._state, batch, self._generator)
            self._steps += 1
            if info.energy_error is not None:
                self._watch_energy(info.energy_error)
            self.seconds += time.perf_counter() - started
            self.gradients += per_step
            if self._steps % chains.CHECK_EVERY == 0 and self._has_left(info.log_joint, exact=batch is None):
                self._restart()
            elif self._steps > settings.burn_in:
                self._weight += chains.step_share(settings, self._steps - 1)
                if (self._steps - settings.burn_in) % every == 0:
                    self._keep(self._state.position)

    def _begin(self, should_stop: ShouldStop | None) -> None:
        started = time.perf_counter()
        if self.step_size is None:
            tuned = chains.tune(
                self._target, self._position, self._settings, self._generator, 1, lambda *_: stop_if(should_stop)
            )
            self.step_size, self._position = tuned.step_size, tuned.position
            self.gradients += chains.tuning_gradients(self._settings)
        log_joint = self._target(self._position).log_joint
        self._log_joint = self._first = float(log_joint.mean())
        self._floor = chains.log_joint_floor(log_joint, self._position.shape[1], self._settings.temperature)
        self._set_out(self.step_size)
        self.seconds += time.perf_counter() - started

    def _set_out(self, step_size: float) -> None:
        self.step_size = step_size
        self._sampler = chains.build(self._target, self._settings, step_size)
        self._state = self._sampler.init(self._position, self._generator)

    def _has_left(self, log_joint: Tensor, *, exact: bool) -> bool:
        """Whether a chain has left the posterior, by the log joints [S], which a minibatch only estimates."""
        inside = log_joint > self._floor if exact else torch.isfinite(log_joint)
        judged = self._energies > 0 and self._steps >= self._settings.burn_in + chains.STEPS_TO_JUDGE
        return not bool(inside.all()) or (judged and chains.exceeds_limit(self._energy / self._energies))

    def _restart(self) -> None:
        started = time.perf_counter()
        assert self.step_size is not None
        if self.restarts == chains.MOST_RESTARTS:
            raise FloatingPointError(f"a chain left the posterior even at a step size of {self.step_size:.2g}")
        self.restarts += 1
        self._forget()
        self._log_joint = self._first
        self._set_out(chains.shorter_step(self._settings.algorithm, self.step_size))
        self.seconds += time.perf_counter() - started
        if self._on_restart is not None:
            self._on_restart()

    def _watch_energy(self, energy_error: Tensor) -> None:
        """Set a tuned step right by the errors of the burn-in's second half, as `samplers.chains` does."""
        burn_in = self._settings.burn_in
        if self._steps > burn_in // 2:
            self._energy += float(energy_error.double().square().mean()) / self._position.shape[1]
            self._energies += 1
        if self._steps == burn_in:
            if self._settings.step_size is None and math.isfinite(self._energy):
                assert self.step_size is not None
                self.step_size = step_for_energy(self.step_size, self._energy / self._energies)
                self._sampler = chains.build(self._target, self._settings, self.step_size)
            self._energy, self._energies = 0.0, 0

    def _keep(self, position: Tensor) -> None:
        student = self._target.student
        log_joint = self._target(position).log_joint
        if self._has_left(log_joint, exact=True):
            self._restart()
            return
        self._log_joint = float(log_joint.mean())
        probabilities = student.probabilities(student.weight_scale * position, self._x)
        self._sums += self._weight * probabilities
        self._joint_sum += self._weight * self._log_joint
        self._kept_weight, self._weight = self._kept_weight + self._weight, 0.0
        if self._on_draw is not None:
            self._on_draw(probabilities, log_joint)

    @property
    def chain_means(self) -> Tensor | None:
        """[S, M, C], each chain's mean over the draws after the burn-in; None before the first."""
        return self._sums / self._kept_weight if self._kept_weight else None

    @property
    def mean(self) -> Tensor | None:
        """[M, C], the mean over chains and draws after the burn-in; None before the first."""
        return None if self.chain_means is None else self.chain_means.mean(0)

    @property
    def mean_log_joint(self) -> float | None:
        """The log joint's mean over chains and draws after the burn-in, in nats; None before the first."""
        return self._joint_sum / self._kept_weight if self._kept_weight else None

    def standing(self, reference: Tensor) -> Standing:
        """Where it is, against a reference's predictive mean [M, C]."""
        mean = self.mean
        distance = None if mean is None else total_variation(mean, reference)
        return Standing(self.seconds, self.gradients, self._log_joint, distance)


def race(
    racers: Mapping[str, Racer],
    reference: Tensor,
    *,
    seconds: float,
    slice_seconds: float = 0.1,
    should_stop: ShouldStop | None = None,
) -> Iterator[tuple[str, Standing]]:
    """Let the racers take turns until each has worked for so many seconds more; who is behind goes next.

    One whose chains leave the posterior drops out, and says so by its `problem`.

    Args:
        racers: name -> racer.
        reference: [M, C], the predictive mean that they are held against.
        seconds: of each one's work.
        slice_seconds: of a turn.
        should_stop: asked at every step.
    Yields:
        who had its turn, and where it is now.

    Raises:
        Cancelled: `should_stop` said so.
    """
    ends = {name: racer.seconds + seconds for name, racer in racers.items()}

    def is_waiting(name: str) -> bool:
        return racers[name].problem is None and racers[name].seconds < ends[name]

    while waiting := [name for name in racers if is_waiting(name)]:
        name = min(waiting, key=lambda name: racers[name].seconds - ends[name])
        racer = racers[name]
        try:
            racer.advance(min(slice_seconds, ends[name] - racer.seconds), should_stop=should_stop)
        except FloatingPointError as error:
            racer.problem = str(error)
        yield name, racer.standing(reference)
