"""From a configuration to a posterior over students: load, warm start, tune, sample, evaluate, and say how far it is."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mtbkd_core.config import Algorithm, Device, RunConfig
from mtbkd_core.evaluation.report import evaluate
from mtbkd_core.posterior import LogPosterior, stack_priors
from mtbkd_core.progress import Cancelled, OnProgress, Phase, Progress, ShouldStop, UserError
from mtbkd_core.result import Result, describe_environment
from mtbkd_core.samplers import baoab, sgld, warm_start
from mtbkd_core.samplers.base import Info, Transform
from mtbkd_core.samplers.tuning import tune_step_size
from mtbkd_core.student import Student
from mtbkd_core.tasks import load_task
from mtbkd_core.tasks.base import Task

_log = logging.getLogger(__name__)

#: Bound on what the kept draws may take, in bytes.
MAX_DRAWS_BYTES = 2 * 2**30
#: BAOAB stays accurate at a longer step than the leapfrog that the tuning measures.
BAOAB_STEP_FACTOR = 1.25
_TUNING_TRAJECTORIES = 12
_REPORT_EVERY = 0.05
_MAX_RESTARTS = 5


def distill(
    config: RunConfig,
    *,
    task: Task | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Result:
    """Distil the configured teachers into a posterior over students.

    Args:
        config: what to run.
        task: a task that is loaded already; None: load the configured one, training teachers that the cache lacks.
        on_progress: told at most twenty times a second, and at the start of every phase.
        should_stop: asked at every step.
    Raises:
        UserError: an unknown task or teacher, a device that is not there, settings that need too much memory, a task whose
            log joint is not finite, or chains that leave the posterior at every step size tried.
        Cancelled: `should_stop` said so.
    """
    device = find_device(config.device)
    report = _Reporter(config, on_progress, should_stop)
    if task is None:
        task = load_task(
            config.task,
            teachers=config.teachers,
            split_seed=config.split_seed,
            on_progress=report.forward,
            should_stop=should_stop,
        )
    with torch.inference_mode():
        return _distill(config, task, device, report)


def _distill(config: RunConfig, task: Task, device: torch.device, report: _Reporter) -> Result:
    settings = config.sampler
    student = Student.build(config.student, task.x_train.shape[1], task.n_classes)
    needed = 4 * settings.chains * settings.draws * student.n_parameters
    if needed > MAX_DRAWS_BYTES:
        raise UserError(
            f"sampler: {settings.chains} chains x {settings.draws} draws of {student.n_parameters} parameters take "
            f"{needed / 2**30:.1f} GiB, at most {MAX_DRAWS_BYTES / 2**30:.0f} GiB are allowed"
        )
    if settings.batch_size is not None and settings.batch_size > len(task.y_train):
        raise UserError(f"sampler.batch_size: got {settings.batch_size}, the task has {len(task.y_train)} training examples")
    mixture = stack_priors(task.teacher_logits(config.teachers).to(device), [config.prior])
    target = LogPosterior(student, task.x_train.to(device), task.y_train.to(device), mixture)
    generator = torch.Generator(device).manual_seed(config.seed)

    started = time.perf_counter()
    start = student.draw_whitened(settings.chains, generator, device)
    if not torch.isfinite(target(start).log_joint).all():
        raise UserError("the log joint is not finite at the start; a smaller weight_scale or concentration may help")
    position = _warm_start(target, start, config, generator, report)
    warmed = time.perf_counter()
    sample = _sample(target, position, config, generator, report)
    sampled = time.perf_counter()

    report(Phase.EVALUATION, 0, 1, "Measuring the students")
    scale = student.weight_scale
    metrics, predictions = evaluate(config, task, student, scale * sample.positions, scale * position, sample.log_joint)
    metrics["diagnostics"] |= {
        "step_size": sample.step_size,
        "acceptance": sample.acceptance,
        "restarts": sample.restarts,
        "gradients": sample.gradients,
        "seconds_warm_start": warmed - started,
        "seconds_sampling": sampled - warmed,
        "seconds_evaluation": time.perf_counter() - sampled,
    }
    environment = describe_environment(device) | {
        "fingerprint": task.fingerprint,
        "n_features": task.x_train.shape[1],
        "class_names": list(task.class_names),
    }
    report(Phase.EVALUATION, 1, 1, "Done")
    return Result(config, metrics, (scale * sample.positions).cpu(), predictions, environment)


def find_device(device: Device) -> torch.device:
    """The device that a configuration asks for, looked up now.

    Raises:
        UserError: a GPU is asked for and there is none.
    """
    if device is Device.CUDA and not torch.cuda.is_available():
        raise UserError("device: got 'cuda', but this machine has no GPU that torch can use; allowed: auto, cpu")
    gpu = device is Device.CUDA or (device is Device.AUTO and torch.cuda.is_available())
    return torch.device("cuda" if gpu else "cpu")


def _warm_start(
    target: LogPosterior, start: Tensor, config: RunConfig, generator: torch.Generator, report: _Reporter
) -> Tensor:
    steps = config.sampler.warm_start_steps
    sampler = warm_start.build(target.anchored(start), steps=steps)
    state = sampler.init(start, generator)
    for step in range(steps):
        state, info = sampler.update(state, _batch(config, target, generator), generator)
        report(Phase.WARM_START, step + 1, steps, "Fitting each student near its start", info)
    return state.position


@dataclass(frozen=True)
class _Sample:
    """Kept whitened positions [S, D, P] and log joints [S, D], and how they were got."""

    positions: Tensor
    log_joint: Tensor
    step_size: float
    acceptance: float | None
    restarts: int
    gradients: int


def _sample(
    target: LogPosterior, position: Tensor, config: RunConfig, generator: torch.Generator, report: _Reporter
) -> _Sample:
    """Tune the step if it is not given, then sample; chains that leave the posterior make it start again, shorter."""
    settings = config.sampler
    step_size, acceptance = settings.step_size, None
    if step_size is None:

        def watch(count: int, info: Info) -> None:
            report(Phase.TUNING, count + 1, _TUNING_TRAJECTORIES, "Choosing a step size", info)

        tuned = tune_step_size(target, position, generator, trajectories=_TUNING_TRAJECTORIES, watch=watch)
        position, acceptance = tuned.position, tuned.acceptance
        step_size = _step_for(settings.algorithm, tuned.step_size)

    floor = float(target(position).log_joint.min()) - 20 * math.sqrt(position.shape[1] / 2)
    report.gradients = 0
    for restart in range(_MAX_RESTARTS + 1):
        kept = _run_chains(target, position, step_size, floor, config, generator, report)
        if kept is not None:
            return _Sample(*kept, step_size, acceptance, restart, report.gradients)
        _log.warning("a chain left the posterior at step size %.4g; starting again with a shorter one", step_size)
        step_size *= 0.7 if settings.algorithm is Algorithm.BAOAB else 0.5
    raise UserError(f"sampler.step_size: a chain leaves the posterior even at {step_size:.2g}; give a smaller one")


def _step_for(algorithm: Algorithm, leapfrog_step: float) -> float:
    """The sampler's own step from the leapfrog step that HMC accepts: SGLD's is in squared coordinates."""
    return BAOAB_STEP_FACTOR * leapfrog_step if algorithm is Algorithm.BAOAB else leapfrog_step**2 / 2


def _run_chains(
    target: LogPosterior,
    position: Tensor,
    step_size: float,
    floor: float,
    config: RunConfig,
    generator: torch.Generator,
    report: _Reporter,
) -> tuple[Tensor, Tensor] | None:
    """Kept positions and log joints, or None as soon as a chain's log joint falls under `floor` or is not finite."""
    settings = config.sampler
    sampler = _build(target, config, step_size)
    state = sampler.init(position, generator)
    steps = settings.burn_in + settings.draws * settings.thinning
    positions: list[Tensor] = []
    log_joints: list[Tensor] = []
    for step in range(steps):
        state, info = sampler.update(state, _batch(config, target, generator), generator)
        report.gradients += 1
        if step % 20 == 0 and not bool((info.log_joint > floor).all()):
            return None
        if step >= settings.burn_in and (step - settings.burn_in + 1) % settings.thinning == 0:
            positions.append(state.position)
            log_joints.append(info.log_joint)
        phase = "Burning in" if step < settings.burn_in else "Sampling students"
        report(Phase.SAMPLING, step + 1, steps, phase, info)
    return torch.stack(positions, 1), torch.stack(log_joints, 1)


