"""What answering more cases costs in wrong answers."""

from __future__ import annotations

import plotly.graph_objects as go

from mtbkd_core.figures.parts import GRIDLINES, horizontal, line, note, vertical
from mtbkd_core.figures.theme import MUTED, composed
from mtbkd_core.review.answering import Answering


def draw_answering(found: Answering, *, share: float, max_risk: float) -> go.Figure:
    """Share of wrong answers by share answered, with both limits and the share that the threshold answers.

    Args:
        share, max_risk: what is required.
    """
    answered = found.answered / found.count
    curve = line(
        [point[0] for point in found.curve],
        [point[1] for point in found.curve],
        "",
        "%{x:.0%} answered: %{y:.1%} of them wrong",
    )
    most = max([max_risk, *(risk for _, risk in found.curve)])
    return composed(
        [curve],
        height=340,
        legend=False,
        x={"title": "Share answered", "range": [0, 1.02], "tickformat": ".0%", **GRIDLINES},
        y={"title": "Wrong, of those answered", "range": [0, 1.15 * most], "tickformat": ".0%"},
        shapes=[
            horizontal(max_risk, colour=MUTED, dash="dash"),
            vertical(share, colour=MUTED, dash="dash"),
            vertical(answered, dash="dot"),
        ],
        annotations=[note("answered", answered, 1.08 * most, xanchor="left" if answered < 0.7 else "right", xshift=4)],
    )
