"""Tables of studies: the comparison with baselines, the sweep of a setting, Shapley values, coverage."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from mtbkd_core.evaluation.diagnostics import worst_r_hat
from mtbkd_core.evaluation.errors import ScoreError
from mtbkd_core.evaluation.means import Mean, mean_over, means_of
from mtbkd_core.evaluation.scores import COMPARED, R_HAT, SCORES, Row
from mtbkd_core.studies.comparison import Comparison
from mtbkd_core.studies.coverage import Coverage
from mtbkd_core.studies.method_words import about
from mtbkd_core.studies.shapley import Contributions

#: The columns that `summarise` gives.
SUMMARY = ("seeds", *(name for score in COMPARED for name in (score, f"{score}_error")), R_HAT)


def gap_table(comparison: Comparison, teachers: Mapping[str, str]) -> pd.DataFrame:
    """One row a baseline and score: method, title, line, score, seeds, difference, low, high, verdict.

    Args:
        comparison: of any number of seeds; what is not known is NaN.
        teachers: name -> title.
    """
    ours = comparison.methods.get("mt_bkd", {})
    rows = []
    for method, gaps in comparison.paired.items():
        known = about(method, teachers)
        for score in COMPARED:
            if score not in gaps:
                continue
            gap = gaps[score]
            pairs = zip(ours[score], comparison.methods[method][score], strict=True)
            count = sum(a is not None and b is not None for a, b in pairs)
            numbers = (np.nan if value is None else value for value in (gap.difference, gap.low, gap.high))
            rows.append((method, known.title, known.line, score, count, *numbers, gap.verdict.value))
    columns = ["method", "title", "line", "score", "seeds", "difference", "low", "high", "verdict"]
    return pd.DataFrame(rows, columns=columns)


def score_table(comparison: Comparison, teachers: Mapping[str, str]) -> pd.DataFrame:
    """One row a method: method, title, line, and `SUMMARY`."""
    rows = []
    for method, columns in comparison.methods.items():
        known, means = about(method, teachers), comparison.means[method]
        rows.append({"method": method, "title": known.title, "line": known.line, **summarise(columns, means)})
    return pd.DataFrame(rows, columns=["method", "title", "line", *SUMMARY])


def tuned_table(comparison: Comparison, teachers: Mapping[str, str]) -> pd.DataFrame:
    """One row a method and seed: method, title, seed, settings in words, validation_nll, tried."""
    rows = [
        (name, about(name, teachers).title, seed, tuned.text, tuned.validation_nll, tuned.tried)
        for name, each in comparison.tuned.items()
        for seed, tuned in zip(comparison.seeds, each, strict=True)
        if tuned is not None
    ]
    return pd.DataFrame(rows, columns=["method", "title", "seed", "settings", "validation_nll", "tried"])


def each_seed_table(comparison: Comparison, teachers: Mapping[str, str], score: str) -> pd.DataFrame:
    """One row a method, its `title`, and a column for each seed with its value of a score; NaN where there is none."""
    rows = [
        {"title": about(name, teachers).title}
        | {str(seed): value for seed, value in zip(comparison.seeds, columns[score], strict=True)}
        for name, columns in comparison.methods.items()
        if score in columns
    ]
    return pd.DataFrame(rows, columns=["title", *map(str, comparison.seeds)])


def summarise(columns: Mapping[str, Sequence[float | None]], means: Mapping[str, Mean]) -> dict[str, float]:
    """`SUMMARY` of scores, one a seed: the mean of each and its error (`Mean`), and the worst R-hat.

    What is not known is NaN; `r_hat` is the worst over the seeds, infinite where one of them has none, and NaN for a
    method without chains.
    """
    row: dict[str, float] = {}
    row["seeds"] = max((sum(value is not None for value in values) for values in columns.values()), default=0)
    for score in COMPARED:
        mean = means.get(score, Mean())
        row |= {score: _number(mean.value), f"{score}_error": _number(mean.error)}
    scores = zip(*(columns[score] for score in COMPARED if score in columns), strict=True)
    there = [any(value is not None for value in seed) for seed in scores]
    row[R_HAT] = worst_r_hat(value for value, ended in zip(columns.get(R_HAT, []), there, strict=False) if ended)
    return row


def value_title(value: str) -> str:
    """A setting's value as a person reads it: 1.0 as 1, inverse_entropy as inverse entropy."""
    return value.removesuffix(".0").replace("_", " ")


