"""The traces of a figure as marks in numbers of its axes, for `svg`: lines, points, bars and boxes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtbkd_core.figures.theme import INK

#: Of a box's whiskers, in lengths of the box.
_REACH = 1.5


@dataclass(frozen=True)
class Mark:
    """Something to draw, in numbers of its axes.

    Attributes:
        kind: "line" through x, y, "whisker" likewise; "points" at x, y; "area": rectangles between
            the corners x[2i], y[2i] and x[2i + 1], y[2i + 1].
        axis: "y" or "y2".
    """

    kind: str
    axis: str
    x: np.ndarray
    y: np.ndarray
    colour: str
    width: float = 1.5
    dash: str = "solid"
    opacity: float = 1.0
    symbol: str = "circle"


def marks_of(traces: Sequence[Mapping[str, Any]], names: Sequence[str], layout: Mapping[str, Any]) -> Iterable[Mark]:
    """What traces draw, in order.

    Args:
        traces: as plotly takes them.
        names: categories along the horizontal axis; none where it has numbers.
        layout: the figure's, for the way in which bars are stacked.
    """
    stacks: dict[tuple[float, bool], float] = defaultdict(float)
    places = {name: float(index) for index, name in enumerate(names)}

    def numbers(values: Any) -> np.ndarray:
        each = [] if values is None else list(values)
        found = [places.get(str(value), math.nan) if names else math.nan if value is None else value for value in each]
        return np.asarray(found, dtype=float)

    for trace in traces:
        x, axis = numbers(trace.get("x")), trace.get("yaxis", "y")
        y = np.asarray([math.nan if value is None else value for value in _listed(trace.get("y"))], dtype=float)
        if trace["type"] == "bar":
            yield from _bars(trace, x, y, axis, stacks, layout)
        elif trace["type"] == "box":
            yield from _boxes(trace, x, y, axis)
        else:
            yield from _scatter(trace, x, y, axis)


def _scatter(trace: Mapping[str, Any], x: np.ndarray, y: np.ndarray, axis: str) -> Iterable[Mark]:
    mode, style, look = trace.get("mode", "lines"), trace.get("line", {}), trace.get("marker", {})
    opacity = trace.get("opacity", 1.0)
    if "error_y" in trace:
        yield _whiskers(trace["error_y"], x, y, axis)
    if "lines" in mode:
        colour, width = style.get("color", INK), style.get("width", 2)
        yield Mark("line", axis, x, y, colour, 0.8 * width, style.get("dash", "solid"), opacity)
    if "markers" in mode:
        size, edge = look.get("size", 8), look.get("line", {}).get("width", 2)
        symbol, opacity = look.get("symbol", "circle"), look.get("opacity", opacity)
        yield Mark("points", axis, x, y, look.get("color", INK), 0.8 * (size + edge * 0.5), "", opacity, symbol)


def _bars(
    trace: Mapping[str, Any],
    x: np.ndarray,
    y: np.ndarray,
    axis: str,
    stacks: dict[tuple[float, bool], float],
    layout: Mapping[str, Any],
) -> Iterable[Mark]:
    width = np.broadcast_to(np.asarray(_listed(trace.get("width", 1 - 0.25)), dtype=float), x.shape)
    base = np.zeros_like(y) if trace.get("base") is None else np.asarray(_listed(trace["base"]), dtype=float)
    if layout.get("barmode") in ("stack", "relative"):
        base = np.asarray([stacks[at, up > 0] for at, up in zip(x, y, strict=True)])
        for at, up in zip(x, y, strict=True):
            stacks[at, up > 0] += up
    ends = np.stack([x - width / 2, x + width / 2], 1).ravel(), np.stack([base, base + y], 1).ravel()
    yield Mark("area", axis, *ends, trace["marker"]["color"], opacity=trace.get("opacity", 1.0))
    if "error_y" in trace:
        yield _whiskers(trace["error_y"], x, base + y, axis)


def _whiskers(found: Mapping[str, Any], x: np.ndarray, y: np.ndarray, axis: str) -> Mark:
    low, high = (np.asarray(_listed(found[name]), dtype=float) for name in ("arrayminus", "array"))
    gaps = np.full_like(x, math.nan)
    ends = np.stack([x, x, gaps], 1).ravel(), np.stack([y - low, y + high, gaps], 1).ravel()
    return Mark("whisker", axis, *ends, found.get("color", INK), 1.0)


def _boxes(trace: Mapping[str, Any], x: np.ndarray, y: np.ndarray, axis: str) -> Iterable[Mark]:
    colour = trace["line"]["color"]
    for place in np.unique(x[np.isfinite(x)]):
        own = np.sort(y[x == place])
        first, middle, third = np.percentile(own, [25, 50, 75])
        near = own[(own >= first - _REACH * (third - first)) & (own <= third + _REACH * (third - first))]
        rest = own[(own < near[0]) | (own > near[-1])]
        yield Mark("points", axis, np.full_like(rest, place), rest, trace["marker"]["color"], 3)
        yield Mark("area", axis, np.array([place - 0.3, place + 0.3]), np.array([first, third]), trace["fillcolor"])
        gap, sides = math.nan, [place - 0.3, place + 0.3, place + 0.3, place - 0.3, place - 0.3]
        lines = [*sides, gap, place - 0.3, place + 0.3, gap, place, place, gap, place, place]
        heights = [first, first, third, third, first, gap, middle, middle, gap, near[0], first, gap, third, near[-1]]
        yield Mark("line", axis, np.array(lines), np.array(heights), colour, 1.2)


def categories(layout: Mapping[str, Any], traces: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names along a horizontal axis, in order; none where it has numbers."""
    if "categoryarray" in layout:
        return [str(name) for name in layout["categoryarray"]]
    values = [value for trace in traces for value in _listed(trace.get("x"))]
    return list(dict.fromkeys(map(str, values))) if any(isinstance(value, str) for value in values) else []


def _listed(values: Any) -> list[Any]:
    if values is None:
        return []
    return list(values) if isinstance(values, Iterable) and not isinstance(values, str) else [values]
