"""The mixture prior as a density over two or three classes.

If q ~ Dirichlet(a) over C classes, the shares of three of them among themselves, q_c / (q_1 + q_2 + q_3), are Dirichlet
with the same three parameters, and independent of what the three have together (the Dirichlet's neutrality). So, under
the mixture sum_k w_k Dirichlet(1 + lambda t_k), those shares follow the mixture of three-class Dirichlets with the same
weights w_k and, of the parameters 1 + lambda t_k, those of the three classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy

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
    modes = rescaled(targets)
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


def rescaled(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities [..., c] of some classes as shares among themselves; all equal where they sum to 0.

    NaN where one of them is NaN: of a teacher that does not know them all.
    """
    total = probabilities.sum(-1, keepdims=True)
    shares: np.ndarray = np.where(
        total == 0, 1 / probabilities.shape[-1], probabilities / np.where(total == 0, 1, total)
    )
    return shares


def two_class_density(
    probabilities: Sequence[float],
    weights: Sequence[float],
    *,
    concentration: float,
    strength: float,
    seen: Sequence[int],
    points: int = 241,
) -> pd.DataFrame:
    """Prior and posterior of the probability q of the first of two classes, at one example, with temperature 1.

    The posterior is proportional to q^a (1 - q)^b m(q)^alpha, with m the mixture of Dirichlets (here: beta densities).

    Args:
        probabilities: [K], the teachers' probabilities of the class.
        weights: [K], the mixture weights, which sum to 1.
        concentration: lambda.
        strength: alpha.
        seen: a and b, how many labels name the class and how many the other.
        points: of the grid.

    Returns:
        Densities: q, `teacher 0`, `teacher 1`, ... (each component times its weight), `mixture` and `posterior`.
    """
    q = np.linspace(0.002, 0.998, points)
    shares = np.stack([q, 1 - q], -1)
    logs = np.stack([log_dirichlet(shares, 1 + concentration * np.array([t, 1 - t])) for t in probabilities])
    with np.errstate(divide="ignore"):
        logs = logs + np.log(np.asarray(weights, dtype=float))[:, None]
    mixture = scipy.special.logsumexp(logs, axis=0)
    joint = seen[0] * np.log(q) + seen[1] * np.log(1 - q) + strength * mixture
    posterior = np.exp(joint - joint.max())
    columns = {"q": q} | {f"teacher {k}": np.exp(row) for k, row in enumerate(logs)}
    return pd.DataFrame(columns | {"mixture": np.exp(mixture), "posterior": posterior / np.trapezoid(posterior, q)})
