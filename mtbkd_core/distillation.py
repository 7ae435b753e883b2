"""From a configuration to a posterior over students: load, warm start, tune, sample, evaluate, and tell of it."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from mtbkd_core.catalog.registry import load_task
from mtbkd_core.catalog.settings import with_teachers
from mtbkd_core.common.progress import Cancelled, OnProgress, Phase, Progress, ShouldStop, UserError
from mtbkd_core.config.choices import Device
from mtbkd_core.config.models import RunConfig, SamplerConfig
from mtbkd_core.evaluation.bias_check import ExactRun, check_gradients, compare, run_exact
from mtbkd_core.evaluation.metrics import STAGES, Examples, TeacherScores, evaluate
from mtbkd_core.posterior import LogPosterior, stack_priors
from mtbkd_core.prior import MixturePrior
from mtbkd_core.result import Result, describe_environment
from mtbkd_core.samplers.base import Info
from mtbkd_core.samplers.chains import fit_start, gradients_per_step, sample_groups, tuning_gradients
from mtbkd_core.students.base import Student
from mtbkd_core.students.cnn import build_student
from mtbkd_core.tasks.base import Task

#: Bound on what the kept draws may take, in bytes. They are held once; a run's peak is that and what a step and the
#: evaluation take, whose sizes do not grow with the draws (0.35 GiB beside 0.35 GiB of draws was measured).
MAX_DRAWS_BYTES = 2 * 2**30
_REPORT_EVERY = 0.05
#: Share of the whole run that training teachers is reckoned as, where some have to be trained.
_TEACHERS_SHARE = 0.3
CPU = torch.device("cpu")
#: A configuration's seed is below it.
_CHECK_SEEDS = 2**31


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
    if not config.data.teachers:
        config = with_teachers(config) if task is None else config.with_data(teachers=tuple(task.teachers))
    report = Reporter(config, on_progress, should_stop)
    if task is None:
        task = load_task(
            config.data,
            on_progress=report.forward,
            should_stop=should_stop,
        )
    with torch.no_grad():
        return _distill(config, task, device, report)


def _distill(config: RunConfig, task: Task, device: torch.device, report: Reporter) -> Result:
    (result,) = distill_together([config], task, device, report)
    return result


def check(config: RunConfig, task: Task) -> Student:
    """The student of a configuration on a task; what cannot be run is refused before anything takes time.

    Raises:
        UserError: draws that need too much memory, a minibatch larger than the data, more examples without a label than
            the task has, or a convolutional student where inputs are no pictures.
    """
    settings = config.sampler
    student = build_student(config.student, task.x_train.shape[1], task.n_classes, task.image_shape)
    needed = draws_bytes(config, student)
    if needed > MAX_DRAWS_BYTES:
        raise UserError(
            f"sampler: {settings.chains} chains x {settings.draws} draws of {student.n_parameters} parameters take "
            f"{needed / 2**30:.1f} GiB, at most {MAX_DRAWS_BYTES / 2**30:.0f} GiB are allowed"
        )
    there = task.lesson_logits(config.data.teachers, config.n_unlabelled_used).shape[1]
    if settings.batch_size is not None and settings.batch_size > there:
        raise UserError(f"sampler.batch_size: got {settings.batch_size}, the task has {there} training examples")
    return student


def draws_bytes(config: RunConfig, student: Student) -> int:
    """What the kept draws of a run take; they are held once, and are most of what a long run takes."""
    return 4 * config.sampler.chains * config.sampler.draws * student.n_parameters


def distill_together(
    configs: Sequence[RunConfig],
    task: Task,
    device: torch.device,
    report: Reporter,
    teacher_scores: TeacherScores | None = None,
) -> list[Result]:
    """Distil configurations that agree in all but prior, teachers and seed as chains of one batch.

    Args:
        configs: with as many teachers and examples each; where gradients are of minibatches, with one seed.
        report: told of the batch as of one run.
        teacher_scores: what `evaluation.metrics.score_teachers` gave; None: each is scored anew.
    Raises:
        UserError: as `distill`.
    """
    settings = configs[0].sampler
    student = check(configs[0], task)
    lesson = task.lesson(configs[0].data.teachers, configs[0].n_unlabelled_used).to(device)
    priors = [
        stack_priors(task.lesson_logits(each.data.teachers, each.n_unlabelled_used).to(device), [each.prior])
        for each in configs
    ]
    mixture = MixturePrior.stack(priors, settings.chains)
    report.examples = len(lesson.labels)
    target = LogPosterior(student, lesson.x, lesson.labels, mixture)
    # equal seeds: one generator, whose numbers are drawn once for all of them
    by_seed = {each.seed: torch.Generator(device).manual_seed(each.seed) for each in configs}
    starts = {seed: student.draw_whitened(settings.chains, own, device) for seed, own in by_seed.items()}
    generators = [by_seed[each.seed] for each in configs]

    started = time.perf_counter()
    start = torch.cat([starts[each.seed] for each in configs])
    if not torch.isfinite(target(start).log_joint).all():
        raise UserError("the log joint is not finite at the start; a smaller weight_scale or concentration may help")
    position = fit_start(target, start, settings, generators[0], report)
    warmed = time.perf_counter()
    kept = sample_groups(target, position, settings, generators, report)
    sampled = time.perf_counter()
    exact = _run_exact(configs, target, [own.positions[:, -1] for own in kept], task, report)
    checked = time.perf_counter()

    results = []
    stages = (STAGES + 1) * len(configs)
    for number, (config, own, warm) in enumerate(zip(configs, kept, position.chunk(len(configs)), strict=True)):
        began = time.perf_counter()

        def watch(stage: int, number: int = number) -> None:
            report(Phase.EVALUATION, number * (STAGES + 1) + stage, stages, "Measuring the students")

        watch(0)
        scale = student.weight_scale
        draws = own.positions.mul_(scale)
        metrics, predictions = evaluate(
            config.prior,
            examples_of(task, config.data.teachers, device),
            student,
            draws,
            scale * warm,
            own.log_joint,
            watch,
            teacher_scores=teacher_scores,
        )
        diagnostics = metrics.diagnostics.updated(
            step_size=own.step_size,
            acceptance=own.acceptance,
            energy_variance=own.energy_variance,
            restarts=own.restarts,
            gradients=own.gradients,
            seconds_warm_start=(warmed - started) / len(configs),
            seconds_sampling=(sampled - warmed) / len(configs),
            seconds_evaluation=time.perf_counter() - began,
        )
        if exact:
            diagnostics = diagnostics.updated(
                bias_check=compare(exact[number], own.log_joint, predictions.test.mean).dump(),
                seconds_bias_check=(checked - sampled) / len(configs),
            )
        metrics = metrics.model_copy(update={"diagnostics": diagnostics})
        environment = describe_environment(device) | {
            "task": task.name,
            "fingerprint": task.fingerprint_of(config.data.teachers),
            "n_features": task.x_train.shape[1],
            "image_shape": task.image_shape and list(task.image_shape),
            "class_names": list(task.class_names),
        }
        results.append(Result(config, metrics, draws.cpu(), predictions, environment))
    report.finish()
    return results


def examples_of(task: Task, teachers: Sequence[str], device: torch.device = CPU) -> Examples:
    """A task's examples and some of its teachers' logits on a device, as the evaluation takes them."""
    test_logits, train_logits = (task.teacher_logits(teachers, part).to(device) for part in ("test", "train"))
    return Examples(
        x_test=task.x_test.to(device),
        y_test=task.y_test.to(device),
        x_train=task.x_train.to(device),
        y_train=task.y_train.to(device),
        test_logits=dict(zip(teachers, test_logits, strict=True)),
        train_logits=dict(zip(teachers, train_logits, strict=True)),
        shifts={name: x.to(device) for name, x in task.shifts.items()},
    )


def _run_exact(
    configs: Sequence[RunConfig], target: LogPosterior, ends: Sequence[Tensor], task: Task, report: Reporter
) -> list[ExactRun]:
    """Exact HMC from each configuration's chains' ends [S, P], one after the other; nothing where it is not asked for.

    Each has a random stream that no run of the configuration has used, whatever else is in the batch.
    """
    settings = configs[0].sampler
    if not settings.bias_check:
        return []
    device, gradients = ends[0].device, int(run_work(settings, report.examples)[Phase.BIAS_CHECK])
    x, found = task.x_test.to(device), list[ExactRun]()
    for number, (config, position) in enumerate(zip(configs, ends, strict=True)):
        chains = torch.arange(number * settings.chains, (number + 1) * settings.chains, device=device)
        own = target if len(configs) == 1 else target.of_chains(chains)

        def watch(done: int, of: int, info: Info, number: int = number) -> None:
            report(Phase.BIAS_CHECK, number * of + done, len(configs) * of, "Holding the draws against exact HMC", info)

        found.append(
            run_exact(
                own,
                position,
                x,
                gradients=gradients,
                temperature=settings.temperature,
                generator=torch.Generator(device).manual_seed(_CHECK_SEEDS + config.seed),
                watch=watch,
            )
        )
    return found


def find_device(device: Device) -> torch.device:
    """The device that a configuration asks for, looked up now.

    Raises:
        UserError: a GPU is asked for and there is none.
    """
    if device is Device.CUDA and not torch.cuda.is_available():
        raise UserError("device: got 'cuda', but this machine has no GPU that torch can use; allowed: auto, cpu")
    gpu = device is Device.CUDA or (device is Device.AUTO and torch.cuda.is_available())
    return torch.device("cuda" if gpu else "cpu")


def gradient_share(batch_size: int | None, examples: int | None) -> float:
    """What a gradient costs beside one of all examples; 1 where their number is not known."""
    return 1.0 if batch_size is None or examples is None else min(1.0, batch_size / examples)


def run_work(settings: SamplerConfig, examples: int | None) -> dict[Phase, float]:
    """What each phase of a run is reckoned to cost, teachers aside, in gradients of all its examples."""
    whole = gradient_share(settings.batch_size, examples)
    fitted = gradient_share(settings.warm_start_batch_size or settings.batch_size, examples)
    steps = settings.burn_in + settings.draws * settings.thinning
    sampling = whole * steps * gradients_per_step(settings)
    return {
        Phase.WARM_START: fitted * settings.warm_start_steps,
        Phase.TUNING: tuning_gradients(settings),
        Phase.SAMPLING: sampling,
        Phase.BIAS_CHECK: check_gradients(sampling) if settings.bias_check else 0,
        Phase.EVALUATION: 0.2 * whole * steps,
    }


@dataclass
class Reporter:
    """Tells `on_progress` how far the whole run is, not too often, and asks `should_stop` at every step."""

    config: RunConfig
    on_progress: OnProgress | None
    should_stop: ShouldStop | None
    _last: float = field(default=-math.inf)
    _phase: Phase | None = None
    _before: float = 0.0
    _fraction: float = 0.0
    #: That the student learns from; None: not known yet.
    examples: int | None = None

    def __call__(self, phase: Phase, step: int, steps: int, message: str, info: Info | None = None) -> None:
        """Report a step of a phase; raises `Cancelled` where it is to stop."""
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
        """How far the run is, teachers aside, when a phase is done by so much."""
        work = run_work(self.config.sampler, self.examples)
        phases = list(work)
        before = sum(work[other] for other in phases[: phases.index(phase)])
        return (before + done * work[phase]) / sum(work.values())
