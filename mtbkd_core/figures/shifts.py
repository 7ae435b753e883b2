"""What a corruption of growing severity does to the student."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.figures.parts import SHARES, Part, horizontal, interval, line, marker, marks, vertical
from mtbkd_core.figures.theme import INK, MUTED, composed


def draw_severity(table: pd.DataFrame, *, severity: float, unit: str) -> go.Figure:
    """Accuracy (left) and mean deviance (right) against the severity of a corruption; the chosen one is marked.

    Args:
        table: severity, accuracy, deviance (nats), a row a severity; accuracy_error and deviance_error, their standard
            errors, which are drawn as 95 % intervals.
        severity: the chosen one.
        unit: of the severity.
    """

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
            "range": [0, 1.1 * max(0.1, float(table["deviance"].max()))],
            "tickformat": ".1f",
        },
        shapes=[vertical(severity, colour=MUTED, dash="dot")],
    )


def draw_severity_change(table: pd.DataFrame, name: str, title: str, *, severity: float, unit: str) -> go.Figure:
    """Accuracy or mean deviance over severities before (dashed) and after (solid), and below it their difference.

    Args:
        table: of `severities.severity_changes`; a difference within its error is grey.
        name, title: of what is shown, as in `severities.MEASURED`.
        severity, unit: as `draw_severity`.
    """
    share = name == "accuracy"
    number, signed = ("%{y:.1%}", "%{y:+.1%}") if share else ("%{y:.3f} nats", "%{y:+.3f} nats")
    traces = [
        line(
            table["severity"],
            table[f"{name}_{when}"],
            when.capitalize(),
            f"{when} {number}",
            "severity %{x:.3g}",
            dash=dash,
            mode="lines+markers",
            marker=marker(INK if when == "after" else MUTED, 6, width=0),
            colour=INK if when == "after" else MUTED,
        )
        for when, dash in (("before", "dash"), ("after", "solid"))
    ]
    change, low, high = (table[f"{name}_{part}"] for part in ("change", "low", "high"))
    colours = [INK if one > 0 or other < 0 else MUTED for one, other in zip(low, high, strict=True)]
    for colour in dict.fromkeys(colours):
        here = [each == colour for each in colours]
        traces.append(
            marks(
                table["severity"][here],
                change[here],
                "",
                f"after minus before {signed}",
                "severity %{x:.3g}",
                colour=colour,
                size=7,
                error_y=interval(change[here], low[here], high[here], colour=colour),
                yaxis="y2",
            )
        )
    scale = {"title": title, "rangemode": "tozero", "domain": [0.46, 1], "tickformat": ".0%" if share else ".2~f"}
    return composed(
        traces,
        height=400,
        x={"title": f"Severity ({unit})", "anchor": "y2"},
        y={**scale, "range": [0, 1.02]} if share else scale,
        yaxis2={"title": "Difference", "domain": [0, 0.36], "tickformat": "+.0%" if share else "+.2~f", "nticks": 5},
        shapes=[
            vertical(severity, colour=MUTED, dash="dot"),
            {**horizontal(0.0), "yref": "y2"},
        ],
    )
