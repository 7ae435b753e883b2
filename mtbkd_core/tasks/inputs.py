"""What goes into a student: features in standard deviations of the examples that it learns from."""

from __future__ import annotations

import torch
from torch import Tensor

#: In standard deviations: rare signals and long repeats stay where a network that never saw their like can follow.
FURTHEST = 5.0


def standardise(features: Tensor, reference: Tensor, reach: Tensor | None = None) -> Tensor:
    """Features by mean and standard deviation of others, cut at five of them.

    Args:
        features: [M, F].
        reference: [N, F]; a feature that is constant there becomes 0.
        reach: [F], the standard deviation that each is given, which is how much the prior on a student's weights lets
            it count beside the others; None: 1 for all.
    Returns:
        [M, F] float32.
    """
    mean, deviation = reference.double().mean(0), reference.double().std(0, correction=0)
    varies = deviation > 1e-6 * mean.abs().clamp_min(1e-6)
    scale = torch.where(varies, 1 / deviation.clamp_min(1e-30), 0.0)
    scaled = ((features.double() - mean) * scale).float().clamp(-FURTHEST, FURTHEST)
    return scaled if reach is None else scaled * reach
