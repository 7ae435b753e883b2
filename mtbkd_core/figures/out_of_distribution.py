"""Is the student less sure of inputs from elsewhere: deviance there against deviance on the test examples."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import scipy

from mtbkd_core.figures.theme import BAND, DASHES, INK, MUTED, styled

_POINTS = 200
#: Deviances below it are taken for it: a student that is quite sure has none at all.
_LEAST = 1e-6


def deviance_density(groups: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Density of the logarithm (base 10) of deviance by group, on one grid: group, log_deviance, density.

    By a Gaussian kernel with Scott's bandwidth.

    Args:
        groups: title -> deviances [M], two different ones at least.
    """
    logs = {title: np.log10(np.maximum(values, _LEAST)) for title, values in groups.items()}
    low, high = min(values.min() for values in logs.values()), max(values.max() for values in logs.values())
    grid = np.linspace(low - 0.1 * (high - low), high + 0.1 * (high - low), _POINTS)
    parts = [
        pd.DataFrame({"group": title, "log_deviance": grid, "density": scipy.stats.gaussian_kde(values)(grid)})
        for title, values in logs.items()
    ]
    return pd.concat(parts, ignore_index=True)


def draw_deviance_density(groups: Mapping[str, np.ndarray]) -> go.Figure:
    """Densities of log mean deviance, the first group shaded, each group's median marked; arguments as above."""
    table = deviance_density(groups)
    figure = go.Figure()
    for number, (title, values) in enumerate(groups.items()):
        part = table[table["group"] == title]
        colour, dash = (INK, "solid") if number == 0 else (MUTED, DASHES[number % len(DASHES)])
        figure.add_scatter(
            x=10 ** part["log_deviance"],
            y=part["density"],
            mode="lines",
            name=f"{title} ({len(values)})",
            line={"color": colour, "width": 2.5, "dash": dash},
            fill="tozeroy" if number == 0 else None,
            fillcolor=BAND,
            hovertemplate="deviance %{x:.3g} nats<extra>" + title + "</extra>",
        )
        median = max(float(np.median(values)), _LEAST)
        figure.add_scatter(
            x=[median],
            y=[float(np.interp(np.log10(median), part["log_deviance"], part["density"]))],
            mode="markers",
            marker={"color": colour, "size": 10, "symbol": "diamond"},
            showlegend=False,
            hovertemplate="median %{x:.3g} nats<extra>" + title + "</extra>",
        )
    figure.update_xaxes(type="log", tickvals=[10.0**power for power in range(-6, 3)], tickformat="~g")
    figure.update_yaxes(rangemode="tozero", showticklabels=False)
    return styled(figure, height=360, x="Mean deviance over the students (nats, log scale)", y="Density")
