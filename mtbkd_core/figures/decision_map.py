"""Maps of a plane of two inputs: the most probable class, a quantity, and the teacher with the largest share.

Teachers alone carry hues: classes are regions that bear their name, with a line between them, shaded by probability.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import scipy

from mtbkd_core.figures.parts import Part, heat, legend_mark, marker, marks, star, trace
from mtbkd_core.figures.theme import CLEAR, COLORSCALE, INK, SMALL_TEXT, SOFT, as_text, composed, translucent

HEIGHT = 400
#: Pixels of the scale above a map: less than the smallest map is wide.
_SCALE = 190
#: Regions smaller than this share of the plane bear no name.
_SMALLEST = 0.012


def map_table(axis: np.ndarray, **columns: np.ndarray) -> pd.DataFrame:
    """One row a grid point: its two inputs and values of any number of [G, G] maps."""
    first, second = np.meshgrid(axis, axis)
    return pd.DataFrame({"x1": first.ravel(), "x2": second.ravel()} | {n: v.ravel() for n, v in columns.items()})


def probability_columns(prefix: str, probabilities: np.ndarray, class_names: Sequence[str]) -> dict[str, np.ndarray]:
    """The [G, G, C] probabilities as one named [G, G] map a class, for `map_table`."""
    return {f"{prefix} {name}": probabilities[..., index] for index, name in enumerate(class_names)}


def draw_decisions(
    axis: np.ndarray,
    probabilities: np.ndarray,
    class_names: Sequence[str],
    *,
    points: pd.DataFrame | None = None,
    chosen: np.ndarray | None = None,
    height: int = HEIGHT,
) -> go.Figure:
    """The most probable class of every input as a named region, shaded by its probability.

    Args:
        axis: [G], the grid's values.
        probabilities: [G, G, C].
        class_names: C.
        points: labelled points, as `point_table`; each is drawn as its class's name.
        chosen: [2], a point to mark.
    """
    best = probabilities.argmax(-1)
    shade = heat(
        axis,
        probabilities.max(-1),
        hover="class %{customdata}: %{z:.1%}",
        zmin=1 / len(class_names),
        zmax=1,
        colorscale=SOFT,
        customdata=np.asarray(list(class_names))[best],
        colorbar=colour_bar("Probability", ".0%"),
    )
    traces = [shade, *borders(axis, probabilities)]
    if points is not None:
        traces.append(texts(points["x1"], points["x2"], points["class"], SMALL_TEXT, "labelled %{text}"))
    names = [(x, y, f"<b>{as_text(class_names[index])}</b>") for x, y, index in region_names(axis, best, chosen)]
    x, y, bold = np.array(names, dtype=object).reshape(-1, 3).T
    traces.append(texts(x, y, bold, 30))
    return plane(traces, axis, chosen, height)


def draw_quantity(
    axis: np.ndarray,
    values: np.ndarray,
    title: str,
    *,
    probabilities: np.ndarray,
    points: pd.DataFrame | None = None,
    chosen: np.ndarray | None = None,
    height: int = HEIGHT,
    top: float | None = None,
) -> go.Figure:
    """A quantity [G, G] from 0 up as a heat map, with the borders between classes and the labelled points.

    `top` is the scale's end, for maps that are compared; None: the largest value.
    """
    shade = heat(
        axis,
        values,
        hover=f"{title.lower()} %{{z:.3f}}",
        zmin=0,
        zmax=float(values.max()) if top is None else top,
        colorscale=COLORSCALE,
        zsmooth="best",
        colorbar=colour_bar(title, ".2~g"),
    )
    traces = [shade, *borders(axis, probabilities)]
    if points is not None:
        look = {"marker": marker(CLEAR, 5, edge=INK, width=1), "unselected": {"marker": {"opacity": 1}}}
        traces.append(marks(points["x1"], points["x2"], "", "labelled %{text}", text=points["class"], **look))
    return plane(traces, axis, chosen, height)


def draw_leading_teacher(
    axis: np.ndarray,
    who: np.ndarray,
    share: np.ndarray,
    teachers: Mapping[str, str],
    colours: Mapping[str, str],
    what: str,
    *,
    probabilities: np.ndarray,
    chosen: np.ndarray | None = None,
    height: int = HEIGHT,
) -> go.Figure:
    """The teacher with the largest share at every input, in its colour, the stronger the larger its share.

    Args:
        axis: [G].
        who: [G, G], indices into `teachers`.
        share: [G, G], from 0 to 1.
        teachers: name -> title.
        what: the share's name, for the hover.
        probabilities: [G, G, C]; the borders between their most probable classes are drawn.
        chosen: [2], a point to mark.
    """
    traces = []
    for index, (name, title) in enumerate(teachers.items()):
        colour, here = colours[name], who == index
        traces.append(legend_mark(title, colour=colour, size=11, symbol="square"))
        if here.any():
            shades = [(0, translucent(colour, 0.1)), (1, translucent(colour, 0.95))]
            scale = {"zmin": 0, "zmax": 1, "colorscale": shades, "showscale": False, "hoverongaps": False}
            traces.append(
                heat(axis, np.where(here, share, np.nan), hover=f"{as_text(title)}: {what} %{{z:.2f}}", **scale)
            )
    return plane([*traces, *borders(axis, probabilities)], axis, chosen, height, legend=True)


def point_table(x: np.ndarray, labels: np.ndarray, class_names: Sequence[str]) -> pd.DataFrame:
    """Points [N, 2] with labels [N] as a table: x1, x2, class."""
    return pd.DataFrame({"x1": x[:, 0], "x2": x[:, 1], "class": [class_names[index] for index in labels]})


def add_choosable(figure: go.Figure, x: np.ndarray) -> go.Figure:
    """Lay points [M, 2] over a map, unseen, so that a click on the map chooses the nearest: its number is its place."""
    unseen = {"marker": {"opacity": 0}}
    look = {"marker": {"color": INK, "size": 16, "opacity": 0}, "selected": unseen, "unselected": unseen}
    hover = "test point %{customdata}: click to choose"
    figure.add_trace(marks(*x.astype(np.float32).T, "", hover, customdata=np.arange(len(x)), **look))
    return figure


def region_names(
    axis: np.ndarray, named: np.ndarray, taken: np.ndarray | None = None
) -> list[tuple[float, float, int]]:
    """Where to write the class of each connected region of a map [G, G]: (x, y, class), deepest inside the region.

    `taken` [2] is a point that bears a mark already.
    """
    found = []
    away = np.inf
    if taken is not None:
        across, up = np.meshgrid(axis - taken[0], axis - taken[1])
        away = np.hypot(across, up) / (axis[1] - axis[0]) / 2
    for index in np.unique(named):
        regions, count = scipy.ndimage.label(named == index)
        for number in range(1, count + 1):
            inside = regions == number
            if inside.mean() < _SMALLEST:
                continue
            depth = scipy.ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
            depth = np.minimum(depth, away)
            row, column = np.unravel_index(depth.argmax(), depth.shape)
            found.append((float(axis[column]), float(axis[row]), int(index)))
    return found


def borders(axis: np.ndarray, probabilities: np.ndarray, *, dash: str = "solid") -> list[Part]:
    """A line wherever another class becomes the most probable."""
    zero = {"contours": {"start": 0, "end": 0, "size": 1, "coloring": "none"}, "showscale": False}
    ahead = (
        probabilities[..., index] - np.delete(probabilities, index, -1).max(-1)
        for index in range(probabilities.shape[-1])
    )
    return [
        heat(axis, values, type="contour", line={"color": INK, "width": 1.5, "dash": dash}, **zero) for values in ahead
    ]


def texts(x: Any, y: Any, texts: Any, size: int, hover: str = "") -> Part:
    """Texts at points, which a chosen point does not make fade."""
    look: Part = {"text": texts, "textfont": {"color": INK, "size": size}, "unselected": {"textfont": {"color": INK}}}
    return trace("scatter", x, y, "", hover, mode="text", **look)


def colour_bar(title: str, form: str) -> Part:
    """The scale above a map, where it takes nothing of its width; `form` is how its numbers are written."""
    look = {"orientation": "h", "thickness": 8, "outlinewidth": 0, "y": 1, "yanchor": "bottom", "ypad": 2}
    size = {"lenmode": "pixels", "len": _SCALE}
    return {**look, **size, "title": {"text": title, "side": "top"}, "tickformat": form, "nticks": 4}


def plane(
    traces: Sequence[Part], axis: np.ndarray, chosen: np.ndarray | None, height: int, *, legend: bool = False
) -> go.Figure:
    """A square map of traces over an axis [G] both ways; `chosen` [2] is a point to mark."""
    if chosen is not None:
        point = star([float(chosen[0])], [float(chosen[1])], unselected={"marker": {"opacity": 1}})
        traces = [*traces, point]
    square = {"range": [float(axis[0]), float(axis[-1])], "showgrid": False, "constrain": "domain"}
    x = {"title": "First input", **square}
    y = {"title": "Second input", "scaleanchor": "x", "constraintoward": "top", **square}
    return composed(traces, height=height, legend=legend, x=x, y=y)
