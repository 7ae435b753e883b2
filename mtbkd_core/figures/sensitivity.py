"""How an answer changes if each teacher counts 10 % less."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.evaluation.reweighting import PARETO_LIMIT
from mtbkd_core.figures.parts import around_zero, bars, marks, rows
from mtbkd_core.figures.theme import INK, MUTED, WARNING, composed


def draw_sensitivity(
    table: pd.DataFrame,
    titles: Mapping[str, str],
    colours: Mapping[str, str],
    *,
    left: str,
    right: str,
    shaded: str,
    title: str,
) -> go.Figure:
    """A bar a teacher with its 95 % interval; grey where that holds zero, a red cross where it is unreliable.

    Args:
        table: as `changes_table`, of one factor.
        titles, colours: of each teacher, by name.
        left, right, shaded: what a change below and above zero means, and which of the two sides is shaded.
        title: of the axis.
    """
    shown = table.dropna(subset=["change"])
    names = [titles[name] for name in shown["teacher"]]
    shades = [colours[name] if clear else MUTED for name, clear in zip(shown["teacher"], shown["clear"], strict=True)]
    half = shown["half_width"].astype(float).fillna(0)
    spread = {"array": half, "color": INK, "thickness": 1.3, "width": 3}
    hover = "<b>%{y}</b><br>change %{x:+.2g}, Pareto k %{customdata:.2f}"
    traces = [
        bars(
            shown["change"],
            names,
            "",
            hover,
            colour=shades,
            orientation="h",
            width=0.45,
            error_x=spread,
            customdata=shown["pareto_k"],
        )
    ]
    poor = shown["pareto_k"] > PARETO_LIMIT
    if poor.any():
        where = [name for name, bad in zip(names, poor, strict=True) if bad]
        text = "Unreliable: Pareto k above 0.7"
        traces.append(marks(shown["change"][poor], where, text, "", colour=WARNING, symbol="x", size=11))
    ends = np.concatenate([shown["change"] - half, shown["change"] + half])
    return composed(
        traces,
        height=130 + 40 * len(table),
        legend={"y": -0.35, "yanchor": "top"} if poor.any() else False,
        y=rows([titles[name] for name in table["teacher"]]),
        **around_zero(ends, left, right, shaded=shaded, title=title),
    )
