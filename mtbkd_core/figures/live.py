"""Curves of a run: as small drawings while it is under way, and as figures once it is finished.

Several times a second is too often for a plotly chart, which Streamlit builds anew for every change; a small SVG is
changed in place, costs the browser next to nothing, and takes its ink from the page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go

from mtbkd_core.figures.parts import line
from mtbkd_core.figures.theme import MUTED, composed

#: A picture holds at most so many lines: more are a blot, and too slow to draw several times a second.
MOST_LINES = 64

#: Its text is readable where the picture is shrunk to three quarters.
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _TEXT = 520, 180, 74, 26, 10, 15


def svg_lines(
    lines: Mapping[str, Sequence[float]],
    steps: Sequence[float],
    colours: Mapping[str, str],
    *,
    title: str,
    low: float | None = None,
    high: float | None = None,
) -> str:
    """Lines over the share of the run that is done, as an SVG of at most `MOST_LINES` lines of 100 points each.

    Of more lines, some are left out: those that are drawn are evenly spread, and the axis is theirs.

    Args:
        lines: name -> values, as many as `steps`; values that are not finite are left out.
        steps: where each value stands, from 0 to 1.
        colours: name -> CSS colour; `currentColor` follows the page.
        title: what is drawn, for people who listen to the page.
        low, high: limits of the axis; None takes them from the values. What lies below the axis is not drawn.
    """
    keep = thinned(len(steps), 100)
    names = list(lines)
    lines = {names[index]: lines[names[index]] for index in thinned(len(names), MOST_LINES)}
    values = [float(row[index]) for row in lines.values() for index in keep if np.isfinite(row[index])]
    bottom = low if low is not None else _bottom(values)
    top = high if high is not None else max(values, default=1.0)
    top = top if top > bottom else bottom + 1.0
    thin = len(lines) > 8

    def place(step: float, value: float) -> str:
        return f"{_LEFT + (_WIDTH - _LEFT - 8) * step:.1f},{_down((value - bottom) / (top - bottom)):.1f}"

    parts = [_svg_axis(bottom, top)]
    for name, row in lines.items():
        points = " ".join(
            place(steps[index], float(row[index])) for index in keep if np.isfinite(row[index]) and row[index] >= bottom
        )
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colours[name]}" stroke-width="{1.1 if thin else 2.2}" '
            f'stroke-opacity="{0.45 if thin else 1}" stroke-linejoin="round"/>'
        )
    return (
        f'<svg class="live-curve" data-points="{len(keep)}" role="img" aria-label="{escape(title)}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" style="width:100%;height:auto;display:block">{"".join(parts)}</svg>'
    )


def _down(share: float) -> float:
    """Pixels from the picture's top to a share of the axis."""
    return _TOP + (_HEIGHT - _BOTTOM - _TOP) * (1 - share)


def _svg_axis(bottom: float, top: float) -> str:
    """Lines at round numbers, and what runs from left to right."""
    ink = f'text-anchor="end" font-size="{_TEXT}" fill="currentColor" fill-opacity="0.75"'
    parts = [f'<text x="{_WIDTH - 8}" y="{_HEIGHT - 4}" {ink}>share of the run done</text>']
    for number in _round_numbers(bottom, top):
        y, shown = _down((number - bottom) / (top - bottom)), f"{number:,.10g}"
        parts.append(
            f'<path d="M{_LEFT} {y:.1f} H{_WIDTH - 8}" stroke="currentColor" stroke-opacity="0.15"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" {ink}>{shown}</text>'
        )
    return "".join(parts)


def _round_numbers(low: float, high: float) -> list[float]:
    """Two to five multiples of 1, 2 or 5 times a power of ten, from low to high."""
    step = 10.0 ** math.floor(math.log10((high - low) / 2))
    step *= next(times for times in (5, 2, 1) if (high - low) / (times * step) >= 2)
    return [round(number * step, 12) for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _bottom(values: Sequence[float]) -> float:
    """The axis' lower end; up to a tenth of the values, those of the steep first steps, may lie below it."""
    if not values:
        return 0.0
    low, high = float(np.quantile(values, 0.1)), max(values)
    return max(min(values), low - (high - low))


def thinned(count: int, most: int) -> list[int]:
    """At most `most` indices out of `count`, evenly spread, first and last included."""
    if count <= most:
        return list(range(count))
    return sorted({round(index * (count - 1) / (most - 1)) for index in range(most)})


def draw_traces(log_joint: np.ndarray) -> go.Figure:
    """Log joint of every chain over its draws, [S, D], as one faint line each, and their median."""
    keep = thinned(log_joint.shape[1], 100)
    part = log_joint[:, keep]
    # one trace of all chains, with a gap after each
    draws = np.tile(np.append(np.asarray(keep, dtype=float), np.nan), len(part))
    values = np.pad(part.astype(float), ((0, 0), (0, 1)), constant_values=np.nan).ravel()
    median = np.median(part, axis=0)
    traces = [
        line(draws, values, f"Chains ({len(part)})", colour=MUTED, width=1, opacity=0.55, connectgaps=False),
        line(keep, median, "Median", "draw %{x}: %{y:.1f} nats", "median", width=2.5),
    ]
    return composed(traces, height=300, x="Draw", y="Log joint (nats)")
