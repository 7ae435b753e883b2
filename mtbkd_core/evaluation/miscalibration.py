"""Which way probabilities are wrong: mean confidence minus accuracy, signed, with both errors.

S chains, D draws, M test examples, C classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.evaluation.errors import Difference, jackknife, read_difference


@dataclass(frozen=True)
class Miscalibration:
    """How mean confidence and accuracy stand.

    Attributes:
        confidence, accuracy: shares.
        gap: confidence minus accuracy, with its 95 % interval.
    """

    confidence: float
    accuracy: float
    gap: Difference

    @property
    def is_over(self) -> bool:
        """Whether confidence is above accuracy by more than the errors."""
        return self.gap.low is not None and self.gap.low > 0

    @property
    def is_under(self) -> bool:
        """Whether it is below by more than the errors."""
        return self.gap.high is not None and self.gap.high < 0

    @property
    def sentence(self) -> str:
        """The direction in words, without a full stop."""
        said = f"it says {self.confidence:.1%} on average where {self.accuracy:.1%} are right"
        if self.gap.difference is None or self.gap.low is None or self.gap.high is None:
            return f"over- or underconfident cannot be told from one example: {said}"
        low, high = (f"{100 * each:+z.1f}" for each in (self.gap.low, self.gap.high))
        apart = f"{100 * self.gap.difference:+z.1f} points [{low} to {high}]"
        if self.is_over or self.is_under:
            return f"{'over' if self.is_over else 'under'}confident: {said} ({apart})"
        return f"neither over- nor underconfident within the error: {said} ({apart})"


def miscalibration(mean: Tensor, labels: Tensor, draws: Tensor | None = None) -> Miscalibration:
    """The direction of miscalibration of mean probabilities [M, C] against labels [M].

    Args:
        draws: [S, D, M, C], for the sampler's error; None: there are none, or one chain.
    """
    confidence, right = mean.double().max(-1).values, (mean.argmax(-1) == labels).double()
    gap, sampler, chains = confidence - right, None, 1
    if draws is not None and len(draws) > 1:
        chains = len(draws)
        means = torch.stack([chain.float().mean(0) for chain in draws])  # a chain at a time: classes may be many
        sampler = jackknife(means, lambda each: {"gap": _gap(each, labels)})["gap"]
    test_set = float(torch.std(gap)) / math.sqrt(len(gap)) if len(gap) > 1 else None
    difference = read_difference(float(gap.mean()), test_set, sampler, chains=chains, higher_is_better=False)
    return Miscalibration(float(confidence.mean()), float(right.mean()), difference)


def _gap(mean: Tensor, labels: Tensor) -> float:
    return float(mean.max(-1).values.double().mean() - (mean.argmax(-1) == labels).double().mean())
