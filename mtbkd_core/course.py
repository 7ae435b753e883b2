"""The course of one run: from where it goes on, when it has enough, and what it shows on its way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from mtbkd_core.config.models import RunConfig, SamplerConfig
from mtbkd_core.evaluation.diagnostics import predictive_error
from mtbkd_core.evaluation.metrics import Diagnostics
from mtbkd_core.evaluation.predictive import thin
from mtbkd_core.evaluation.strength_path import StrengthChoice
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.result import Result
from mtbkd_core.samplers.base import Step
from mtbkd_core.samplers.chains import Standing
from mtbkd_core.samplers.draws import Begun, Collector, Sample
from mtbkd_core.samplers.preconditioner import Preconditioned
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.samplers.registry import sampler_spec
from mtbkd_core.samplers.schedule import total_steps
from mtbkd_core.snapshot import Moment, OnSnapshot, Pace, Snapshot
from mtbkd_core.students.base import Student

#: Draws of a chain below which no precision ends a run: its verdict needs as many.
_FEWEST = 50
#: Fewer draws of a chain have no R-hat.
_DRAWS_OF_R_HAT = 4
#: Of a fixed run's gradients: what a precision without a budget may take.
_PATIENCE = 10
#: Test inputs that the precision is measured on.
_INPUTS = 200
#: Draws of a chain that a snapshot is measured by, and bytes of those that it holds.
_MEASURED, _HELD_BYTES = 50, 2**23


@dataclass(frozen=True)
class Goal:
    """What ends the sampling: the first that is reached.

    Attributes:
        draws: of a chain, with those that it has already; None: as many as there is room for.
        until: error of the predictive mean, as a total variation distance.
        seconds: of warm start and sampling; of a run that goes on after its end, from there.
        gradients: of one chain since the tuning.
    """

    draws: int | None
    until: float | None = None
    seconds: float | None = None
    gradients: int | None = None

    @classmethod
    def of(cls, settings: SamplerConfig) -> Self:
        """That of a run's settings."""
        if not settings.open_ended:
            return cls(settings.draws)
        seconds, gradients = settings.budget_seconds, settings.budget_gradients
        if seconds is None and gradients is None:
            per_step = sampler_spec(settings.algorithm).gradients_per_step(settings)
            gradients = _PATIENCE * total_steps(settings) * per_step
        return cls(None, settings.until, seconds, gradients)


@dataclass(frozen=True)
class Going:
    """A run that has draws already.

    Attributes:
        positions: [S, D, P], whitened.
        log_joint: [S, D].
        standing: where its chains stand; without a state of the sampler they go on from the last draws.
        config, strength: the settings after the strength was chosen, and how; None: those asked for, which gave it.
    """

    positions: Tensor
    log_joint: Tensor
    standing: Standing
    config: RunConfig | None = None
    strength: StrengthChoice | None = None

    def on(self, target: LogPosterior | Preconditioned, device: torch.device) -> Begun:
        """What is there, for a sampler that runs on the target.

        Where the coordinates are not those that the chains' state was saved in (another machine's, or another
        version's), the chains go on from their last draws with a new momentum, which is as exact.
        """
        last, chains = self.positions[:, -1].to(device), self.standing.chains
        state = {name: value.to(device) for name, value in chains.state.items()}
        white = target if isinstance(target, Preconditioned) else None
        back = state.get("position")
        if back is not None and white is not None:
            back = white.map.apply(back)
        if back is None or not torch.allclose(back, last, rtol=1e-3, atol=1e-3):
            state = {"position": last if white is None else white.whiten(last)}
        return Begun(self.positions.to(device), self.log_joint.to(device), replace(chains, state=state))


#: Draws so far (thinned), log joints and how sampling went -> the result of a run that ends there.
Measure = Callable[[Sample], Result]
#: Takes what a run needs to go on from here, at each snapshot.
OnKeep = Callable[[Going], None]


