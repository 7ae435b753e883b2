"""The result of a run from its draws."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mtbkd_core.config.models import RunConfig
from mtbkd_core.evaluation.bias_check import ExactRun, compare
from mtbkd_core.evaluation.evaluate import Examples, Scoring, evaluate
from mtbkd_core.result import Result, describe_environment
from mtbkd_core.samplers.draws import Sample
from mtbkd_core.student_inputs import features_of, seen_by_student
from mtbkd_core.students.base import Student
from mtbkd_core.tasks.base import Task

CPU = torch.device("cpu")


def measured(
    config: RunConfig,
    task: Task,
    student: Student,
    own: Sample,
    warm: Tensor,
    reference: ExactRun | None,
    seconds: Sequence[float],
    watch: Callable[[int], None],
    scoring: Scoring,
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
        scoring=scoring,
    )
    diagnostics = metrics.diagnostics.updated(
        step_size=own.step_size,
        acceptance=own.acceptance,
        energy_variance=own.energy_variance,
        restarts=own.restarts,
        gradients=own.gradients,
        preconditioner=own.preconditioner.value,
        seconds_preconditioner=own.seconds_preconditioner,
        seconds_warm_start=seconds[0],
        seconds_sampling=seconds[1],
        seconds_evaluation=time.perf_counter() - began,
    )
    if reference is not None:
        check = compare(reference, own.log_joint, predictions.test.mean)
        diagnostics = diagnostics.updated(bias_check=check.dump(), seconds_bias_check=seconds[2])
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
    tails = [task.together(teachers, part) for part in ("test", "train")]
    test_logits, train_logits = (task.teacher_logits(teachers, part).to(device) for part in ("test", "train"))
    return Examples(
        x_test=task.x_test.to(device),
        y_test=task.y_test.to(device),
        x_train=task.x_train.to(device),
        y_train=task.y_train.to(device),
        test_logits=dict(zip(teachers, test_logits, strict=True)),
        train_logits=dict(zip(teachers, train_logits, strict=True)),
        shifts={name: x.to(device) for name, x in task.shifts.items()},
        test_together=None if tails[0] is None else tails[0].to(device),
        train_together=None if tails[1] is None else tails[1].to(device),
    )
