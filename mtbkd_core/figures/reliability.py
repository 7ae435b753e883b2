"""Reliability diagrams: computed in `evaluation.calibration`, drawn here."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.evaluation.calibration import Reliability
from mtbkd_core.figures.theme import GRID, MUTED, series_style, styled


def reliability_table(curves: Mapping[str, Reliability], titles: Mapping[str, str]) -> pd.DataFrame:
    """The bins that hold an example: series, title, from, to, count, confidence, accuracy, low and high of each."""
    rows = [
        (
            series,
            titles[series],
            float(curve.edges[index]),
            float(curve.edges[index + 1]),
            int(curve.count[index]),
            float(curve.confidence[index]),
            float(curve.accuracy[index]),
            float(curve.low[index]),
            float(curve.high[index]),
        )
        for series, curve in curves.items()
        for index in range(len(curve.count))
        if int(curve.count[index]) > 0
    ]
    return pd.DataFrame(
        rows, columns=["series", "title", "from", "to", "count", "confidence", "accuracy", "low", "high"]
    )


def draw_reliability(table: pd.DataFrame, colours: Mapping[str, str], *, of: str = "top class") -> go.Figure:
    """Accuracy against confidence with 95 % bands, and below it how many predictions each bin holds.

    Args:
        table: as `reliability_table`; empty bins are not in it, and are not drawn.
        colours: every offered teacher's name -> colour.
        of: whose probability the confidence is.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": MUTED, "width": 1, "dash": "dot"},
        name="Calibrated",
        hoverinfo="skip",
    )
    for key, part in table.groupby("series", sort=False):
        colour, dash, symbol = series_style(str(key), colours)
        title = str(part["title"].iloc[0])
        figure.add_scatter(
            x=part["confidence"],
            y=part["accuracy"],
            mode="lines+markers",
            name=title,
            legendgroup=str(key),
            line={"color": colour, "width": 2.5 if key == "student" else 1.75, "dash": dash},
            marker={"color": colour, "size": 8, "symbol": symbol},
            error_y={
                "array": part["high"] - part["accuracy"],
                "arrayminus": part["accuracy"] - part["low"],
                "color": colour,
                "thickness": 1.2,
                "width": 0,
            },
            customdata=part[["count", "low", "high"]].to_numpy(),
            hovertemplate=title + "<br>confidence %{x:.2f}, right %{y:.2f}<br>95 % band %{customdata[1]:.2f} to "
            "%{customdata[2]:.2f}<br>%{customdata[0]} predictions<extra></extra>",
        )
        figure.add_bar(
            x=(part["from"] + part["to"]) / 2,
            y=part["count"],
            width=part["to"] - part["from"],
            name=title,
            legendgroup=str(key),
            showlegend=False,
            marker={"color": colour, "opacity": 0.35 if table["series"].nunique() > 1 else 0.6},
            xaxis="x",
            yaxis="y2",
            hovertemplate=title + ": %{y} predictions<extra></extra>",
        )
    styled(figure, height=520, x=f"Confidence: probability of the {of}")
    figure.update_layout(
        barmode="overlay",
        bargap=0,
        xaxis={"range": [-0.01, 1.02], "showgrid": True, "gridcolor": GRID, "anchor": "y2"},
        yaxis={"range": [-0.02, 1.03], "domain": [0.3, 1], "title": {"text": "Share that is right", "standoff": 8}},
        yaxis2={"domain": [0, 0.2], "title": {"text": "Predictions", "standoff": 8}, "nticks": 3, "gridcolor": GRID},
    )
    return figure
