"""Who moved the student, and where to: pulls on the logits, and responsibilities against weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from scipy.special import entr

from mtbkd_core.figures.theme import GRID, INK, MUTED, styled, translucent

LABEL = "label"


def voices_table(
    teachers: np.ndarray,
    student: np.ndarray,
    weights: np.ndarray,
    responsibilities: np.ndarray,
    titles: Sequence[str],
    class_names: Sequence[str],
    label: int,
) -> pd.DataFrame:
    """What each teacher and the student say of one example, and how much each teacher counts there.

    Args:
        teachers: [K, C], each teacher's probabilities.
        student: [C], the posterior mean.
        weights, responsibilities: [K], before the student has learned and after.
        titles: K of them.
        label: the true class.
    Returns:
        One row a teacher and, last, the student: who, says (a class), probability (of it), label_probability,
        entropy (nats), weight, responsibility; the last two are missing for the student.
    """
    says = np.vstack([teachers, student])
    best = says.argmax(-1)
    return pd.DataFrame(
        {
            "who": [*titles, "Student"],
            "says": [class_names[index] for index in best],
            "probability": says.max(-1),
            "label_probability": says[:, label],
            "entropy": entr(says).sum(-1),
            "weight": [*weights, np.nan],
            "responsibility": [*responsibilities, np.nan],
        }
    )


def pulls_of(
    pulls: np.ndarray, label_pull: np.ndarray, class_names: Sequence[str], teachers: Mapping[str, str]
) -> pd.DataFrame:
    """Pulls of one example, or means of several, on each class's logit.

    Args:
        pulls: [K, C] or [K, n, C] (averaged over n), nats per unit of logit.
        label_pull: [C] or [n, C], likewise.
        class_names: C names.
        teachers: name -> title, K of them.
    Returns:
        One row a source and class: source (a teacher's name, or `label`), title, class, pull.
    """
    if pulls.ndim == 3:
        pulls, label_pull = pulls.mean(1), label_pull.mean(0)
    sources = [*teachers.items(), (LABEL, "Label")]
    rows = [
        (name, title, class_name, float(value))
        for (name, title), row in zip(sources, [*pulls, label_pull], strict=True)
        for class_name, value in zip(class_names, row, strict=True)
    ]
    return pd.DataFrame(rows, columns=["source", "title", "class", "pull"])


def own_pulls(
    pulls: np.ndarray,
    label_pull: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    teachers: Mapping[str, str],
) -> pd.DataFrame:
    """Mean pull of every source on the true class's logit, by class.

    Args:
        pulls: [K, N, C], nats per unit of logit.
        label_pull: [N, C].
        labels: [N].
        class_names: C names.
        teachers: name -> title, K of them.
    Returns:
        One row a source and class: source, title, class, pull.
    """
    index = np.arange(len(labels))
    own = [*pulls[:, index, labels], label_pull[index, labels]]
    sources = [*teachers.items(), (LABEL, "Label")]
    rows = [
        (name, title, class_name, float(row[labels == number].mean()))
        for (name, title), row in zip(sources, own, strict=True)
        for number, class_name in enumerate(class_names)
        if (labels == number).any()
    ]
    return pd.DataFrame(rows, columns=["source", "title", "class", "pull"])


def draw_pulls(table: pd.DataFrame, colours: Mapping[str, str], *, x: str, height: int = 340) -> go.Figure:
    """Pulls stacked up and down from zero, one part a source, and their sum as a point."""
    figure = go.Figure()
    for key, part in table.groupby("source", sort=False):
        name = str(key)
        figure.add_bar(
            x=part["class"],
            y=part["pull"],
            name=str(part["title"].iloc[0]),
            marker_color=MUTED if name == LABEL else colours[name],
            hovertemplate="%{fullData.name}: %{y:+.3f}<extra>class %{x}</extra>",
        )
    total = table.groupby("class", sort=False)["pull"].sum()
    figure.add_scatter(
        x=list(total.index),
        y=total,
        mode="markers",
        name="Sum",
        marker={"symbol": "diamond-open", "size": 10, "color": INK, "line": {"width": 2}},
        hovertemplate="sum %{y:+.3f}<extra>class %{x}</extra>",
    )
    figure.update_layout(barmode="relative")
    figure.add_hline(y=0, line={"color": INK, "width": 1})
    figure.update_xaxes(type="category")
    return styled(figure, height=height, x=x, y="Pull (nats per logit)")


def weights_and_responsibilities(
    weights: np.ndarray,
    responsibilities: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    teachers: Mapping[str, str],
) -> pd.DataFrame:
    """One row a teacher and example: teacher, title, example, class, weight, responsibility; from [K, N] and [N]."""
    count = weights.shape[1]
    parts = [
        pd.DataFrame(
            {
                "teacher": name,
                "title": title,
                "example": np.arange(count),
                "class": [class_names[label] for label in labels],
                "weight": weights[k],
                "responsibility": responsibilities[k],
            }
        )
        for k, (name, title) in enumerate(teachers.items())
    ]
    return pd.concat(parts, ignore_index=True)


def draw_weights_and_responsibilities(table: pd.DataFrame, colours: Mapping[str, str]) -> go.Figure:
    """A point for each teacher and example; above the diagonal the student sided with it more than the weight asked."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": MUTED, "width": 1, "dash": "dot"},
        hoverinfo="skip",
        showlegend=False,
    )
    for key, part in table.groupby("teacher", sort=False):
        figure.add_scatter(
            x=part["weight"],
            y=part["responsibility"],
            mode="markers",
            name=str(part["title"].iloc[0]),
            marker={"size": 6, "color": translucent(colours[str(key)], 0.55)},
            customdata=part[["example", "class"]].to_numpy(),
            hovertemplate="labelled example %{customdata[0]}, class %{customdata[1]}<br>"
            "weight %{x:.2f}, responsibility %{y:.2f}<extra>%{fullData.name}</extra>",
        )
    figure.update_xaxes(range=[-0.02, 1.02], tickformat=".0%", showgrid=True, gridcolor=GRID)
    figure.update_yaxes(range=[-0.02, 1.02], tickformat=".0%")
    return styled(figure, height=380, x="Weight (before learning)", y="Responsibility (after learning)")
