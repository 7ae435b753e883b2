"""What the phases of a run cost, and how far a run is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from mtbkd_core.common.progress import Cancelled, OnProgress, Phase, Progress, ShouldStop
from mtbkd_core.config.models import RunConfig, SamplerConfig
from mtbkd_core.evaluation.bias_check import check_gradients
from mtbkd_core.samplers.base import Event, Info, Step
from mtbkd_core.samplers.registry import sampler_spec
from mtbkd_core.samplers.schedule import total_steps

_REPORT_EVERY = 0.05
#: Share of the whole run that training teachers is reckoned as, where some have to be trained.
_TEACHERS_SHARE = 0.3
#: The phase and a line for a person of each kind of step.
_SHOWN: Mapping[Event, tuple[Phase, str]] = {
    Event.WARM_START: (Phase.WARM_START, "Fitting each student near its start"),
    Event.TUNING: (Phase.TUNING, "Choosing a step size"),
    Event.BURN_IN: (Phase.SAMPLING, "Burning in"),
    Event.SAMPLING: (Phase.SAMPLING, "Sampling students"),
    Event.DRAW: (Phase.SAMPLING, "Sampling students"),
    Event.RESTART: (Phase.SAMPLING, "Beginning again with a shorter step"),
}


def gradient_share(batch_size: int | None, examples: int | None) -> float:
    """The cost of a gradient relative to one of all examples; 1 where their number is not known."""
    return 1.0 if batch_size is None or examples is None else min(1.0, batch_size / examples)


def run_work(settings: SamplerConfig, examples: int | None) -> dict[Phase, float]:
    """An estimate of what each phase of a run costs, teachers aside, in gradients of all its examples."""
    spec = sampler_spec(settings.algorithm)
    whole = gradient_share(settings.batch_size, examples)
    fitted = gradient_share(settings.warm_start_batch_size or settings.batch_size, examples)
    sampling = whole * total_steps(settings) * spec.gradients_per_step(settings)
    return {
        Phase.WARM_START: fitted * settings.warm_start_steps,
        Phase.TUNING: spec.tuning_gradients(settings) if settings.step_size is None else 0,
        Phase.SAMPLING: sampling,
        Phase.BIAS_CHECK: check_gradients(sampling) if settings.checks_bias else 0,
        Phase.EVALUATION: 0.2 * whole * total_steps(settings),
    }


@dataclass
class Reporter:
    """Calls `on_progress` with how far the whole run is, not too often, and asks `should_stop` at every step.

    Attributes:
        examples: that the student learns from; None: not known yet.
        choosing: gradients of all chains and examples that choosing the strength takes; 0 where it is given.
        share: how far the sampling is at a step, and that in words, where a run ends by something else than the number
            of its steps; None, or where it gives None: the number of steps says it.
    """

    config: RunConfig
    on_progress: OnProgress | None
    should_stop: ShouldStop | None
    examples: int | None = None
    choosing: float = 0.0
    share: Callable[[Step], tuple[float, str] | None] | None = None
    _last: float = field(default=-math.inf, init=False)
    _phase: Phase | None = field(default=None, init=False)
    _before: float = field(default=0.0, init=False)
    _fraction: float = field(default=0.0, init=False)

    def step(self, step: Step) -> None:
        """Report a step of the chains; raises `Cancelled` where it is to stop."""
        phase, message = _SHOWN[step.event]
        share = self.share if phase is Phase.SAMPLING else None
        self(phase, step.number, step.of, message, step.info, None if share is None else partial(share, step))

    def __call__(
        self,
        phase: Phase,
        step: int,
        steps: int,
        message: str,
        info: Info | None = None,
        share: Callable[[], tuple[float, str] | None] | None = None,
    ) -> None:
        """Report a step of a phase; raises `Cancelled` where it is to stop. `share` is asked where it is reported."""
        if self.should_stop is not None and self.should_stop():
            raise Cancelled
        now = time.perf_counter()
        if self.on_progress is None or (phase is self._phase and step < steps and now - self._last < _REPORT_EVERY):
            return
        self._last, self._phase = now, phase
        done, note = (share() if share is not None else None) or (step / steps, "")
        done = self._before + (1 - self._before) * self._reckon(phase, done)
        self._fraction = max(self._fraction, done)  # chains that start again do not take the bar back
        teachers = info.teacher_share.mean(0) if info is not None and info.teacher_share is not None else None
        self.on_progress(
            Progress(
                phase,
                step,
                steps,
                self._fraction,
                message,
                tuple(info.log_joint.tolist()) if info is not None else None,
                tuple(teachers.tolist()) if teachers is not None else None,
                note,
            )
        )

    def finish(self) -> None:
        """The last report; `should_stop` is not asked any more, for the result is there."""
        self.should_stop = None
        self(Phase.EVALUATION, 1, 1, "Done")

    def forward(self, progress: Progress) -> None:
        """Pass on the teachers' training as the run's first part."""
        self._before = _TEACHERS_SHARE
        self._fraction = _TEACHERS_SHARE * progress.fraction
        if self.on_progress is not None:
            self.on_progress(replace(progress, fraction=self._fraction))

    def _reckon(self, phase: Phase, done: float) -> float:
        """How far the run is, teachers aside, when a phase is done by so much."""
        work = {Phase.STRENGTH: self.choosing} | run_work(self.config.sampler, self.examples)
        phases = list(work)
        before = sum(work[other] for other in phases[: phases.index(phase)])
        return (before + done * work[phase]) / sum(work.values())
