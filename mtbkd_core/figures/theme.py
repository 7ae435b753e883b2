"""One look for every figure: the palette, a fixed colour for each teacher, the template, colours for light and dark.

Teachers alone carry hues. The student is drawn in INK, what is secondary in MUTED, quantities in SEQUENTIAL. These are
placeholders: Streamlit's chart theme replaces `#000001`, `#000002` and `#000011` to `#000020` in the browser by the
app's `chartCategoricalColors` and `chartSequentialColors`, so that a figure follows the reader's light or dark theme
without being drawn again. Outside the app, `svg` names variables of a style sheet in their place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas  # noqa: F401, for plotly looks into it once another thread has begun to import it
import plotly.graph_objects as go

#: Colours of teachers, in the order in which a task offers them. Each keeps a contrast of 2.7 or more on white and on
#: the dark background, and any two stay apart for normal, deuteranopic and protanopic sight (tests/figures holds both).
PALETTE: tuple[str, ...] = ("#2968f4", "#d7881e", "#37a07d", "#954a55", "#9f64ab", "#4c9de9", "#887409", "#624db6")

#: A second mark beside the colour, in the same order.
SYMBOLS: tuple[str, ...] = ("circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon", "x")
DASHES: tuple[str, ...] = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "5px,2px", "2px,6px")

INK = "#000001"
MUTED = "#000002"
SEQUENTIAL: tuple[str, ...] = tuple(f"#0000{number}" for number in range(11, 21))
GRID = "rgba(128, 134, 145, 0.22)"
BAND = "rgba(128, 134, 145, 0.16)"
#: Of marks: inside of those that only have an outline, of those that stand on any shade, and of the chosen example.
CLEAR = "rgba(0, 0, 0, 0)"
WHITE = "#ffffff"
BLACK = "#000000"
CHOSEN = PALETTE[1]
#: Marks what is not to be relied on; a shape of its own goes with it.
WARNING = "#d64550"


def _real(ink: str, muted: str, sequence: Sequence[str]) -> dict[str, str]:
    """Placeholder -> colour."""
    return {INK: ink, MUTED: muted} | dict(zip(SEQUENTIAL, sequence, strict=True))


#: What the placeholders stand for outside the app; `.streamlit/config.toml` holds the same colours for the app. Text is
#: INK or MUTED: both have a contrast of 4.5 or more on every background of the app.
LIGHT: Mapping[str, str] = _real(
    "#1d2430",
    "#69707d",
    ["#f6f7f9", "#ebeef4", "#dee4ee", "#d0d9e8", "#c2cee1", "#b3c1da", "#7288b3", "#4f6a9c", "#35507f", "#1f355a"],
)
DARK: Mapping[str, str] = _real(
    "#f1f3f7",
    "#8d96a6",
    ["#1b1f27", "#222935", "#2b3547", "#35435b", "#405371", "#4c6389", "#7089b4", "#93aacf", "#b5c7e3", "#d9e4f4"],
)

COLORSCALE: list[tuple[float, str]] = [(index / 9, colour) for index, colour in enumerate(SEQUENTIAL)]
#: The scale's end near the background, on which INK can be read.
SOFT: list[tuple[float, str]] = [(index / 6, colour) for index, colour in enumerate(SEQUENTIAL[:7])]

#: Of changes: zero, in the middle, is the background; less is brown, more is the scale's dark end.
LESS = "#a85f1c"
DIVERGING: list[tuple[float, str]] = [(0.0, LESS), *((0.5 + index / 18, hue) for index, hue in enumerate(SEQUENTIAL))]

#: Light on purpose: it travels with every figure. Fonts and colours of text come from the app.
TEMPLATE = go.layout.Template(
    layout={
        "colorway": list(PALETTE),
        "hovermode": "closest",
        "dragmode": False,
        "bargap": 0.25,
        "xaxis": {"showgrid": False, "zeroline": False},
        "yaxis": {"gridcolor": GRID, "zeroline": False},
    }
)


def teacher_colours(offered: Sequence[str]) -> dict[str, str]:
    """Name -> colour, fixed by the order in which the task offers them; a ninth teacher takes the first again."""
    return {name: PALETTE[index % len(PALETTE)] for index, name in enumerate(offered)}


def translucent(colour: str, opacity: float) -> str:
    """`#rrggbb` with an opacity from 0 to 1, as plotly writes it."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity:g})"


def styled(figure: go.Figure, *, height: int = 320, legend: bool = True, x: str = "", y: str = "") -> go.Figure:
    """Apply the template and the common layout; `x` and `y` are the axis titles."""
    figure.update_layout(_common_layout(height, legend))
    if x:
        figure.update_xaxes(title=_axis_title(x))
    if y:
        figure.update_yaxes(title=_axis_title(y))
    return figure


