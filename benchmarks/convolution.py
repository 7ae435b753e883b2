"""Convolutional students of many chains: one grouped convolution against torch.vmap and against a loop.

usage: python -m benchmarks.convolution [--chains 16] [--examples 250] [--seconds 2]

Logits and the gradient of all parameters on images of 28 x 28, in one process, the sides in turn.
"""

import torch
from torch import Tensor
from torch.nn.functional import conv2d, linear, silu

from benchmarks.shared.record import Record, options
from benchmarks.shared.scene import seconds_per_call
from mtbkd_core.config.choices import StudentKind
from mtbkd_core.config.models import StudentConfig
from mtbkd_core.students.cnn import ConvolutionalStudent


def one_chain(student: ConvolutionalStudent, theta: Tensor, x: Tensor) -> Tensor:
    """Logits [N, C] of one chain's parameters [P]."""
    *convolutions, (weight, bias) = [(w[0], b[0, :, 0]) for w, b in student.layers(theta[None])]
    units = x.reshape(-1, 1, *student.image_shape)
    for (filters, offset), (kernel, stride) in zip(convolutions, student.kernels, strict=True):
        shaped = filters.unflatten(1, (-1, kernel, kernel))
        units = silu(conv2d(units, shaped, offset, stride=stride, padding=kernel // 2))
    return linear(units.flatten(1), weight, bias)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--chains", type=int, default=16)
    parser.add_argument("--examples", type=int, default=250)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each side")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    record = Record(write=chosen.write)
    student = ConvolutionalStudent.of(StudentConfig(kind=StudentKind.CNN), (28, 28), 10)
    generator = torch.Generator().manual_seed(0)
    theta = 0.3 * torch.randn(chosen.chains, student.n_parameters, generator=generator)
    theta.requires_grad_()
    x = torch.rand(chosen.examples, 784, generator=generator)
    logits = {
        "grouped": lambda: student.logits(theta, x),
        "vmap": lambda: torch.vmap(lambda one: one_chain(student, one, x))(theta),
        "loop": lambda: torch.stack([one_chain(student, one, x) for one in theta]),
    }

    def gradient(side: str) -> Tensor:
        return torch.autograd.grad(logits[side]().sum(), theta)[0]

    for side in logits:
        torch.testing.assert_close(gradient(side), gradient("grouped"), rtol=1e-3, atol=1e-3)
    times = seconds_per_call({side: lambda side=side: gradient(side) for side in logits}, budget=chosen.seconds)
    for side, seconds in times.items():
        record.row(side=side, chains=chosen.chains, milliseconds=1000 * seconds)
    what = f"time of `torch.vmap` over that of the grouped convolution, {chosen.chains} chains"
    record.claim(what, times["vmap"] / times["grouped"])
    record.close()


if __name__ == "__main__":
    main()
