"""Shifts: how well each score parts foreign inputs from the task's own, and what corruption does to a student."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.evaluation.shift import Separation
from mtbkd_core.figures.theme import GRID, INK, MUTED, styled

SEPARATION = ("shift", "score", "auroc", "auroc_low", "auroc_high", "aupr", "fpr95")


def separation_table(
    measured: Mapping[str, Mapping[str, Separation]], titles: Mapping[str, str], scores: Mapping[str, str]
) -> pd.DataFrame:
    """One row a shift and score, with the columns of `SEPARATION`.

    Args:
        measured: the metrics "shifts" of a run: shift -> score -> its separation.
        titles: of the shifts to show, by name, in order.
        scores: name -> title, in order.
    """
    rows = [
        {"shift": title, "score": named, **measured[shift][score]}
        for shift, title in titles.items()
        for score, named in scores.items()
        if score in measured[shift]
    ]
    return pd.DataFrame(rows, columns=list(SEPARATION))


def draw_severity(table: pd.DataFrame, *, severity: float, unit: str) -> go.Figure:
    """Accuracy (left) and mean deviance (right) against the severity of a corruption; the chosen one is marked.

    Args:
        table: severity, accuracy, deviance (nats), a row a severity.
        severity: the chosen one.
        unit: of the severity.
    """
    figure = go.Figure()
    for column, title, colour, dash, axis, shown in (
        ("accuracy", "Accuracy", INK, "solid", "y", "%{y:.1%}"),
        ("deviance", "Mean deviance", MUTED, "dash", "y2", "%{y:.3f} nats"),
    ):
        figure.add_scatter(
            x=table["severity"],
            y=table[column],
            mode="lines+markers",
            name=title,
            yaxis=axis,
            line={"color": colour, "dash": dash, "width": 2},
            marker={"color": colour, "size": 7},
            hovertemplate=f"{title} {shown}<extra>severity %{{x:.3g}}</extra>",
        )
    figure.add_vline(severity, line={"color": MUTED, "width": 1, "dash": "dot"})
    figure = styled(figure, height=380, x=f"Severity ({unit})", y="Accuracy")
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%")
    figure.update_layout(
        yaxis2={
            "title": "Mean deviance (nats)",
            "overlaying": "y",
            "side": "right",
            "rangemode": "tozero",
            "showgrid": False,
            "gridcolor": GRID,
            "range": [0, 1.1 * max(0.1, float(table["deviance"].max()))],
            "tickformat": ".1f",
        }
    )
    return figure
