"""Maps of a plane of two inputs: what is named where and how surely, how uncertain it is, and which teacher rules.

Teachers alone carry hues: classes are regions that bear their name, with a line between them, shaded by probability.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import scipy

from mtbkd_core.figures.theme import COLORSCALE, INK, SOFT, styled, translucent

HEIGHT = 400
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
    figure = go.Figure()
    named = np.asarray(list(class_names))[probabilities.argmax(-1)]
    figure.add_heatmap(
        x=axis,
        y=axis,
        z=probabilities.max(-1).astype(np.float32),
        zmin=1 / len(class_names),
        zmax=1,
        colorscale=SOFT,
        customdata=named,
        colorbar=_bar("Probability", ".0%"),
        hovertemplate="class %{customdata}: %{z:.1%}<extra></extra>",
    )
    _add_borders(figure, axis, probabilities)
    if points is not None:
        figure.add_scatter(
            x=points["x1"],
            y=points["x2"],
            mode="text",
            text=points["class"],
            textfont={"color": INK, "size": 9},
            name="Labelled points",
            showlegend=False,
            unselected={"textfont": {"color": INK}},
            hovertemplate="labelled %{text}<extra></extra>",
        )
    names = region_names(axis, probabilities.argmax(-1))
    figure.add_scatter(
        x=[x for x, _, _ in names],
        y=[y for _, y, _ in names],
        mode="text",
        text=[f"<b>{class_names[index]}</b>" for _, _, index in names],
        textfont={"color": INK, "size": 30},
        unselected={"textfont": {"color": INK}},
        showlegend=False,
        hoverinfo="skip",
    )
    return _plane(figure, axis, chosen, height)


def draw_quantity(
    axis: np.ndarray,
    values: np.ndarray,
    title: str,
    *,
    probabilities: np.ndarray | None = None,
    points: pd.DataFrame | None = None,
    chosen: np.ndarray | None = None,
    height: int = HEIGHT,
) -> go.Figure:
    """A quantity [G, G] from 0 up as a heat map, with the borders between classes and the labelled points."""
    figure = go.Figure()
    figure.add_heatmap(
        x=axis,
        y=axis,
        z=values.astype(np.float32),
        zmin=0,
        colorscale=COLORSCALE,
        zsmooth="best",
        colorbar=_bar(title, ".2f"),
        hovertemplate=f"{title.lower()} %{{z:.3f}}<extra></extra>",
    )
    if probabilities is not None:
        _add_borders(figure, axis, probabilities)
    if points is not None:
        figure.add_scatter(
            x=points["x1"],
            y=points["x2"],
            mode="markers",
            marker={"color": "rgba(0, 0, 0, 0)", "size": 5, "line": {"color": INK, "width": 1}},
            text=points["class"],
            name="Labelled points",
            showlegend=False,
            unselected={"marker": {"opacity": 1}},
            hovertemplate="labelled %{text}<extra></extra>",
        )
    return _plane(figure, axis, chosen, height)


def draw_rule(
    axis: np.ndarray,
    who: np.ndarray,
    share: np.ndarray,
    teachers: Mapping[str, str],
    colours: Mapping[str, str],
    what: str,
    *,
    probabilities: np.ndarray | None = None,
    chosen: np.ndarray | None = None,
    height: int = HEIGHT,
) -> go.Figure:
    """Which teacher rules where, in its colour, the stronger the larger its share.

    Args:
        axis: [G].
        who: [G, G], indices into `teachers`.
        share: [G, G], from 0 to 1.
        teachers: name -> title.
        what: the share's name, for the hover.
        probabilities: [G, G, C], whose borders between classes are drawn.
        chosen: [2], a point to mark.
    """
    figure = go.Figure()
    for index, (name, title) in enumerate(teachers.items()):
        here = who == index
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            marker={"color": colours[name], "size": 11, "symbol": "square"},
            name=title,
        )
        if here.any():
            figure.add_heatmap(
                x=axis,
                y=axis,
                z=np.where(here, share, np.nan).astype(np.float32),
                zmin=0,
                zmax=1,
                colorscale=[(0, translucent(colours[name], 0.1)), (1, translucent(colours[name], 0.95))],
                showscale=False,
                hoverongaps=False,
                hovertemplate=f"{title}: {what} %{{z:.2f}}<extra></extra>",
            )
    if probabilities is not None:
        _add_borders(figure, axis, probabilities)
    return _plane(figure, axis, chosen, height, legend=True)


def point_table(x: np.ndarray, labels: np.ndarray, class_names: Sequence[str]) -> pd.DataFrame:
    """Points [N, 2] with labels [N] as a table: x1, x2, class."""
    return pd.DataFrame({"x1": x[:, 0], "x2": x[:, 1], "class": [class_names[index] for index in labels]})


def add_choosable(figure: go.Figure, x: np.ndarray) -> go.Figure:
    """Lay points [M, 2] over a map, unseen, so that a click on the map chooses the nearest: its number is its place."""
    figure.add_scatter(
        x=x[:, 0].astype(np.float32),
        y=x[:, 1].astype(np.float32),
        mode="markers",
        marker={"color": INK, "size": 16, "opacity": 0},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        customdata=np.arange(len(x)),
        name="Test points",
        showlegend=False,
        hovertemplate="test point %{customdata}: click to choose<extra></extra>",
    )
    return figure


def region_names(axis: np.ndarray, named: np.ndarray) -> list[tuple[float, float, int]]:
    """Where to write the class of each connected region of a map [G, G]: (x, y, class), deepest inside the region."""
    found = []
    for index in np.unique(named):
        regions, count = scipy.ndimage.label(named == index)
        for number in range(1, count + 1):
            inside = regions == number
            if inside.mean() < _SMALLEST:
                continue
            depth = scipy.ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
            row, column = np.unravel_index(depth.argmax(), depth.shape)
            found.append((float(axis[column]), float(axis[row]), int(index)))
    return found


def _add_borders(figure: go.Figure, axis: np.ndarray, probabilities: np.ndarray) -> None:
    """A line wherever another class becomes the most probable."""
    for index in range(probabilities.shape[-1]):
        others = np.delete(probabilities, index, -1).max(-1)
        figure.add_contour(
            x=axis,
            y=axis,
            z=(probabilities[..., index] - others).astype(np.float32),
            contours={"start": 0, "end": 0, "size": 1, "coloring": "none"},
            line={"color": INK, "width": 1.5},
            showscale=False,
            showlegend=False,
            hoverinfo="skip",
        )


def _bar(title: str, form: str) -> dict[str, object]:
    return {"title": {"text": title, "side": "right"}, "thickness": 10, "outlinewidth": 0, "tickformat": form}


def _plane(
    figure: go.Figure, axis: np.ndarray, chosen: np.ndarray | None, height: int, *, legend: bool = False
) -> go.Figure:
    if chosen is not None:
        figure.add_scatter(
            x=[float(chosen[0])],
            y=[float(chosen[1])],
            mode="markers",
            marker={"color": "#ffffff", "size": 13, "symbol": "star", "line": {"color": "#000000", "width": 1.5}},
            name="Chosen point",
            showlegend=False,
            unselected={"marker": {"opacity": 1}},
            hoverinfo="skip",
        )
    low, high = float(axis[0]), float(axis[-1])
    figure.update_xaxes(range=[low, high], showgrid=False, constrain="domain")
    figure.update_yaxes(range=[low, high], showgrid=False, scaleanchor="x", constrain="domain")
    return styled(figure, height=height, legend=legend, x="First input", y="Second input")
