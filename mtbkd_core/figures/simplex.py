"""The triangle of three classes: the mixture prior as shading, teachers, posterior draws and the truth in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from mtbkd_core.evaluation.prior_density import CORNERS, TOP, SimplexDensity, to_plane
from mtbkd_core.figures.parts import Part, line, marker, marks, note, star, trace
from mtbkd_core.figures.theme import COLORSCALE, INK, SOFT, WHITE, as_text, composed


def draw_simplex(
    grid: SimplexDensity,
    class_names: Sequence[str],
    teachers: Mapping[str, str],
    colours: Mapping[str, str],
    weights: Sequence[float],
    *,
    draws: np.ndarray | None = None,
    truth: np.ndarray | None = None,
    height: int = 400,
) -> go.Figure:
    """The mixture as shading, on a square-root scale; each teacher's mode, and the outline at half its density.

    Posterior draws [n, 3] and the truth [3], both as shares of the three classes, are laid over it where given.
    """
    shade = {
        "z": np.sqrt(grid.density).astype(np.float32),
        "zmin": 0,
        "zsmooth": "best",
        "colorscale": COLORSCALE if draws is None else SOFT,
        "showscale": False,
    }
    traces = [trace("heatmap", grid.x.astype(np.float32), grid.y.astype(np.float32), **shade)]
    if draws is not None:
        traces.append(_cloud(draws))
    for (name, title), mode, outline, weight in zip(teachers.items(), grid.modes, grid.outlines, weights, strict=True):
        outline = to_plane(outline[np.arange(-1, len(outline))]).astype(np.float32)
        hover = "<br>".join([as_text(title), *_shares(class_names, mode), f"weight {weight:.2f}"])
        traces.append(line(*outline.T, title, showlegend=False, colour=colours[name], width=1.5 + 2 * float(weight)))
        traces.append(_teacher(mode, title, hover, colours[name]))
    if truth is not None:
        hover = "<br>".join(["truth", *_shares(class_names, truth)])
        traces.append(star(*to_plane(truth)[:, None].tolist(), "Truth", hover))
    return _triangle(traces, class_names, height)


def draw_draws(
    draws: np.ndarray,
    targets: np.ndarray,
    class_names: Sequence[str],
    teachers: Mapping[str, str],
    colours: Mapping[str, str],
) -> go.Figure:
    """Posterior draws and teachers of one example.

    Args:
        draws: [n, 3] probabilities of the three classes, rescaled to sum to 1.
        targets: [K, 3], the teachers' probabilities, likewise.
        class_names: the three classes.
        teachers: name -> title, K of them.
        colours: teacher's name -> colour.
    """
    points = (
        _teacher(target, title, title, colours[name])
        for (name, title), target in zip(teachers.items(), targets, strict=True)
    )
    return _triangle([_cloud(draws), *points], class_names, 380)


def _shares(class_names: Sequence[str], shares: np.ndarray) -> list[str]:
    return [f"class {as_text(label)}: {share:.2f}" for label, share in zip(class_names, shares, strict=True)]


def _cloud(draws: np.ndarray) -> Part:
    look = {"color": INK, "size": 4, "opacity": 0.5}
    return marks(*to_plane(draws).astype(np.float32).T, f"Student draws ({len(draws)})", marker=look)


def _teacher(shares: np.ndarray, title: str, hover: str, colour: str) -> Part:
    return marks(*to_plane(shares)[:, None].tolist(), title, hover, marker=marker(colour, 13, edge=WHITE))


def _triangle(traces: Sequence[Part], class_names: Sequence[str], height: int) -> go.Figure:
    """The traces in a triangle that bears the classes at its corners."""
    names = [
        note(f"<b>{as_text(label)}</b>", x, y, yanchor="bottom" if y else "top", yshift=4 if y else -4)
        for (x, y), label in zip(CORNERS, class_names, strict=True)
    ]
    edge = line(*CORNERS[[0, 1, 2, 0]].T, width=1)
    return composed(
        [*traces, edge],
        height=height,
        room=(8, 8),
        x={"visible": False, "range": [-0.06, 1.06], "fixedrange": True},
        y={"visible": False, "range": [-0.09, TOP + 0.09], "scaleanchor": "x", "fixedrange": True},
        annotations=names,
    )
