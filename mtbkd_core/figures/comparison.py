"""MT-BKD against its baselines: which method is better at a glance, and a forest of intervals for each score."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.evaluation.errors import Reading
from mtbkd_core.evaluation.scores import COMPARED, SCORES, ScoreInfo
from mtbkd_core.figures.parts import CATEGORIES, GRIDLINES, around_zero, interval, marks, rows
from mtbkd_core.figures.theme import INK, MUTED, composed

#: verdict -> it in words.
_WORDS = {
    Reading.BETTER: "MT-BKD is better",
    Reading.WORSE: "the baseline is better",
    Reading.UNCLEAR: "no clear difference",
    Reading.UNKNOWN: "not known",
}
#: verdict -> colour, symbol, size of the mark. Shape and size show it too: colour is never alone.
_MARKS = {
    Reading.BETTER: (INK, "circle", 12),
    Reading.WORSE: (INK, "diamond-open", 13),
    Reading.UNCLEAR: (MUTED, "line-ew-open", 9),
    Reading.UNKNOWN: (MUTED, "circle-open", 6),
}


def draw_verdicts(table: pd.DataFrame) -> go.Figure:
    """Which method is better, by baseline (rows) and score (columns) that was measured; `table` as `gap_table`."""
    known = set(table.loc[table["verdict"] != Reading.UNKNOWN, "score"]) or set(table["score"])
    shown = [score for score in COMPARED if score in known]
    table = table[table["score"].isin(shown)]
    traces = [
        marks(
            part["score"].map(lambda score: SCORES[score].short),
            part["title"],
            _capitalised(_WORDS[verdict]),
            "<b>%{y}</b>, %{x}<br>%{customdata[0]}<br>%{customdata[1]}",
            colour=colour,
            symbol=symbol,
            size=size,
            customdata=np.column_stack([_in_words(part), part["line"]]),
        )
        for verdict, (colour, symbol, size), part in _by_verdict(table)
    ]
    titles = list(dict.fromkeys(table["title"]))
    order = {"categoryorder": "array", "categoryarray": [SCORES[score].short for score in shown]}
    return composed(
        traces,
        height=110 + 25 * len(titles),
        legend={"y": -0.02, "yanchor": "top"},
        x={**CATEGORIES, **order, "side": "top", "range": [-0.5, len(shown) - 0.5]},
        y=rows(titles, **GRIDLINES),
        margin={"t": 12},
    )


def draw_forest(table: pd.DataFrame, score: str) -> go.Figure:
    """MT-BKD minus each baseline by one score, with its 95 % interval; the side where MT-BKD is better is shaded.

    Args:
        table: as `gap_table`; baselines without a difference in this score are not drawn.
        score: one of `COMPARED`.
    """
    info = SCORES[score]
    scale, unit = difference_unit(info)
    numbers = ["difference", "low", "high"]
    shown = table[(table["score"] == score) & table["difference"].notna()].copy()
    words = pd.Series(_in_words(shown), shown.index, dtype=object)
    shown[numbers] *= scale
    traces = []
    for verdict, (colour, symbol, size), part in _by_verdict(shown):
        unclear = verdict in (Reading.UNCLEAR, Reading.UNKNOWN)
        middle, low, high = (part[name] for name in numbers)
        traces.append(
            marks(
                middle,
                part["title"],
                _capitalised(_WORDS[verdict]),
                "<b>%{y}</b><br>%{customdata[0]}<br>%{customdata[1]}",
                colour=colour,
                symbol="circle" if verdict is Reading.UNCLEAR else symbol,
                size=min(size, 10),
                error_x=interval(middle, low, high, colour=colour, thickness=1.3 if unclear else 2.2),
                customdata=np.column_stack([words[part.index], part["line"]]),
            )
        )
    sides = ("baseline better", "MT-BKD better") if info.higher_is_better else ("MT-BKD better", "baseline better")
    title = "MT-BKD minus the baseline" + (f" ({unit})" if unit else "")
    return composed(
        traces,
        height=110 + 21 * len(shown),
        legend=False,
        y=rows(shown["title"].tolist()),
        **around_zero(shown[numbers], *sides, shaded="right" if info.higher_is_better else "left", title=title),
    )


def difference_unit(info: ScoreInfo) -> tuple[float, str]:
    """What to multiply a difference in a score by, and the unit then: shares differ by percentage points."""
    return (100.0, "points") if info.share else (1.0, info.unit)


def _by_verdict(table: pd.DataFrame) -> Iterator[tuple[Reading, tuple[str, str, int], pd.DataFrame]]:
    """The verdicts that occur, how each is marked, and its rows."""
    for verdict, look in _MARKS.items():
        part = table[table["verdict"] == verdict]
        if not part.empty:
            yield verdict, look, part


def _capitalised(text: str) -> str:
    return text[0].upper() + text[1:]


def _in_words(table: pd.DataFrame) -> list[str]:
    """Each difference with its interval and its verdict."""
    found = []
    for row in table.itertuples():
        info = SCORES[str(row.score)]
        scale, unit = difference_unit(info)
        digits = 1 if info.share else 4
        if not np.isfinite(row.difference):
            found.append("not defined for these seeds")
            continue
        known = f", 95 % interval {scale * row.low:+.{digits}f} to {scale * row.high:+.{digits}f}"
        interval = known if np.isfinite(row.low) else ", no interval from one seed"
        found.append(
            f"{scale * row.difference:+.{digits}f} {unit}".rstrip() + f"{interval}: {_WORDS[Reading(row.verdict)]}"
        )
    return found
