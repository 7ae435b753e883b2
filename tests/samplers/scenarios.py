"""What every sampler is tried on: a random Gaussian with known mean and covariance."""

from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.posterior import Density

DIMENSIONS = 3


@dataclass(frozen=True)
class Gaussian:
    """A target of log density -(u - mean)' precision (u - mean) / 2, in float64."""

    mean: Tensor
    covariance: Tensor

    @classmethod
    def random(cls, seed: int) -> "Gaussian":
        """A mean of about 2 and correlated coordinates whose standard deviations differ by up to a factor of 2."""
        generator = torch.Generator().manual_seed(seed)
        rotation = torch.linalg.qr(torch.randn(DIMENSIONS, DIMENSIONS, generator=generator, dtype=torch.float64)).Q
        variances = torch.linspace(0.5, 2.0, DIMENSIONS, dtype=torch.float64)
        mean = 2 * torch.randn(DIMENSIONS, generator=generator, dtype=torch.float64)
        return cls(mean, rotation * variances @ rotation.T)

    @property
    def precision(self) -> Tensor:
        return torch.linalg.inv(self.covariance)

    def __call__(self, position: Tensor, batch: Tensor | None = None) -> Density:
        offset = position - self.mean
        gradient = -offset @ self.precision
        return Density(0.5 * (offset * gradient).sum(-1), gradient)


def flat(position: Tensor, batch: Tensor | None = None) -> Density:
    """A target without a slope anywhere."""
    return Density(position.new_zeros(len(position)), torch.zeros_like(position))
