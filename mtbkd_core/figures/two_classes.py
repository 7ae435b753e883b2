"""Two classes, a few teachers, one example: prior and posterior on a line."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.figures.parts import DENSITY, line
from mtbkd_core.figures.theme import MUTED, PALETTE, composed, translucent


def draw_two_classes(
    table: pd.DataFrame, titles: Sequence[str] = ("Teacher A", "Teacher B"), colours: Sequence[str] = PALETTE
) -> go.Figure:
    """Each teacher's component, the mixture above them, and the posterior. `table` as `two_class_density`.

    Args:
        titles, colours: of the teachers, K each at least.
    """
    q = table["q"]
    names = [column for column in table.columns if column.startswith("teacher ")]
    traces = [
        line(q, table[name], title, colour=shade, fill="tozeroy", fillcolor=translucent(shade, 0.15))
        for name, title, shade in zip(names, titles, colours, strict=False)
    ]
    if "mixture" in table:
        traces.append(line(q, table["mixture"], "Prior", colour=MUTED, dash="dash"))
    if "posterior" in table:
        traces.append(line(q, table["posterior"], "Posterior", width=3))
    return composed(traces, height=400, x={"title": "Student's probability of the class", "range": [0, 1]}, y=DENSITY)
