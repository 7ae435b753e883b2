"""How near a sampler's step comes to the time of its matrix products, random numbers and memory traffic alone.

usage: python -m benchmarks.step_limit [--seconds 2] [--chains 16]

The limit is the sum of three parts, each measured alone in the same process:
  products  the matrix products of a forward and a backward pass, into memory that is there already;
  normals   one standard normal number per parameter, by torch's generator;
  memory    the additions that bring gradient and noise to the position (for BAOAB: to momentum and position).
A step takes longer: activations, softmax, the teachers' mixture, the log joint, and new memory.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from benchmarks.shared.record import Record, options
from benchmarks.shared.scene import STUDENTS, random_target, seconds_per_call
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.samplers import baoab, sgld
from mtbkd_core.samplers.base import Transform
from mtbkd_core.samplers.randomness import Randomness

TARGET = 2.0


def products(sizes: tuple[int, ...], chains: int, batch_size: int) -> Callable[[], None]:
    """A forward pass, and a backward one without its last product, the gradient of the inputs, which is not needed."""
    calls: list[tuple[Tensor, Tensor, Tensor]] = []
    for level, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        weight = torch.randn(chains, fan_out, fan_in)
        above, below = torch.randn(chains, fan_out, batch_size), torch.randn(chains, fan_in, batch_size)
        if level == 0:
            below = torch.randn(batch_size, fan_in).t().expand(chains, -1, -1)
        else:
            calls.append((weight.transpose(1, 2), above, torch.empty(chains, fan_in, batch_size)))
        calls.append((weight, below, torch.empty(chains, fan_out, batch_size)))
        calls.append((above, below.transpose(1, 2), torch.empty_like(weight)))

    def run() -> None:
        for left, right, result in calls:
            torch.bmm(left, right, out=result)

    return run


def normals(position: Tensor) -> Callable[[], None]:
    generator, room = torch.Generator().manual_seed(1), torch.empty_like(position)

    def run() -> None:
        room.normal_(generator=generator)

    return run


def memory(position: Tensor, additions: int) -> Callable[[], None]:
    other, room = torch.randn_like(position), torch.empty_like(position)

    def run() -> None:
        for _ in range(additions):
            torch.add(position, other, alpha=1e-6, out=room)

    return run


def step_of(sampler: Transform, position: Tensor, batch: Tensor) -> Callable[[], None]:
    random = Randomness.seeded(1)
    state = sampler.init(position, random)

    def run() -> None:
        nonlocal state
        state, _ = sampler.update(state, batch, random)

    return run


@torch.no_grad()
def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each part and student")
    parser.add_argument("--chains", type=int, default=16)
    parser.add_argument("--students", nargs="*", choices=STUDENTS, default=list(STUDENTS))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    record, ratios = Record(write=chosen.write), []
    for name in chosen.students:
        sizes, batch_size = STUDENTS[name]
        target = random_target(sizes)
        generator = torch.Generator().manual_seed(2)
        position = torch.randn(chosen.chains, target.student.n_parameters, generator=generator)
        batch = torch.randint(len(target.labels), (batch_size,), generator=generator)
        found = seconds_per_call(
            {
                "products": products(sizes, chosen.chains, batch_size),
                "normals": normals(position),
                "sgld memory": memory(position, 2),
                "baoab memory": memory(position, 5),
                "sgld": step_of(sgld.build(target, SamplerConfig(), torch.tensor([[1e-7]])), position, batch),
                "baoab": step_of(baoab.build(target, SamplerConfig(), torch.tensor([[1e-4]])), position, batch),
            },
            budget=chosen.seconds,
        )
        for sampler in ("sgld", "baoab"):
            parts = {part: found[part] for part in ("products", "normals")} | {"memory": found[f"{sampler} memory"]}
            parts |= {"limit": sum(parts.values()), "step": found[sampler]}
            record.row(student=name, sampler=sampler, **{part: 1000 * seconds for part, seconds in parts.items()})
            if name != "64-32-10":
                ratios.append(parts["step"] / parts["limit"])
    if ratios:
        what = f"the worst step over the machine's limit, SGLD and BAOAB, two larger students, {chosen.chains} chains"
        record.claim(what, max(ratios), at_most=TARGET)
    record.close()


if __name__ == "__main__":
    main()
