"""How a finished run's answers would move if a teacher counted a little less or more, from its draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from mtbkd_core.evaluation.calibration import Array
from mtbkd_core.evaluation.diagnostics import chains_agree
from mtbkd_core.evaluation.errors import resampled_scores, resamples
from mtbkd_core.evaluation.predictive import thin
from mtbkd_core.evaluation.scores import SCORES, scores
from mtbkd_core.evaluation.sensitivity import PARETO_LIMIT, Change, Sensitivity, log_importance, sensitivity
from mtbkd_core.prior import stack_priors
from mtbkd_core.result import Result
from mtbkd_core.tasks.base import Task

#: Draws over all chains that are reweighted.
_DRAWS = 640
_NOTHING = np.array([np.nan])


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
    mixture = stack_priors(data.teacher_logits, [config.prior], together=data.together)
    flat = draws.flatten(0, 1)
    log_weights = torch.cat(
        [log_importance(mixture, result.student.logits(some, data.x)) for some in flat.split(_rows(data.x, result))], -1
    )
    probabilities = result.student.probabilities(flat, task.x_test).unflatten(0, draws.shape[:2])
    ess = result.metrics.diagnostics.ess
    total = result.draws.shape[0] * result.draws.shape[1]
    efficiency = min(1.0, max(ess / total, 1 / total)) if ess else 1.0
    agree = chains_agree(result.metrics.diagnostics.worst)
    found = (replace(own, chains_agree=agree) for own in sensitivity(log_weights, probabilities, efficiency))
    return dict(zip(names, found, strict=True))


def _rows(x: Tensor, result: Result) -> int:
    return max(1, 2**24 // (len(x) * max(result.student.sizes[1:])))


def score_changes(found: Mapping[str, Sensitivity], labels: Tensor, score: str) -> pd.DataFrame:
    """How a score of the test examples changes; labels [M]. Columns as `changes_table`."""
    weights = resamples(len(labels))
    return changes_table(
        found,
        lambda mean: scores(mean, labels).row[score],
        lambda mean: resampled_scores(mean, labels, weights, score)[score],
    )


def class_changes(found: Mapping[str, Sensitivity], labels: Tensor, label: int) -> pd.DataFrame:
    """How the mean probability of a class changes on the test examples that have it; columns as `changes_table`."""
    here = labels == label
    count = int(here.sum())
    weights = resamples(count) if count else None

    def of_class(mean: Tensor) -> float | None:
        return float(mean[here, label].mean()) if count else None

    def resampled(mean: Tensor) -> Array:
        each: Array = weights @ mean[here, label].cpu().double().numpy() / count if weights is not None else _NOTHING
        return each

    return changes_table(found, of_class, resampled)


def example_changes(found: Mapping[str, Sensitivity], example: int, label: int) -> pd.DataFrame:
    """How the probability of a class changes at one test example; columns as `changes_table`."""
    return changes_table(found, lambda mean: float(mean[example, label]))


def changes_table(
    found: Mapping[str, Sensitivity],
    answer: Callable[[Tensor], float | None],
    resampled: Callable[[Tensor], Array] | None = None,
) -> pd.DataFrame:
    """How an answer, worked out from the predictive mean [M, C], changes with each teacher's base weight.

    Args:
        resampled: the answer [B] on bootstrap samples of the test set, where it is about one.
    Returns:
        One row a teacher and factor: teacher, factor, change, sampler and test_set (its standard errors), half_width
        (of its 95 % interval under both), pareto_k, clear (the interval leaves out zero, and the draws can tell),
        clear_here (the same on these test examples, under the sampler's error alone).
    """
    rows: list[tuple[str, float, Change, float, bool]] = [
        (name, factor, change, k, own.chains_agree and k <= PARETO_LIMIT)
        for name, own in found.items()
        for factor, change, k in zip(own.factors, own.changes(answer, resampled), own.pareto_k, strict=True)
    ]
    return pd.DataFrame(
        [
            (
                *(name, factor, change.value, change.sampler, change.test_set, change.half_width, k),
                *(each and can_tell for each in (change.clear, change.clear_here)),
            )
            for name, factor, change, k, can_tell in rows
        ],
        columns=["teacher", "factor", "change", "sampler", "test_set", "half_width", "pareto_k", "clear", "clear_here"],
    )


def harms(changes: pd.DataFrame, score: str = "nll") -> dict[str, bool]:
    """Teachers with which less would be better: on these test examples the score gets clearly better with 10 % less.

    Args:
        changes: the `score_changes` of the score.
    Returns:
        name -> whether it is clear for other test examples, too.
    """
    sign = 1 if SCORES[score].higher_is_better else -1
    less = changes[(changes["factor"] < 1) & changes["clear_here"] & (sign * changes["change"] > 0)]
    return {str(name): bool(clear) for name, clear in zip(less["teacher"], less["clear"], strict=True)}
