"""Tables of one run: its series of predictions, their scores, and their accuracy by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import torch
from torch import Tensor

from mtbkd_core.evaluation.errors import Difference, ScoreError
from mtbkd_core.evaluation.predictions import PredictionsOnTest
from mtbkd_core.evaluation.score_rows import by_class, difference_of_means, differences_of_runs, knows_label
from mtbkd_core.evaluation.scores import OF_SETS
from mtbkd_core.evaluation.sets import measured_rows
from mtbkd_core.evaluation.teacher_tables import expertise
from mtbkd_core.prior import mean_of_teachers
from mtbkd_core.result import Result


def series_probabilities(result: Result) -> dict[str, Tensor]:
    """[M, C] of each row of scores (`Metrics.rows`), on the test examples; NaN at a class that is not known."""
    found = result.predictions.test
    whole = {
        "student": found.mean,
        "student_mode": found.mode,
        "warm_start": found.warm_start,
        "teachers_mean": mean_of_teachers(found.teachers),
        "teachers_weighted": found.teachers_weighted,
    }
    return {name: p for name, p in whole.items() if p is not None} | {
        f"teacher:{name}": found.teachers[k] for k, name in enumerate(result.config.data.teachers)
    }


def series_predictions(result: Result) -> dict[str, tuple[Tensor, Tensor]]:
    """Probabilities [m, C] and labels [m] of each of `series_probabilities`, of the examples whose label it knows."""
    labels, found = result.predictions.test.labels.long(), series_probabilities(result)
    known = {name: knows_label(p, labels) for name, p in found.items()}
    return {name: (p[known[name]].nan_to_num(0.0), labels[known[name]]) for name, p in found.items()}


def scores_of_series(result: Result, titles: Mapping[str, str], shown: Sequence[str]) -> pd.DataFrame:
    """One row a series, a column for each score in `shown`, as text with its errors."""
    rows = [[title, *(result.metrics[name].text(score) for score in shown)] for name, title in titles.items()]
    return pd.DataFrame(rows, columns=["", *shown])


def differences_of_results(first: Result, second: Result) -> dict[str, Difference]:
    """Each score of the first run's student minus the second's; empty where they have other test examples.

    Of those of a posterior alone neither way is better: their differences have no verdict.
    """
    one, other = first.predictions.test, second.predictions.test
    if not torch.equal(one.labels.long(), other.labels.long()):
        return {}
    chains = min(len(first.draws), len(second.draws))
    scores = first.metrics.student, second.metrics.student
    found = differences_of_runs(*scores, (one.mean, other.mean), one.labels, chains)
    rows = measured_rows(len(one.labels), first.config.data.split_seed)
    for name in (*OF_SETS, "epistemic", "deviance"):
        values = [_each(name, predictions, rows) for predictions in (one, other)]
        errors = [row.errors.get(name, ScoreError()) for row in scores]
        found[name] = difference_of_means(values[0], values[1], (errors[0], errors[1]), chains)
    return found


def _each(name: str, predictions: PredictionsOnTest, rows: Tensor) -> Tensor:
    """A score's value at each of the test examples that it is measured on."""
    if name not in OF_SETS:
        value: Tensor = getattr(predictions, name)
        return value
    held = predictions.prediction_set[rows].bool()
    return held.sum(-1) if name == "set_size" else held.gather(-1, predictions.labels[rows].long()[:, None])[:, 0]


def accuracy_by_class(result: Result, titles: Mapping[str, str], class_names: Sequence[str]) -> pd.DataFrame:
    """Accuracy of some series by class, as `expertise`; titles: of rows of scores, by their key.

    A run of a former version holds none: it is worked out from its predictions, without the sampler's error.
    """
    predicted = series_predictions(result)
    scores = {title: result.metrics[name].by_class or by_class(*predicted[name]) for name, title in titles.items()}
    return expertise(scores, class_names, who="series")
