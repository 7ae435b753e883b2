"""Marginal modes of class probabilities by Gaussian kernel density: the paper's point estimate, and its jackknife.

Bandwidth: Silverman, Density Estimation, 1986, equation 3.31. S chains, D draws each, M inputs, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import scipy
import torch
from torch import Tensor

from mtbkd_core.evaluation.errors import kept_chains
from mtbkd_core.evaluation.sets import ascending
from mtbkd_core.students.base import element_budget

_GRID = 128


def modes(ordered: Tensor) -> Tensor:
    """Mode of each marginal, renormalised over classes; sorted draws [M, C, D] -> [M, C].

    The draws are binned over their range and smoothed there by a cosine transform, which reflects the density at the
    ends (probabilities crowd against 0 and 1), so a mode is known to half a cell, 1/256 of the draws' range.
    """
    grid = _Grid.of(ordered)
    return grid.peaks(grid.smoothed(ordered))


def modes_without(draws: Tensor) -> Tensor:
    """[R, M, C], the modes of the draws of each of `kept_chains` among draws [S, D, M, C], S >= 2.

    On the grid and with the bandwidth of all draws, so that densities of chains add up.
    """
    rows = max(1, element_budget(draws.device) // (draws.shape[0] * (draws.shape[1] + _GRID) * draws.shape[3]))
    return torch.cat([_modes_without(piece) for piece in draws.split(rows, 2)], 1)


def _modes_without(draws: Tensor) -> Tensor:
    grid = _Grid.of(ascending(draws.flatten(0, 1).movedim(0, -1)))
    each = torch.stack([grid.smoothed(ascending(chain.movedim(0, -1))) for chain in draws])
    kept = kept_chains(len(draws)).to(each)
    return torch.stack([grid.peaks(torch.tensordot(row, each, 1)) for row in kept])


@dataclass(frozen=True)
class _Grid:
    """Cells over the range of each marginal's draws, and its bandwidth in units of that range; [M, C, 1], [M, C]."""

    low: Tensor
    spread: Tensor
    bandwidth: Tensor

    @classmethod
    def of(cls, ordered: Tensor) -> _Grid:
        """The grid of sorted draws [M, C, D]."""
        count = ordered.shape[-1]
        low, high = ordered[..., :1], ordered[..., -1:]
        spread = (high - low).clamp_min(torch.finfo(ordered.dtype).tiny)
        quartiles = ordered[..., [count // 4, (3 * count) // 4]]
        robust = (quartiles[..., 1] - quartiles[..., 0]) / 1.34
        deviation = ordered.std(-1) if count > 1 else torch.zeros_like(robust)
        scale = torch.where(robust > 0, torch.minimum(robust, deviation), deviation) / spread[..., 0]
        return cls(low, spread, 0.9 * scale * count**-0.2)

    def smoothed(self, ordered: Tensor) -> Tensor:
        """[M, C, cells], the density of sorted draws [M, C, D], times their number."""
        # the draws are sorted, so that a search counts them several times faster than adding each to its cell
        place = (ordered - self.low) / self.spread * _GRID
        edges = torch.arange(1, _GRID, dtype=ordered.dtype, device=ordered.device).expand(*ordered.shape[:-1], -1)
        below = torch.searchsorted(place, edges.contiguous())
        histogram = torch.nn.functional.pad(below, (1, 0)).to(ordered.dtype)
        histogram = torch.nn.functional.pad(below, (0, 1), value=ordered.shape[-1]) - histogram
        waves = torch.pi * torch.arange(_GRID, device=ordered.device) * self.bandwidth[..., None]
        damping = (-0.5 * waves.square()).exp().cpu().numpy()
        smooth = scipy.fft.idct(scipy.fft.dct(histogram.cpu().numpy(), norm="ortho") * damping, norm="ortho")
        return torch.from_numpy(smooth).to(ordered.device)

    def peaks(self, density: Tensor) -> Tensor:
        """[M, C], where densities [M, C, cells] are highest, renormalised over classes."""
        centre = (density.argmax(-1) + 0.5) / _GRID
        mode = self.low[..., 0] + centre * self.spread[..., 0]
        return mode / mode.sum(-1, keepdim=True)
