"""MT-BKD against its rivals: who is better at a glance, a forest of intervals for each score, and the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.evaluation.diagnostics import worst_r_hat
from mtbkd_core.evaluation.scores import COMPARED, R_HAT, SCORES
from mtbkd_core.figures.theme import BAND, GRID, INK, MUTED, styled
from mtbkd_core.studies.comparison import HIGHER_IS_BETTER, Comparison, Verdict, verdict
from mtbkd_core.studies.methods import about

#: What differences are counted in: those in accuracy are shown in percentage points.
_UNITS = {score: "points" if SCORES[score].share else SCORES[score].unit for score in COMPARED}
_SCALE = {score: 100.0 if SCORES[score].share else 1.0 for score in COMPARED}

#: verdict -> colour, symbol, size of the mark. Shape and size say it too: colour is never alone.
_MARKS = {
    Verdict.BETTER: (INK, "circle", 12),
    Verdict.WORSE: (INK, "diamond-open", 13),
    Verdict.UNCLEAR: (MUTED, "line-ew-open", 9),
    Verdict.UNKNOWN: (MUTED, "circle-open", 6),
}


def gap_table(comparison: Comparison, teachers: Mapping[str, str]) -> pd.DataFrame:
    """One row a rival and score: method, title, line, score, seeds, difference, low, high, verdict.

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
            rows.append((method, known.title, known.line, score, count, *numbers, verdict(score, gap).value))
    columns = ["method", "title", "line", "score", "seeds", "difference", "low", "high", "verdict"]
    return pd.DataFrame(rows, columns=columns)


def score_table(comparison: Comparison, teachers: Mapping[str, str]) -> pd.DataFrame:
    """One row a method: method, title, line, seeds, mean and sd over seeds of each score (`nll`, `nll_sd`), r_hat.

    The sd divides by one less than the number of seeds and is NaN for one; `r_hat` is the worst over the seeds,
    infinite where one of them has none, and NaN for what has no chains.
    """
    rows = []
    for method, columns in comparison.methods.items():
        known = about(method, teachers)
        rows.append({"method": method, "title": known.title, "line": known.line, **summarise(columns)})
    return pd.DataFrame(rows, columns=["method", "title", "line", *SUMMARY])


#: The columns that `summarise` gives.
SUMMARY = ("seeds", *(name for score in COMPARED for name in (score, f"{score}_sd")), R_HAT)


def summarise(columns: Mapping[str, Sequence[float | None]]) -> dict[str, float]:
    """`SUMMARY` of scores, one a seed: mean and sd of each over the seeds that have it, and the worst R-hat."""
    row: dict[str, float] = {}
    row["seeds"] = max((sum(value is not None for value in values) for values in columns.values()), default=0)
    for score in COMPARED:
        values = np.array([value for value in columns.get(score, []) if value is not None])
        row[score] = float(values.mean()) if len(values) else np.nan
        row[f"{score}_sd"] = float(values.std(ddof=1)) if len(values) > 1 else np.nan
    scores = zip(*(columns[score] for score in COMPARED if score in columns), strict=True)
    there = [any(value is not None for value in seed) for seed in scores]
    row[R_HAT] = worst_r_hat(value for value, ended in zip(columns.get(R_HAT, []), there, strict=False) if ended)
    return row


def draw_verdicts(table: pd.DataFrame) -> go.Figure:
    """Who is better, by rival (rows) and score (columns); `table` as `gap_table`."""
    figure = go.Figure()
    titles = list(dict.fromkeys(table["title"]))
    for said, (colour, symbol, size) in _MARKS.items():
        part = table[table["verdict"] == said]
        if part.empty:
            continue
        figure.add_scatter(
            x=part["score"].map(lambda score: SCORES[score].short),
            y=part["title"],
            mode="markers",
            name=said[0].upper() + said[1:],
            marker={"color": colour, "symbol": symbol, "size": size, "line": {"width": 2, "color": colour}},
            customdata=np.column_stack([_spoken(part), part["line"]]),
            hovertemplate="<b>%{y}</b>, %{x}<br>%{customdata[0]}<br>%{customdata[1]}<extra></extra>",
        )
    order = [SCORES[score].short for score in COMPARED]
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=order, side="top", range=[-0.5, 4.5])
    figure.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=titles,
        range=[len(titles) - 0.5, -0.5],
        showgrid=True,
        gridcolor=GRID,
    )
    styled(figure, height=110 + 25 * len(titles))
    figure.update_layout(legend={"y": -0.02, "yanchor": "top"}, margin={"t": 12, "b": 8})
    return figure


