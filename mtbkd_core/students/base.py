"""Small students, batched over chains: one flat parameter tensor [S, P], a forward pass and an exact pullback.

Activations are kept as [S, width, N], examples last, so that every elementwise step runs over contiguous memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, product

import torch
from torch import Tensor
from torch.nn.functional import silu

from mtbkd_core.common.parallel import together
from mtbkd_core.config.choices import StudentKind
from mtbkd_core.config.models import StudentConfig

Pullback = Callable[[Tensor], Tensor]

#: Bytes that the matrix of a last layer's Laplace approximation may take; several are held at once.
LARGEST_LAPLACE = 2**30


@dataclass(frozen=True)
class Student:
    """A fully connected network with SiLU units; with no hidden layer it is multinomial logistic regression.

    Attributes:
        sizes: widths from the input to the logits, (F, ..., C).
        weight_scale: sigma, the prior standard deviation of every weight and bias.
    """

    sizes: tuple[int, ...]
    weight_scale: float

    @classmethod
    def build(cls, config: StudentConfig, n_features: int, n_classes: int) -> Student:
        """The student that a configuration asks for, on F inputs and C classes."""
        hidden = () if config.kind is StudentKind.LINEAR else config.hidden
        return cls((n_features, *hidden, n_classes), config.weight_scale)

    @property
    def n_parameters(self) -> int:
        """P."""
        return sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(self.sizes))

    @property
    def products(self) -> int:
        """Multiplications of one chain's forward pass over one example."""
        return sum(fan_in * fan_out for fan_in, fan_out in pairwise(self.sizes))

    @property
    def fits_laplace(self) -> bool:
        """Whether a matrix of every pair of the last layer's weights and biases, in float64, is not too large."""
        return 8 * ((self.sizes[-2] + 1) * self.sizes[-1]) ** 2 <= LARGEST_LAPLACE

    def layers(self, theta: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Views of theta [S, P] as weights [S, out, in] and biases [S, out, 1], layer by layer."""
        views = []
        start = 0
        for fan_in, fan_out in pairwise(self.sizes):
            middle, end = start + fan_in * fan_out, start + (fan_in + 1) * fan_out
            views.append((theta[:, start:middle].unflatten(1, (fan_out, fan_in)), theta[:, middle:end, None]))
            start = end
        return views

    def logits(self, theta: Tensor, x: Tensor) -> Tensor:
        """Logits [S, N, C] of parameters [S, P] at inputs [N, F], or at inputs of each chain's own [S, N, F]."""
        return self.vjp(theta, x)[0]

    def vjp(self, theta: Tensor, x: Tensor) -> tuple[Tensor, Pullback]:
        """Logits [S, N, C] and the pullback that takes a gradient on the logits [S, N, C] to one on theta [S, P].

        Arguments as `logits`.
        """
        layers = self.layers(theta)
        inputs = [x.transpose(-1, -2).expand(theta.shape[0], -1, -1)]
        gates = []
        for weight, bias in layers[:-1]:
            unit = torch.baddbmm(bias, weight, inputs[-1])
            gates.append(unit.sigmoid())
            inputs.append(unit * gates[-1])
        weight, bias = layers[-1]
        logits = torch.baddbmm(bias, weight, inputs[-1]).transpose(1, 2)

        one = torch.ones((), dtype=theta.dtype, device=theta.device)

        def pullback(gradient: Tensor) -> Tensor:
            signal = gradient.transpose(1, 2)
            parts: list[Tensor] = []
            for level in range(len(layers) - 1, -1, -1):
                parts += [signal.sum(2), torch.bmm(signal, inputs[level].transpose(1, 2)).flatten(1)]
                if level:
                    # SiLU's slope is s + u (1 - s) with s the gate and u the unit, so the way back needs no exponential
                    slope = torch.lerp(inputs[level], one, gates[level - 1])
                    signal = torch.bmm(layers[level][0].transpose(1, 2), signal).mul_(slope)
            return torch.cat(parts[::-1], 1)

        return logits, pullback

    def last_units(self, theta: Tensor, x: Tensor) -> Tensor:
        """The last hidden layer's units [S, N, H] of parameters [S, P] at inputs [N, F]; without one, the inputs."""
        if len(self.sizes) == 2:
            return x.expand(theta.shape[0], -1, -1)
        below = Student(self.sizes[:-1], self.weight_scale)
        units: Tensor = silu(below.logits(theta[:, : below.n_parameters], x))
        return units

    def draw_whitened(self, chains: int, generator: torch.Generator, device: torch.device) -> Tensor:
        """[S, P], independent draws from the Gaussian prior in whitened coordinates (parameters over sigma)."""
        return torch.randn(chains, self.n_parameters, generator=generator, device=generator.device).to(device)

    @torch.no_grad()
    def probabilities(self, theta: Tensor, x: Tensor, *, memory: int | None = None) -> Tensor:
        """Probabilities [S, N, C], computed in pieces so that no intermediate holds more than `memory` numbers."""
        memory = memory or comfortable(theta.device)
        width = max(self.sizes[1:])
        draws = min(max(1, memory // (max(1, len(x)) * width)), max(1, len(theta)))
        rows = max(1, memory // (draws * width))
        whole = theta.new_empty(len(theta), len(x), self.sizes[-1])

        def fill(first: int, start: int) -> None:
            logits = self.logits(theta[first : first + draws], x[start : start + rows])
            whole[first : first + draws, start : start + rows] = softmax(logits)

        pieces = product(range(0, len(theta), draws), range(0, len(x), rows))
        together([partial(fill, *piece) for piece in pieces])
        return whole


def comfortable(device: torch.device) -> int:
    """How many numbers an intermediate may hold without slowing the work: what fits a processor's cache, or a GPU."""
    return 2**19 if device.type == "cpu" else 2**26


def softmax(logits: Tensor) -> Tensor:
    """Softmax over the last axis, whatever its stride (torch's own copies strided input and is slow on short axes)."""
    shifted = (logits - logits.amax(-1, keepdim=True)).exp()
    return shifted / shifted.sum(-1, keepdim=True)