class Precision:
    """The sampler's error of the predictive mean on some inputs, draw by draw."""

    def __init__(self, student: Student, x: Tensor) -> None:
        """Begin without a draw; x: [M, F]."""
        rows = torch.linspace(0, len(x) - 1, min(len(x), _INPUTS), device=x.device).long()
        self._student, self._x = student, x[rows]
        self._sum, self._count = torch.zeros(()), 0.0

    def add(self, position: Tensor, weight: float = 1.0) -> None:
        """Take a draw of every chain, whitened [S, P], which stands for so many."""
        found = self._student.probabilities(self._student.weight_scale * position, self._x)
        self._sum, self._count = self._sum.to(found) + weight * found, self._count + weight

    @property
    def value(self) -> float | None:
        """As a total variation distance; None before the first draw, or of a single chain."""
        return predictive_error(self._sum / self._count) if self._count else None


class Course:
    """Watches one run, decides after each draw whether it has enough, and takes its snapshots.

    Attributes:
        goal: what ends it.
        going: from where it goes on; None: from its start.
        config, strength: as in `Going`.
    """

    def __init__(
        self,
        goal: Goal,
        going: Going | None = None,
        *,
        on_snapshot: OnSnapshot | None = None,
        on_keep: OnKeep | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Begin the run's clock."""
        self.goal, self.going = goal, going
        self._on_snapshot, self._on_keep, self._clock = on_snapshot, on_keep, clock
        self._began = clock()
        self._pace = Pace(self._began)
        before = (0.0, 0.0) if going is None else going.standing.seconds
        self._before, self._warm_seconds = sum(before), before[0]
        self._first = 0 if going is None else going.positions.shape[1]
        self._ended_by = "draws"
        self.config: RunConfig | None = None
        self.strength: StrengthChoice | None = None

    def sample_from(
        self, student: Student, x: Tensor, measure: Measure, warm_start: Tensor, random: Randomness, room: int
    ) -> None:
        """The warm start is done, at whitened positions [S, P]; of a run that is under way it was long ago.

        Args:
            x: [M, F], the test inputs.
            random: as it is after the warm start.
            room: for draws of each chain.
        """
        self._student, self._measure, self._room = student, measure, room
        self._warm, self._generator = warm_start, random.generator.get_state()
        if self.going is None:
            self._warm_seconds = self._clock() - self._began
        self._precision = Precision(student, x) if self._on_snapshot or self.goal.until is not None else None
        if self._precision is not None and self.going is not None:
            few = thin(self.going.positions, _MEASURED * len(warm_start))
            for position in few.unbind(1):
                self._precision.add(position, self._first / few.shape[1])
        if self.going is None and self._on_snapshot is not None:
            self._show_warm_start()
        self._sampling = self._clock()

    @property
    def draws(self) -> int:
        """Of a chain, at most."""
        return self._room if self.goal.draws is None else self.goal.draws

    @property
    def seconds(self) -> float:
        """Of warm start and sampling, with those of before it went on."""
        return self._before + self._clock() - self._began

    @property
    def seconds_of_phases(self) -> tuple[float, float]:
        """Those of the warm start, and of the sampling."""
        return self._warm_seconds, self.seconds - self._warm_seconds

    def enough(self, collector: Collector) -> bool:
        """Take the newest draw; whether it is the last."""
        if self._precision is not None:
            self._precision.add(collector.positions[:, -1])
        assert collector.last is not None
        ended = self._ended(collector.last, collector.count)
        if ended is not None:
            self._ended_by = ended
        elif self._on_snapshot is not None and self._clock() >= self._pace.due and collector.count >= _DRAWS_OF_R_HAT:
            (so_far,) = collector.samples()
            self._show_draws(so_far, collector.count)
            self._pace.next(self._clock(), self._end(collector.last))
        return ended is not None

    def _ended(self, step: Step, draws: int) -> str | None:
        """The part of the goal that is reached, if any is; four draws a chain are needed whatever it is."""
        if draws >= self.draws:
            return "draws" if self.goal.draws is not None else "memory"
        if draws < max(_DRAWS_OF_R_HAT, self._first + 1):
            return None
        if self.goal.gradients is not None and step.gradients >= self.goal.gradients:
            return "budget_gradients"
        if self.goal.seconds is not None and self._spent() >= self.goal.seconds:
            return "budget_seconds"
        error = self._precision.value if self._precision is not None else None
        precise = self.goal.until is not None and error is not None and error <= self.goal.until
        return "until" if precise and draws >= _FEWEST else None

    def _spent(self) -> float:
        """Seconds of the goal's budget."""
        return self._clock() - self._began

    def share(self, step: Step) -> tuple[float, str] | None:
        """How far the sampling is, from 0 to 1, and how far it is from each part of the goal, in words.

        None where the loop's own count says it: a fixed number of draws from the start.
        """
        goal, first = self.goal, 0 if self.going is None else self.going.standing.chains.number
        shares, words = [0.0], list[str]()
        if goal.draws is not None:
            if not first:
                return None
            return (step.number - first) / max(1, step.of - first), f"{step.number - first} of {step.of - first}"
        error = self._precision.value if self._precision is not None else None
        if goal.until is not None:
            shares.append(0.0 if error is None else min(1.0, (goal.until / max(error, 1e-12)) ** 2))
            words.append("precision " + ("not known yet" if error is None else f"{error:.4f}") + f" of {goal.until:g}")
        if goal.seconds is not None:
            shares.append(self._spent() / goal.seconds)
            words.append(f"{self._spent():.0f} of {goal.seconds:g} s")
        if goal.gradients is not None:
            shares.append(step.gradients / goal.gradients)
            words.append(f"{step.gradients:,} of {goal.gradients:,} gradients")
        return min(1.0, max(shares)), ", ".join(words)

    def done(self, sample: Sample) -> dict[str, Any]:
        """What was done: `Result.sampling`."""
        return {
            "draws": sample.positions.shape[1],
            "gradients": sample.gradients,
            "seconds": round(self.seconds, 3),
            "precision": self._precision.value if self._precision is not None else None,
            "ended_by": self._ended_by,
            "snapshots": self._pace.count,
            "seconds_snapshots": round(self._pace.seconds, 3),
        }

    def _show_warm_start(self) -> None:
        """The first snapshot: the ensemble that the chains begin from, of which nothing says whether it is right."""
        began, assembled = self._clock(), self._warm[:, None].repeat(1, _DRAWS_OF_R_HAT, 1)
        so_far = Sample(assembled, self._warm.new_zeros(assembled.shape[:2]), math.nan, None, None, 0, 0)
        result = self._measure(so_far)
        metrics = result.metrics.model_copy(update={"diagnostics": Diagnostics()})
        predictions = replace(result.predictions, log_joint=result.predictions.log_joint[:, :0])
        self._show(replace(result, metrics=metrics, predictions=predictions, draws=result.draws[:, :1]), 0, 0, began)

    def _show_draws(self, so_far: Sample, draws: int) -> None:
        """A snapshot of the draws so far, and what the run needs to go on."""
        began = self._clock()
        if self._on_keep is not None and so_far.chains is not None:
            standing = Standing(so_far.chains, self._warm, self._generator, self.seconds_of_phases)
            self._on_keep(Going(so_far.positions, so_far.log_joint, standing, self.config, self.strength))
        few = thin(so_far.positions, _MEASURED * len(so_far.positions)).clone()
        result = self._measure(replace(so_far, positions=few))
        held = thin(result.draws, max(len(few), _HELD_BYTES // (4 * few.shape[2])))
        self._show(replace(result, draws=held), draws, so_far.gradients, began)

    def _show(self, result: Result, draws: int, gradients: int, began: float) -> None:
        """Hand out a snapshot that was begun then."""
        assert self._on_snapshot is not None
        precision = self._precision.value if self._precision is not None and draws else None
        number, seconds = self._pace.count + 1, self.seconds
        moment = Moment(number=number, draws=draws, gradients=gradients, seconds=seconds, precision=precision)
        self._on_snapshot(Snapshot(moment, result))
        self._pace.took(self._clock() - began)

    def _end(self, step: Step) -> float | None:
        """When the sampling will have ended, by how far it is; None: a precision or a budget ends it."""
        first = 0 if self.going is None else self.going.standing.chains.number
        if self.goal.draws is None or step.number <= first:
            return None
        return self._sampling + (self._clock() - self._sampling) * (step.of - first) / (step.number - first)
