"""How uncertain the posterior is: credible intervals, deviance, the two parts of entropy, prediction sets."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.figures.parts import (
    CATEGORIES,
    DECADES,
    GRIDLINES,
    SHARES,
    Part,
    band,
    bars,
    chosen_mark,
    marks,
    star,
    trace,
)
from mtbkd_core.figures.theme import BAND, INK, MUTED, PALETTE, composed

RIGHT, WRONG = MUTED, PALETTE[3]


def draw_intervals(
    table: pd.DataFrame, *, labels: Collection[str], kind: str, truth: np.ndarray | None = None
) -> go.Figure:
    """Posterior mean of each class's probability with its 95 % credible interval, and its mode where the table has one.

    The true classes, of which there can be none or several, are shaded. The true probabilities [C] are marked where
    they are known.
    """
    classes, beside = table["class"], "class %{x}"
    traces = [
        bars(
            classes,
            table["high"] - table["low"],
            f"95 % interval ({kind})",
            "95 %: %{customdata[0]:.3f} to %{customdata[1]:.3f}",
            beside,
            base=table["low"],
            width=0.34,
            marker={"color": MUTED, "opacity": 0.55, "cornerradius": 4},
            customdata=table[["low", "high"]].to_numpy(),
        ),
        marks(classes, table["mean"], "Posterior mean", "mean %{y:.3f}", beside),
    ]
    if "mode" in table:
        name = "Marginal modes (renormalised)"
        traces.append(marks(classes, table["mode"], name, "mode %{y:.3f}", beside, symbol="line-ew"))
    if truth is not None:
        traces.append(star(classes, truth, "Truth", "truth %{y:.3f}", beside))
    shaded = ["", " (the true one is shaded)", " (the true ones are shaded)"][min(len(labels), 2)]
    places = np.flatnonzero(classes.isin(list(labels))).tolist()
    return composed(
        traces,
        height=330,
        x={"title": f"Class{shaded}", **CATEGORIES},
        y={**SHARES, "title": "Probability"},
        shapes=[band(place - 0.5, place + 0.5) for place in places],
    )


def draw_deviance(table: pd.DataFrame, *, chosen: int | None = None) -> go.Figure:
    """Deviance of the test examples by class, the class of the lowest median first; `table` as `example_table`."""
    box: Part = {"boxpoints": "outliers", "fillcolor": BAND, "line": {"color": INK, "width": 1.3}, "hoverinfo": "y"}
    traces = [trace("box", table["class"], table["deviance"], marker={"color": MUTED, "size": 4}, **box)]
    if chosen is not None:
        row = table.iloc[chosen]
        traces.append(chosen_mark(row["class"], row["deviance"], "chosen example: %{y:.3g}"))
    order = list(table.groupby("class")["deviance"].median().sort_values().index)
    return composed(
        traces,
        height=360,
        legend=chosen is not None,
        x={"title": "Class, by median", **CATEGORIES, "categoryorder": "array", "categoryarray": order},
        y={"title": "Deviance (nats, log scale)", **DECADES},
    )


def draw_entropy_split(table: pd.DataFrame, *, chosen: int | None = None) -> go.Figure:
    """Aleatoric against epistemic entropy of every test example; `table` as `example_table`.

    Examples on which the chains disagree have a ring, where that is known.
    """
    traces = []
    for right, name, look in (
        (True, "Correct", {"color": RIGHT, "size": 6, "symbol": "circle", "opacity": 0.6}),
        (False, "Wrong", {"color": WRONG, "size": 8, "symbol": "x"}),
    ):
        part = table[table["right"] == right]
        traces.append(
            marks(
                part["aleatoric"],
                part["epistemic"],
                f"{name} ({len(part)})",
                "test example %{customdata[0]}: class %{customdata[1]}, predicted %{customdata[2]}<br>"
                "aleatoric %{x:.3f}, epistemic %{y:.3f} nats",
                marker=look,
                customdata=part[["example", "class", "predicted"]].to_numpy(),
            )
        )
    if "apart" in table and table["apart"].any():
        part = table[table["apart"]]
        ring = {"color": INK, "size": 12, "symbol": "circle-open", "line": {"width": 1}}
        title = f"Chains disagree ({len(part)})"
        traces.append(marks(part["aleatoric"], part["epistemic"], title, marker=ring, hoverinfo="skip"))
    if chosen is not None:
        row = table.iloc[chosen]
        traces.append(chosen_mark(row["aleatoric"], row["epistemic"]))
    return composed(
        traces,
        height=360,
        x={"title": "Aleatoric (nats): the example is ambiguous", "rangemode": "tozero", **GRIDLINES},
        y={"title": "Epistemic (nats): students differ", "rangemode": "tozero"},
    )


def draw_entropy_by_class(table: pd.DataFrame) -> go.Figure:
    """Aleatoric and epistemic entropy stacked: together they are the total. `table` as `entropy_by_class`."""
    traces = [
        bars(table["name"], table[part], title, title + ": %{y:.3f} nats", "%{x}", colour=colour)
        for part, title, colour in (("aleatoric", "Aleatoric", MUTED), ("epistemic", "Epistemic", INK))
    ]
    return composed(traces, height=360, x={"title": "Class", **CATEGORIES}, y="Entropy (nats)", barmode="stack")


def draw_sets(table: pd.DataFrame) -> go.Figure:
    """Sizes of the 95 % prediction sets; the part that misses the true class is set apart. `table` as `set_table`."""
    sizes, missed = [str(size) for size in table["size"]], table["examples"] - table["covered"]
    traces = [
        bars(sizes, table["covered"], "Holds the true class", "%{y} sets of %{x}", colour=RIGHT),
        bars(sizes, missed, "Misses it", "%{y} sets of %{x} miss it", colour=WRONG),
    ]
    x = {"title": "Classes in the set", **CATEGORIES}
    return composed(traces, height=360, x=x, y="Test examples", barmode="stack")
