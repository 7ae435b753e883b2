"""Why this sampler: all of them on one posterior, each for the same time, against a longer exact run.

The reference is Hamiltonian Monte Carlo, exact at any step size, from starts of its own. Its own error is measured: no
sampler can be shown to be nearer to the truth than that. All samplers start from the same warmed-up chains, and the
seconds of their fitting are on every clock already. Equal seeds give equal draws; how many there are in a second
depends on the machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from mtbkd_core.common.progress import OnProgress, Phase, Progress, ShouldStop, UserError, stop_if
from mtbkd_core.config.choices import Algorithm
from mtbkd_core.config.models import RunConfig, SamplerConfig
from mtbkd_core.distillation import learner_of, target_of
from mtbkd_core.evaluation.diagnostics import convergence, predictive_error
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.run_progress import Reporter
from mtbkd_core.samplers.base import watched
from mtbkd_core.samplers.loop import LeftPosterior
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.samplers.registry import sampler_spec
from mtbkd_core.samplers.warm_start import warm_start
from mtbkd_core.strength import with_strength
from mtbkd_core.student_inputs import seen_by_student
from mtbkd_core.studies.sampler_trace import Reference, SamplerTraces, Score
from mtbkd_core.studies.timed_sampler import Clock, TimedSampler, take_turns
from mtbkd_core.tasks.base import Task

CHAINS = 16
COMPARED = tuple(Algorithm)
#: The reference works so many times as long as a sampler, and not less than so many seconds.
REFERENCE_TIMES, REFERENCE_LEAST = 6.0, 10.0
REFERENCE = "reference"
#: Inputs on which predictions are compared.
MOST_INPUTS = 600
_BURN_IN = 100
#: Of the reference's trajectories: about as long as the posterior is wide, where the app's shorter ones walk at random.
_REFERENCE_LEAPFROG = 24
_SLICE = 0.05

#: Called with what there is so far, after every turn.
OnTraces = Callable[[SamplerTraces], None]


def benchmark_settings(algorithm: Algorithm, **changes: object) -> SamplerConfig:
    """The sampler's defaults, with a burn-in of as many gradients for each."""
    plain = SamplerConfig.model_validate({"algorithm": algorithm, "chains": CHAINS, **changes})
    burn_in = _BURN_IN // sampler_spec(algorithm).gradients_per_step(plain)
    return plain.model_copy(update={"burn_in": burn_in})


@torch.no_grad()
def run_benchmark(
    config: RunConfig,
    task: Task,
    seconds: float,
    *,
    compared: Sequence[SamplerConfig] | None = None,
    on_progress: OnProgress | None = None,
    on_traces: OnTraces = lambda traces: None,
    should_stop: ShouldStop | None = None,
    clock: Clock = time.perf_counter,
) -> SamplerTraces:
    """Run the reference, then the samplers in turns, on the posterior of a configuration.

    Args:
        config: its sampler's settings are not used, nor is its device: everything runs on the processor.
        task: its data.
        seconds: of each sampler's own work after the warm start, the choice of its step included.
        compared: settings of the samplers; None: `benchmark_settings` of all.
        on_progress: called with how far it is.
        on_traces: called with what there is, after the reference and after every turn.
        should_stop: asked at every step.
        clock: see `Clock`.
    Raises:
        Cancelled: `should_stop` said so.
        UserError: the reference's chains leave the posterior.
    """
    compared = [benchmark_settings(each) for each in COMPARED] if compared is None else compared
    traces, lasts = SamplerTraces(), reference_seconds(seconds)
    whole = lasts + seconds * len(compared)

    def show(done: float, what: str) -> None:
        if on_progress is not None:
            on_progress(Progress(Phase.STUDY, round(100 * done / whole), 100, min(1.0, done / whole), what))

    plain = config.model_copy(update={"sampler": SamplerConfig()})
    target = _posterior_of(plain, task, should_stop)
    x, labels = seen_by_student(plain, task).x_test[:MOST_INPUTS], task.y_test[:MOST_INPUTS]
    show(0.0, REFERENCE)
    exact = _run_reference(target, x, config.seed + 1, lasts, lambda done: show(done, REFERENCE), should_stop, clock)
    mean, log_joint = exact.mean, exact.mean_log_joint
    error = None if exact.chain_means is None else predictive_error(exact.chain_means)
    assert mean is not None
    assert log_joint is not None
    assert error is not None  # of several chains
    traces.reference = Reference(exact.seconds, error, log_joint)
    on_traces(traces)

    position, warmed = _warm_start(target, config.seed, should_stop, clock)
    scored = {each.algorithm.value: _Scored(labels) for each in compared}
    samplers = {
        name: own.sampler(target, position, x, settings, seed=config.seed, seconds=warmed, clock=clock)
        for (name, own), settings in zip(scored.items(), compared, strict=True)
    }
    for name, point in take_turns(samplers, mean, seconds=seconds, slice_seconds=_SLICE, should_stop=should_stop):
        traces.points.append((name, point))
        on_traces(traces)
        show(lasts + sum(min(seconds, sampler.seconds - warmed) for sampler in samplers.values()), name)
    traces.scores = {name: scored[name].score(sampler, mean) for name, sampler in samplers.items()}
    on_traces(traces)
    return traces


