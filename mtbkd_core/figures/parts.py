"""Parts of figures: traces, axes, shapes and notes, as the plain dicts that `theme.composed` takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mtbkd_core.figures.theme import BAND, BLACK, CHOSEN, GRID, INK, MUTED, WHITE

Part = dict[str, Any]

#: Of an axis: thin lines across the chart.
GRIDLINES: Mapping[str, Any] = {"showgrid": True, "gridcolor": GRID}
#: Of an axis: shares in per cent, with room for marks at both ends.
SHARES: Mapping[str, Any] = {"range": [-0.02, 1.02], "tickformat": ".0%"}
#: Of an axis: the powers of ten at which deviances lie.
DECADES: Mapping[str, Any] = {"type": "log", "tickvals": [10.0**power for power in range(-6, 3)], "tickformat": "~g"}
#: Of an axis: densities, which have a height but no numbers that matter.
DENSITY: Mapping[str, Any] = {"title": "Density", "rangemode": "tozero", "showticklabels": False}
#: Of an axis: one category after another, as they come.
CATEGORIES: Mapping[str, Any] = {"type": "category"}


def trace(kind: str, x: Any, y: Any, name: str = "", hover: str = "", beside: str = "", **more: Any) -> Part:
    """A trace of one of plotly's kinds. Without a name it is not in the legend, without `hover` nothing is shown there.

    Args:
        hover: plotly's template of the text under the pointer.
        beside: the small title beside that text.
        more: whatever else plotly takes; it wins.
    """
    shown = {"hovertemplate": f"{hover}<extra>{beside}</extra>"} if hover else {"hoverinfo": "skip"}
    return {"type": kind, "x": x, "y": y, "name": name, "showlegend": bool(name)} | shown | more


def line(*data: Any, colour: str = INK, width: float = 2, dash: str = "solid", **more: Any) -> Part:
    """A line; `data` as `trace` without its kind."""
    style = {"color": colour, "width": width, "dash": dash}
    return trace("scatter", *data, **{"mode": "lines", "line": style} | more)


def marks(*data: Any, colour: Any = INK, size: Any = 9, symbol: Any = "circle", **more: Any) -> Part:
    """Points; `data` as `trace` without its kind. Their outline has 2 pixels, which shows in open symbols."""
    return trace("scatter", *data, **{"mode": "markers", "marker": marker(colour, size, symbol)} | more)


def marker(colour: Any, size: Any, symbol: Any = "circle", *, edge: Any = None, width: float = 2) -> Part:
    """How a point looks; `edge` is its outline's colour, None: its own."""
    return {"color": colour, "size": size, "symbol": symbol, "line": {"color": edge or colour, "width": width}}


def legend_mark(name: str, **look: Any) -> Part:
    """An entry of the legend that stands for no trace; `look` as `marks`."""
    return marks([None], [None], name, **look)


def chosen_mark(x: Any, y: Any, *hover: str) -> Part:
    """The star at the chosen example."""
    return marks([x], [y], "Chosen example", *hover, marker=marker(CHOSEN, 12, "star", edge=INK, width=1))


def star(*data: Any, **more: Any) -> Part:
    """A white star that stands out from any shade below it; `data` as `trace` without its kind."""
    return marks(*data, **{"marker": marker(WHITE, 13, "star", edge=BLACK, width=1.5)} | more)


def bars(*data: Any, colour: Any = INK, **more: Any) -> Part:
    """Bars; `data` as `trace` without its kind."""
    return trace("bar", *data, **{"marker": {"color": colour}} | more)


def interval(middle: Any, low: Any, high: Any, *, colour: str, thickness: float = 1.2) -> Part:
    """An error bar from low to high around the middle."""
    ends = {"array": high - middle, "arrayminus": middle - low}
    return ends | {"color": colour, "thickness": thickness, "width": 0}


def heat(axis: np.ndarray, values: np.ndarray, **more: Any) -> Part:
    """A map of values [G, G] over a square with the same axis [G] both ways."""
    return trace("heatmap", axis, axis, **{"z": values.astype(np.float32)} | more)


def vertical(x: float, *, colour: str = INK, dash: str = "solid") -> Part:
    """A thin line from the bottom to the top at a value."""
    return _across({"x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper"}, colour, dash)


def horizontal(y: float, *, colour: str = INK, dash: str = "solid") -> Part:
    """A thin line from left to right at a value."""
    return _across({"x0": 0, "x1": 1, "xref": "paper", "y0": y, "y1": y}, colour, dash)


def _across(place: Part, colour: str, dash: str) -> Part:
    return {"type": "line", "line": {"color": colour, "width": 1, "dash": dash}} | place


def band(low: float, high: float) -> Part:
    """A shaded part of the horizontal axis, behind everything."""
    place = {"x0": low, "x1": high, "y0": 0, "y1": 1, "yref": "paper"}
    return {"type": "rect", "fillcolor": BAND, "line": {"width": 0}, "layer": "below"} | place


def diagonal(*name: str) -> Part:
    """The dotted line on which both axes agree, from 0 to 1."""
    return line([0, 1], [0, 1], *name, colour=MUTED, width=1, dash="dot")


def note(text: str, x: float, y: float, **more: Any) -> Part:
    """A text in the chart."""
    return {"text": text, "x": x, "y": y, "showarrow": False} | more


def rows(titles: Sequence[str], **more: Any) -> Part:
    """An axis with a row a title, from the top down."""
    order = {"categoryorder": "array", "categoryarray": list(titles), "range": [len(titles) - 0.5, -0.5]}
    return {**CATEGORIES, "showgrid": False} | order | more


def around_zero(ends: Any, left: str, right: str, *, shaded: str, title: str) -> Part:
    """Layout of a chart of differences: an axis from left to right around zero, what each side means, one side shaded.

    Args:
        ends: every number that the axis must reach, NaN where there is none.
        left, right: what a difference below and above zero means.
        shaded: "left", "right", or "" for neither.
        title: the axis'.
    """
    ends = np.append(np.ravel(ends).astype(float), 0.0)
    low, high = float(np.nanmin(ends)), float(np.nanmax(ends))
    air = 0.08 * (high - low) or 1.0
    low, high = low - air, high + air
    above = {"xref": "paper", "yref": "paper", "yanchor": "bottom"}
    return {
        "x": {"title": title, "range": [low, high], "nticks": 6, **GRIDLINES},
        "shapes": [*({"left": [band(low, 0)], "right": [band(0, high)]}.get(shaded, [])), vertical(0)],
        "annotations": [
            note(f"← {left}", 0, 1, xanchor="left", **above),
            note(f"{right} →", 1, 1, xanchor="right", **above),
        ],
        "margin": {"t": 30},
    }
