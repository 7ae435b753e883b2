"""A score of inputs out of the training distribution beside that of the test examples."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from mtbkd_core.evaluation.student_tables import LEAST_SCORE, score_density
from mtbkd_core.figures.parts import DECADES, DENSITY, line, marks
from mtbkd_core.figures.theme import BAND, DASHES, INK, MUTED, composed


def draw_score_density(groups: Mapping[str, np.ndarray], score: str) -> go.Figure:
    """Densities of a log score, the first group shaded, each group's median marked.

    Args:
        groups: as `score_density`.
        score: its title.
    """
    table = score_density(groups)
    traces = []
    for number, (title, values) in enumerate(groups.items()):
        part = table[table["group"] == title]
        colour, dash = (INK, "solid") if number == 0 else (MUTED, DASHES[number % len(DASHES)])
        traces.append(
            line(
                10 ** part["log_score"],
                part["density"],
                f"{title} ({len(values)})",
                f"{score.lower()} %{{x:.3g}} nats",
                title,
                colour=colour,
                width=2.5,
                dash=dash,
                fill="tozeroy" if number == 0 else None,
                fillcolor=BAND,
            )
        )
        median = max(float(np.median(values)), LEAST_SCORE)
        height = float(np.interp(np.log10(median), part["log_score"], part["density"]))
        traces.append(
            marks([median], [height], "", "median %{x:.3g} nats", title, colour=colour, symbol="diamond", size=10)
        )
    return composed(traces, height=360, x={"title": f"{score} (nats, log scale)", **DECADES}, y=DENSITY)