def draw_forest(table: pd.DataFrame, score: str) -> go.Figure:
    """MT-BKD minus each rival by one score, with its 95 % interval; the side where MT-BKD is better is shaded.

    Args:
        table: as `gap_table`; rivals without a difference in this score are not drawn.
        score: one of `COMPARED`.
    """
    rows = table[(table["score"] == score) & table["difference"].notna()].copy()
    scale = _SCALE[score]
    rows[["difference", "low", "high"]] *= scale
    figure = go.Figure()
    low, high = _limits(rows)
    higher = HIGHER_IS_BETTER[score]
    figure.add_vrect(x0=0 if higher else low, x1=high if higher else 0, fillcolor=BAND, line_width=0, layer="below")
    figure.add_vline(x=0, line={"color": INK, "width": 1})
    for said, (colour, symbol, size) in _MARKS.items():
        part = rows[rows["verdict"] == said]
        if part.empty:
            continue
        unclear = said in (Verdict.UNCLEAR, Verdict.UNKNOWN)
        figure.add_scatter(
            x=part["difference"],
            y=part["title"],
            mode="markers",
            name=said[0].upper() + said[1:],
            marker={
                "color": colour,
                "symbol": "circle" if said is Verdict.UNCLEAR else symbol,
                "size": min(size, 10),
                "line": {"width": 2 if symbol.endswith("open") and not unclear else 1, "color": colour},
            },
            error_x={
                "array": part["high"] - part["difference"],
                "arrayminus": part["difference"] - part["low"],
                "color": colour,
                "thickness": 1.3 if unclear else 2.2,
                "width": 0,
            },
            customdata=np.column_stack([_spoken(part, scaled=True), part["line"]]),
            hovertemplate="<b>%{y}</b><br>%{customdata[0]}<br>%{customdata[1]}<extra></extra>",
        )
    titles = list(rows["title"])
    figure.update_xaxes(range=[low, high], showgrid=True, gridcolor=GRID, nticks=6)
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=titles, range=[len(titles) - 0.5, -0.5], showgrid=False
    )
    unit = f" ({_UNITS[score]})" if _UNITS[score] else ""
    styled(figure, height=110 + 21 * len(titles), legend=False, x=f"MT-BKD minus the rival{unit}")
    sides = ("rival better", "MT-BKD better") if higher else ("MT-BKD better", "rival better")
    for place, (text, anchor) in enumerate(((f"← {sides[0]}", "left"), (f"{sides[1]} →", "right"))):
        figure.add_annotation(
            x=place, y=1, xref="paper", yref="paper", text=text, showarrow=False, xanchor=anchor, yanchor="bottom"
        )
    figure.update_layout(margin={"t": 30})
    return figure


def _limits(rows: pd.DataFrame) -> tuple[float, float]:
    """Room for every interval and for zero, with some air."""
    ends = rows[["difference", "low", "high"]].to_numpy(dtype=float)
    ends = np.append(ends[np.isfinite(ends)], 0.0)
    low, high = float(ends.min()), float(ends.max())
    air = 0.08 * (high - low) or 1.0
    return low - air, high + air


def _spoken(rows: pd.DataFrame, *, scaled: bool = False) -> list[str]:
    """Each difference with its interval and what that says, in words."""
    found = []
    for row in rows.itertuples():
        scale = 1.0 if scaled else _SCALE[str(row.score)]
        unit = f" {_UNITS[str(row.score)]}" if _UNITS[str(row.score)] else ""
        digits = 1 if row.score == "accuracy" else 4
        if not np.isfinite(row.difference):
            found.append("not defined for these seeds")
            continue
        interval = (
            f", 95 % interval {scale * row.low:+.{digits}f} to {scale * row.high:+.{digits}f}"
            if np.isfinite(row.low)
            else ", no interval from one seed"
        )
        found.append(f"{scale * row.difference:+.{digits}f}{unit}{interval}: {row.verdict}")
    return found
