"""What the teachers know: tables of shares, and what each predicts for one example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.figures.parts import CATEGORIES, SHARES, bars, trace
from mtbkd_core.figures.theme import COLORSCALE, GRID, composed

#: Letters of a class's name beyond which the names beside one another would overlap.
_LONG = 8


def draw_table(table: pd.DataFrame, *, x: str, hover: str, square: bool = False) -> go.Figure:
    """A table of shares from 0 to 1 as a heat map with its numbers written in."""
    rows, columns = [str(row) for row in table.index], [str(column) for column in table.columns]
    cells = {"z": table.to_numpy(), "zmin": 0, "zmax": 1, "xgap": 2, "ygap": 2, "texttemplate": "%{z:.0%}"}
    slanted = square or max(map(len, columns), default=0) > _LONG
    room = 40 * len(rows) if square else 36 * len(rows) + 40 * slanted
    return composed(
        [trace("heatmap", columns, rows, "", hover, colorscale=COLORSCALE, showscale=False, **cells)],
        height=96 + room,
        legend=False,
        x={"title": x, **CATEGORIES, "tickangle": -30 if slanted else 0},
        y={**CATEGORIES, "autorange": "reversed", "showgrid": False},
    )


def draw_probabilities(
    probabilities: np.ndarray,
    class_names: Sequence[str],
    teachers: Mapping[str, str],
    colours: Mapping[str, str],
    *,
    height: int = 260,
) -> go.Figure:
    """Each teacher's class probabilities [K, C] of one example, side by side."""
    traces = [
        bars(list(class_names), row, title, f"{title}: %{{y:.1%}}", "class %{x}", colour=colours[name])
        for (name, title), row in zip(teachers.items(), probabilities, strict=True)
    ]
    return composed(
        traces,
        height=height,
        x={"title": "Class", **CATEGORIES},
        y={**SHARES, "title": "Probability", "range": [0, 1.02], "gridcolor": GRID},
        barmode="group",
        bargroupgap=0.05,
    )
