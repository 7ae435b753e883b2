"""What the posterior does not know: credible intervals, deviance, the entropy split, prediction sets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.figures.simplex import CORNERS, TOP, to_plane
from mtbkd_core.figures.theme import BAND, GRID, INK, MUTED, PALETTE, styled

RIGHT, WRONG = MUTED, PALETTE[3]


def interval_table(
    mean: np.ndarray,
    mode: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    in_set: np.ndarray,
    class_names: Sequence[str],
) -> pd.DataFrame:
    """One row a class of one test example: class, mean, mode, low, high, in_set; every argument is [C]."""
    return pd.DataFrame(
        {
            "class": list(class_names),
            "mean": mean,
            "mode": mode,
            "low": low,
            "high": high,
            "in_set": in_set.astype(bool),
        }
    )


def draw_intervals(
    table: pd.DataFrame, *, labels: Collection[str], kind: str, truth: np.ndarray | None = None
) -> go.Figure:
    """Posterior mean of each class's probability with its 95 % credible interval, and its mode where the table has one.

    The true classes, of which there can be none or several, are shaded. The true probabilities [C] are marked where
    they are known.
    """
    figure = go.Figure()
    figure.add_bar(
        x=table["class"],
        y=table["high"] - table["low"],
        base=table["low"],
        width=0.34,
        name=f"95 % interval ({kind})",
        marker={"color": MUTED, "opacity": 0.55, "cornerradius": 4},
        customdata=table[["low", "high"]].to_numpy(),
        hovertemplate="95 %: %{customdata[0]:.3f} to %{customdata[1]:.3f}<extra>class %{x}</extra>",
    )
    figure.add_scatter(
        x=table["class"],
        y=table["mean"],
        mode="markers",
        name="Posterior mean",
        marker={"color": INK, "size": 9},
        hovertemplate="mean %{y:.3f}<extra>class %{x}</extra>",
    )
    if "mode" in table:
        figure.add_scatter(
            x=table["class"],
            y=table["mode"],
            mode="markers",
            name="Marginal modes (renormalised)",
            marker={"color": INK, "size": 9, "symbol": "line-ew", "line": {"color": INK, "width": 2}},
            hovertemplate="mode %{y:.3f}<extra>class %{x}</extra>",
        )
    if truth is not None:
        figure.add_scatter(
            x=table["class"],
            y=truth,
            mode="markers",
            name="Truth",
            marker={"color": "#ffffff", "size": 13, "symbol": "star", "line": {"color": "#000000", "width": 1.2}},
            hovertemplate="truth %{y:.3f}<extra>class %{x}</extra>",
        )
    for place in np.flatnonzero(table["class"].isin(list(labels))).tolist():
        figure.add_vrect(x0=place - 0.5, x1=place + 0.5, fillcolor=BAND, line_width=0, layer="below")
    figure.update_xaxes(type="category")
    figure.update_yaxes(range=[-0.01, 1.02], tickformat=".0%")
    shaded = ["", " (the true one is shaded)", " (the true ones are shaded)"][min(len(labels), 2)]
    return styled(figure, height=330, x=f"Class{shaded}", y="Probability")


def example_table(
    labels: np.ndarray,
    mean: np.ndarray,
    deviance: np.ndarray,
    total: np.ndarray,
    aleatoric: np.ndarray,
    epistemic: np.ndarray,
    class_names: Sequence[str],
) -> pd.DataFrame:
    """One row a test example: example, class, predicted, right, deviance, total, aleatoric, epistemic.

    Every argument is [M], `mean` [M, C].
    """
    predicted = mean.argmax(-1)
    return pd.DataFrame(
        {
            "example": np.arange(len(labels)),
            "class": [class_names[index] for index in labels],
            "predicted": [class_names[index] for index in predicted],
            "right": predicted == labels,
            "deviance": deviance,
            "total": total,
            "aleatoric": aleatoric,
            "epistemic": epistemic,
        }
    )


def draw_deviance(table: pd.DataFrame, *, chosen: int | None = None) -> go.Figure:
    """Deviance of the test examples by class, the surest class first; `table` as `example_table`."""
    order = list(table.groupby("class")["deviance"].median().sort_values().index)
    figure = go.Figure()
    figure.add_box(
        x=table["class"],
        y=table["deviance"],
        name="Deviance",
        boxpoints="outliers",
        fillcolor=BAND,
        line={"color": INK, "width": 1.3},
        marker={"color": MUTED, "size": 4},
        hoverinfo="y",
        showlegend=False,
    )
    if chosen is not None:
        row = table.iloc[chosen]
        figure.add_scatter(
            x=[row["class"]],
            y=[row["deviance"]],
            mode="markers",
            name="Chosen example",
            marker={"color": PALETTE[1], "size": 12, "symbol": "star", "line": {"color": INK, "width": 1}},
            hovertemplate="chosen example: %{y:.3g}<extra></extra>",
        )
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=order)
    figure.update_yaxes(type="log", tickvals=[10.0**power for power in range(-6, 3)], tickformat="~g")
    return styled(figure, height=360, legend=chosen is not None, x="Class, by median", y="Deviance (nats, log scale)")


def draw_entropy_split(table: pd.DataFrame, *, chosen: int | None = None) -> go.Figure:
    """Aleatoric against epistemic entropy of every test example; `table` as `example_table`."""
    figure = go.Figure()
    for right, name, colour, symbol in ((True, "Right", RIGHT, "circle"), (False, "Wrong", WRONG, "x")):
        part = table[table["right"] == right]
        figure.add_scatter(
            x=part["aleatoric"],
            y=part["epistemic"],
            mode="markers",
            name=f"{name} ({len(part)})",
            marker={"color": colour, "size": 6 if right else 8, "symbol": symbol, "opacity": 0.6 if right else 1},
            customdata=part[["example", "class", "predicted"]].to_numpy(),
            hovertemplate="test example %{customdata[0]}: class %{customdata[1]}, predicted %{customdata[2]}<br>"
            "aleatoric %{x:.3f}, epistemic %{y:.3f} nats<extra></extra>",
        )
    if chosen is not None:
        row = table.iloc[chosen]
        figure.add_scatter(
            x=[row["aleatoric"]],
            y=[row["epistemic"]],
            mode="markers",
            name="Chosen example",
            marker={"color": PALETTE[1], "size": 13, "symbol": "star", "line": {"color": INK, "width": 1}},
            hoverinfo="skip",
        )
    figure.update_xaxes(rangemode="tozero", showgrid=True, gridcolor=GRID)
    figure.update_yaxes(rangemode="tozero")
    return styled(
        figure, height=360, x="Aleatoric (nats): the example is ambiguous", y="Epistemic (nats): students differ"
    )


def entropy_by_class(table: pd.DataFrame, *, chosen: int) -> pd.DataFrame:
    """Mean aleatoric and epistemic entropy of the chosen example and of each class: name, aleatoric, epistemic."""
    means = table.groupby("class", sort=False)[["aleatoric", "epistemic"]].mean().sort_index().reset_index(names="name")
    row = table.iloc[chosen]
    own = pd.DataFrame([("chosen", row["aleatoric"], row["epistemic"])], columns=["name", "aleatoric", "epistemic"])
    return pd.concat([own, means], ignore_index=True)


def draw_entropy_by_class(table: pd.DataFrame) -> go.Figure:
    """Aleatoric and epistemic entropy stacked: together they are the total. `table` as `entropy_by_class`."""
    figure = go.Figure()
    for part, title, colour in (("aleatoric", "Aleatoric", MUTED), ("epistemic", "Epistemic", INK)):
        figure.add_bar(
            x=table["name"],
            y=table[part],
            name=title,
            marker_color=colour,
            hovertemplate=title + ": %{y:.3f} nats<extra>%{x}</extra>",
        )
    figure.update_layout(barmode="stack")
    figure.update_xaxes(type="category")
    return styled(figure, height=360, x="Class", y="Entropy (nats)")


def set_table(prediction_set: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """How many prediction sets have each size, and how many of them hold the true class: size, examples, covered."""
    sizes = prediction_set.astype(bool).sum(-1)
    covered = prediction_set.astype(bool)[np.arange(len(labels)), labels]
    rows = [
        (int(size), int((sizes == size).sum()), int((covered & (sizes == size)).sum()))
        for size in range(1, int(sizes.max()) + 1)
    ]
    return pd.DataFrame(rows, columns=["size", "examples", "covered"])


def draw_sets(table: pd.DataFrame) -> go.Figure:
    """Sizes of the 95 % prediction sets; the part that misses the true class is set apart. `table` as `set_table`."""
    figure = go.Figure()
    sizes = [str(size) for size in table["size"]]
    figure.add_bar(
        x=sizes,
        y=table["covered"],
        name="Holds the true class",
        marker_color=RIGHT,
        hovertemplate="%{y} sets of %{x}<extra></extra>",
    )
    figure.add_bar(
        x=sizes,
        y=table["examples"] - table["covered"],
        name="Misses it",
        marker_color=WRONG,
        hovertemplate="%{y} sets of %{x} miss it<extra></extra>",
    )
    figure.update_layout(barmode="stack")
    figure.update_xaxes(type="category")
    return styled(figure, height=360, x="Classes in the set", y="Test examples")


def rescaled(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities [..., c] of some classes as shares among themselves; all equal where they have nothing."""
    total = probabilities.sum(-1, keepdims=True)
    shares: np.ndarray = np.where(total > 0, probabilities / np.where(total > 0, total, 1), 1 / probabilities.shape[-1])
    return shares


