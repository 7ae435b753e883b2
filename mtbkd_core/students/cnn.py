"""A small convolutional student, batched over chains: every chain is a group of one grouped convolution.

The first convolution sees the same image in every chain, so that all chains' filters make one ordinary convolution.
Grouped convolution against `torch.vmap`: see benchmarks/convolution.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import conv2d, silu, unfold

from mtbkd_core.common.progress import UserError
from mtbkd_core.config.models import StudentConfig
from mtbkd_core.students.base import Student, StudentSpec, element_budget

_LATER_KERNEL, _LATER_STRIDE = 3, 2


@dataclass(frozen=True)
class ConvolutionalStudent(Student):
    """Convolutions with SiLU units and no pooling, and one linear layer on the last map.

    The first filter's stride is the image's shorter side over the size asked for, rounded down, which leaves a map of
    that size or more: of 28 x 28 pixels one of 10 x 10 where 8 is asked for, of 14 x 14 from 10 on, and of 28 x 28 from
    15 on. Its width is odd, and larger than the stride. The later filters are 3 x 3 and halve the map.

    Attributes:
        image_shape: (height, width); an input is a flattened image.
        channels: of each convolution.
        first_map: pixels on its shorter side that the first map has at least.
    """

    image_shape: tuple[int, int] = (0, 0)
    channels: tuple[int, ...] = ()
    first_map: int = StudentConfig().first_map

    @classmethod
    def of(cls, config: StudentConfig, image_shape: tuple[int, int], n_classes: int) -> ConvolutionalStudent:
        """The student that a configuration asks for, on images; `sizes` holds each layer's number of units."""
        plain = cls((), config.weight_scale, None, image_shape, config.channels, config.first_map)
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
    def fans(self) -> list[tuple[int, int]]:
        """(values that a unit sees, filters or classes) of each layer."""
        convolutions = zip(pairwise((1, *self.channels)), self.kernels, strict=True)
        fans = [(before * kernel**2, after) for (before, after), (kernel, _) in convolutions]
        return [*fans, (self.sizes[-2], self.sizes[-1])]

    def last_units(self, theta: Tensor, x: Tensor) -> Tensor:
        """The inputs of the last layer, [S, N, H], channels outermost in H, for parameters [S, P] and inputs [N, F]."""
        return self._convolved(theta, x)[2]

    def _convolved(self, theta: Tensor, x: Tensor) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """Each convolution's inputs and its values before the unit's curve [N, S x channels, ...]; `last_units`."""
        chains, count = len(theta), len(x)
        units = x.reshape(count, 1, *self.image_shape)
        seen, before = [], []
        for level, ((weight, bias), (kernel, stride)) in enumerate(
            zip(self.layers(theta)[:-1], self.kernels, strict=True)
        ):
            seen.append(units)
            filters = weight.reshape(chains * weight.shape[1], -1, kernel, kernel)
            groups = chains if level else 1
            before.append(conv2d(units, filters, bias.flatten(), stride=stride, padding=kernel // 2, groups=groups))
            units = silu(before[-1])
            units = units if self.drop is None else self.drop(units)
        return seen, before, units.reshape(count, chains, -1).transpose(0, 1)

    def layer_products(self, theta: Tensor, x: Tensor, gradients: Tensor) -> list[tuple[Tensor, Tensor]]:
        """As `Student.layer_products`; of a convolution over patches and channels (Grosse and Martens, ICML 2016).

        Gradients at different places of a map are taken for uncorrelated, so that the sum over patches of the inputs'
        products goes with the mean over places of the gradients' products.
        """
        widest = max(
            fan_in * height * width for (fan_in, _), (height, width) in zip(self.fans, self.maps, strict=False)
        )
        rows = max(1, 8 * element_budget(theta.device) // (len(theta) * widest))
        parts = [
            self._products(theta, x[start : start + rows], gradients[:, start : start + rows])
            for start in range(0, len(x), rows)
        ]
        return [
            (torch.stack([a for a, _ in layer]).sum(0), torch.stack([g for _, g in layer]).sum(0))
            for layer in zip(*parts, strict=True)
        ]

    def _products(self, theta: Tensor, x: Tensor, gradients: Tensor) -> list[tuple[Tensor, Tensor]]:
        chains, found = len(theta), list[tuple[Tensor, Tensor]]()
        with torch.enable_grad():
            seen, before, last = self._convolved(theta.detach().requires_grad_(), x)
            weight, _ = self.layers(theta)[-1]
            signals = torch.autograd.grad(last @ weight.transpose(1, 2), before, gradients)
        for level, (units, signal, (kernel, stride)) in enumerate(zip(seen, signals, self.kernels, strict=True)):
            patches = unfold(units.detach(), kernel, padding=kernel // 2, stride=stride)
            wide = patches.unflatten(1, (chains if level else 1, -1)).permute(1, 2, 0, 3).flatten(2)
            pulled = signal.unflatten(1, (chains, -1)).permute(1, 2, 0, 3, 4).flatten(2)
            places = patches.shape[-1]
            found.append((_outer(wide), pulled @ pulled.mT / places))
        found.append((_outer(last.detach().mT), gradients.mT @ gradients))
        return found


def _outer(units: Tensor) -> Tensor:
    """Outer products [S, in + 1, in + 1] of units [S, in, M] and a 1, summed over M."""
    wide = torch.cat([units, torch.ones_like(units[:, :1])], 1)
    return wide @ wide.mT


def _build(
    config: StudentConfig, n_features: int, n_classes: int, image_shape: tuple[int, int] | None
) -> ConvolutionalStudent:
    assert image_shape is not None
    height, width = image_shape
    if n_features != height * width:
        raise UserError(
            f"student.kind: got 'cnn', but {n_features} inputs are no picture of {list(image_shape)} pixels"
        )
    if config.first_map > min(image_shape):
        raise UserError(
            f"student.first_map: got {config.first_map}, allowed for pictures of {height} x {width}: at most "
            f"{min(image_shape)}"
        )
    return ConvolutionalStudent.of(config, image_shape, n_classes)


#: Several settings' convolutions side by side gain nothing: a single one keeps the machine busy.
SPEC = StudentSpec(_build, batched=False)
