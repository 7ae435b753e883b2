"""What every student offers, batched over chains: a forward pass and an exact pullback on flat parameters [S, P]."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor

from mtbkd_core.common.parallel import together
from mtbkd_core.config.models import StudentConfig

Pullback = Callable[[Tensor], Tensor]

#: Bytes that the matrix of a last layer's Laplace approximation may take; several are held at once.
LARGEST_LAPLACE = 2**26


@dataclass(frozen=True)
class Student(ABC):
    """A network of linear layers, convolutions among them, with SiLU units between them.

    Attributes:
        sizes: number of units of each layer, from the inputs to the logits, (F, ..., C).
        weight_scale: sigma, the prior standard deviation of every weight and bias.
        drop: what becomes of a hidden layer's units before the next layer sees them; None: nothing. It is called anew
            in every pass.
    """

    sizes: tuple[int, ...]
    weight_scale: float
    drop: Callable[[Tensor], Tensor] | None = None

    @property
    @abstractmethod
    def fans(self) -> list[tuple[int, int]]:
        """(values that a unit sees, filters or units) of each layer."""

    @abstractmethod
    def last_units(self, theta: Tensor, x: Tensor) -> Tensor:
        """The inputs of the last layer, [S, N, H], for parameters [S, P] and inputs [N, F]."""

    @property
    def n_parameters(self) -> int:
        """P."""
        return sum((fan_in + 1) * fan_out for fan_in, fan_out in self.fans)

    @property
    def multiply_adds(self) -> int:
        """Of one chain's forward pass over one example."""
        return sum(units * fan_in for units, (fan_in, _) in zip(self.sizes[1:], self.fans, strict=True))

    @property
    def fits_laplace(self) -> bool:
        """Whether a matrix of every pair of the last layer's weights and biases, in float64, is not too large."""
        return 8 * ((self.sizes[-2] + 1) * self.sizes[-1]) ** 2 <= LARGEST_LAPLACE

    def layers(self, theta: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Views of theta [S, P] as weights [S, out, in] and biases [S, out, 1], filters flattened, layer by layer."""
        views, start = [], 0
        for fan_in, fan_out in self.fans:
            middle, end = start + fan_in * fan_out, start + (fan_in + 1) * fan_out
            views.append((theta[:, start:middle].unflatten(1, (fan_out, fan_in)), theta[:, middle:end, None]))
            start = end
        return views

    def logits(self, theta: Tensor, x: Tensor) -> Tensor:
        """Logits [S, N, C] of parameters [S, P] at inputs [N, F]."""
        weight, bias = self.layers(theta)[-1]
        return torch.baddbmm(bias.transpose(1, 2), self.last_units(theta, x), weight.transpose(1, 2))

    def vjp(self, theta: Tensor, x: Tensor) -> tuple[Tensor, Pullback]:
        """Logits [S, N, C] and the pullback that takes a gradient on the logits [S, N, C] to one on theta [S, P].

        Arguments as `logits`.
        """
        with torch.enable_grad():
            leaf = theta.detach().requires_grad_()
            logits = self.logits(leaf, x)
        return logits.detach(), lambda gradient: torch.autograd.grad(logits, leaf, gradient)[0]

    @abstractmethod
    def layer_products(self, theta: Tensor, x: Tensor, gradients: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Sums over examples of the outer products of each layer's inputs, and of the gradients on its units.

        Their Kronecker product over the number of examples is about the sum of the outer products of the gradients on
        the layer's weights and biases.

        Args:
            theta: [S, P] parameters.
            x: [N, F] inputs.
            gradients: [S, N, C], on the logits.
        Returns:
            layer by layer [S, in + 1, in + 1], the bias's input of 1 last ([1, in + 1, in + 1] where all chains see the
            same inputs), and [S, out, out].
        """

    @torch.no_grad()
    def probabilities(self, theta: Tensor, x: Tensor, *, memory: int | None = None) -> Tensor:
        """Probabilities [S, N, C], computed in pieces so that no intermediate holds more than `memory` numbers."""
        memory = memory or element_budget(theta.device)
        width = max(self.sizes[1:])
        draws = min(max(1, memory // (max(1, len(x)) * width)), max(1, len(theta)))
        if self.drop is not None:  # it has a rate for each of them
            draws = max(1, len(theta))
        rows = max(1, memory // (draws * width))
        whole = theta.new_empty(len(theta), len(x), self.sizes[-1])

        def fill(first: int, start: int) -> None:
            logits = self.logits(theta[first : first + draws], x[start : start + rows])
            whole[first : first + draws, start : start + rows] = softmax(logits)

        pieces = [partial(fill, *each) for each in product(range(0, len(theta), draws), range(0, len(x), rows))]
        if self.drop is None:
            together(pieces)
        else:  # units are dropped in order, so that they are the same again
            for piece in pieces:
                piece()
        return whole


class StudentSpec(NamedTuple):
    """A kind of student, as its own file exports it.

    Attributes:
        build: the student that a configuration asks for, on F inputs and C classes, which may be images of (height,
            width); raises `UserError` where they do not fit.
        batched: whether the chains of several settings are faster as one batch than one setting after the other.
    """

    build: Callable[[StudentConfig, int, int, tuple[int, int] | None], Student]
    batched: bool = True


def element_budget(device: torch.device) -> int:
    """How many numbers an intermediate may hold without slowing the work: what fits a processor's cache, or a GPU."""
    return 2**19 if device.type == "cpu" else 2**26


def softmax(logits: Tensor) -> Tensor:
    """Softmax over the last axis, whatever its stride (torch's own copies strided input and is slow on short axes)."""
    shifted = (logits - logits.amax(-1, keepdim=True)).exp()
    return shifted / shifted.sum(-1, keepdim=True)