def composed(
    traces: Sequence[Mapping[str, Any]],
    *,
    height: int = 320,
    legend: bool | Mapping[str, Any] = True,
    x: str | Mapping[str, Any] = "",
    y: str | Mapping[str, Any] = "",
    room: tuple[float, float] | None = None,
    **layout: Any,
) -> go.Figure:
    """A figure of plain dicts with the template and the common layout.

    Args:
        traces: as plotly takes them, each with its type; `figures.parts` makes them.
        x, y: the axes, or just their titles; a "title" may be plain text. So may that of any other axis.
        legend: whether there is one, or where it stands if not above the chart.
        room: pixels that the axes' texts take at the left and below, where they are known. The browser need not measure
            them and draw the chart again then, which is half of its time; None: it does. The legend's room it finds
            in any case, before it draws.
        layout: whatever else the layout has; "margin" adds to the common one.
    """
    layout |= {f"{name}axis": {"title": axis} if isinstance(axis, str) else axis for name, axis in (("x", x), ("y", y))}
    common = _common_layout(height, bool(legend))
    common["legend"] |= legend if isinstance(legend, Mapping) else {}
    if room is not None:
        common["margin"] |= {"l": room[0], "b": room[1]}
    for name, part in layout.items():
        if name[1:5] == "axis":
            common[name] = part | {"title": _axis_title(part["title"])} if part.get("title") else dict(part)
            if room is not None:
                common[name]["automargin"] = False
            common[name] |= {key: _as_texts(part[key]) for key in _NAMES_OF_AXIS & part.keys()}
        else:
            common[name] = common["margin"] | part if name == "margin" else part
    # unchecked: checking every value takes most of the time; the tests do
    shown = [dict(each) | {key: _as_texts(each[key]) for key in _NAMES & each.keys()} for each in traces]
    return go.Figure({"data": shown, "layout": common}, _validate=False)


#: Where a figure has names of people's own: of a trace, its categories and what its points show; of an axis.
_NAMES = frozenset({"name", "x", "y", "customdata"})
_NAMES_OF_AXIS = frozenset({"categoryarray", "ticktext"})


def as_text(name: object) -> str:
    """A name that a person gave, for a figure: plotly shows it as it is, and reads no tag in it."""
    return str(name).replace("&", "&amp;").replace("<", "&lt;")


def _as_texts(values: Any) -> Any:
    """Values with the text among them as it is; numbers stay."""
    if isinstance(values, str):
        return as_text(values)
    found = values.tolist() if getattr(getattr(values, "dtype", None), "kind", "") in ("O", "U", "T") else values
    if isinstance(found, list | tuple) and any(isinstance(each, str | list | tuple) for each in found):
        texts = [_as_texts(each) for each in found]
        return texts if found is values else np.array(texts, dtype=object)
    return values


#: Pixels of the smallest text of a chart.
SMALL_TEXT = 11
#: Pixels of a letter at its widest on average, of the font that the app draws charts in.
LETTER = 7


def _common_layout(height: int, legend: bool) -> dict[str, Any]:
    return {
        "template": TEMPLATE,
        "height": height,
        "margin": {"l": 8, "r": 12, "t": 36 if legend else 12, "b": 8, "pad": 4},
        "showlegend": legend,
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom", "title": None},
    }


def _axis_title(text: str) -> dict[str, Any]:
    return {"text": text, "standoff": 8}


def series_style(series: str, colours: Mapping[str, str]) -> tuple[str, str, str]:
    """Colour, dash and symbol of what metrics.json calls `series`: the student and its kin in ink, teachers in hues.

    Runs side by side are `run:A` to `run:D`.
    """
    fixed = {
        "student": (INK, "solid", "circle"),
        "student_mode": (INK, "dash", "square-open"),
        "warm_start": (INK, "dot", "diamond-open"),
        "teachers_mean": (MUTED, "solid", "x"),
        "teachers_weighted": (MUTED, "dash", "cross"),
        "run:A": (INK, "solid", "circle"),
        "run:B": (MUTED, "dash", "square"),
        "run:C": (SEQUENTIAL[6], "dot", "diamond"),
        "run:D": (SEQUENTIAL[8], "dashdot", "triangle-up"),
    }
    if series in fixed:
        return fixed[series]
    name = series.removeprefix("teacher:")
    order = list(colours)
    return colours[name], "solid", SYMBOLS[order.index(name) % len(SYMBOLS)]
