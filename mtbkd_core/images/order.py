"""An order of images that keeps the classes in proportion, and images as a network's inputs."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mtbkd_core.common.order import stratified_order

#: Of the parts of a set, and of its teachers.
SEED = 0


def stratified_images(labels: np.ndarray, seed: int) -> np.ndarray:
    """As `stratified_order`, in an order that also depends on the number of images."""
    return stratified_order(labels, [seed, len(labels)])


def as_inputs(images: np.ndarray) -> Tensor:
    """Inputs [N, F] from 0 to 1, of pictures [N, height, width] of bytes."""
    return torch.from_numpy(images.reshape(len(images), -1).astype(np.float32) / 255)
