"""Convolutional students of many chains: one grouped convolution against torch.vmap, and against a loop.

usage: python benchmarks/convolution.py [--chains 16] [--examples 250] [--repeats 7]

Logits and the gradient of all parameters, on pictures of 28 x 28, by the same student in one process, in turns; the
least of the repeats, and the ratio to the grouped convolution. The gradients of all agree, or the command says so.
"""

import argparse
import time

import torch
from torch import Tensor
from torch.nn.functional import conv2d, linear, silu

from mtbkd_core.config.choices import StudentKind
from mtbkd_core.config.models import StudentConfig
from mtbkd_core.students.cnn import ConvolutionalStudent


def alone(student: ConvolutionalStudent, theta: Tensor, x: Tensor) -> Tensor:
    """Logits [N, C] of one chain's parameters [P]."""
    *convolutions, (weight, bias) = [(w[0], b[0, :, 0]) for w, b in student.layers(theta[None])]
    units = x.reshape(-1, 1, *student.image_shape)
    for (filters, offset), (kernel, stride) in zip(convolutions, student.kernels, strict=True):
        shaped = filters.unflatten(1, (-1, kernel, kernel))
        units = silu(conv2d(units, shaped, offset, stride=stride, padding=kernel // 2))
    return linear(units.flatten(1), weight, bias)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chains", type=int, default=16)
    parser.add_argument("--examples", type=int, default=250)
    parser.add_argument("--repeats", type=int, default=7)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    student = ConvolutionalStudent.of(StudentConfig(kind=StudentKind.CNN), (28, 28), 10)
    generator = torch.Generator().manual_seed(0)
    theta = 0.3 * torch.randn(asked.chains, student.n_parameters, generator=generator)
    x, direction = torch.rand(asked.examples, 784, generator=generator), None

    ways = {
        "grouped": lambda t: student.logits(t, x),
        "vmap": lambda t: torch.vmap(lambda one: alone(student, one, x))(t),
        "loop": lambda t: torch.stack([alone(student, one, x) for one in t]),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    gradients: dict[str, Tensor] = {}
    for _ in range(asked.repeats):
        for name, logits in ways.items():
            leaf = theta.clone().requires_grad_()
            began = time.perf_counter()
            found = logits(leaf)
            direction = torch.ones_like(found) if direction is None else direction
            (gradients[name],) = torch.autograd.grad(found, leaf, direction)
            seconds[name].append(time.perf_counter() - began)
    best = {name: min(taken) for name, taken in seconds.items()}
    print(f"{asked.chains} chains, {asked.examples} pictures, {student.n_parameters} parameters each")
    for name in ways:
        off = float((gradients[name] - gradients["grouped"]).abs().max() / gradients["grouped"].abs().max())
        ratio = best[name] / best["grouped"]
        print(f"{name:8} {1000 * best[name]:8.1f} ms   {ratio:.2f} x grouped   largest difference {off:.1e}")


if __name__ == "__main__":
    main()
