"""A figure as SVG: for paper, and for a file that is too small for plotly.js.

It knows what reports draw: lines, points, bars and boxes, on linear, logarithmic and category axes, one below the
other. Colours are variables of the page's style sheet (`variables`), so that a figure follows light and dark.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape, unescape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from mtbkd_core.figures.marks import Mark, categories, marks_of
from mtbkd_core.figures.theme import DARK, INK, LIGHT, MUTED, SEQUENTIAL

WIDTH = 480
_TEXT, _LETTER = 13, 7.2
_NAMES = {INK: "ink", MUTED: "muted"} | {colour: f"scale-{index}" for index, colour in enumerate(SEQUENTIAL)}
_DASHES = {"dash": "8 5", "dot": "2 4", "dashdot": "8 4 2 4", "longdash": "12 6", "longdashdot": "12 5 2 5"}


def variables(*, dark: bool = False) -> str:
    """The declarations of every colour that a drawing names, for a style sheet."""
    shades = DARK if dark else LIGHT
    return " ".join(f"--{name}: {shades[colour]};" for colour, name in _NAMES.items())


@dataclass(frozen=True)
class Axis:
    """An axis: from numbers, logarithms where it has decades, to pixels."""

    low: float
    high: float
    start: float
    end: float
    ticks: Sequence[tuple[float, str]]
    title: str
    log: bool = False

    def at(self, value: float) -> float:
        """Pixels of a number."""
        if self.log:
            value = math.log10(max(value, 1e-300))
        share = (value - self.low) / (self.high - self.low)
        return self.start + min(max(share, -0.03), 1.03) * (self.end - self.start)


def as_svg(figure: go.Figure, *, title: str) -> str:
    """The figure without its legend, as one SVG element of `WIDTH` that scales with its place.

    Args:
        title: what is drawn, for people who listen to the page.
    """
    layout = figure.layout.to_plotly_json()
    traces = [trace.to_plotly_json() for trace in figure.data]
    names = categories(layout.get("xaxis", {}), traces)
    marks = list(marks_of(traces, names, layout))
    panels = sorted({mark.axis for mark in marks}) or ["y"]
    turned = bool(names) and max(map(len, names)) * _LETTER > 0.8 * WIDTH / len(names)
    extra = min(14, max(map(len, names))) * _LETTER * 0.6 if turned else 0
    below = 44 + extra
    height = min(420.0, 0.82 * float(layout.get("height", 320))) + extra
    place = {panel: layout.get("yaxis" + panel[1:], {}) for panel in panels}
    limits = {panel: _limits(place[panel], [mark.y for mark in marks if mark.axis == panel]) for panel in panels}
    ticks = {panel: _ticks(place[panel], *limits[panel]) for panel in panels}
    left = 36 + _LETTER * max(len(text) for each in ticks.values() for _, text in each)
    x = _x_axis(layout.get("xaxis", {}), names, marks, left)
    parts = []
    for panel in panels:
        low, high = place[panel].get("domain", (0, 1))
        bottom, top = (8 + (height - below - 8) * (1 - end) for end in (low, high))
        log = place[panel].get("type") == "log"
        y = Axis(*limits[panel], bottom, top, ticks[panel], _title(place[panel]), log)
        parts += [*_frame(x, y), *_shapes(layout, x, y, panel)]
        parts += [_drawn(mark, x, y) for mark in marks if mark.axis == panel]
    parts += _names_below(x, height - below, turned)
    parts.append(_text(_title(layout.get("xaxis", {})), (left + WIDTH) / 2, height - 6, "middle"))
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )


def legend(figure: go.Figure) -> str:
    """What the marks mean, as a line of HTML; "" where nothing is named."""
    found = []
    for trace in (trace.to_plotly_json() for trace in figure.data):
        if not trace.get("name") or not trace.get("showlegend", True):
            continue
        marks = [mark for mark in marks_of([trace], categories({}, [trace]), {}) if mark.kind != "whisker"]
        if not marks:
            continue
        ends = {"line": (np.array([0.0, 1.0]), np.array([0.5, 0.5])), "points": (np.array([0.5]), np.array([0.5]))}
        whole = Axis(0, 1, 1, 23, (), "")
        drawn = []
        for kind, like in {mark.kind: mark for mark in reversed(marks)}.items():
            x, y = ends.get(kind, (np.array([0.25, 0.75]), np.array([0.1, 0.9])))
            shown = Mark(kind, "y", x, y, like.colour, like.width, like.dash, like.opacity, like.symbol)
            drawn.append(_drawn(shown, whole, Axis(0, 1, 13, 1, (), "")))
        swatch = f'<svg class="swatch" viewBox="0 0 24 14" aria-hidden="true">{"".join(drawn)}</svg>'
        found.append(f"<span>{swatch}{_plainly(trace['name'])}</span>")
    return f'<p class="legend">{"".join(found)}</p>' if found else ""


def _drawn(mark: Mark, x: Axis, y: Axis) -> str:
    places = [
        (x.at(a), y.at(b)) if math.isfinite(a) and math.isfinite(b) else None
        for a, b in zip(mark.x, mark.y, strict=True)
    ]
    style = f'style="stroke:{_css(mark.colour)};opacity:{mark.opacity:g};stroke-width:{mark.width:.3g}"'
    if mark.kind == "area":
        pairs = zip(places[::2], places[1::2], strict=True)
        path = "".join(f"M{a[0]:.1f} {a[1]:.1f}H{b[0]:.1f}V{b[1]:.1f}H{a[0]:.1f}Z" for a, b in pairs if a and b)
        return f'<path d="{path}" style="fill:{_css(mark.colour)};opacity:{mark.opacity:g}"/>'
    if mark.kind == "points":
        return _points({(round(a, 1), round(b, 1)): None for a, b in filter(None, places)}, mark)
    path, pen = "", "M"
    for point in places:
        path += f"{pen}{point[0]:.1f} {point[1]:.1f}" if point else ""
        pen = "L" if point else "M"
    dash = f' stroke-dasharray="{_DASHES[mark.dash]}"' if mark.dash in _DASHES else ""
    return f'<path d="{path}" fill="none"{dash} {style}/>'


def _points(places: Iterable[tuple[float, float]], mark: Mark) -> str:
    """Points that lie on one another are drawn once."""
    half = mark.width / 2
    if mark.symbol == "circle":
        path = "".join(f"M{a:g} {b:g}h0" for a, b in places)
        style = (
            f"stroke:{_css(mark.colour)};opacity:{mark.opacity:g};stroke-width:{mark.width:.3g};stroke-linecap:round"
        )
        return f'<path d="{path}" style="{style}"/>'
    across = f"m{-half:g} {-half:g}l{2 * half:g} {2 * half:g}m0 {-2 * half:g}l{-2 * half:g} {2 * half:g}"
    diamond = f"m0 {-half:g}l{half:g} {half:g}l{-half:g} {half:g}l{-half:g} {-half:g}z"
    square = f"m{-half:g} {-half:g}h{2 * half:g}v{2 * half:g}h{-2 * half:g}z"
    outlines = {"x": across, "cross": across, "square": square, "square-open": square}
    path = "".join(f"M{a:g} {b:g}{outlines.get(mark.symbol, diamond)}" for a, b in places)
    fill = "none" if mark.symbol.endswith("open") or mark.symbol in ("x", "cross") else _css(mark.colour)
    return (
        f'<path d="{path}" style="fill:{fill};stroke:{_css(mark.colour)};opacity:{mark.opacity:g};stroke-width:1.6"/>'
    )


def _frame(x: Axis, y: Axis) -> Iterable[str]:
    for value, text in y.ticks:
        yield f'<path class="grid" d="M{x.start:.1f} {y.at(value):.1f}H{x.end:.1f}"/>'
        yield _text(text, x.start - 6, y.at(value) + 4, "end")
    middle = (y.start + y.end) / 2
    yield f'<text transform="translate(13 {middle:.0f}) rotate(-90)" text-anchor="middle">{escape(y.title)}</text>'


def _shapes(layout: Mapping[str, Any], x: Axis, y: Axis, panel: str) -> Iterable[str]:
    """Thin lines and bands across the first panel."""
    for shape in layout.get("shapes", ()) if panel == "y" else ():
        left, right = (
            x.start + (x.end - x.start) * shape[end] if shape.get("xref") == "paper" else x.at(shape[end])
            for end in ("x0", "x1")
        )
        low, high = (
            y.start + (y.end - y.start) * shape[end] if shape.get("yref") == "paper" else y.at(shape[end])
            for end in ("y0", "y1")
        )
        if shape["type"] == "line":
            look = shape["line"]
            dash = f' stroke-dasharray="{_DASHES[look["dash"]]}"' if look["dash"] in _DASHES else ""
            path = f"M{left:.1f} {low:.1f}L{right:.1f} {high:.1f}"
            yield f'<path d="{path}"{dash} style="stroke:{_css(look["color"])}"/>'
    for said in layout.get("annotations", ()) if panel == "y" else ():
        yield _text(said["text"], x.at(said["x"]), y.at(said["y"]), "start" if said.get("xanchor") == "left" else "end")


def _names_below(x: Axis, bottom: float, turned: bool) -> Iterable[str]:
    """What the horizontal axis counts; long names are turned, and some of very many left out."""
    every = max(1, math.ceil(len(x.ticks) * (1.4 if turned else 1) * _TEXT / (x.end - x.start)))
    for value, text in x.ticks[::every]:
        at = x.at(value)
        short = text if len(text) <= 14 or not turned else text[:13] + "…"
        turn = f' transform="rotate(-38 {at:.1f} {bottom + 14:.1f})"' if turned else ""
        yield _text(short, at, bottom + 16, "end" if turned else "middle", turn)


def _x_axis(layout: Mapping[str, Any], names: Sequence[str], marks: Sequence[Mark], left: float) -> Axis:
    if names:
        ticks = [(float(index), name) for index, name in enumerate(names)]
        return Axis(-0.5, len(names) - 0.5, left, WIDTH - 10, ticks, _title(layout))
    low, high = _limits(layout, [mark.x for mark in marks])
    return Axis(low, high, left, WIDTH - 14, _ticks(layout, low, high), _title(layout))


def _limits(layout: Mapping[str, Any], values: Sequence[np.ndarray]) -> tuple[float, float]:
    known = np.concatenate([*values, np.zeros(0)])
    known = known[np.isfinite(known)]
    transform: Callable[[Any], Any] = np.log10 if layout.get("type") == "log" else np.asarray
    known = transform(known[known > 0] if layout.get("type") == "log" else known)
    if layout.get("range") is not None:
        return float(layout["range"][0]), float(layout["range"][1])
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    low = 0.0 if layout.get("rangemode") == "tozero" else low
    if layout.get("type") == "log" and math.floor(high) < math.ceil(low):  # no decade lies between them
        return math.floor(low), math.ceil(high)
    air = 0.05 * (high - low) or 1.0
    return low - (air if low != 0 else 0), high + air


def _ticks(layout: Mapping[str, Any], low: float, high: float) -> list[tuple[float, str]]:
    if layout.get("type") == "log":
        return [(10.0**power, f"{10.0**power:g}") for power in range(math.ceil(low), math.floor(high) + 1)]
    rough = (high - low) / max(1, int(layout.get("nticks", 6)) - 1)
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(each * size for each in (1, 2, 2.5, 5, 10) if each * size >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    values = [step * index for index in range(first, math.floor(high / step + 1e-9) + 1)]
    return [
        (value, f"{value:.0%}" if "%" in layout.get("tickformat", "") else f"{value + 0.0:,.6g}") for value in values
    ]


def _title(axis: Mapping[str, Any]) -> str:
    title = axis.get("title") or ""
    return str((title.get("text") or "") if isinstance(title, Mapping) else title)


def _text(text: str, x: float, y: float, anchor: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{_plainly(text)}</text>'


def _css(colour: str) -> str:
    return f"var(--{_NAMES[colour]})" if colour in _NAMES else colour


def _plainly(text: object) -> str:
    """A text as it stands in a figure, where names are escaped already (`theme.as_text`), or not."""
    return escape(unescape(str(text)))