def _build(target: LogPosterior, config: RunConfig, step_size: float) -> Transform:
    if config.sampler.algorithm is Algorithm.SGLD:
        return sgld.build(target, step_size=step_size)
    return baoab.build(target, step_size=step_size, friction=config.sampler.friction)


def _batch(config: RunConfig, target: LogPosterior, generator: torch.Generator) -> Tensor | None:
    size = config.sampler.batch_size
    if size is None or size == len(target.labels):
        return None
    return torch.randperm(len(target.labels), generator=generator, device=generator.device)[:size]


@dataclass
class _Reporter:
    """Tells `on_progress` how far the whole run is, not too often, and asks `should_stop` at every step."""

    config: RunConfig
    on_progress: OnProgress | None
    should_stop: ShouldStop | None
    gradients: int = 0
    _last: float = field(default=-math.inf)
    _phase: Phase | None = None

    def __call__(self, phase: Phase, step: int, steps: int, message: str, info: Info | None = None) -> None:
        if self.should_stop is not None and self.should_stop():
            raise Cancelled
        now = time.perf_counter()
        if self.on_progress is None or (phase is self._phase and step < steps and now - self._last < _REPORT_EVERY):
            return
        self._last, self._phase = now, phase
        share = info.teacher_share.mean(0) if info is not None and info.teacher_share is not None else None
        self.on_progress(
            Progress(
                phase,
                step,
                steps,
                self._fraction(phase, step / steps),
                message,
                tuple(info.log_joint.tolist()) if info is not None else None,
                tuple(share.tolist()) if share is not None else None,
            )
        )

    def forward(self, progress: Progress) -> None:
        """Pass on the teachers' training, which comes before everything that the run's own share is reckoned of."""
        if self.on_progress is not None:
            self.on_progress(progress)

    def _fraction(self, phase: Phase, done: float) -> float:
        settings = self.config.sampler
        sampling = settings.burn_in + settings.draws * settings.thinning
        work: dict[Phase, float] = {
            Phase.WARM_START: settings.warm_start_steps,
            Phase.TUNING: 100 if settings.step_size is None else 0,
            Phase.SAMPLING: sampling,
            Phase.EVALUATION: 0.1 * sampling,
        }
        before = sum(amount for other, amount in work.items() if list(work).index(other) < list(work).index(phase))
        return (before + done * work[phase]) / sum(work.values())
