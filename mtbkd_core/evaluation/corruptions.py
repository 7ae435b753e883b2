"""Corruptions of pictures by a severity: rotation, noise, blur and occlusion, as pure functions of pictures.

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

from mtbkd_core.evaluation.predictive import Predictive

Corrupt = Callable[[Tensor, float, torch.Generator], Tensor]


@dataclass(frozen=True)
class Corruption:
    """A way in which pictures get worse.

    Attributes:
        title: for people.
        unit: of the severity.
        most: the highest severity; 0 leaves pictures as they are.
        apply: pictures [M, height, width] from 0 to 1, a severity and a generator -> such pictures.
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


CORRUPTIONS: Mapping[str, Corruption] = {
    "rotation": Corruption("Rotation", "degrees", 180.0, rotate),
    "noise": Corruption("Noise", "standard deviation", 1.0, add_noise),
    "blur": Corruption("Blur", "share of the side", 0.2, blur),
    "occlusion": Corruption("Occlusion", "share of the side", 0.8, occlude),
}


def corrupt(x: Tensor, image_shape: tuple[int, int], name: str, severity: float, seed: int = 0) -> Tensor:
    """Inputs as they are under a corruption.

    Args:
        x: [M, F], pictures from 0 to 1.
        image_shape: (height, width), F numbers.
        name: of `CORRUPTIONS`.
        severity: from 0, which changes nothing, to the corruption's `most`; the random numbers are the same for all.
        seed: of the noise, and of what is covered.
    Returns:
        [M, F], from 0 to 1.
    Raises:
        ValueError: an unknown corruption, or a severity that it does not have.
    """
    if name not in CORRUPTIONS:
        raise ValueError(f"corruption: got {name!r}, allowed: {', '.join(CORRUPTIONS)}")
    kind = CORRUPTIONS[name]
    if not 0 <= severity <= kind.most:
        raise ValueError(f"severity of {name}: got {severity}, allowed: from 0 to {kind.most:g} ({kind.unit})")
    if severity == 0:
        return x
    images = x.reshape(-1, *image_shape)
    return kind.apply(images, severity, torch.Generator().manual_seed(seed)).reshape(x.shape)


def severity_table(
    predict: Callable[[Tensor], Predictive],
    x: Tensor,
    labels: Tensor,
    image_shape: tuple[int, int],
    name: str,
    *,
    steps: int = 9,
) -> list[dict[str, float]]:
    """A student's accuracy and deviance as pictures get worse, at `steps` severities from 0 to the corruption's `most`.

    Args:
        predict: the student: pictures [M, F] -> its predictions.
        x, labels: [M, F] and [M].
        image_shape, name: as `corrupt`.
    Returns:
        a row a severity: "severity", "accuracy" and "deviance", the mean in nats; "accuracy_error" and
        "deviance_error", their standard errors from so many pictures; "fall", by how much deviance lies
        below its highest mean at a smaller severity (0 where it does not), "fall_error", the paired standard error of
        that, and "severity_before" and "accuracy_before" there.
    Raises:
        ValueError: an unknown corruption.
    """
    rows: list[dict[str, float]] = []
    deviances: list[Tensor] = []
    for step in range(steps):
        severity = CORRUPTIONS[name].most * step / (steps - 1) if name in CORRUPTIONS else 0.0
        predictive = predict(corrupt(x, image_shape, name, severity))
        right = (predictive.mean.argmax(-1) == labels).double()
        deviances.append(predictive.deviance.double())
        rows.append({"severity": severity})
        for column, each in (("accuracy", right), ("deviance", deviances[-1])):
            rows[-1] |= {column: float(each.mean()), f"{column}_error": _error(each)}
        top = max(range(len(rows)), key=lambda place: rows[place]["deviance"])
        fall = deviances[top] - deviances[-1]
        rows[-1] |= {
            "fall": float(fall.mean()),
            "fall_error": _error(fall),
            "severity_before": rows[top]["severity"],
            "accuracy_before": rows[top]["accuracy"],
        }
    return rows


def _error(values: Tensor) -> float:
    """The standard error of the mean of [M] values; infinite for a single one."""
    return float(values.std()) / math.sqrt(len(values)) if len(values) > 1 else math.inf


def severity_at(name: str, step: int, steps: int) -> float:
    """The severity of a corruption at a step from 0 (none) to `steps` (the most), in the corruption's unit."""
    return CORRUPTIONS[name].most * step / steps
