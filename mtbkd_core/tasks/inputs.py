"""What goes into a student: features in standard deviations of the examples that it learns from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

#: In standard deviations: rare signals and long repeats stay where a network that never saw their like can follow.
FURTHEST = 5.0


@dataclass(frozen=True)
class Standardisation:
    """Features by mean and standard deviation of a reference, cut at five of them.

    Attributes:
        mean: [F] float64.
        scale: [F] float64, what a feature less its mean is multiplied by; 0 where the reference is constant.
        reach: [F] float32, the standard deviation that each is given, which is how much the prior on a student's
            weights lets it count beside the others; None: 1 for all.
    """

    mean: Tensor
    scale: Tensor
    reach: Tensor | None = None

    @classmethod
    def of(cls, reference: Tensor, reach: Tensor | None = None) -> Standardisation:
        """From a reference [N, F]; `reach` as above."""
        mean, deviation = reference.double().mean(0), reference.double().std(0, correction=0)
        varies = deviation > 1e-6 * mean.abs().clamp_min(1e-6)
        return cls(mean, torch.where(varies, 1 / deviation.clamp_min(1e-30), 0.0), reach)

    def apply(self, features: Tensor) -> Tensor:
        """[M, F] float32, of raw features [M, F]."""
        scaled = ((features.double() - self.mean) * self.scale).float().clamp(-FURTHEST, FURTHEST)
        return scaled if self.reach is None else scaled * self.reach

    def raw(self, inputs: Tensor) -> Tensor:
        """[M, F] float32, raw features that give inputs [M, F] within rounding; a constant feature has its mean."""
        scale = self.scale if self.reach is None else self.scale * self.reach
        apart = torch.where(scale > 0, inputs.double() / scale.clamp_min(1e-30), 0.0)
        return (self.mean + apart).float()
