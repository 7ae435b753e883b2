"""Known posteriors: Gaussians, and the prior alone as a run would sample it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.posterior import Density, LogPosterior
from mtbkd_core.students.mlp import DenseStudent

DIMENSIONS = 3
#: [N, F] inputs and labels of a linear student with nine parameters.
X = torch.tensor([[-1.0, 0.3], [0.5, -2.0], [2.0, 1.0], [0.1, 0.1]], dtype=torch.float64)
LABELS = torch.tensor([0, 1, 2, 1])


@dataclass(frozen=True)
class Gaussian:
    """A target of log density -(u - mean)' precision (u - mean) / 2, in float64."""

    mean: Tensor
    covariance: Tensor

    @classmethod
    def random(cls, seed: int) -> "Gaussian":
        """A mean of about 2 and correlated coordinates with standard deviations that differ by up to a factor of 2."""
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


class Isotropic(LogPosterior):
    """A Gaussian of mean 0 in the place of a linear student's posterior: its moments are known at any temperature.

    `precisions` [S, 1] are each chain's, or [1, 1].
    """

    precisions: Tensor

    def __call__(self, position: Tensor, batch: Tensor | None = None) -> Density:
        return Density(-0.5 * (self.precisions * position.square()).sum(-1), -self.precisions * position)

    def of_chains(self, chains: Tensor) -> "Isotropic":
        return isotropic(self.precisions[chains])


def isotropic(precisions: Tensor | float = 1.0) -> Isotropic:
    """Where the precision is 1, the Gaussian prior alone."""
    target = Isotropic(DenseStudent((2, 3), weight_scale=1.0), X, LABELS, None)
    object.__setattr__(target, "precisions", torch.as_tensor(precisions, dtype=torch.float64).view(-1, 1))
    return target


class Quartic(LogPosterior):
    """A density of exp(-sum u^4 / 4) in the place of a linear student's: flat at 0, and stiffer the farther away."""

    def __call__(self, position: Tensor, batch: Tensor | None = None) -> Density:
        return Density(-0.25 * position.pow(4).sum(-1), -position.pow(3))


def quartic() -> Quartic:
    return Quartic(DenseStudent((2, 3), weight_scale=1.0), X, LABELS, None)


class Stiffening(LogPosterior):
    """A standard Gaussian that has a precision of 2.5 from its thousandth call on."""

    def __call__(self, position: Tensor, batch: Tensor | None = None) -> Density:
        calls = getattr(self, "calls", 0)
        object.__setattr__(self, "calls", calls + 1)
        precision = 2.5 if calls > 1000 else 1.0
        return Density(-0.5 * precision * position.square().sum(-1), -precision * position)


def stiffening() -> Stiffening:
    return Stiffening(DenseStudent((2, 3), weight_scale=1.0), X, LABELS, None)
