"""Corruptions by a severity: of pictures rotation, noise, blur and occlusion; of points a move and a rotation.

The idea of corruptions by severity: Hendrycks and Dietterich, "Benchmarking neural network robustness to common
corruptions and perturbations", ICLR 2019.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import scipy
import torch
from torch import Tensor

Corrupt = Callable[[Tensor, float, torch.Generator], Tensor]


@dataclass(frozen=True)
class Corruption:
    """A way in which inputs change while their labels stay.

    Attributes:
        title: for people.
        unit: of the severity.
        most: the highest severity; 0 leaves inputs as they are.
        apply: pictures [M, height, width] from 0 to 1, or points [M, 2]; a severity and a generator -> such inputs.
    """

    title: str
    unit: str
    most: float
    apply: Corrupt


def rotate(images: Tensor, degrees: float, generator: torch.Generator) -> Tensor:
    """Turned counter-clockwise about the centre, linearly interpolated; pixels from outside are 0."""
    turned = scipy.ndimage.rotate(images.numpy(), degrees, axes=(2, 1), reshape=False, order=1)
    return torch.from_numpy(turned).clamp(0, 1)


def add_noise(images: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """With independent Gaussian noise of a standard deviation on every pixel, cut off at 0 and 1."""
    noise = torch.randn(images.shape, generator=generator, device=generator.device)
    return (images + deviation * noise).clamp(0, 1)


def blur(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Blurred by a Gaussian filter; its standard deviation is a share of the picture's shorter side."""
    width = share * min(images.shape[1:])
    return torch.from_numpy(scipy.ndimage.gaussian_filter(images.numpy(), (0, width, width), mode="nearest"))


def occlude(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """With a black rectangle at a random place; its sides are a share of the picture's."""
    count, height, width = images.shape
    high, wide = round(share * height), round(share * width)
    top = torch.randint(height - high + 1, (count, 1, 1), generator=generator)
    left = torch.randint(width - wide + 1, (count, 1, 1), generator=generator)
    row, column = torch.arange(height)[:, None], torch.arange(width)
    covered = (row >= top) & (row < top + high) & (column >= left) & (column < left + wide)
    return images.masked_fill(covered, 0)


def move(points: Tensor, distance: float, generator: torch.Generator) -> Tensor:
    """[M, 2] moved along the first input, as by a sensor that drifts."""
    return points + torch.tensor([distance, 0.0]).to(points)


def turn(points: Tensor, degrees: float, generator: torch.Generator) -> Tensor:
    """[M, 2] turned counter-clockwise about the origin."""
    angle = math.radians(degrees)
    matrix = torch.tensor([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return points @ matrix.to(points)


#: Of pictures.
CORRUPTIONS: Mapping[str, Corruption] = {
    "rotation": Corruption("Rotation", "degrees", 180.0, rotate),
    "noise": Corruption("Noise", "standard deviation", 1.0, add_noise),
    "blur": Corruption("Blur", "share of the side", 0.2, blur),
    "occlusion": Corruption("Occlusion", "share of the side", 0.8, occlude),
}
#: Of points of a plane.
MOVES: Mapping[str, Corruption] = {
    "move": Corruption("Move", "units of the first input", 4.0, move),
    "turn": Corruption("Rotation about the centre", "degrees", 180.0, turn),
}


def corruptions_of(image_shape: tuple[int, int] | None) -> Mapping[str, Corruption]:
    """By name, what can be done to pictures of that shape; None: to points of a plane."""
    return MOVES if image_shape is None else CORRUPTIONS


def corrupt(x: Tensor, image_shape: tuple[int, int] | None, name: str, severity: float, seed: int = 0) -> Tensor:
    """Inputs as they are under a corruption.

    Args:
        x: [M, F], pictures from 0 to 1; or points [M, 2].
        image_shape: (height, width), F numbers; None: points.
        name: of `corruptions_of` this shape.
        severity: from 0, which changes nothing, to the corruption's `most`; the random numbers are the same for all.
        seed: of the noise, and of what is covered.
    Returns:
        [M, F]; pictures from 0 to 1.
    Raises:
        ValueError: an unknown corruption, or a severity that it does not have.
    """
    kinds = corruptions_of(image_shape)
    if name not in kinds:
        raise ValueError(f"corruption: got {name!r}, allowed: {', '.join(kinds)}")
    kind = kinds[name]
    if not 0 <= severity <= kind.most:
        raise ValueError(f"severity of {name}: got {severity}, allowed: from 0 to {kind.most:g} ({kind.unit})")
    if severity == 0:
        return x
    images = x if image_shape is None else x.reshape(-1, *image_shape)
    return kind.apply(images, severity, torch.Generator().manual_seed(seed)).reshape(x.shape)


def severity_at(kind: Corruption, step: int, steps: int) -> float:
    """The severity of a corruption at a step from 0 (none) to `steps` (the most), in the corruption's unit."""
    return kind.most * step / steps
