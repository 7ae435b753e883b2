"""What is measured of a finished run: one pass over its draws gives the metrics and the saved predictions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from mtbkd_core.config.models import RunConfig
from mtbkd_core.evaluation.calibration import Scores, scores
from mtbkd_core.evaluation.diagnostics import convergence
from mtbkd_core.evaluation.influence import influence
from mtbkd_core.evaluation.predictive import Predictive, predict, summarise, thin, thinned
from mtbkd_core.evaluation.shift import foreign_scores, separation
from mtbkd_core.prior import stack_priors, weights_under
from mtbkd_core.students.base import Student, element_budget
from mtbkd_core.tasks.base import Task

#: Draws over all chains that the predictions, the influence and the saved sample are taken of.
_PREDICTED, _INFLUENCE, _SAVED = 800, 320, 320
#: Test examples, and draws over all chains at most, that R-hat and ESS are taken of.
_DIAGNOSED, _DIAGNOSED_DRAWS = 200, 6400
#: How often at least `evaluate` says how far it is.
STAGES = 4

#: Told, with the number of stages done, between the parts of the evaluation; it may raise to stop.
Watch = Callable[[int], None]
#: Rows of the teachers alone, by name.
TeacherScores = Mapping[str, Scores]


def evaluate(
    config: RunConfig,
    task: Task,
    student: Student,
    draws: Tensor,
    warm_start: Tensor,
    log_joint: Tensor,
    watch: Watch = lambda stage: None,
    *,
    teacher_scores: TeacherScores | None = None,
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Metrics and predictions of a run.

    Args:
        draws: [S, D, P] parameters.
        warm_start: [S, P] parameters before sampling.
        log_joint: [S, D].
        watch: see `Watch`.
        teacher_scores: rows that are there already, for these teachers on this task; None: work them out.
    Returns:
        metrics: "student", "student_mode", "warm_start", "teachers_mean" and "teacher:<name>", each the scores of
            `calibration.scores` on the test examples; the student also has the means of its epistemic uncertainty and
            deviance (nats), the coverage of its prediction sets and their mean size; "diagnostics"; "shifts", where the
            task has some: name -> score of `shift.FOREIGN_SCORES` -> `shift.Separation` as a dict.
        predictions: on the CPU. `test.*`: labels [M]; mean, mode, low, high, hdi_low, hdi_high [M, C]; deviance,
            deviance_bound, total, aleatoric, epistemic [M]; prediction_set [M, C]; draws [S, d, M, C] (a thinned
            sample, float16); responsibilities, weights [K, M]; teachers [K, M, C]; warm_start [M, C].
            `train.*`: labels [N]; mean [N, C]; responsibilities, weights [K, N]; teachers, pulls [K, N, C];
            label_pull [N, C]. `trace.log_joint` [S, D]. `shift.<name>.*` for each shift of the task: mean, low, high
            [M', C], and the scores of `shift.FOREIGN_SCORES`, [M'] each.
    """
    device = draws.device
    x_test, y_test = task.x_test.to(device), task.y_test.to(device)
    used = reported(draws)
    shape = used.shape[:2]
    probabilities = student.probabilities(used.flatten(0, 1), x_test).unflatten(0, shape)
    watch(1)
    few_tests = torch.linspace(0, len(y_test) - 1, min(len(y_test), _DIAGNOSED), device=device).long()
    log_probability = _log_probability_of_label(
        student, draws, max(_DIAGNOSED_DRAWS, 4 * draws.shape[0]), x_test[few_tests], y_test[few_tests], watch
    )
    with ThreadPoolExecutor(1) as beside:  # R-hat and ESS are Python's work, most of the rest is not
        agreement = beside.submit(convergence, log_probability, log_joint)
        metrics, predictions = _evaluate(
            config, task, student, draws, warm_start, used, probabilities, watch, teacher_scores
        )
        diagnostics = asdict(agreement.result())
    metrics["diagnostics"] = {name: value if math.isfinite(value) else None for name, value in diagnostics.items()}
    predictions["trace.log_joint"] = log_joint.cpu()
    return metrics, predictions


def reported(draws: Tensor) -> Tensor:
    """[S, D', P], those of the draws [S, D, P] that the student's scores are of: four a chain at least."""
    return thin(draws, max(_PREDICTED, 4 * draws.shape[0]))


