"""What each teacher is worth: Shapley values and leave-one-out, beside what responsibilities and pulls say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mtbkd_core.evaluation.scores import SCORES
from mtbkd_core.figures.theme import BAND, GRID, INK, MUTED, styled
from mtbkd_core.studies.shapley import Worth

_WAYS = ("shapley", "last", "alone")


def influence_table(
    responsibilities: np.ndarray, pulls: np.ndarray, labels: np.ndarray, teachers: Mapping[str, str]
) -> pd.DataFrame:
    """What a single run says of each teacher, means over the training examples.

    Args:
        responsibilities: [K, N].
        pulls: [K, N, C], nats per unit of logit.
        labels: [N].
        teachers: name -> title, K of them.
    Returns:
        one row a teacher: teacher, title, responsibility, pull (on the true class's logit).
    """
    own = pulls[:, np.arange(len(labels)), labels].mean(1)
    return pd.DataFrame(
        {
            "teacher": list(teachers),
            "title": list(teachers.values()),
            "responsibility": responsibilities.mean(1),
            "pull": own,
        }
    )


def worth_table(found: Sequence[Worth], influence: pd.DataFrame) -> pd.DataFrame:
    """`influence_table` with what each teacher is worth: mean over seeds of shapley, last, alone, and their `_sd`.

    The sd divides by one less than the number of seeds and is NaN for one. `found` holds at least one seed.
    """
    table = influence.copy()
    for way in _WAYS:
        values = np.array([[getattr(worth, way)[name] for name in table["teacher"]] for worth in found])
        table[way] = values.mean(0)
        table[f"{way}_sd"] = values.std(0, ddof=1) if len(found) > 1 else np.nan
    return table


def draw_worth(table: pd.DataFrame, score: str, colours: Mapping[str, str]) -> go.Figure:
    """What the score changes by when a teacher is heard; the side where it helps is shaded.

    Args:
        table: as `worth_table`.
        score: one of `SCORES`, in which the table is counted.
        colours: name -> colour.
    """
    info = SCORES[score]
    scale, unit = (100.0, "points") if info.share else (1.0, info.unit)
    shown = table.copy()
    for way in _WAYS:
        shown[[way, f"{way}_sd"]] *= scale
    figure = go.Figure()
    low, high = _limits(shown)
    helps = (0, high) if info.higher_is_better else (low, 0)
    figure.add_vrect(x0=helps[0], x1=helps[1], fillcolor=BAND, line_width=0, layer="below")
    figure.add_vline(x=0, line={"color": INK, "width": 1})
    figure.add_bar(
        x=shown["shapley"],
        y=shown["title"],
        orientation="h",
        width=0.45,
        name="Shapley value",
        marker_color=[colours[name] for name in shown["teacher"]],
        error_x={
            "array": shown["shapley_sd"],
            "color": INK,
            "thickness": 1.3,
            "width": 3,
            "visible": bool(shown["shapley_sd"].notna().any()),
        },
        hovertemplate="<b>%{y}</b><br>Shapley value %{x:+.4f}<extra></extra>",
        showlegend=False,
    )
    for way, name, symbol, colour in (
        ("last", "Leave one out", "diamond-open", INK),
        ("alone", "Alone against none", "circle-open", MUTED),
    ):
        figure.add_scatter(
            x=shown[way],
            y=shown["title"],
            mode="markers",
            name=name,
            marker={"symbol": symbol, "size": 11, "color": colour, "line": {"width": 2, "color": colour}},
            hovertemplate=f"<b>%{{y}}</b><br>{name.lower()} %{{x:+.4f}}<extra></extra>",
        )
    _one_row_each(figure, list(shown["title"]))
    figure.update_xaxes(range=[low, high], showgrid=True, gridcolor=GRID, nticks=6)
    styled(figure, height=_height(shown), x=f"Change of the student's {info.short}" + (f" ({unit})" if unit else ""))
    sides = ("hurts", "helps") if info.higher_is_better else ("helps", "hurts")
    for place, (text, anchor) in enumerate(((f"← {sides[0]}", "left"), (f"{sides[1]} →", "right"))):
        figure.add_annotation(
            x=place, y=1, xref="paper", yref="paper", text=text, showarrow=False, xanchor=anchor, yanchor="bottom"
        )
    figure.update_layout(legend={"y": -0.28, "yanchor": "top"}, margin={"t": 30})
    return figure


def draw_influence(table: pd.DataFrame, colours: Mapping[str, str]) -> go.Figure:
    """Responsibility and pull of each teacher, side by side; `table` as `influence_table`."""
    figure = make_subplots(1, 2, shared_yaxes=True, horizontal_spacing=0.08)
    for column, (name, format) in enumerate((("responsibility", ".0%"), ("pull", "+.3f")), start=1):
        figure.add_bar(
            x=table[name],
            y=table["title"],
            orientation="h",
            width=0.45,
            marker_color=[colours[teacher] for teacher in table["teacher"]],
            hovertemplate=f"<b>%{{y}}</b><br>{name} %{{x:{format}}}<extra></extra>",
            row=1,
            col=column,
        )
    styled(figure, height=_height(table), legend=False)
    for column in (1, 2):
        _one_row_each(figure, list(table["title"]), row=1, col=column)
    figure.add_vline(x=0, line={"color": INK, "width": 1}, row=1, col=2)
    figure.update_xaxes(title="Responsibility", tickformat=".0%", rangemode="tozero", nticks=4, row=1, col=1)
    figure.update_xaxes(title="Pull (nats per logit)", nticks=4, row=1, col=2)
    figure.update_xaxes(showgrid=True, gridcolor=GRID, title_standoff=8)
    figure.update_layout(margin={"t": 30})
    return figure


def _height(table: pd.DataFrame) -> int:
    return 150 + 44 * len(table)


def _one_row_each(figure: go.Figure, titles: list[str], **where: int) -> None:
    figure.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=titles,
        range=[len(titles) - 0.5, -0.5],
        showgrid=False,
        **where,
    )


def _limits(table: pd.DataFrame) -> tuple[float, float]:
    """Room for every mark and bar with its spread, and for zero, with some air."""
    sd = table["shapley_sd"].fillna(0)
    ends = [0.0, *(table["shapley"] - sd), *(table["shapley"] + sd), *table["last"], *table["alone"]]
    air = 0.08 * (max(ends) - min(ends)) or 1.0
    return min(ends) - air, max(ends) + air
