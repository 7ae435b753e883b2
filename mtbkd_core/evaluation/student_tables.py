"""Tables of the student's posterior: intervals, uncertainty, prediction sets, reliability, shifts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import scipy

from mtbkd_core.evaluation.calibration import Reliability
from mtbkd_core.evaluation.errors import ScoreError
from mtbkd_core.evaluation.scores import SCORES
from mtbkd_core.evaluation.sets import SET_KINDS, Sets, SetScores
from mtbkd_core.evaluation.shift import MEASURES, SHIFT_SCORES, Separation

#: A student that is quite sure has a score of zero, which has no logarithm: smaller scores count as this one.
LEAST_SCORE = 1e-6
_POINTS = 200


def interval_table(
    mean: np.ndarray,
    mode: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    in_set: np.ndarray,
    class_names: Sequence[str],
) -> pd.DataFrame:
    """One row a class of one test example: class, mean, mode, low, high, in_set; every argument is [C]."""
    columns = {"class": list(class_names), "mean": mean, "mode": mode, "low": low, "high": high}
    return pd.DataFrame(columns | {"in_set": in_set.astype(bool)})


def example_table(
    labels: np.ndarray,
    mean: np.ndarray,
    deviance: np.ndarray,
    total: np.ndarray,
    aleatoric: np.ndarray,
    epistemic: np.ndarray,
    class_names: Sequence[str],
    apart: np.ndarray | None = None,
) -> pd.DataFrame:
    """One row a test example: example, class, predicted, right, deviance, total, aleatoric, epistemic.

    Every argument is [M], `mean` [M, C]. Where it is known on which examples the chains disagree, `apart` says so.
    """
    predicted = mean.argmax(-1)
    table = pd.DataFrame(
        {
            "example": np.arange(len(labels)),
            "class": [class_names[index] for index in labels],
            "predicted": [class_names[index] for index in predicted],
            "right": predicted == labels,
            "deviance": deviance,
            "total": total,
            "aleatoric": aleatoric,
            "epistemic": epistemic,
        }
    )
    return table if apart is None else table.assign(apart=apart)


def entropy_by_class(table: pd.DataFrame, *, chosen: int) -> pd.DataFrame:
    """Mean aleatoric and epistemic entropy of the chosen example and of each class: name, aleatoric, epistemic.

    `table` is an `example_table`.
    """
    parts = ["aleatoric", "epistemic"]
    means = table.groupby("class", sort=False)[parts].mean().sort_index().reset_index(names="name")
    own = table.loc[[chosen], parts].assign(name="chosen")
    return pd.concat([own, means], ignore_index=True)[["name", *parts]]


def set_table(prediction_set: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """How many prediction sets have each size, and how many of them hold the true class: size, examples, covered."""
    sizes = prediction_set.astype(bool).sum(-1)
    covered = prediction_set.astype(bool)[np.arange(len(labels)), labels]
    rows = [
        (int(size), int((sizes == size).sum()), int((covered & (sizes == size)).sum()))
        for size in range(1, int(sizes.max()) + 1)
    ]
    return pd.DataFrame(rows, columns=["size", "examples", "covered"])


def set_scores_table(sets: Sets, class_names: Sequence[str]) -> pd.DataFrame:
    """One row a kind of prediction set that was measured, as text: kind, coverage, size, promise."""
    rows = []
    for name, kind in SET_KINDS.items():
        found: SetScores | None = sets[name]
        if found is None:
            continue
        promise = kind.promise
        if found.always:
            always = ", ".join(class_names[label] for label in found.always)
            promise += f" Too few labels to calibrate, hence in every set: {always}."
        coverage = SCORES["coverage"].text(found.coverage, ScoreError(test_set=found.coverage_error))
        size = SCORES["set_size"].text(found.size, ScoreError(test_set=found.size_error))
        rows.append([kind.title, coverage, size, promise])
    return pd.DataFrame(rows, columns=["kind", "coverage", "size", "promise"])


def reliability_table(curves: Mapping[str, Reliability], titles: Mapping[str, str]) -> pd.DataFrame:
    """The bins that hold an example: series, title, from, to, count, confidence, accuracy, low and high of each."""
    parts = []
    for series, curve in curves.items():
        edges = np.asarray(curve.edges, dtype=float)
        part = pd.DataFrame(
            {"series": series, "title": titles.get(series, series), "from": edges[:-1], "to": edges[1:]}
        )
        part["count"] = np.asarray(curve.count, dtype=int)
        for name in ("confidence", "accuracy", "low", "high"):
            part[name] = np.asarray(getattr(curve, name), dtype=float)
        parts.append(part[part["count"] > 0])
    return pd.concat(parts, ignore_index=True)


def separation_table(measured: Mapping[str, Mapping[str, Separation]], titles: Mapping[str, str]) -> pd.DataFrame:
    """One row a shift and score: shift, score, each of `MEASURES` and its errors, `_test_set` and `_sampler`.

    Args:
        measured: the metrics "shifts" of a run: shift -> score -> how well it separates.
        titles: of the shifts to show, by name, in order.
    """
    rows = [
        {"shift": title, "score": about.title, **_with_errors(measured[shift][score])}
        for shift, title in titles.items()
        for score, about in SHIFT_SCORES.items()
        if score in measured[shift]
    ]
    columns = [column for name in MEASURES for column in (name, f"{name}_test_set", f"{name}_sampler")]
    return pd.DataFrame(rows, columns=["shift", "score", *columns])


def _with_errors(found: Separation) -> dict[str, float | None]:
    row: dict[str, float | None] = {}
    for name in MEASURES:
        error = found.errors.get(name, ScoreError())
        row |= {name: found[name], f"{name}_test_set": error.test_set, f"{name}_sampler": error.sampler}
    return row


def separations_shown(measured: Mapping[str, Mapping[str, Separation]], titles: Mapping[str, str]) -> pd.DataFrame:
    """As `separation_table`, but each measure as text with its errors."""
    rows = [
        [title, about.title, *(measured[shift][score].text(name) for name in MEASURES)]
        for shift, title in titles.items()
        for score, about in SHIFT_SCORES.items()
        if score in measured[shift]
    ]
    return pd.DataFrame(rows, columns=["Inputs", "Score", *(each.title for each in MEASURES.values())])


def score_density(groups: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Density of the logarithm (base 10) of a score by group, on one grid: group, log_score, density.

    By a Gaussian kernel with Scott's bandwidth.

    Args:
        groups: title -> scores [M] of 0 or more, two different ones at least.
    """
    logs = {title: np.log10(np.maximum(values, LEAST_SCORE)) for title, values in groups.items()}
    low, high = min(values.min() for values in logs.values()), max(values.max() for values in logs.values())
    grid = np.linspace(low - 0.1 * (high - low), high + 0.1 * (high - low), _POINTS)
    parts = [
        pd.DataFrame({"group": title, "log_score": grid, "density": scipy.stats.gaussian_kde(values)(grid)})
        for title, values in logs.items()
    ]
    return pd.concat(parts, ignore_index=True)
