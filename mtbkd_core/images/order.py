"""An order of images that keeps the classes in proportion, and images as a network's inputs."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

#: Of the parts of a set, and of its teachers.
SEED = 0


def spread(labels: np.ndarray, seed: int) -> np.ndarray:
    """An order of examples, drawn by the seed, whose every beginning has the classes in the proportions of all.

    Within each class the order is random; the classes take turns as their sizes ask for.
    """
    random = np.random.default_rng([seed, len(labels)])
    turn = np.empty(len(labels))
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        turn[random.permutation(own)] = (np.arange(len(own)) + random.random()) / len(own)
    return np.argsort(turn, kind="stable")


def as_inputs(images: np.ndarray) -> Tensor:
    """Inputs [N, F] from 0 to 1, of pictures [N, height, width] of bytes."""
    return torch.from_numpy(images.reshape(len(images), -1).astype(np.float32) / 255)
