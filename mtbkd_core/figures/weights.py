"""How the prior shares its weight among the teachers, and how hard it pulls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.figures.theme import GRID, INK, LETTER, MUTED, composed

#: Pixels that an axis of per cent, one of other numbers, and a row of numbers with its title below take.
_PER_CENT, _NUMBERS, _BELOW = 62, 64, 50
#: Names of so many letters stand upright below a narrow chart of ten classes; longer ones may be turned.
_UPRIGHT = 3
#: Longer names beside the bars would leave them no room in a narrow chart.
_BESIDE = 24


def shares_by_class(
    shares: np.ndarray, labels: np.ndarray, class_names: Sequence[str], teachers: Mapping[str, str]
) -> pd.DataFrame:
    """Mean and spread of each teacher's share (a weight or a responsibility) over the examples of each class.

    Args:
        shares: [K, N], sums to 1 over K.
        labels: [N], the examples' classes.
        class_names: C names.
        teachers: name -> title, K of them, in the order of `shares`.
    Returns:
        One row a class and teacher: class, teacher, title, mean, low and high (10th and 90th percentile), examples.
    """
    rows = []
    for index, class_name in enumerate(class_names):
        chosen = shares[:, labels == index]
        if chosen.shape[1] == 0:
            continue
        low, high = np.quantile(chosen, [0.1, 0.9], axis=1)
        for k, (name, title) in enumerate(teachers.items()):
            rows.append(
                (class_name, name, title, float(chosen[k].mean()), float(low[k]), float(high[k]), chosen.shape[1])
            )
    return pd.DataFrame(rows, columns=["class", "teacher", "title", "mean", "low", "high", "examples"])


def draw_shares_by_class(table: pd.DataFrame, colours: Mapping[str, str], *, y: str, height: int = 320) -> go.Figure:
    """Stacked means of `shares_by_class`; a thin line at the top of each part spans its 10th to 90th percentile."""
    traces = []
    classes = list(table["class"].unique())
    below = np.zeros(len(classes))
    for name, part in table.groupby("teacher", sort=False):
        part = part.set_index("class").reindex(classes)
        mean, low, high = (part[column].to_numpy() for column in ("mean", "low", "high"))
        traces.append(
            {
                "type": "bar",
                "x": classes,
                "y": mean,
                "base": below,
                "name": part["title"].iloc[0],
                "marker": {"color": colours[str(name)]},
                "error_y": {"array": high - mean, "arrayminus": mean - low, "color": INK, "thickness": 1, "width": 2},
                "customdata": np.stack([low, high], -1),
                "hovertemplate": "%{fullData.name}: %{y:.2f}<br>10–90 %: %{customdata[0]:.2f} to %{customdata[1]:.2f}"
                "<extra>class %{x}</extra>",
            }
        )
        below = below + mean
    return composed(
        traces,
        height=height,
        room=None if max(map(len, classes), default=0) > _UPRIGHT else (_PER_CENT, _BELOW),
        x={"title": "Class", "type": "category"},
        y={"title": y, "range": [0, 1.03], "tickformat": ".0%"},
        barmode="overlay",
    )


def draw_shares_of_one(
    weights: Sequence[float],
    responsibilities: Sequence[float] | None,
    teachers: Mapping[str, str],
    colours: Mapping[str, str],
) -> go.Figure:
    """One example's weights and, where given, responsibilities: a bar each, in every teacher's colour."""
    titles = list(teachers.values())
    longest = max(map(len, titles))
    shades = [colours[name] for name in teachers]
    traces = [
        {
            "type": "bar",
            "y": titles,
            "x": list(weights),
            "orientation": "h",
            "name": "Weight (before learning)",
            "marker": {"color": "rgba(0,0,0,0)", "line": {"color": shades, "width": 2}},
            "hovertemplate": "%{y}: weight %{x:.3f}<extra></extra>",
        }
    ]
    if responsibilities is not None:
        traces.append(
            {
                "type": "bar",
                "y": titles,
                "x": list(responsibilities),
                "orientation": "h",
                "name": "Responsibility (after learning)",
                "marker": {"color": shades},
                "hovertemplate": "%{y}: responsibility %{x:.3f}<extra></extra>",
            }
        )
    return composed(
        traces,
        height=110 + 46 * len(titles),
        legend=responsibilities is not None,
        room=(LETTER * longest + 12, _BELOW) if longest <= _BESIDE else None,
        x={"title": "Share", "range": [0, 1.02], "tickformat": ".0%", "showgrid": True, "gridcolor": GRID},
        y={"autorange": "reversed", "showgrid": False},
    )


def draw_effect(
    table: pd.DataFrame,
    teachers: Mapping[str, str],
    colours: Mapping[str, str],
    *,
    now: float,
    x: str,
    logarithmic: bool = False,
) -> go.Figure:
    """How hard each teacher and the label pull an untrained student, over the range of one setting.

    Args:
        table: value, a column for each teacher's name with its pull, and label.
        teachers: name -> title.
        colours: teacher's name -> colour.
        now: the setting's present value.
        x: the setting's title.
        logarithmic: draw the setting on a logarithmic axis.
    """
    values = table["value"].to_numpy()
    traces = [
        {
            "type": "scatter",
            "x": values,
            "y": table[name].to_numpy(),
            "name": title,
            "mode": "lines",
            "line": {"color": colours[name], "width": 2.5},
            "hovertemplate": f"{title}: %{{y:.3g}}<extra>{x}: %{{x:.3g}}</extra>",
        }
        for name, title in teachers.items()
    ]
    traces.append(
        {
            "type": "scatter",
            "x": values,
            "y": table["label"].to_numpy(),
            "name": "Label",
            "mode": "lines",
            "line": {"color": INK, "width": 1.5, "dash": "dash"},
            "hovertemplate": "label: %{y:.3g}<extra></extra>",
        }
    )
    note = {
        "x": np.log10(now) if logarithmic else now,
        "y": 1,
        "yref": "paper",
        "text": "now",
        "showarrow": False,
        "xanchor": "left",
        "xshift": 4,
        "yanchor": "top",
        "font": {"color": MUTED},
    }
    mark = {
        "type": "line",
        "x0": now,
        "x1": now,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "line": {"color": MUTED, "width": 1},
    }
    return composed(
        traces,
        height=280,
        room=(_NUMBERS, _BELOW),
        x={"title": x, "type": "log" if logarithmic else "linear"},
        y={"title": "Pull (nats per logit)", "rangemode": "tozero"},
        shapes=[mark],
        annotations=[note],
    )
