"""What moved the student, and where to: pulls on the logits, and responsibilities against weights."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.evaluation.teacher_tables import LABEL
from mtbkd_core.figures.parts import CATEGORIES, GRIDLINES, SHARES, bars, diagonal, horizontal, marks
from mtbkd_core.figures.theme import MUTED, as_text, composed, translucent


def draw_pulls(table: pd.DataFrame, colours: Mapping[str, str], *, x: str, height: int = 340) -> go.Figure:
    """Pulls stacked up and down from zero, one part a source, and their sum as a point; `table` as `pulls_of`."""
    shades = {**colours, LABEL: MUTED}
    traces = [
        bars(
            part["class"], part["pull"], title, f"{as_text(title)}: %{{y:+.3f}}", "class %{x}", colour=shades[str(name)]
        )
        for (name, title), part in table.groupby(["source", "title"], sort=False)
    ]
    total = table.groupby("class", sort=False)["pull"].sum()
    look = {"symbol": "diamond-open", "size": 10}
    traces.append(marks(list(total.index), total, "Sum", "sum %{y:+.3f}", "class %{x}", **look))
    return composed(
        traces,
        height=height,
        x={"title": x, **CATEGORIES},
        y="Pull (nats per logit)",
        barmode="relative",
        shapes=[horizontal(0)],
    )


def draw_weights_and_responsibilities(table: pd.DataFrame, colours: Mapping[str, str]) -> go.Figure:
    """A point for each teacher and example; above the diagonal the student follows it more than its weight asks.

    `table` as `weights_and_responsibilities`.
    """
    points = [
        marks(
            part["weight"],
            part["responsibility"],
            title,
            "labelled example %{customdata[0]}, class %{customdata[1]}<br>weight %{x:.2f}, responsibility %{y:.2f}",
            title,
            marker={"size": 6, "color": translucent(colours[str(name)], 0.55)},
            customdata=part[["example", "class"]].to_numpy(),
        )
        for (name, title), part in table.groupby(["teacher", "title"], sort=False)
    ]
    return composed(
        [diagonal(), *points],
        height=380,
        x={"title": "Weight (before learning)", **SHARES, **GRIDLINES},
        y={"title": "Responsibility (after learning)", **SHARES},
    )
