"""What each teacher contributes: Shapley values, leave one out and solo, beside responsibilities and pulls."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.evaluation.scores import SCORES
from mtbkd_core.figures.comparison import difference_unit
from mtbkd_core.figures.parts import GRIDLINES, around_zero, bars, marks, rows, vertical
from mtbkd_core.figures.theme import INK, MUTED, composed


def draw_shapley(table: pd.DataFrame, score: str, colours: Mapping[str, str]) -> go.Figure:
    """How much a score changes with each teacher; the side where the teacher helps is shaded.

    Args:
        table: as `shapley_table`; a value whose interval holds zero is grey.
        score: one of `SCORES`, of which the table holds changes.
        colours: name -> colour.
    """
    info = SCORES[score]
    scale, unit = difference_unit(info)
    shapley, half, leave_one_out, solo = (
        scale * table[name] for name in ("shapley", "shapley_half_width", "leave_one_out", "solo")
    )
    spread = {"array": half, "color": INK, "thickness": 1.3, "width": 3, "visible": bool(half.notna().any())}
    shades = {
        name: MUTED if abs(value) <= width else colours[name]
        for name, value, width in zip(table["teacher"], shapley, half, strict=True)
    }
    traces = [
        _bars(table, shapley, "Shapley value %{x:+.4f}", shades) | {"name": "Shapley value", "error_x": spread},
        *(
            marks(
                values,
                table["title"],
                name,
                f"<b>%{{y}}</b><br>{name.lower()} %{{x:+.4f}}",
                colour=colour,
                symbol=symbol,
                size=11,
            )
            for values, name, symbol, colour in (
                (leave_one_out, "Leave one out", "diamond-open", INK),
                (solo, "Solo against no teacher", "circle-open", MUTED),
            )
        ),
    ]
    ends = np.concatenate([shapley - half.fillna(0), shapley + half.fillna(0), leave_one_out, solo])
    return composed(
        traces,
        height=_height(table),
        legend={"y": -0.28, "yanchor": "top"},
        y=rows(table["title"].tolist()),
        **around_zero(
            ends,
            *(("hurts", "helps") if info.higher_is_better else ("helps", "hurts")),
            shaded="right" if info.higher_is_better else "left",
            title=f"Change of the student's {info.short}" + (f" ({unit})" if unit else ""),
        ),
    )


def draw_influence(table: pd.DataFrame, colours: Mapping[str, str]) -> go.Figure:
    """Responsibility and pull of each teacher, side by side; `table` as `influence_table`."""
    return composed(
        [
            _bars(table, table["responsibility"], "responsibility %{x:.0%}", colours),
            _bars(table, table["pull"], "pull %{x:+.3f}", colours) | {"xaxis": "x2"},
        ],
        height=_height(table),
        legend=False,
        x={
            "title": "Responsibility",
            "domain": [0, 0.46],
            "tickformat": ".0%",
            "rangemode": "tozero",
            "nticks": 4,
            **GRIDLINES,
        },
        xaxis2={"title": "Pull (nats per logit)", "domain": [0.54, 1], "nticks": 4, **GRIDLINES},
        y=rows(table["title"].tolist()),
        shapes=[vertical(0) | {"xref": "x2"}],
        margin={"t": 30},
    )


def _bars(table: pd.DataFrame, values: pd.Series, what: str, colours: Mapping[str, str]) -> dict[str, object]:
    shades = [colours[name] for name in table["teacher"]]
    return bars(values, table["title"], "", f"<b>%{{y}}</b><br>{what}", colour=shades, orientation="h", width=0.45)


def _height(table: pd.DataFrame) -> int:
    return 150 + 44 * len(table)
