"""From a configuration to a posterior over students: load, warm start, tune, sample, evaluate, and tell of it."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass, field, replace

import torch

from mtbkd_core.config import Device, RunConfig
from mtbkd_core.evaluation.report import STAGES, evaluate
from mtbkd_core.posterior import LogPosterior, stack_priors
from mtbkd_core.progress import Cancelled, OnProgress, Phase, Progress, ShouldStop, UserError
from mtbkd_core.result import Result, describe_environment
from mtbkd_core.samplers.base import Info
from mtbkd_core.samplers.chains import fit_start, gradients_per_step, sample, tuning_gradients
from mtbkd_core.student import Student
from mtbkd_core.tasks import load_task
from mtbkd_core.tasks.base import Task

#: Bound on what the kept draws may take, in bytes.
MAX_DRAWS_BYTES = 2 * 2**30
_REPORT_EVERY = 0.05
#: Share of the whole run that training teachers is reckoned as, where some have to be trained.
_TEACHERS_SHARE = 0.3


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
        task: a task that is loaded already, or one's own; None: load the configured one, training teachers that the
            cache lacks.
        on_progress: told at most twenty times a second, and at the start of every phase.
        should_stop: asked at every step.
    Raises:
        UserError: an unknown task or teacher, a device that is not there, settings that need too much memory, a task
            whose log joint is not finite, or chains that leave the posterior at every step size tried.
        Cancelled: `should_stop` said so.
    """
    device = find_device(config.device)
    report = _Reporter(config, on_progress, should_stop)
    if task is None:
        task = load_task(
            config.task,
            teachers=config.teachers,
            split_seed=config.split_seed,
            n_train=config.n_train,
            on_progress=report.forward,
            should_stop=should_stop,
        )
    with torch.no_grad():
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
        raise UserError(
            f"sampler.batch_size: got {settings.batch_size}, the task has {len(task.y_train)} training examples"
        )
    mixture = stack_priors(task.teacher_logits(config.teachers).to(device), [config.prior])
    target = LogPosterior(student, task.x_train.to(device), task.y_train.to(device), mixture)
    generator = torch.Generator(device).manual_seed(config.seed)

    started = time.perf_counter()
    start = student.draw_whitened(settings.chains, generator, device)
    if not torch.isfinite(target(start).log_joint).all():
        raise UserError("the log joint is not finite at the start; a smaller weight_scale or concentration may help")
    position = fit_start(target, start, settings, generator, report)
    warmed = time.perf_counter()
    kept = sample(target, position, settings, generator, report)
    sampled = time.perf_counter()

    def watch(stage: int) -> None:
        report(Phase.EVALUATION, stage, STAGES + 1, "Measuring the students")

    watch(0)
    scale = student.weight_scale
    draws = scale * kept.positions
    metrics, predictions = evaluate(config, task, student, draws, scale * position, kept.log_joint, watch)
    metrics["diagnostics"] |= {
        "step_size": kept.step_size,
        "acceptance": kept.acceptance,
        "energy_variance": kept.energy_variance,
        "restarts": kept.restarts,
        "gradients": kept.gradients,
        "seconds_warm_start": warmed - started,
        "seconds_sampling": sampled - warmed,
        "seconds_evaluation": time.perf_counter() - sampled,
    }
    environment = describe_environment(device) | {
        "task": task.name,
        "fingerprint": task.fingerprint_of(config.teachers),
        "n_features": task.x_train.shape[1],
        "class_names": list(task.class_names),
    }
    report.finish()
    return Result(config, metrics, draws.cpu(), predictions, environment)


def find_device(device: Device) -> torch.device:
    """The device that a configuration asks for, looked up now.

    Raises:
        UserError: a GPU is asked for and there is none.
    """
    if device is Device.CUDA and not torch.cuda.is_available():
        raise UserError("device: got 'cuda', but this machine has no GPU that torch can use; allowed: auto, cpu")
    gpu = device is Device.CUDA or (device is Device.AUTO and torch.cuda.is_available())
    return torch.device("cuda" if gpu else "cpu")


def find_threads() -> int:
    """Threads that torch is to use on the processor: 1, or what the environment's MTBKD_THREADS says.

    Students are so small that a second thread gains nothing on an idle machine; and on a busy one, where a thread waits
    for its turn while the others spin, two threads were seen to take twenty times as long as one.

    Raises:
        UserError: MTBKD_THREADS is not a number from 1 on.
    """
    chosen = os.environ.get("MTBKD_THREADS", "").strip() or "1"
    if not chosen.isdecimal() or int(chosen) < 1:
        raise UserError(f"MTBKD_THREADS: got {chosen!r}, allowed: a whole number from 1 on")
    return int(chosen)


def limit_threads() -> None:
    """Let torch use as many threads in this process as `find_threads` says; errors as there."""
    torch.set_num_threads(find_threads())


@dataclass
class _Reporter:
    """Tells `on_progress` how far the whole run is, not too often, and asks `should_stop` at every step."""

    config: RunConfig
    on_progress: OnProgress | None
    should_stop: ShouldStop | None
    _last: float = field(default=-math.inf)
    _phase: Phase | None = None
    _before: float = 0.0
    _fraction: float = 0.0

    def __call__(self, phase: Phase, step: int, steps: int, message: str, info: Info | None = None) -> None:
        if self.should_stop is not None and self.should_stop():
            raise Cancelled
        now = time.perf_counter()
        if self.on_progress is None or (phase is self._phase and step < steps and now - self._last < _REPORT_EVERY):
            return
        self._last, self._phase = now, phase
        done = self._before + (1 - self._before) * self._reckon(phase, step / steps)
        self._fraction = max(self._fraction, done)  # chains that start again do not take the bar back
        share = info.teacher_share.mean(0) if info is not None and info.teacher_share is not None else None
        self.on_progress(
            Progress(
                phase,
                step,
                steps,
                self._fraction,
                message,
                tuple(info.log_joint.tolist()) if info is not None else None,
                tuple(share.tolist()) if share is not None else None,
            )
        )

    def finish(self) -> None:
        """The last report; nobody is asked any more whether to stop, for the result is there."""
        self.should_stop = None
        self(Phase.EVALUATION, 1, 1, "Done")

    def forward(self, progress: Progress) -> None:
        """Pass on the teachers' training as the run's first part."""
        self._before = _TEACHERS_SHARE
        self._fraction = _TEACHERS_SHARE * progress.fraction
        if self.on_progress is not None:
            self.on_progress(replace(progress, fraction=self._fraction))

    def _reckon(self, phase: Phase, done: float) -> float:
        """How far the run is, teachers aside, when a phase is done by so much; the unit is a gradient."""
        settings = self.config.sampler
        steps = settings.burn_in + settings.draws * settings.thinning
        sampling = steps * gradients_per_step(settings)
        work: dict[Phase, float] = {
            Phase.WARM_START: settings.warm_start_steps,
            Phase.TUNING: tuning_gradients(settings),
            Phase.SAMPLING: sampling,
            Phase.EVALUATION: 0.2 * steps,
        }
        phases = list(work)
        before = sum(work[other] for other in phases[: phases.index(phase)])
        return (before + done * work[phase]) / sum(work.values())
