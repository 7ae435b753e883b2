"""Deviance of inputs out of the training distribution beside that of the test examples."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from mtbkd_core.evaluation.student_tables import LEAST_DEVIANCE, deviance_density
from mtbkd_core.figures.parts import DECADES, DENSITY, line, marks
from mtbkd_core.figures.theme import BAND, DASHES, INK, MUTED, composed


def draw_deviance_density(groups: Mapping[str, np.ndarray]) -> go.Figure:
    """Densities of log deviance, the first group shaded, each group's median marked; `groups` as `deviance_density`."""
    table = deviance_density(groups)
    traces = []
    for number, (title, values) in enumerate(groups.items()):
        part = table[table["group"] == title]
        colour, dash = (INK, "solid") if number == 0 else (MUTED, DASHES[number % len(DASHES)])
        traces.append(
            line(
                10 ** part["log_deviance"],
                part["density"],
                f"{title} ({len(values)})",
                "deviance %{x:.3g} nats",
                title,
                colour=colour,
                width=2.5,
                dash=dash,
                fill="tozeroy" if number == 0 else None,
                fillcolor=BAND,
            )
        )
        median = max(float(np.median(values)), LEAST_DEVIANCE)
        height = float(np.interp(np.log10(median), part["log_deviance"], part["density"]))
        traces.append(
            marks([median], [height], "", "median %{x:.3g} nats", title, colour=colour, symbol="diamond", size=10)
        )
    return composed(
        traces, height=360, x={"title": "Mean deviance over the students (nats, log scale)", **DECADES}, y=DENSITY
    )
