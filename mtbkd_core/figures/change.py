"""Before and after: an example's probabilities, changes with their errors, and where a map moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mtbkd_core.figures.decision_map import HEIGHT, borders, colour_bar, plane
from mtbkd_core.figures.parts import CATEGORIES, SHARES, around_zero, bars, heat, note, rows
from mtbkd_core.figures.theme import CLEAR, COLORSCALE, DIVERGING, INK, MUTED, composed


def draw_two_answers(before: np.ndarray, after: np.ndarray, class_names: Sequence[str], *, label: str) -> go.Figure:
    """Probabilities of an example before and after, [C] each: outlined bars in front of filled ones.

    `label` is the true class, which the axis names.
    """
    outline = {"color": CLEAR, "line": {"color": INK, "width": 2}}
    filled = {"color": MUTED, "opacity": 0.6}
    traces = [
        bars(class_names, after, "Now", "now %{y:.3f}", "class %{x}", marker=filled, width=0.7),
        bars(class_names, before, "Before", "before %{y:.3f}", "class %{x}", marker=outline, width=0.5),
    ]
    return composed(
        traces,
        height=260,
        x={"title": f"Class (the true one: {label})", **CATEGORIES},
        y={**SHARES, "title": "Probability", "range": [0, 1.02]},
        barmode="overlay",
    )


def draw_changes(
    table: pd.DataFrame,
    *,
    title: str,
    left: str,
    right: str,
    shaded: str,
    colours: Mapping[str, str] | None = None,
    height: int | None = None,
) -> go.Figure:
    """A bar a row with its 95 % interval; grey where the interval holds zero.

    Args:
        table: name, title, before, after, change, low, high; where a row has no change, the share that one of both
            runs has stands in its place.
        title: of the axis.
        left, right, shaded: as `parts.around_zero`.
        colours: of the rows by name; None: ink.
    """
    shown = table.dropna(subset=["change"])
    clear = (shown["low"] > 0) | (shown["high"] < 0)
    hues = [INK if colours is None else colours[name] for name in shown["name"]]
    ends = {"array": shown["high"] - shown["change"], "arrayminus": shown["change"] - shown["low"]}
    traces = [
        bars(
            shown["change"],
            shown["title"],
            "",
            "<b>%{y}</b><br>change %{x:+.3g}, 95 %: %{customdata[0]:+.3g} to %{customdata[1]:+.3g}",
            colour=[hue if sure else MUTED for hue, sure in zip(hues, clear, strict=True)],
            orientation="h",
            width=0.45,
            error_x=ends | {"color": INK, "thickness": 1.3, "width": 3},
            customdata=shown[["low", "high"]].to_numpy(),
        )
    ]
    layout = around_zero(shown[["low", "high"]].to_numpy(), left, right, shaded=shaded, title=title)
    for row in table[table["change"].isna()].itertuples():
        run, share = ("after", row.after) if np.isnan(row.before) else ("before", row.before)
        layout["annotations"].append(note(f"only in the run {run}: {share:.0%}", 0.5, row.title, xref="paper"))
    return composed(
        traces, height=height or 110 + 40 * len(table), legend=False, y=rows(list(table["title"])), **layout
    )


def draw_moved(
    axis: np.ndarray,
    change: np.ndarray,
    title: str,
    *,
    before: np.ndarray,
    after: np.ndarray,
    signed: bool = False,
    chosen: np.ndarray | None = None,
    height: int = HEIGHT,
) -> go.Figure:
    """How much a map [G, G] changed: the stronger the more.

    Args:
        change: [G, G].
        before, after: [G, G, C], whose borders are dashed and solid.
        signed: whether it can fall as well as rise: zero is then in the middle of the scale.
        chosen: [2], a point to mark.
    """
    # a map that is the same everywhere is empty, not noise blown up to the full scale
    top = max(float(np.abs(change).max()), 1e-3)
    shade = heat(
        axis,
        change,
        hover=f"{title.lower()} %{{z:+.3f}}",
        zmin=-top if signed else 0,
        zmax=top,
        colorscale=DIVERGING if signed else COLORSCALE,
        zsmooth="best",
        colorbar=colour_bar(title, "+.2~g" if signed else ".2~g"),
    )
    return plane([shade, *borders(axis, before, dash="dash"), *borders(axis, after)], axis, chosen, height)
