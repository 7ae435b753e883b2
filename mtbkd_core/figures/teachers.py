"""What the teachers know: expertise by class, agreement, and what each says of one example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.figures.theme import COLORSCALE, GRID, styled

#: Letters of a class's name beyond which the names beside one another would overlap.
_LONG = 8


def expertise(
    predicted: np.ndarray, labels: np.ndarray, class_names: Sequence[str], titles: Sequence[str]
) -> pd.DataFrame:
    """Accuracy by teacher (rows) and class (columns), from predicted classes [K, M] and labels [M]; NaN: no example."""
    right = predicted == labels
    cells = [
        [float(row[labels == index].mean()) if (labels == index).any() else np.nan for index in range(len(class_names))]
        for row in right
    ]
    return pd.DataFrame(cells, index=pd.Index(titles, name="teacher"), columns=list(class_names))


def agreement(predicted: np.ndarray, titles: Sequence[str]) -> pd.DataFrame:
    """Share of examples on which two teachers name the same class, from predicted classes [K, M]; 1 on the diagonal."""
    same = (predicted[:, None] == predicted[None, :]).mean(-1)
    return pd.DataFrame(same, index=pd.Index(titles, name="teacher"), columns=list(titles))


def draw_table(table: pd.DataFrame, *, x: str, hover: str, square: bool = False) -> go.Figure:
    """A table of shares from 0 to 1 as a heat map with its numbers written in."""
    rows, columns = [str(row) for row in table.index], [str(column) for column in table.columns]
    figure = go.Figure(
        go.Heatmap(
            x=columns,
            y=rows,
            z=table.to_numpy(),
            zmin=0,
            zmax=1,
            colorscale=COLORSCALE,
            showscale=False,
            xgap=2,
            ygap=2,
            texttemplate="%{z:.0%}",
            hovertemplate=hover + "<extra></extra>",
        )
    )
    slanted = square or max(map(len, columns), default=0) > _LONG
    figure.update_xaxes(type="category", showgrid=False, tickangle=-30 if slanted else 0)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    room = 40 * len(rows) if square else 36 * len(rows) + 40 * slanted
    return styled(figure, height=96 + room, legend=False, x=x)


def draw_probabilities(
    probabilities: np.ndarray,
    class_names: Sequence[str],
    teachers: Mapping[str, str],
    colours: Mapping[str, str],
    *,
    height: int = 260,
) -> go.Figure:
    """What each teacher says of one example: class probabilities [K, C], side by side."""
    figure = go.Figure()
    for (name, title), row in zip(teachers.items(), probabilities, strict=True):
        figure.add_bar(
            x=list(class_names),
            y=row,
            name=title,
            marker_color=colours[name],
            hovertemplate="%{fullData.name}: %{y:.1%}<extra>class %{x}</extra>",
        )
    figure.update_layout(barmode="group", bargroupgap=0.05)
    figure.update_xaxes(type="category")
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%", gridcolor=GRID)
    return styled(figure, height=height, x="Class", y="Probability")