def _evaluate(
    config: RunConfig,
    task: Task,
    student: Student,
    draws: Tensor,
    warm_start: Tensor,
    used: Tensor,
    probabilities: Tensor,
    watch: Watch,
    teacher_scores: TeacherScores | None,
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """`evaluate` but for whether the chains agree; `probabilities` [S, D, M, C] are of the test examples by `used`."""
    device = draws.device
    x_test, y_test = task.x_test.to(device), task.y_test.to(device)
    x_train, y_train = task.x_train.to(device), task.y_train.to(device)
    predictive = summarise(probabilities)
    watch(2)
    warm = student.probabilities(warm_start, x_test).mean(0)

    test_logits = task.teacher_logits(config.data.teachers, "test").to(device)
    train_logits = task.teacher_logits(config.data.teachers).to(device)
    teachers = test_logits.softmax(-1)
    metrics: dict[str, Any] = {
        "student": {
            **scores(predictive.mean, y_test),
            "epistemic": float(predictive.epistemic.mean()),
            "deviance": float(predictive.deviance.mean()),
            "coverage": float(predictive.prediction_set.gather(1, y_test[:, None]).float().mean()),
            "set_size": float(predictive.prediction_set.sum(1).float().mean()),
        },
        "student_mode": scores(predictive.mode, y_test),
        "warm_start": scores(warm, y_test),
        **(score_teachers(config, task) if teacher_scores is None else teacher_scores),
    }
    watch(3)
    few = thin(draws, _INFLUENCE).flatten(0, 1)
    mixture_train, mixture_test = (stack_priors(z, [config.prior]) for z in (train_logits, test_logits))
    on_train_logits = _logits(student, few, x_train)
    on_train = influence(on_train_logits, mixture_train, y_train)
    on_test = influence(_logits(student, few, x_test), mixture_test)
    saved = thin(probabilities, _SAVED)
    shifts, of_shifts = _measure_shifts(task, student, used, predictive)
    if shifts:
        metrics["shifts"] = shifts
    predictions = {
        "test.labels": y_test,
        **{f"test.{name}": value for name, value in vars(predictive).items()},
        "test.prediction_set": predictive.prediction_set.to(torch.uint8),
        "test.draws": saved.to(torch.float16),
        "test.responsibilities": on_test.responsibilities,
        "test.weights": weights_under(test_logits, config.prior),
        "test.teachers": teachers,
        "test.warm_start": warm,
        "train.labels": y_train,
        "train.mean": on_train_logits.softmax(-1).mean(0),
        "train.responsibilities": on_train.responsibilities,
        "train.weights": weights_under(train_logits, config.prior),
        "train.teachers": train_logits.softmax(-1),
        "train.pulls": on_train.pulls,
        "train.label_pull": on_train.label_pull,
        **of_shifts,
    }
    return metrics, {name: value.cpu() for name, value in predictions.items() if value is not None}


def _measure_shifts(
    task: Task, student: Student, draws: Tensor, own: Predictive
) -> tuple[dict[str, dict[str, dict[str, float]]], dict[str, Tensor]]:
    """Metrics and predictions of the task's shifts under draws [S, D, P]; `own` is of the test examples."""
    metrics: dict[str, dict[str, dict[str, float]]] = {}
    predictions: dict[str, Tensor] = {}
    at_home = foreign_scores(own)
    for name, x in task.shifts.items():
        there = predict(student, draws, x.to(draws.device))
        scores_there = foreign_scores(there)
        metrics[name] = {score: asdict(separation(at_home[score], value)) for score, value in scores_there.items()}
        whole = {"mean": there.mean, "low": there.low, "high": there.high, **scores_there}
        predictions |= {f"shift.{name}.{part}": value for part, value in whole.items()}
    return metrics, predictions


def score_teachers(config: RunConfig, task: Task) -> TeacherScores:
    """The rows "teachers_mean" and "teacher:<name>" on the test examples; the same for equal teachers."""
    teachers = task.teacher_logits(config.data.teachers, "test").softmax(-1)
    return {
        "teachers_mean": scores(teachers.mean(0), task.y_test),
        **{f"teacher:{name}": scores(p, task.y_test) for name, p in zip(config.data.teachers, teachers, strict=True)},
    }


def _logits(student: Student, theta: Tensor, x: Tensor) -> Tensor:
    """Logits [D, N, C] of draws [D, P], in pieces of a element_budget size."""
    rows = max(1, element_budget(theta.device) // (len(x) * max(student.sizes[1:])))
    return torch.cat([student.logits(part, x) for part in theta.split(rows)])


def _log_probability_of_label(
    student: Student, draws: Tensor, most: int, x: Tensor, labels: Tensor, watch: Watch
) -> Tensor:
    """[S, D', M] for at most so many draws [S, D, P], a draw of every chain at a time: memory does not grow with D."""
    index = labels.expand(draws.shape[0], -1)[..., None]
    each = []
    for kept in thinned(draws, most).tolist():
        watch(1)
        each.append(student.logits(draws[:, kept], x).log_softmax(-1).gather(-1, index)[..., 0])
    return torch.stack(each, 1)
