"""Convolutional teachers of images: trained from scratch, seeded, and resumable after every epoch.

Training uses one thread, so that the same torch on the same kind of processor gives the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Unpack

import torch
from torch import Tensor, nn

from mtbkd_core.teachers.base import SpecialistRecipe
from mtbkd_core.teachers.training import Control, fit, initialise, sees

#: Raise it when `train` changes what it computes: an interrupted training then starts anew.
TRAINING_VERSION = 1


@dataclass(frozen=True)
class Recipe(SpecialistRecipe):
    """How a teacher is made.

    Attributes:
        channels: of its two convolutions.
        hidden: width of its hidden layer.
        epochs, batch_size, learning_rate, weight_decay: of AdamW; the rate falls to 0 along half a cosine.
    """

    channels: tuple[int, int] = (16, 32)
    hidden: int = 64
    epochs: int = 8
    batch_size: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    version: ClassVar[int] = TRAINING_VERSION

    def untrained(self, image_shape: tuple[int, int], n_classes: int) -> nn.Module:
        """As `image_teachers.ImageRecipe.untrained`."""
        network = build_network(self, image_shape, n_classes)
        initialise(network, torch.Generator().manual_seed(0))
        return nn.Sequential(nn.Unflatten(1, (1, *image_shape)), network).eval()

    def outputs(
        self,
        x: Tensor,
        labels: Tensor,
        shown: Tensor,
        image_shape: tuple[int, int],
        n_classes: int,
        *,
        seed: int,
        **control: Unpack[Control],
    ) -> Tensor:
        """As `image_teachers.ImageRecipe.outputs`."""
        return logits_of(train(self, x, labels, image_shape, n_classes, seed=seed, **control), shown, image_shape)


def build_network(recipe: Recipe, image_shape: tuple[int, int], n_classes: int) -> nn.Sequential:
    """The teacher's network, its memory not yet initialised.

    A convolution of every second pixel, another one, the largest of every four units, and a hidden layer.
    """
    first, second = recipe.channels
    height, width = (math.ceil(length / 2) // 2 for length in image_shape)
    with torch.device("meta"):
        network = nn.Sequential(
            nn.Conv2d(1, first, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(first, second, 3, padding=1),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(second * height * width, recipe.hidden),
            nn.ReLU(),
            nn.Linear(recipe.hidden, n_classes),
        )
    return network.to_empty(device="cpu")


@torch.inference_mode(False)
@torch.enable_grad()
def train(
    recipe: Recipe,
    x: Tensor,
    labels: Tensor,
    image_shape: tuple[int, int],
    n_classes: int,
    *,
    seed: int,
    **control: Unpack[Control],
) -> nn.Sequential:
    """Train a teacher on the processor, on one thread; see `Control`.

    Args:
        x, labels: [N, F] and [N], everything that a teacher may see; F is height times width.
        seed: of its start, its training subset and the batches' order.
    """
    generator = torch.Generator().manual_seed(seed)
    network = build_network(recipe, image_shape, n_classes)
    initialise(network, generator)
    index = sees(recipe, labels, generator).nonzero()[:, 0]

    def loss(batch: Tensor) -> Tensor:
        return nn.functional.cross_entropy(network(_images(x[batch], image_shape)), labels[batch])

    def learning_rate(epoch: int, number: int, batches: int) -> float:
        done = (epoch + number / batches) / recipe.epochs
        return recipe.learning_rate * (1 + math.cos(math.pi * done)) / 2

    with _one_thread():
        fit(
            network,
            loss,
            lambda: index[torch.randperm(len(index), generator=generator)].split(recipe.batch_size),
            epochs=recipe.epochs,
            learning_rate=learning_rate,
            weight_decay=recipe.weight_decay,
            generator=generator,
            **control,
        )
    return network.eval()


@torch.no_grad()
def logits_of(network: nn.Sequential, x: Tensor, image_shape: tuple[int, int]) -> Tensor:
    """The logits [M, C] of a teacher at inputs [M, F], on one thread."""
    with _one_thread():
        return torch.cat([network(_images(part, image_shape)) for part in x.split(1000)])


def _images(x: Tensor, image_shape: tuple[int, int]) -> Tensor:
    return x.reshape(-1, 1, *image_shape).to(memory_format=torch.channels_last)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
