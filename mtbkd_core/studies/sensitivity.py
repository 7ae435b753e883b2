"""How a finished run's answers would move if a teacher counted a little less or more, from its draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from torch import Tensor

from mtbkd_core.evaluation.calibration import Array
from mtbkd_core.evaluation.diagnostics import chains_agree
from mtbkd_core.evaluation.errors import resampled_scores, resamples
from mtbkd_core.evaluation.reweighting import PARETO_LIMIT, Change, Reweighted
from mtbkd_core.evaluation.scores import SCORES, scores
from mtbkd_core.evaluation.sensitivity import FACTORS, log_importance, sensitivity
from mtbkd_core.result import Result
from mtbkd_core.studies.reweighting import DRAWS, DrawnStudents
from mtbkd_core.tasks.base import Task

_NOTHING = np.array([np.nan])


def run_sensitivity(result: Result, task: Task, *, most: int = DRAWS) -> dict[str, Reweighted]:
    """Each teacher's sensitivity on the test examples, by name; nothing where the teachers have no strength or are one.

    Args:
        task: the run's, with its teachers.
        most: draws over all chains that are used.
    """
    config = result.config
    names = config.data.teachers
    if config.prior.strength == 0 or len(names) < 2:
        return {}
    drawn = DrawnStudents.of(result, task, most)
    log_weights = log_importance(drawn.mixture(config.prior), drawn.logits) / config.sampler.temperature
    agree = chains_agree(result.metrics.diagnostics.worst)
    of_each = sensitivity(log_weights, drawn.on_test[..., :-1], drawn.efficiency)
    found = (replace(own, chains_agree=agree) for own in of_each)
    return dict(zip(names, found, strict=True))


def score_changes(found: Mapping[str, Reweighted], labels: Tensor, score: str) -> pd.DataFrame:
    """How a score of the test examples changes; labels [M]. Columns as `changes_table`."""
    weights = resamples(len(labels))
    return changes_table(
        found,
        lambda mean: scores(mean, labels).row[score],
        lambda mean: resampled_scores(mean, labels, weights, score)[score],
    )


def class_changes(found: Mapping[str, Reweighted], labels: Tensor, label: int) -> pd.DataFrame:
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


def example_changes(found: Mapping[str, Reweighted], example: int, label: int) -> pd.DataFrame:
    """How the probability of a class changes at one test example; columns as `changes_table`."""
    return changes_table(found, lambda mean: float(mean[example, label]))


def changes_table(
    found: Mapping[str, Reweighted],
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
        for factor, change, k in zip(FACTORS, own.changes(answer, resampled), own.pareto_k, strict=True)
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