def seed_table(scores: Mapping[str, Sequence[Row | None]]) -> pd.DataFrame:
    """One row a value of a setting and seed that is there: value, replicate, each of `COMPARED`, r_hat; None is NaN."""
    rows = [
        (value, place, *(np.nan if row.get(name) is None else row[name] for name in (*COMPARED, R_HAT)))
        for value, found in scores.items()
        for place, row in enumerate(found)
        if row is not None
    ]
    return pd.DataFrame(rows, columns=["value", "replicate", *COMPARED, R_HAT])


def sweep_table(scores: Mapping[str, Sequence[Row | None]], current: str) -> pd.DataFrame:
    """One row a value of a setting that has a score: value, title, current, and `SUMMARY` over its seeds.

    Args:
        scores: value -> scores, one a seed; None where a run has not ended.
        current: the value that the settings themselves have.
    """
    rows = []
    for value, found in scores.items():
        there = [row for row in found if row is not None]
        if there:
            columns = {name: [row.get(name) for row in there] for name in (*COMPARED, R_HAT)}
            summary = summarise(columns, means_of(there))
            rows.append({"value": value, "title": value_title(value), "current": value == current, **summary})
    return pd.DataFrame(rows, columns=["value", "title", "current", *SUMMARY])


def shapley_table(
    found: Sequence[Contributions], influence: pd.DataFrame, sampler: Contributions | None = None
) -> pd.DataFrame:
    """An `influence_table` with each teacher's value: mean over seeds of shapley, leave_one_out and solo.

    Beside each of the three its standard error (`_error`) and the half width of its 95 % interval (`_half_width`): of
    several seeds by their spread; of a single one the sampler's, where it is known.

    Args:
        found: of one seed at least.
        sampler: the `contribution_errors` of the only seed.
    """
    table = influence.copy()
    for measure in ("shapley", "leave_one_out", "solo"):
        means = [
            mean_over(
                [getattr(value, measure)[name] for value in found],
                [ScoreError(sampler=None if sampler is None else getattr(sampler, measure)[name])] * len(found),
            )
            for name in table["teacher"]
        ]
        table[measure] = [_number(mean.value) for mean in means]
        table[f"{measure}_error"] = [_number(mean.error) for mean in means]
        table[f"{measure}_half_width"] = [_number(mean.half_width) for mean in means]
    return table


def contributes_most(table: pd.DataFrame, score: str) -> str | None:
    """The title of the teacher with the best Shapley value, where it is clearly ahead of the next; else None.

    Args:
        table: as `shapley_table`; the two errors add in squares.
    """
    sign = 1 if SCORES[score].higher_is_better else -1
    order = (sign * table["shapley"]).sort_values(ascending=False).index
    if len(order) == 1:
        return str(table["title"][order[0]])
    first, second = (table.loc[place] for place in order[:2])
    margin = math.hypot(first["shapley_half_width"], second["shapley_half_width"])
    return str(first["title"]) if sign * (first["shapley"] - second["shapley"]) > margin else None


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def coverage_table(found: Sequence[Coverage]) -> pd.DataFrame:
    """One row a setting of the coverage study.

    Columns: setting, teachers, rule, coverage, low and high (its 95 % interval), width, bias, nll; `labels`, the
    median of what a statement is worth; of its posteriors `apart`, how many have chains that disagree, and
    `effective`, the median of their effective draws.
    """
    rows = []
    for row in found:
        teachers, mixed, rule = row.setting.rpartition(", ")
        rows.append(
            {
                "setting": row.setting,
                "teachers": teachers if mixed else row.setting,
                "rule": rule if mixed else "",
                "coverage": row.mean,
                "low": row.mean - 1.96 * row.error,
                "high": row.mean + 1.96 * row.error,
                "width": float(row.width.mean()),
                "bias": float(row.bias.mean()),
                "nll": float(row.nll.mean()),
                "labels": float(row.labels.median()),
                "apart": row.apart,
                "effective": float(row.effective.median()),
            }
        )
    return pd.DataFrame(rows)