def draw_draws(
    draws: np.ndarray,
    targets: np.ndarray,
    class_names: Sequence[str],
    teachers: Mapping[str, str],
    colours: Mapping[str, str],
) -> go.Figure:
    """Posterior draws and teachers of one example in the triangle of three classes.

    Args:
        draws: [n, 3] probabilities of the three classes, rescaled to sum to 1.
        targets: [K, 3], the teachers' probabilities, likewise.
        class_names: the three classes.
        teachers: name -> title, K of them.
        colours: teacher's name -> colour.
    """
    points = to_plane(draws)
    figure = go.Figure()
    outline = np.vstack([CORNERS, CORNERS[:1]])
    figure.add_scatter(
        x=outline[:, 0],
        y=outline[:, 1],
        mode="lines",
        line={"color": INK, "width": 1},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(
        x=points[:, 0].astype(np.float32),
        y=points[:, 1].astype(np.float32),
        mode="markers",
        name=f"Student draws ({len(draws)})",
        marker={"color": INK, "size": 4, "opacity": 0.35},
        hoverinfo="skip",
    )
    for (name, title), target in zip(teachers.items(), targets, strict=True):
        x, y = to_plane(target)
        figure.add_scatter(
            x=[x],
            y=[y],
            mode="markers",
            name=title,
            marker={"color": colours[name], "size": 13, "line": {"color": "#ffffff", "width": 2}},
            hovertemplate=title + "<extra></extra>",
        )
    for (x, y), label, anchor in zip(CORNERS, class_names, ("top", "top", "bottom"), strict=True):
        figure.add_annotation(
            x=x, y=y, text=f"<b>{label}</b>", showarrow=False, yanchor=anchor, yshift=-4 if y == 0 else 4
        )
    figure.update_xaxes(visible=False, range=[-0.06, 1.06])
    figure.update_yaxes(visible=False, range=[-0.09, TOP + 0.09], scaleanchor="x")
    return styled(figure, height=380)
