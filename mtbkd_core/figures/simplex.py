"""The mixture prior as a density over three classes.

If q ~ Dirichlet(a) over C classes, the shares of three of them among themselves, q_c / (q_1 + q_2 + q_3), are Dirichlet
with the same three parameters, and independent of what the three have together (the Dirichlet's neutrality). So, under
the mixture sum_k w_k Dirichlet(1 + lambda t_k), those shares follow the mixture of three-class Dirichlets with the same
weights w_k and, of the parameters 1 + lambda t_k, those of the three classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
import scipy

from mtbkd_core.figures.theme import COLORSCALE, INK, SOFT, composed

#: The triangle: height and corners.
TOP = np.sqrt(3) / 2
CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, TOP]])


@dataclass(frozen=True)
class SimplexDensity:
    """A mixture of Dirichlets over the shares of three classes, on a grid of the plane.

    Attributes:
        x, y: the grid's axes; the corners are (0, 0), (1, 0) and (1/2, sqrt(3)/2).
        density: [len(y), len(x)], the mixture's density by area of shares; NaN outside the triangle.
        components: [K, len(y), len(x)], each Dirichlet's density alone, likewise.
        modes: [K, 3], each Dirichlet's mode.
        outlines: [K, n, 3], points around each mode where the density is half its peak, or the triangle ends before.
    """

    x: np.ndarray
    y: np.ndarray
    density: np.ndarray
    components: np.ndarray
    modes: np.ndarray
    outlines: np.ndarray


def log_dirichlet(shares: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """Log density [...] of a Dirichlet with parameters [C] at shares [..., C], all positive."""
    constant = scipy.special.gammaln(parameters.sum()) - scipy.special.gammaln(parameters).sum()
    density: np.ndarray = constant + ((parameters - 1) * np.log(shares)).sum(-1)
    return density


def simplex_density(
    targets: np.ndarray, weights: np.ndarray, concentration: float, *, points: int = 61
) -> SimplexDensity:
    """The mixture prior restricted to three classes.

    Args:
        targets: [K, 3], each teacher's tempered probabilities of the three classes, as they are (not rescaled).
        weights: [K], the mixture weights at the example.
        concentration: lambda.
        points: of the grid along the base.
    """
    x = np.linspace(0, 1, points)
    y = np.linspace(0, TOP, int(points * TOP))
    grid_x, grid_y = np.meshgrid(x, y)
    third = grid_y / TOP
    second = grid_x - third / 2
    shares = np.stack([1 - second - third, second, third], -1)
    inside = np.all(shares > -1e-9, axis=-1)
    safe = np.where(inside[..., None], shares, 1 / 3).clip(1e-4)
    safe /= safe.sum(-1, keepdims=True)
    logs = np.stack([log_dirichlet(safe, 1 + concentration * target) for target in targets])
    logs[:, ~inside] = np.nan
    with np.errstate(divide="ignore"):
        mixture = scipy.special.logsumexp(logs + np.log(weights)[:, None, None], axis=0)
    total = targets.sum(-1, keepdims=True)
    modes = np.where(total > 0, targets / np.where(total > 0, total, 1), 1 / 3)
    outlines = np.stack(
        [half_peak(1 + concentration * target, mode) for target, mode in zip(targets, modes, strict=True)]
    )
    return SimplexDensity(x, y, np.exp(mixture), np.exp(logs), modes, outlines)


def half_peak(parameters: np.ndarray, mode: np.ndarray, *, points: int = 90) -> np.ndarray:
    """Shares [points, 3] around a Dirichlet's mode [3] where its density is half its peak, or the triangle ends before.

    With parameters [3] of at least 1 the density is log-concave, so it falls along every ray from the mode and each ray
    is searched by bisection.
    """
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    third = np.sin(angle) / TOP
    second = np.cos(angle) - third / 2
    rays = np.stack([-second - third, second, third], -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.where(rays < -1e-12, mode / -rays, np.inf).min(-1)

    def log_ratio(reach: np.ndarray) -> np.ndarray:
        shares = (mode + reach[:, None] * rays).clip(0)
        power = parameters - 1
        return np.asarray((scipy.special.xlogy(power, shares) - scipy.special.xlogy(power, mode)).sum(-1))

    low, high = np.zeros(points), ends
    for _ in range(30):
        middle = (low + high) / 2
        above = log_ratio(middle) >= -np.log(2)
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    shares: np.ndarray = (mode + low[:, None] * rays).clip(0)
    return shares


def to_plane(shares: np.ndarray) -> np.ndarray:
    """[..., 3] shares to [..., 2] points in the triangle."""
    points: np.ndarray = shares @ CORNERS
    return points


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
    x, y = grid.x.astype(np.float32), grid.y.astype(np.float32)
    traces: list[dict[str, Any]] = [
        {
            "type": "heatmap",
            "x": x,
            "y": y,
            "z": np.sqrt(grid.density).astype(np.float32),
            "colorscale": COLORSCALE if draws is None else SOFT,
            "showscale": False,
            "zsmooth": "best",
            "hoverinfo": "skip",
            "zmin": 0,
        }
    ]
    if draws is not None:
        points = to_plane(draws).astype(np.float32)
        traces.append(
            {
                "type": "scatter",
                "x": points[:, 0],
                "y": points[:, 1],
                "mode": "markers",
                "name": f"Student draws ({len(draws)})",
                "marker": {"color": INK, "size": 4, "opacity": 0.5},
                "hoverinfo": "skip",
            }
        )
    for k, (name, title) in enumerate(teachers.items()):
        outline = to_plane(np.vstack([grid.outlines[k], grid.outlines[k][:1]])).astype(np.float32)
        point = to_plane(grid.modes[k])
        modes = (f"class {label}: {share:.2f}" for label, share in zip(class_names, grid.modes[k], strict=True))
        traces += [
            {
                "type": "scatter",
                "x": outline[:, 0],
                "y": outline[:, 1],
                "mode": "lines",
                "line": {"color": colours[name], "width": 1.5 + 2 * float(weights[k])},
                "name": title,
                "showlegend": False,
                "hoverinfo": "skip",
            },
            {
                "type": "scatter",
                "x": [point[0]],
                "y": [point[1]],
                "mode": "markers",
                "marker": {"color": colours[name], "size": 13, "line": {"color": "#ffffff", "width": 2}},
                "name": title,
                "hovertemplate": "<br>".join([title, *modes, f"weight {weights[k]:.2f}<extra></extra>"]),
            },
        ]
    if truth is not None:
        point = to_plane(truth)
        shares = (f"class {label}: {share:.2f}" for label, share in zip(class_names, truth, strict=True))
        traces.append(
            {
                "type": "scatter",
                "x": [point[0]],
                "y": [point[1]],
                "mode": "markers",
                "marker": {
                    "color": "#ffffff",
                    "size": 16,
                    "symbol": "star",
                    "line": {"color": "#000000", "width": 1.5},
                },
                "name": "Truth",
                "hovertemplate": "<br>".join(["truth", *shares]) + "<extra></extra>",
            }
        )
    edge = np.vstack([CORNERS, CORNERS[:1]])
    traces.append(
        {
            "type": "scatter",
            "x": edge[:, 0],
            "y": edge[:, 1],
            "mode": "lines",
            "line": {"color": INK, "width": 1},
            "hoverinfo": "skip",
            "showlegend": False,
        }
    )
    names = [
        {
            "x": corner[0],
            "y": corner[1],
            "text": f"<b>{label}</b>",
            "showarrow": False,
            "yanchor": anchor,
            "yshift": -4 if corner[1] == 0 else 4,
        }
        for corner, label, anchor in zip(CORNERS, class_names, ("top", "top", "bottom"), strict=True)
    ]
    return composed(
        traces,
        height=height,
        room=(8, 8),
        x={"visible": False, "range": [-0.06, 1.06], "fixedrange": True},
        y={"visible": False, "range": [-0.09, TOP + 0.09], "scaleanchor": "x", "fixedrange": True},
        annotations=names,
    )
