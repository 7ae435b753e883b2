"""How a finished run's answers would move if a teacher counted a little less or more, from its draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from mtbkd_core.evaluation.predictive import thin
from mtbkd_core.evaluation.scores import SCORES, scores
from mtbkd_core.evaluation.sensitivity import PARETO_LIMIT, Change, Sensitivity, log_importance, sensitivity
from mtbkd_core.prior import stack_priors
from mtbkd_core.result import Result
from mtbkd_core.tasks.base import Task

#: Draws over all chains that are reweighted.
_DRAWS = 640


def run_sensitivity(result: Result, task: Task, *, most: int = _DRAWS) -> dict[str, Sensitivity]:
    """Each teacher's sensitivity on the test examples, by name; nothing where the teachers have no strength or are one.

    Args:
        task: the run's, with its teachers.
        most: draws over all chains that are used.
    """
    config = result.config
    names = config.data.teachers
    if config.prior.strength == 0 or len(names) < 2:
        return {}
    draws = thin(result.draws, most)
    data = task.training_set(names, config.n_unlabelled_used)
    mixture = stack_priors(data.teacher_logits, [config.prior])
    flat = draws.flatten(0, 1)
    log_weights = torch.cat(
        [log_importance(mixture, result.student.logits(some, data.x)) for some in flat.split(_rows(data.x, result))], -1
    )
    probabilities = result.student.probabilities(flat, task.x_test).unflatten(0, draws.shape[:2])
    ess = result.metrics.diagnostics.ess
    total = result.draws.shape[0] * result.draws.shape[1]
    efficiency = min(1.0, max(ess / total, 1 / total)) if ess else 1.0
    return dict(zip(names, sensitivity(log_weights, probabilities, efficiency), strict=True))


def _rows(x: Tensor, result: Result) -> int:
    return max(1, 2**24 // (len(x) * max(result.student.sizes[1:])))


def score_changes(found: Mapping[str, Sensitivity], labels: Tensor, score: str) -> pd.DataFrame:
    """How a score of the test examples changes; labels [M]. Columns as `changes_table`."""
    return changes_table(found, lambda mean: scores(mean, labels).row[score])


def class_changes(found: Mapping[str, Sensitivity], labels: Tensor, label: int) -> pd.DataFrame:
    """How the mean probability of a class changes on the test examples that have it; columns as `changes_table`."""
    here = labels == label
    return changes_table(found, lambda mean: float(mean[here, label].mean()) if here.any() else None)


def example_changes(found: Mapping[str, Sensitivity], example: int, label: int) -> pd.DataFrame:
    """How the probability of a class changes at one test example; columns as `changes_table`."""
    return changes_table(found, lambda mean: float(mean[example, label]))


def changes_table(found: Mapping[str, Sensitivity], answer: Any) -> pd.DataFrame:
    """How an answer, worked out from the predictive mean [M, C], changes with each teacher's base weight.

    Returns:
        One row a teacher and factor: teacher, factor, change, error (the sampler's standard error), pareto_k, clear
        (more than two standard errors from zero, where the draws can tell).
    """
    rows: list[tuple[str, float, Change, float]] = [
        (name, factor, change, k)
        for name, own in found.items()
        for factor, change, k in zip(own.factors, own.changes(answer), own.pareto_k, strict=True)
    ]
    return pd.DataFrame(
        [
            (name, factor, change.value, change.error, k, change.clear and k <= PARETO_LIMIT)
            for name, factor, change, k in rows
        ],
        columns=["teacher", "factor", "change", "error", "pareto_k", "clear"],
    )


def harms(found: Mapping[str, Sensitivity], labels: Tensor, score: str = "nll") -> list[str]:
    """Teachers with which less would be better: the score gets better with 10 % less of them, by over two errors.

    Not where the draws cannot tell.
    """
    table = score_changes(found, labels, score)
    sign = 1 if SCORES[score].higher_is_better else -1
    less = table[(table["factor"] < 1) & table["clear"] & (sign * table["change"] > 0)]
    return list(less["teacher"])
