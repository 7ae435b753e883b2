"""Reliability diagrams: computed in `evaluation.calibration`, drawn here."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.figures.parts import GRIDLINES, bars, diagonal, interval, line, marker
from mtbkd_core.figures.theme import GRID, as_text, composed, series_style


def draw_reliability(
    table: pd.DataFrame, colours: Mapping[str, str], *, of: str = "top class", height: int = 430
) -> go.Figure:
    """Accuracy against confidence with 95 % bands, and below it how many predictions each bin holds.

    Args:
        table: as `reliability_table`; empty bins are not in it, and are not drawn.
        colours: every offered teacher's name -> colour.
        of: the class that the confidence belongs to.
    """
    traces = [diagonal("Calibrated")]
    opacity = 0.35 if table["series"].nunique() > 1 else 0.6
    for (series, title), part in table.groupby(["series", "title"], sort=False):
        colour, dash, symbol = series_style(series, colours)
        traces += [
            line(
                part["confidence"],
                part["accuracy"],
                title,
                as_text(title) + "<br>confidence %{x:.2f}, correct %{y:.2f}<br>95 % band %{customdata[1]:.2f} to "
                "%{customdata[2]:.2f}<br>%{customdata[0]} predictions",
                mode="lines+markers",
                colour=colour,
                width=2.5 if series == "student" else 1.75,
                dash=dash,
                marker=marker(colour, 8, symbol, width=0),
                error_y=interval(part["accuracy"], part["low"], part["high"], colour=colour),
                customdata=part[["count", "low", "high"]].to_numpy(),
                legendgroup=series,
            ),
            bars(
                (part["from"] + part["to"]) / 2,
                part["count"],
                title,
                as_text(title) + ": %{y} predictions",
                showlegend=False,
                colour=colour,
                opacity=opacity,
                width=part["to"] - part["from"],
                yaxis="y2",
                legendgroup=series,
            ),
        ]
    return composed(
        traces,
        height=height,
        x={"title": f"Confidence: probability of the {of}", "range": [-0.01, 1.02], "anchor": "y2", **GRIDLINES},
        y={"title": "Share of correct predictions", "range": [-0.02, 1.03], "domain": [0.3, 1]},
        yaxis2={"title": "Predictions", "domain": [0, 0.2], "nticks": 3, "gridcolor": GRID},
        barmode="overlay",
        bargap=0,
    )
