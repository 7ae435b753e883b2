"""Coverage of credible intervals against their width, setting by setting."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle

import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.evaluation.predictive import LEVEL
from mtbkd_core.figures.parts import GRIDLINES, Part, horizontal, marks, note
from mtbkd_core.figures.theme import GRID, INK, MUTED, SYMBOLS, composed
from mtbkd_core.studies.coverage import BLIND, BLIND_AUTOMATIC, NO_TEACHER, TEACHERS, WRONG_ALONE


def draw_coverage(table: pd.DataFrame, rules: Mapping[str, str]) -> go.Figure:
    """Each setting at its mean width and its coverage; an arrow leads from the experts to them and the wrong one.

    Those that fail, the wrong one alone and the blind one at the task's strength, are left out: their coverage would
    take the whole scale.

    Args:
        table: as `coverage_table`.
        rules: weight rule -> title, always the same ones, so that each keeps its symbol; one that the study did not
            measure is left out.
    """
    experts, misled = TEACHERS
    table = table[~table["setting"].isin([WRONG_ALONE, BLIND])]
    traces = [_setting(table[table["teachers"] == NO_TEACHER], "No teacher", "x", MUTED)]
    notes = [note("nominal 95 %", 1, LEVEL, xref="paper", xanchor="right", yanchor="bottom")]
    for (rule, title), symbol in zip(rules.items(), cycle(SYMBOLS), strict=False):
        of_rule = table[table["rule"] == rule]
        if of_rule.empty:
            continue
        good, bad = of_rule[of_rule["teachers"] == experts], of_rule[of_rule["teachers"] == misled]
        traces.append(_setting(good, f"Experts, {title.lower()}", symbol, INK))
        traces.append(_setting(bad, f"… and the wrong one, {title.lower()}", f"{symbol}-open", INK))
        if len(good) and len(bad):
            notes.append(_arrow(good.iloc[0], bad.iloc[0]))
    blind = table[table["setting"] == BLIND_AUTOMATIC]
    if len(blind):
        traces.append(_setting(blind, "The blind one, automatic strength", "star", MUTED))
    return composed(
        traces,
        height=460,
        x={"title": "Mean width of the 95 % intervals", "rangemode": "tozero", **GRIDLINES},
        y={
            "title": "Share of intervals that hold the truth",
            "tickformat": ".0%",
            "range": [min(0.8, float(table["low"].min()) - 0.02), 1.005],
        },
        shapes=[horizontal(LEVEL, dash="dot")],
        annotations=notes,
    )


def _setting(table: pd.DataFrame, name: str, symbol: str, colour: str) -> Part:
    return marks(
        table["width"],
        table["coverage"],
        name,
        name + "<br>coverage %{y:.1%} (%{customdata[0]:.1%} to %{customdata[1]:.1%})<br>width %{x:.3f}",
        colour=colour,
        symbol=symbol,
        size=12,
        error_y={"array": table["high"] - table["coverage"], "color": GRID, "thickness": 1.5, "width": 4},
        customdata=table[["low", "high"]].to_numpy(),
    )


def _arrow(start: pd.Series, end: pd.Series) -> Part:
    """An arrow from one setting to another."""
    tail = {"ax": start["width"], "ay": start["coverage"], "axref": "x", "ayref": "y", "startstandoff": 7}
    head = {"showarrow": True, "arrowhead": 2, "arrowcolor": MUTED, "arrowwidth": 1.5, "standoff": 7}
    return note("", end["width"], end["coverage"], **tail) | head
