"""A small convolutional student, batched over chains: every chain is a group of one grouped convolution.

The first convolution sees the same image in every chain, so that all chains' filters make one ordinary convolution.
Grouped convolution against `torch.vmap`: see benchmarks/convolution.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import conv2d, silu

from mtbkd_core.common.progress import UserError
from mtbkd_core.config.choices import StudentKind
from mtbkd_core.config.models import StudentConfig
from mtbkd_core.students.base import Pullback, Student

_LATER_KERNEL, _LATER_STRIDE = 3, 2


def build_student(
    config: StudentConfig, n_features: int, n_classes: int, image_shape: tuple[int, int] | None
) -> Student:
    """The student that a configuration asks for, on F inputs, which may be pictures, and C classes.

    Raises:
        UserError: a convolutional student where inputs are no pictures, or a first map larger than they are.
    """
    if config.kind is not StudentKind.CNN:
        return Student.build(config, n_features, n_classes)
    if image_shape is None:
        allowed = ", ".join(kind for kind in StudentKind if kind is not StudentKind.CNN)
        raise UserError(f"student.kind: got 'cnn', but the task's inputs are no pictures; allowed: {allowed}")
    if n_features != image_shape[0] * image_shape[1]:
        raise UserError(
            f"student.kind: got 'cnn', but {n_features} inputs are no picture of {list(image_shape)} pixels"
        )
    if config.first_map > min(image_shape):
        height, width = image_shape
        raise UserError(
            f"student.first_map: got {config.first_map}, allowed for pictures of {height} x {width}: at most "
            f"{min(image_shape)}"
        )
    return ConvolutionalStudent.of(config, image_shape, n_classes)


@dataclass(frozen=True)
class ConvolutionalStudent(Student):
    """Convolutions with SiLU units and no pooling, and one linear layer on the last map.

    The first filter's stride is the picture's shorter side over the size asked for, rounded down, which leaves a map of
    that size or more: of 28 x 28 pixels one of 10 x 10 where 8 is asked for, of 14 x 14 from 10 on, and of 28 x 28 from
    15 on. Its width is odd, and larger than the stride. The later filters are 3 x 3 and halve the map.

    Attributes:
        image_shape: (height, width); an input is a flattened picture.
        channels: of each convolution.
        first_map: pixels on its shorter side that the first map has at least.
    """

    image_shape: tuple[int, int] = (0, 0)
    channels: tuple[int, ...] = ()
    first_map: int = StudentConfig().first_map

    @classmethod
    def of(cls, config: StudentConfig, image_shape: tuple[int, int], n_classes: int) -> ConvolutionalStudent:
        """The student that a configuration asks for, on pictures; `sizes` holds each layer's number of units."""
        plain = cls((), config.weight_scale, image_shape, config.channels, config.first_map)
        units = [
            channels * height * width for channels, (height, width) in zip(config.channels, plain.maps, strict=True)
        ]
        return replace(plain, sizes=(image_shape[0] * image_shape[1], *units, n_classes))

    @property
    def kernels(self) -> tuple[tuple[int, int], ...]:
        """(width of the filter, stride) of each convolution."""
        stride = max(1, min(self.image_shape) // self.first_map)
        first = max(3 if stride == 1 else 5, stride + 1 + stride % 2)
        return ((first, stride), *[(_LATER_KERNEL, _LATER_STRIDE)] * (len(self.channels) - 1))

    @property
    def maps(self) -> tuple[tuple[int, int], ...]:
        """(height, width) of each convolution's map."""
        shape, found = self.image_shape, []
        for _, stride in self.kernels:
            shape = (-(-shape[0] // stride), -(-shape[1] // stride))  # odd filters, padded by half of their width
            found.append(shape)
        return tuple(found)

    @property
    def n_parameters(self) -> int:
        """P."""
        return sum((fan_in + 1) * fan_out for fan_in, fan_out in self._fans)

    @property
    def products(self) -> int:
        """Multiplications of one chain's forward pass over one example: a filter's at each place of its map."""
        units, fans = self.sizes[1:], [fan_in for fan_in, _ in self._fans]
        return sum(count * fan_in for count, fan_in in zip(units, fans, strict=True))

    @property
    def _fans(self) -> list[tuple[int, int]]:
        """(values that a unit sees, filters or classes) of each layer."""
        convolutions = zip(pairwise((1, *self.channels)), self.kernels, strict=True)
        fans = [(before * kernel**2, after) for (before, after), (kernel, _) in convolutions]
        return [*fans, (self.sizes[-2], self.sizes[-1])]

    def layers(self, theta: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Views of theta [S, P] as weights [S, out, in] and biases [S, out, 1], filters flattened, layer by layer."""
        views, start = [], 0
        for fan_in, fan_out in self._fans:
            middle, end = start + fan_in * fan_out, start + (fan_in + 1) * fan_out
            views.append((theta[:, start:middle].unflatten(1, (fan_out, fan_in)), theta[:, middle:end, None]))
            start = end
        return views

    def last_units(self, theta: Tensor, x: Tensor) -> Tensor:
        """What the last layer sees at inputs [N, F] under parameters [S, P]: [S, N, H], channels outermost in H."""
        chains, count = len(theta), len(x)
        units = x.reshape(count, 1, *self.image_shape)
        for level, ((weight, bias), (kernel, stride)) in enumerate(
            zip(self.layers(theta)[:-1], self.kernels, strict=True)
        ):
            filters = weight.reshape(chains * weight.shape[1], -1, kernel, kernel)
            groups = chains if level else 1
            units = silu(conv2d(units, filters, bias.flatten(), stride=stride, padding=kernel // 2, groups=groups))
            units = self.dropped(units)
        return units.reshape(count, chains, -1).transpose(0, 1)

    def dropped(self, units: Tensor) -> Tensor:
        """A hook: hidden units of a layer as the next one sees them."""
        return units

    def logits(self, theta: Tensor, x: Tensor) -> Tensor:
        """Logits [S, N, C] of parameters [S, P] at inputs [N, F], the same for every chain."""
        weight, bias = self.layers(theta)[-1]
        return torch.baddbmm(bias.transpose(1, 2), self.last_units(theta, x), weight.transpose(1, 2))

    def vjp(self, theta: Tensor, x: Tensor) -> tuple[Tensor, Pullback]:
        """Logits [S, N, C] and the pullback of a gradient on them to theta [S, P]; arguments as `logits`."""
        with torch.enable_grad():
            leaf = theta.detach().requires_grad_()
            logits = self.logits(leaf, x)
        return logits.detach(), lambda gradient: torch.autograd.grad(logits, leaf, gradient)[0]
