"""Fully connected students, with a pullback written by hand.

Activations are kept as [S, width, N], examples last, so that every elementwise step runs over contiguous memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import silu

from mtbkd_core.students.base import Pullback, Student, StudentSpec


@dataclass(frozen=True)
class DenseStudent(Student):
    """A fully connected network with SiLU units; with no hidden layer it is multinomial logistic regression."""

    @property
    def fans(self) -> list[tuple[int, int]]:
        """(inputs, units) of each layer."""
        return list(pairwise(self.sizes))

    def last_units(self, theta: Tensor, x: Tensor) -> Tensor:
        """The last hidden layer's units [S, N, H] of parameters [S, P] at inputs [N, F]; without one, the inputs."""
        units = x.transpose(-1, -2).expand(theta.shape[0], -1, -1)
        for weight, bias in self.layers(theta)[:-1]:
            units = silu(torch.baddbmm(bias, weight, units))
            units = units if self.drop is None else self.drop(units)
        return units.transpose(1, 2)

    def logits(self, theta: Tensor, x: Tensor) -> Tensor:
        """Logits [S, N, C] of parameters [S, P] at inputs [N, F], or at inputs of each chain's own [S, N, F]."""
        weight, bias = self.layers(theta)[-1]
        return torch.baddbmm(bias, weight, self.last_units(theta, x).transpose(1, 2)).transpose(1, 2)

    def vjp(self, theta: Tensor, x: Tensor) -> tuple[Tensor, Pullback]:
        """Logits [S, N, C] and the pullback of a gradient on them to theta [S, P]; arguments as `logits`."""
        if self.drop is not None:
            return super().vjp(theta, x)
        layers = self.layers(theta)
        inputs, gates = self._passed(layers, x)
        weight, bias = layers[-1]
        logits = torch.baddbmm(bias, weight, inputs[-1]).transpose(1, 2)

        def pullback(gradient: Tensor) -> Tensor:
            signal = gradient.transpose(1, 2)
            parts: list[Tensor] = []
            for level in range(len(layers) - 1, -1, -1):
                parts += [signal.sum(2), torch.bmm(signal, inputs[level].transpose(1, 2)).flatten(1)]
                if level:
                    signal = torch.bmm(layers[level][0].transpose(1, 2), signal).mul_(
                        _slope(inputs[level], gates[level - 1])
                    )
            return torch.cat(parts[::-1], 1)

        return logits, pullback

    def layer_products(self, theta: Tensor, x: Tensor, gradients: Tensor) -> list[tuple[Tensor, Tensor]]:
        """As `Student.layer_products`."""
        layers, found = self.layers(theta), list[tuple[Tensor, Tensor]]()
        inputs, gates = self._passed(layers, x)
        signal = gradients.transpose(1, 2)
        for level in range(len(layers) - 1, -1, -1):
            seen = inputs[level] if level or x.ndim == 3 else inputs[level][:1]
            wide = torch.cat([seen, torch.ones_like(seen[:, :1])], 1)
            found.append((wide @ wide.transpose(1, 2), signal @ signal.transpose(1, 2)))
            if level:
                signal = (layers[level][0].transpose(1, 2) @ signal).mul_(_slope(inputs[level], gates[level - 1]))
        return found[::-1]

    @staticmethod
    def _passed(layers: list[tuple[Tensor, Tensor]], x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Each layer's inputs [S, in, N], and the gates [S, out, N] of the hidden units."""
        inputs, gates = [x.transpose(-1, -2).expand(len(layers[0][0]), -1, -1)], list[Tensor]()
        for weight, bias in layers[:-1]:
            unit = torch.baddbmm(bias, weight, inputs[-1])
            gates.append(unit.sigmoid())
            inputs.append(unit * gates[-1])
        return inputs, gates


def _slope(units: Tensor, gates: Tensor) -> Tensor:
    """SiLU's: s + u (1 - s) with s the gate and u the unit, so that the way back needs no exponential."""
    return torch.lerp(units, torch.ones((), dtype=units.dtype, device=units.device), gates)


SPEC = StudentSpec(
    lambda config, features, classes, image_shape: DenseStudent(
        (features, *config.hidden, classes), config.weight_scale
    )
)
