"""What a corruption of growing severity does to the student."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.figures.parts import SHARES, Part, line, marker, vertical
from mtbkd_core.figures.theme import INK, MUTED, composed


def draw_severity(table: pd.DataFrame, *, severity: float, unit: str, top: float | None = None) -> go.Figure:
    """Accuracy (left) and mean deviance (right) against the severity of a corruption; the chosen one is marked.

    Args:
        table: severity, accuracy, deviance (nats), a row a severity; accuracy_error and deviance_error, their standard
            errors, which are drawn as 95 % intervals.
        severity: the chosen one.
        unit: of the severity.
        top: the largest deviance that the axis holds; None: that of the table.
    """
    highest = float(table["deviance"].max()) if top is None else top

    def curve(column: str, title: str, number: str, colour: str, dash: str) -> Part:
        return line(
            table["severity"],
            table[column],
            title,
            f"{title} {number}",
            "severity %{x:.3g}",
            colour=colour,
            dash=dash,
            mode="lines+markers",
            marker=marker(colour, 7, width=0),
            error_y={"array": 1.96 * table[f"{column}_error"], "color": colour, "thickness": 1.2, "width": 0},
        )

    return composed(
        [
            curve("accuracy", "Accuracy", "%{y:.1%}", INK, "solid"),
            curve("deviance", "Mean deviance", "%{y:.3f} nats", MUTED, "dash") | {"yaxis": "y2"},
        ],
        height=380,
        x=f"Severity ({unit})",
        y={**SHARES, "title": "Accuracy", "range": [0, 1.02]},
        yaxis2={
            "title": "Mean deviance (nats)",
            "overlaying": "y",
            "side": "right",
            "showgrid": False,
            "range": [0, 1.1 * max(0.1, highest)],
            "tickformat": ".1f",
        },
        shapes=[vertical(severity, colour=MUTED, dash="dot")],
    )
