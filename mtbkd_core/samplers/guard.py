"""Whether a chain has left the posterior, which a step that is too long makes it do."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

#: How many times the energy variance that a step is tuned to shows that it is far too long: MCLMC then does not leave,
#: but falls into the mode. Judged by as many steps after the burn-in as here, or by all when they are done.
_MOST_ENERGY, STEPS_TO_JUDGE = 40, 100
#: How many times that energy variance shows that a step is too long, while it can still be shortened.
_TOO_LONG = 4


@dataclass(frozen=True)
class Guard:
    """The limits of G groups of chains.

    Attributes:
        floor: [G], log joint in nats under which a chain has left.
        most_energy: energy variance per dimension above which a group has left; None: none is watched.
    """

    floor: Tensor
    most_energy: float | None = None

    @classmethod
    def around(
        cls, log_joint: Tensor, groups: int, dimensions: int, temperature: float, energy_variance: float | None
    ) -> Guard:
        """The limits of chains with log joints [S] before the first step.

        The floor lies 20 standard deviations of a Gaussian's log joint of the same dimension under the worst chain of a
        group; at a temperature above 1 it is lower still, by twice as much as a Gaussian's falls when it warms up.
        """
        hot = max(1.0, temperature)
        fall = hot * 20 * math.sqrt(dimensions / 2) + (hot - 1) * dimensions
        most = None if energy_variance is None else _MOST_ENERGY * energy_variance
        return cls(log_joint.view(groups, -1).amin(1) - fall, most)

    def of(self, groups: Tensor) -> Guard:
        """The limits of some of the groups, by index."""
        return Guard(self.floor[groups.to(self.floor.device)], self.most_energy)

    def left_by_log_joint(self, log_joint: Tensor, *, exact: bool) -> Tensor:
        """[G] on the CPU, whether a chain of each group has left, by log joints [S]; a minibatch only estimates them.

        A log joint that is not a number, or infinite, is outside either way.
        """
        values = log_joint.view(len(self.floor), -1)
        inside = values.isfinite() & (values > self.floor[:, None]) if exact else values.isfinite()
        return inside.all(1).logical_not().cpu()

    def left_by_energy(self, energy_variance: Tensor | None) -> Tensor:
        """[G] on the CPU, likewise by the energy variances [G] after the burn-in; one that is not a number is."""
        if self.most_energy is None or energy_variance is None:
            return torch.zeros(len(self.floor), dtype=torch.bool)
        return (energy_variance <= self.most_energy).logical_not()

    def too_long(self, energy_variance: Tensor) -> Tensor:
        """[G] on the CPU, whether a step is too long by the energy variances [G] of a few steps."""
        if self.most_energy is None:
            return torch.zeros(len(self.floor), dtype=torch.bool)
        return (energy_variance <= self.most_energy * (_TOO_LONG / _MOST_ENERGY)).logical_not()