def _posterior_of(config: RunConfig, task: Task, should_stop: ShouldStop | None) -> LogPosterior:
    device = torch.device("cpu")
    chosen, _ = with_strength(config, *learner_of(config, task, device), Reporter(config, None, should_stop))
    return target_of([chosen], task, device)


def reference_seconds(seconds: float) -> float:
    """How long the reference works for a benchmark of so many seconds a sampler."""
    return max(REFERENCE_LEAST, REFERENCE_TIMES * seconds)


def _run_reference(
    target: LogPosterior,
    x: Tensor,
    seed: int,
    seconds: float,
    show: Callable[[float], None],
    should_stop: ShouldStop | None,
    clock: Clock,
) -> TimedSampler:
    """Hamiltonian Monte Carlo for so many seconds, its warm start included, or until the first draw."""
    settings = benchmark_settings(Algorithm.HMC, leapfrog_steps=_REFERENCE_LEAPFROG)
    position, warmed = _warm_start(target, seed, should_stop, clock)
    exact = TimedSampler(target, position, x, settings, seed=seed, seconds=warmed, clock=clock)
    try:
        while exact.seconds < seconds or exact.mean is None:
            exact.advance(_SLICE, should_stop=should_stop)
            show(min(exact.seconds, seconds))
    except LeftPosterior as error:
        raise UserError(
            f"the reference ended early (a chain left the posterior even at a step size of {error.step_size:.2g}); "
            "a smaller weight scale may help"
        ) from None
    return exact


class _Scored:
    """The draws of a sampler, from which its effective number is estimated."""

    def __init__(self, labels: Tensor) -> None:
        self._labels = labels
        self._log_p: list[Tensor] = []
        self._log_joint: list[Tensor] = []

    def sampler(self, *given: Any, **named: Any) -> TimedSampler:
        """A timed sampler with these arguments; its draws are kept here."""
        return TimedSampler(*given, **named, on_draw=self.keep, on_restart=self.forget)

    def keep(self, p: Tensor, log_joint: Tensor) -> None:
        self._log_p.append(p.gather(-1, self._labels.expand(len(p), -1)[..., None])[..., 0].log())
        self._log_joint.append(log_joint)

    def forget(self) -> None:
        self._log_p.clear()
        self._log_joint.clear()

    def score(self, sampler: TimedSampler, reference: Tensor) -> Score:
        if sampler.problem is not None:
            return Score(problem=sampler.problem, step_size=sampler.step_size, restarts=sampler.restarts)
        score = Score(
            sampler.point(reference).distance,
            log_joint=sampler.mean_log_joint,
            step_size=sampler.step_size,
            restarts=sampler.restarts,
        )
        if len(self._log_p) < 4:
            return score
        found = convergence(torch.stack(self._log_p, 1), torch.stack(self._log_joint, 1))
        ess = (found.ess_median, found.ess_p5)
        median, low = (number / sampler.seconds if number is not None else None for number in ess)
        return replace(score, ess_median=median, ess_p5=low)


def _warm_start(target: LogPosterior, seed: int, should_stop: ShouldStop | None, clock: Clock) -> tuple[Tensor, float]:
    """Chains to start from [S, P], and the seconds that they took."""
    random = Randomness.seeded(seed)
    start = random.normal((CHAINS, target.student.n_parameters))
    began = clock()
    steps = warm_start(target, start, SamplerConfig(chains=CHAINS), random)
    position = watched(steps, lambda step: stop_if(should_stop))
    return position, clock() - began
