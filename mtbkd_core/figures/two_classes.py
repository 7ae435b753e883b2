"""Two classes, two teachers, one example: the whole method on a line, for the Method page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import scipy

from mtbkd_core.figures.simplex import log_dirichlet
from mtbkd_core.figures.theme import INK, MUTED, PALETTE, styled, translucent


def two_classes(
    says: Sequence[float],
    weights: Sequence[float],
    *,
    concentration: float,
    strength: float,
    seen: Sequence[int],
    points: int = 241,
) -> pd.DataFrame:
    """Prior and posterior of the probability q of the first of two classes, at one example, with temperature 1.

    The posterior is proportional to q^a (1 - q)^b m(q)^alpha, with m the mixture of Dirichlets (here: beta densities).

    Args:
        says: [K], the teachers' probabilities of the class.
        weights: [K], the mixture weights, which sum to 1.
        concentration: lambda.
        strength: alpha.
        seen: a and b, how many labels name the class and how many the other.
        points: of the grid.

    Returns:
        Densities: q, `teacher 0`, `teacher 1`, ... (each component times its weight), `mixture` and `posterior`.
    """
    q = np.linspace(0.002, 0.998, points)
    shares = np.stack([q, 1 - q], -1)
    logs = np.stack([log_dirichlet(shares, 1 + concentration * np.array([t, 1 - t])) for t in says])
    with np.errstate(divide="ignore"):
        logs = logs + np.log(np.asarray(weights, dtype=float))[:, None]
    mixture = scipy.special.logsumexp(logs, axis=0)
    joint = seen[0] * np.log(q) + seen[1] * np.log(1 - q) + strength * mixture
    posterior = np.exp(joint - joint.max())
    columns = {"q": q} | {f"teacher {k}": np.exp(row) for k, row in enumerate(logs)}
    return pd.DataFrame(columns | {"mixture": np.exp(mixture), "posterior": posterior / np.trapezoid(posterior, q)})


def draw_two_classes(
    table: pd.DataFrame, titles: Sequence[str] = ("Teacher A", "Teacher B"), shades: Sequence[str] = PALETTE
) -> go.Figure:
    """Each teacher's component, the mixture above them, and the posterior. `table` as `two_classes`.

    Args:
        titles, shades: of the teachers, K each at least.
    """
    figure = go.Figure()
    for k, name in enumerate(column for column in table.columns if column.startswith("teacher ")):
        figure.add_scatter(
            x=table["q"],
            y=table[name],
            name=titles[k],
            mode="lines",
            line={"color": shades[k], "width": 2},
            fill="tozeroy",
            fillcolor=translucent(shades[k], 0.15),
            hoverinfo="skip",
        )
    for name, title, line in (
        ("mixture", "Prior", {"color": MUTED, "width": 2, "dash": "dash"}),
        ("posterior", "Posterior", {"color": INK, "width": 3}),
    ):
        if name in table:
            figure.add_scatter(x=table["q"], y=table[name], name=title, mode="lines", line=line, hoverinfo="skip")
    figure.update_xaxes(range=[0, 1])
    figure.update_yaxes(rangemode="tozero", showticklabels=False)
    return styled(figure, height=400, x="Student's probability of the class", y="Density")
