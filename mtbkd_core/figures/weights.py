"""How the prior shares its weight among the teachers, and how hard it pulls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.figures.parts import CATEGORIES, GRIDLINES, SHARES, bars, line, note, vertical
from mtbkd_core.figures.theme import CLEAR, INK, LETTER, MUTED, SMALL_TEXT, as_text, composed

#: Pixels that an axis of per cent, one of other numbers, and a row of numbers with its title below take.
_PER_CENT, _NUMBERS, _BELOW = 62, 64, 50
#: Names of so many letters stand upright below a narrow chart of ten classes; longer ones may be turned.
_UPRIGHT = 3
#: Longer names beside the bars would leave them no room in a narrow chart.
_BESIDE = 24


def draw_shares_by_class(table: pd.DataFrame, colours: Mapping[str, str], *, y: str, height: int = 320) -> go.Figure:
    """Stacked means of `shares_by_class`; a thin line at the top of each part spans its 10th to 90th percentile."""
    traces = []
    classes = list(table["class"].unique())
    below = np.zeros(len(classes))
    for (name, title), part in table.groupby(["teacher", "title"], sort=False):
        part = part.set_index("class").reindex(classes)
        mean, low, high = (part[column].to_numpy() for column in ("mean", "low", "high"))
        traces.append(
            bars(
                classes,
                mean,
                title,
                f"{as_text(title)}: %{{y:.2f}}<br>10–90 %: %{{customdata[0]:.2f}} to %{{customdata[1]:.2f}}",
                "class %{x}",
                colour=colours[name],
                base=below,
                error_y={"array": high - mean, "arrayminus": mean - low, "color": INK, "thickness": 1, "width": 2},
                customdata=np.stack([low, high], -1),
            )
        )
        below = below + mean
    return composed(
        traces,
        height=height,
        room=None if max(map(len, classes), default=0) > _UPRIGHT else (_PER_CENT, _BELOW),
        x={"title": "Class", **CATEGORIES},
        y={**SHARES, "title": y, "range": [0, 1.03]},
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
    outline = {"color": CLEAR, "line": {"color": shades, "width": 2}}
    shares = [("Weight (before learning)", weights, outline)]
    if responsibilities is not None:
        shares.append(("Responsibility (after learning)", responsibilities, {"color": shades}))
    traces = [
        bars(
            values,
            titles,
            name,
            f"%{{y}}: {name.split()[0].lower()} %{{x:.3f}}",
            marker=look,
            orientation="h",
            texttemplate="%{x:.0%}",
            textposition="outside",
            textfont={"size": SMALL_TEXT},
            cliponaxis=False,
        )
        for name, values, look in shares
    ]
    return composed(
        traces,
        height=110 + 46 * len(titles),
        legend=responsibilities is not None,
        room=(LETTER * longest + 12, _BELOW) if longest <= _BESIDE else None,
        x={**SHARES, "title": "Share", "range": [0, 1.15], "tickvals": [0, 0.5, 1], "tickangle": 0, **GRIDLINES},
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
    values, beside = table["value"], f"{x}: %{{x:.3g}}"
    traces = [
        line(values, table[name], title, f"{as_text(title)}: %{{y:.3g}}", beside, colour=colours[name], width=2.5)
        for name, title in teachers.items()
    ]
    traces.append(line(values, table["label"], "Label", "label: %{y:.3g}", width=1.5, dash="dash"))
    # plotly places notes on a logarithmic axis by their exponent
    place = np.log10(now) if logarithmic else now
    return composed(
        traces,
        height=280,
        room=(_NUMBERS, _BELOW),
        x={"title": x, "type": "log" if logarithmic else "linear"},
        y={"title": "Pull (nats per logit)", "rangemode": "tozero"},
        shapes=[vertical(now, colour=MUTED)],
        annotations=[note("now", place, 1, yref="paper", xanchor="left", xshift=4, yanchor="top")],
    )
