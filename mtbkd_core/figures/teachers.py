"""What the teachers know: tables of shares, and what each predicts for one example."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.figures.parts import CATEGORIES, SHARES, bars, trace
from mtbkd_core.figures.theme import COLORSCALE, GRID, as_text, composed

#: Letters of a class's name beyond which the names beside one another would overlap.
_LONG = 8


def draw_table(table: pd.DataFrame, *, x: str, hover: str, square: bool = False) -> go.Figure:
    """Shares from 0 to 1 as a heat map with its numbers, and their 95 % intervals, written in.

    Args:
        table: as `expertise` or `agreement`: the first column is drawn down, the second across.
    """
    down, across = table.columns[:2]
    rows, columns = (list(dict.fromkeys(table[name].astype(str))) for name in (down, across))
    shape = (len(rows), len(columns))
    parts = {name: table[name].to_numpy().reshape(shape) for name in ("share", "low", "high")}
    text = [[_percents(*numbers) for numbers in zip(*each, strict=True)] for each in zip(*parts.values(), strict=True)]
    bounds = np.stack([parts["low"], parts["high"]], -1)
    cells: dict[str, Any] = {
        "z": parts["share"],
        "zmin": 0,
        "zmax": 1,
        "xgap": 2,
        "ygap": 2,
        "text": text,
        "texttemplate": "%{text}",
    }
    slanted = square or max(map(len, columns), default=0) > _LONG
    room = 46 * len(rows) + 40 * slanted
    hover = f"{hover}<br>95 % interval %{{customdata[0]:.1%}} to %{{customdata[1]:.1%}}"
    shades: dict[str, Any] = {"colorscale": COLORSCALE, "showscale": False, "customdata": bounds}
    return composed(
        [trace("heatmap", columns, rows, "", hover, **shades, **cells)],
        height=96 + room,
        legend=False,
        x={"title": x, **CATEGORIES, "tickangle": -30 if slanted else 0},
        y={**CATEGORIES, "autorange": "reversed", "showgrid": False},
    )


def _percents(share: float, low: float, high: float) -> str:
    if math.isnan(share):
        return ""
    return f"{share:.0%}" + (f"<br>{100 * low:.0f}–{100 * high:.0f}" if low < high else "")


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
        bars(list(class_names), row, title, f"{as_text(title)}: %{{y:.1%}}", "class %{x}", colour=colours[name])
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
