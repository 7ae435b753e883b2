"""The one place that random numbers come from: whoever needs some takes a `Randomness`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Randomness:
    """Random numbers of one dtype on one device.

    Attributes:
        generator: of the numbers; it also says on which device.
        dtype: of the numbers.
    """

    generator: torch.Generator
    dtype: torch.dtype = torch.float32

    @classmethod
    def seeded(cls, seed: int, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> Self:
        """A new one: equal seeds give equal numbers on the same machine."""
        return cls(torch.Generator(device).manual_seed(seed), dtype)

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        """Independent standard normal numbers."""
        return torch.randn(shape, generator=self.generator, dtype=self.dtype, device=self.generator.device)

    def uniform(self, shape: tuple[int, ...]) -> Tensor:
        """Independent numbers from 0 to 1, 1 excluded."""
        return torch.rand(shape, generator=self.generator, dtype=self.dtype, device=self.generator.device)

    def permutation(self, n: int) -> Tensor:
        """The numbers from 0 to n - 1 in a random order."""
        return torch.randperm(n, generator=self.generator, device=self.generator.device)
