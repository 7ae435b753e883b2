"""A small convolutional student, batched over chains: every chain is a group of one grouped convolution.

The first convolution sees the same image in every chain, so that all chains' filters make one ordinary convolution.
Grouped convolution against `torch.vmap`: see benchmarks/convolution.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from torch import Tensor
from torch.nn.functional import conv2d, silu

from mtbkd_core.common.progress import UserError
from mtbkd_core.config.models import StudentConfig
from mtbkd_core.students.base import Student, StudentSpec

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
        chains, count = len(theta), len(x)
        units = x.reshape(count, 1, *self.image_shape)
        for level, ((weight, bias), (kernel, stride)) in enumerate(
            zip(self.layers(theta)[:-1], self.kernels, strict=True)
        ):
            filters = weight.reshape(chains * weight.shape[1], -1, kernel, kernel)
            groups = chains if level else 1
            units = silu(conv2d(units, filters, bias.flatten(), stride=stride, padding=kernel // 2, groups=groups))
            units = units if self.drop is None else self.drop(units)
        return units.reshape(count, chains, -1).transpose(0, 1)


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
