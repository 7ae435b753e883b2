"""An array in a file, before it is read."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Entry:
    """An array that is not read yet: its shape, its numpy type, and how it is read."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[], np.ndarray]

    @property
    def is_numbers(self) -> bool:
        """Whether it holds numbers, true and false included."""
        return self.dtype.kind in "fiub"

    @property
    def is_texts(self) -> bool:
        """Whether it is a list of texts."""
        return self.dtype.kind in "US" and len(self.shape) == 1

    @property
    def is_whole(self) -> bool:
        """Whether it is a list of whole numbers."""
        return self.dtype.kind in "iu" and len(self.shape) == 1

    @property
    def size(self) -> int:
        """Bytes that it takes in memory."""
        return math.prod(self.shape) * max(self.dtype.itemsize, 1)
