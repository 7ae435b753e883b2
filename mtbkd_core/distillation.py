"""From a configuration to a posterior over students: load, warm start, tune, sample, evaluate."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from mtbkd_core.catalog.registry import load_task
from mtbkd_core.catalog.settings import with_teachers
from mtbkd_core.common.files import content_hash
from mtbkd_core.common.progress import OnProgress, Phase, ShouldStop, UserError
from mtbkd_core.config.choices import Device, FeatureKind
from mtbkd_core.config.models import RunConfig, SamplerConfig
from mtbkd_core.evaluation.bias_check import ExactRun, compare, run_exact
from mtbkd_core.evaluation.evaluate import STAGES, Examples, TeacherScores, evaluate
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.prior import MixturePrior, stack_priors
from mtbkd_core.result import Result, describe_environment
from mtbkd_core.run_progress import Reporter, run_work
from mtbkd_core.samplers.base import Info, watched
from mtbkd_core.samplers.draws import Sample, sample
from mtbkd_core.samplers.preconditioner import in_coordinates
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.samplers.warm_start import warm_start
from mtbkd_core.strength import with_strength
from mtbkd_core.student_inputs import features_of, seen_by_student
from mtbkd_core.students.base import Student
from mtbkd_core.students.registry import build_student
from mtbkd_core.tasks.base import Task, TrainingSet

#: Bound on what the kept draws may take, in bytes. They are held once; a run's peak is that and what a step and the
#: evaluation take, which does not grow with the draws (0.35 GiB beside 0.35 GiB of draws was measured).
MAX_DRAWS_BYTES = 2 * 2**30
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
    """Distill the configured teachers into a posterior over students.

    Args:
        config: what to run.
        task: a task that is loaded already, or one's own; None: load the configured one, training teachers that the
            cache lacks.
        on_progress: called at most twenty times a second, and at the start of every phase.
        should_stop: asked at every step.
    Raises:
        UserError: an unknown task or teacher, a device that is not there, settings that need too much memory, a task
            with a log joint that is not finite, or chains that leave the posterior at every step size tried.
        Cancelled: `should_stop` said so.
    """
    device = find_device(config.device)
    if not config.data.teachers:
        config = with_teachers(config) if task is None else config.with_data(teachers=tuple(task.teachers))
    report = Reporter(config, on_progress, should_stop)
    if task is None:
        task = load_task(config.data, on_progress=report.forward, should_stop=should_stop)
    chosen, choice = with_strength(config, *learner_of(config, task, device), report)
    with torch.no_grad():
        (result,) = distill_together([chosen], task, device, report)
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
    needed = draws_bytes(config, student)
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
) -> list[Result]:
    """Distill configurations that agree in all but prior, teachers and seed, as groups of chains of one batch.

    Each group starts from draws of its own seed. The batch has one source of random numbers, which depends on all
    seeds: a configuration's result is that of a run by itself within Monte Carlo error, and a single one's exactly.

    Args:
        configs: with as many teachers and examples each.
        report: takes the batch for one run.
        teacher_scores: the value of `evaluation.evaluate.score_teachers`; None: teachers are scored anew.
    Raises:
        UserError: as `distill`.
    """
    settings, scale = configs[0].sampler, configs[0].student.weight_scale
    if configs[0].student.features_used is not FeatureKind.NONE:
        report(Phase.WARM_START, 0, 1, "Making features of the inputs")
    target = target_of(configs, task, device)
    report.examples = len(target.labels)
    clock = [time.perf_counter()]
    sources = [Randomness.seeded(each.seed, device) for each in configs]
    start = torch.cat([each.normal((settings.chains, target.student.n_parameters)) for each in sources])
    if not torch.isfinite(target(start).log_joint).all():
        raise UserError("the log joint is not finite at the start; a smaller weight_scale or concentration may help")
    random = sources[0] if len(configs) == 1 else Randomness.seeded(_joint_seed(configs), device)
    position = watched(warm_start(target, start, settings, random), report.step)
    clock.append(time.perf_counter())
    samples = _sampled(target, position, settings, random, report, len(configs))
    clock.append(time.perf_counter())
    exact = _run_exact(configs, target, [own.positions[:, -1] for own in samples], task, report)
    clock.append(time.perf_counter())
    names = ("seconds_warm_start", "seconds_sampling", "seconds_bias_check")
    seconds = {name: (end - begin) / len(configs) for name, begin, end in zip(names, clock, clock[1:], strict=False)}

    results = []
    for number, (config, own) in enumerate(zip(configs, samples, strict=True)):
        warm = scale * position.chunk(len(configs))[number]

        def watch(stage: int, number: int = number) -> None:
            done, of = number * (STAGES + 1) + stage, (STAGES + 1) * len(configs)
            report(Phase.EVALUATION, done, of, "Measuring the students")

        reference = exact[number] if exact else None
        results.append(_measured(config, task, target.student, own, warm, reference, seconds, watch, teacher_scores))
    report.finish()
    return results


def _sampled(
    target: LogPosterior,
    position: Tensor,
    settings: SamplerConfig,
    random: Randomness,
    report: Reporter,
    groups: int,
) -> list[Sample]:
    """Draws of every group from whitened positions [G S, P], in whitened coordinates whatever the sampler runs in."""
    own = in_coordinates(target, position, settings, random)
    return sample(own, position, settings, random, report.step, groups=groups)


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
    priors = [
        stack_priors(task.training_logits(each.data.teachers, each.n_unlabelled_used).to(device), [each.prior])
        for each in configs
    ]
    mixture = MixturePrior.stack(priors, configs[0].sampler.chains)
    return LogPosterior(student, training_set.x, training_set.labels, mixture)


def _measured(
    config: RunConfig,
    task: Task,
    student: Student,
    own: Sample,
    warm: Tensor,
    reference: ExactRun | None,
    seconds: Mapping[str, float],
    watch: Callable[[int], None],
    teacher_scores: TeacherScores | None,
) -> Result:
    """The result of a configuration from its draws, which are scaled to parameters [S, D, P] in place."""
    began = time.perf_counter()
    watch(0)
    draws = own.positions.mul_(student.weight_scale)
    seen = seen_by_student(config, task)
    examples = examples_of(seen, config.data.teachers, draws.device)
    metrics, predictions = evaluate(
        config.prior,
        examples,
        student,
        draws,
        warm,
        own.log_joint,
        watch,
        split_seed=config.data.split_seed,
        teacher_scores=teacher_scores,
    )
    diagnostics = metrics.diagnostics.updated(
        step_size=own.step_size,
        acceptance=own.acceptance,
        energy_variance=own.energy_variance,
        restarts=own.restarts,
        gradients=own.gradients,
        preconditioner=own.preconditioner.value,
        seconds_preconditioner=own.seconds_preconditioner,
        seconds_warm_start=seconds["seconds_warm_start"],
        seconds_sampling=seconds["seconds_sampling"],
        seconds_evaluation=time.perf_counter() - began,
    )
    if reference is not None:
        check = compare(reference, own.log_joint, predictions.test.mean)
        diagnostics = diagnostics.updated(bias_check=check.dump(), seconds_bias_check=seconds["seconds_bias_check"])
    metrics = metrics.model_copy(update={"diagnostics": diagnostics})
    environment = describe_environment(draws.device) | {
        "task": task.name,
        "fingerprint": task.fingerprint_of(config.data.teachers),
        "n_features": task.x_train.shape[1],
        "image_shape": task.image_shape and list(task.image_shape),
        "class_names": list(task.class_names),
    }
    return Result(config, metrics, draws.cpu(), predictions, environment, features_of(seen))


def examples_of(task: Task, teachers: Sequence[str], device: torch.device = CPU) -> Examples:
    """A task's examples, as the student sees them, and some of its teachers' logits, for the evaluation."""
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

    Each has random numbers that no run of the configuration has used.
    """
    settings = configs[0].sampler
    if not settings.bias_check:
        return []
    device, gradients = ends[0].device, int(run_work(settings, report.examples)[Phase.BIAS_CHECK])
    x, found = seen_by_student(configs[0], task).x_test.to(device), list[ExactRun]()
    for number, (config, position) in enumerate(zip(configs, ends, strict=True)):
        chains = torch.arange(number * settings.chains, (number + 1) * settings.chains, device=device)

        def watch(done: int, of: int, info: Info, number: int = number) -> None:
            message = "Comparing the draws with exact HMC"
            report(Phase.BIAS_CHECK, number * of + done, len(configs) * of, message, info)

        found.append(
            run_exact(
                target if len(configs) == 1 else target.of_chains(chains),
                position,
                x,
                gradients=gradients,
                temperature=settings.temperature,
                random=Randomness.seeded(_CHECK_SEEDS + config.seed, device),
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
