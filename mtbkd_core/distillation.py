"""From a configuration to a posterior over students: load, warm start, tune, sample, evaluate."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor

from mtbkd_core.catalog.registry import load_task
from mtbkd_core.catalog.settings import with_teachers
from mtbkd_core.common.files import content_hash
from mtbkd_core.common.progress import OnProgress, Phase, ShouldStop, UserError
from mtbkd_core.config.choices import Device, FeatureKind
from mtbkd_core.config.models import RunConfig
from mtbkd_core.course import Course, Goal, Going, OnKeep
from mtbkd_core.evaluation.evaluate import STAGES, Scoring, TeacherScores
from mtbkd_core.exact_check import run_exactly
from mtbkd_core.measuring import measured
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.prior import MixturePrior, stack_priors
from mtbkd_core.result import Result
from mtbkd_core.run_progress import Reporter
from mtbkd_core.samplers.base import watched
from mtbkd_core.samplers.chains import Standing
from mtbkd_core.samplers.draws import Sample, sample
from mtbkd_core.samplers.preconditioner import in_coordinates
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.samplers.warm_start import warm_start
from mtbkd_core.snapshot import OnSnapshot
from mtbkd_core.strength import with_strength
from mtbkd_core.student_inputs import seen_by_student
from mtbkd_core.students.base import Student
from mtbkd_core.students.registry import build_student
from mtbkd_core.tasks.base import Task, TrainingSet

#: Bound on what the kept draws may take, in bytes. They are held once; a run's peak is that and what a step and the
#: evaluation take, which does not grow with the draws (0.35 GiB beside 0.35 GiB of draws was measured).
MAX_DRAWS_BYTES = 2 * 2**30
#: Bootstrap samples of a snapshot: its errors are known to a tenth of themselves, for a sixth of the work.
ROUGH = 50
#: Of a chain at most, where a precision or a budget says how many.
MOST_DRAWS = 5000


def distill(
    config: RunConfig,
    *,
    task: Task | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    on_snapshot: OnSnapshot | None = None,
) -> Result:
    """Distill the configured teachers into a posterior over students.

    Args:
        config: what to run.
        task: a task that is loaded already, or one's own; None: load the configured one, training teachers that the
            cache lacks.
        on_progress: called at most twenty times a second, and at the start of every phase.
        should_stop: asked at every step.
        on_snapshot: given the posterior so far: first the warm start's ensemble, then at a rate that costs a tenth of
            the time. It changes no draw.
    Raises:
        UserError: an unknown task or teacher, a device that is not there, settings that need too much memory, a task
            with a log joint that is not finite, or chains that leave the posterior at every step size tried.
        Cancelled: `should_stop` said so.
    """
    return distill_from(
        None, config, task=task, on_progress=on_progress, should_stop=should_stop, on_snapshot=on_snapshot
    )


def distill_from(
    going: Going | None,
    config: RunConfig,
    *,
    task: Task | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    on_snapshot: OnSnapshot | None = None,
    on_keep: OnKeep | None = None,
    goal: Goal | None = None,
) -> Result:
    """As `distill`, of a run that may have draws already.

    Args:
        going: draws of this configuration from which it goes on; None: from the start.
        on_keep: given before each snapshot what the run would need to go on.
        goal: what ends it; None: what its settings say.
    """
    device = find_device(config.device)
    if not config.data.teachers:
        config = with_teachers(config) if task is None else config.with_data(teachers=tuple(task.teachers))
    report = Reporter(config, on_progress, should_stop)
    if task is None:
        task = load_task(config.data, on_progress=report.forward, should_stop=should_stop)
    chosen, choice = (config, None) if going is None else (going.config or config, going.strength)
    if going is None:
        chosen, choice = with_strength(config, *learner_of(config, task, device), report)
    if goal is None:
        goal = Goal.of(chosen.sampler)
        if going is not None and goal.seconds is not None:
            goal = replace(goal, seconds=max(0.0, goal.seconds - sum(going.standing.seconds)))
    course = Course(goal, going, on_snapshot=on_snapshot, on_keep=on_keep)
    course.config, course.strength = chosen, choice
    with torch.no_grad():
        (result,) = distill_together([chosen], task, device, report, course=course)
    return result if choice is None else replace(result, asked=config, strength=choice)


def check(config: RunConfig, task: Task) -> Student:
    """The student of a configuration on a task; what cannot be run is refused before anything takes time.

    Raises:
        UserError: draws that need too much memory, a minibatch larger than the data, more examples without a label than
            the task has, or a convolutional student or features of patches where inputs are not images.
    """
    settings = config.sampler
    seen = seen_by_student(config, task)
    student = build_student(config.student, seen.x_train.shape[1], seen.n_classes, seen.image_shape)
    needed = 0 if settings.open_ended else draws_bytes(config, student)
    if needed > MAX_DRAWS_BYTES:
        raise UserError(
            f"sampler: {settings.chains} chains x {settings.draws} draws of {student.n_parameters} parameters take "
            f"{needed / 2**30:.1f} GiB, at most {MAX_DRAWS_BYTES / 2**30:.0f} GiB are allowed"
        )
    there = task.training_logits(config.data.teachers, config.n_unlabelled_used).shape[1]
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
    course: Course | None = None,
) -> list[Result]:
    """Distill configurations that agree in all but prior, teachers and seed, as groups of chains of one batch.

    Each group starts from draws of its own seed. The batch has one source of random numbers, which depends on all
    seeds: a configuration's result is that of a run by itself within Monte Carlo error, and a single one's exactly.

    Args:
        configs: with as many teachers and examples each.
        report: takes the batch for one run.
        teacher_scores: the value of `evaluation.evaluate.score_teachers`; None: teachers are scored anew.
        course: of a single configuration; None: it begins at the start, and ends where its settings say.
    Raises:
        UserError: as `distill`.
    """
    settings, scale = configs[0].sampler, configs[0].student.weight_scale
    if configs[0].student.features_used is not FeatureKind.NONE:
        report(Phase.WARM_START, 0, 1, "Making features of the inputs")
    target = target_of(configs, task, device)
    report.examples = len(target.labels)
    clock = [time.perf_counter()]
    course = course or Course(Goal.of(settings))
    position, random = _started(configs, target, report, course, device)
    clock.append(time.perf_counter())
    generator = random.generator.get_state()
    samples = _sampled(configs, task, target, position, random, report, course)
    clock.append(time.perf_counter())
    seen = seen_by_student(configs[0], task)
    exact = run_exactly(configs, target, [own.positions[:, -1] for own in samples], seen.x_test, report)
    clock.append(time.perf_counter())
    before = (0.0, 0.0) if course.going is None else course.going.standing.seconds
    spent = [(end - begin) / len(configs) for begin, end in pairwise(clock)]
    spent = [passed + earlier for passed, earlier in zip(spent, (*before, 0.0), strict=True)]

    results = []
    for number, (config, own) in enumerate(zip(configs, samples, strict=True)):
        warm = scale * position.chunk(len(configs))[number]

        def watch(stage: int, number: int = number) -> None:
            done, of = number * (STAGES + 1) + stage, (STAGES + 1) * len(configs)
            report(Phase.EVALUATION, done, of, "Measuring the students")

        reference = exact[number] if exact else None
        scoring = Scoring(teachers=teacher_scores)
        result = measured(config, task, target.student, own, warm, reference, spent, watch, scoring)
        assert own.chains is not None
        standing = Standing(own.chains, position.chunk(len(configs))[number], generator, (spent[0], spent[1]))
        sampling = course.done(own) if len(configs) == 1 else {}
        results.append(replace(result, standing=standing, sampling=sampling))
    report.finish()
    return results


def _started(
    configs: Sequence[RunConfig], target: LogPosterior, report: Reporter, course: Course, device: torch.device
) -> tuple[Tensor, Randomness]:
    """Where the warm start ends, [G S, P] whitened, and the random numbers as they are then."""
    settings = configs[0].sampler
    sources = [Randomness.seeded(each.seed, device) for each in configs]
    random = sources[0] if len(configs) == 1 else Randomness.seeded(_joint_seed(configs), device)
    if course.going is None:
        start = torch.cat([each.normal((settings.chains, target.student.n_parameters)) for each in sources])
        if not torch.isfinite(target(start).log_joint).all():
            raise UserError(
                "the log joint is not finite at the start; a smaller weight_scale or concentration may help"
            )
        position = watched(warm_start(target, start, settings, random), report.step)
    else:
        position = course.going.standing.warm_start.to(device)
        random.generator.set_state(course.going.standing.generator)
    return position, random


def _sampled(
    configs: Sequence[RunConfig],
    task: Task,
    target: LogPosterior,
    position: Tensor,
    random: Randomness,
    report: Reporter,
    course: Course,
) -> list[Sample]:
    """Draws of every group from the warm start [G S, P], in whitened coordinates whatever the sampler runs in."""
    settings, student, single = configs[0].sampler, target.student, len(configs) == 1
    if single:
        warm = student.weight_scale * position
        rough = Scoring(ROUGH)

        def measure(so_far: Sample) -> Result:
            passed = course.seconds_of_phases
            return measured(configs[0], task, student, so_far, warm, None, passed, lambda stage: None, rough)

        room = min(MOST_DRAWS, MAX_DRAWS_BYTES // (4 * position.numel()))
        course.sample_from(
            student, seen_by_student(configs[0], task).x_test.to(position), measure, position, random, room
        )
        report.share = course.share
    own = in_coordinates(target, position, settings, random)
    begun = None if course.going is None else course.going.on(own, position.device)
    draws = course.draws if single else None
    watch, enough = report.step, course.enough
    samples = sample(
        own, position, settings, random, watch, groups=len(configs), draws=draws, begun=begun, enough=enough
    )
    report.share = None
    return samples


def _joint_seed(configs: Sequence[RunConfig]) -> int:
    return int(content_hash(*(str(each.seed) for each in configs))[:15], 16)


def learner_of(config: RunConfig, task: Task, device: torch.device) -> tuple[Student, TrainingSet]:
    """A configuration's student and what it learns from; errors as `check`."""
    student = check(config, task)
    seen = seen_by_student(config, task)
    return student, seen.training_set(config.data.teachers, config.n_unlabelled_used).to(device)


def target_of(configs: Sequence[RunConfig], task: Task, device: torch.device) -> LogPosterior:
    """The posterior of every configuration's chains, one configuration after the other."""
    student, training_set = learner_of(configs[0], task, device)
    priors = []
    for each in configs:
        names, more = each.data.teachers, each.n_unlabelled_used
        logits, together = task.training_logits(names, more).to(device), task.together(names, "train", more)
        priors.append(stack_priors(logits, [each.prior], together=None if together is None else together.to(device)))
    mixture = MixturePrior.stack(priors, configs[0].sampler.chains)
    return LogPosterior(student, training_set.x, training_set.labels, mixture)


def find_device(device: Device) -> torch.device:
    """The device that a configuration asks for, looked up now.

    Raises:
        UserError: a GPU is asked for and there is none.
    """
    if device is Device.CUDA and not torch.cuda.is_available():
        raise UserError("device: got 'cuda', but this machine has no GPU that torch can use; allowed: auto, cpu")
    gpu = device is Device.CUDA or (device is Device.AUTO and torch.cuda.is_available())
    return torch.device("cuda" if gpu else "cpu")
