"""How near a sampler's step comes to what the machine needs for its products, its random numbers and its memory.

usage: python benchmarks/step_limit.py [--seconds 2] [--chains 16]

The limit is the sum of three parts, each measured alone in the same process, its memory at hand:
  products  the matrix products of a forward and a backward pass, into memory that is there already;
  normals   one standard normal number per parameter, by torch's generator;
  memory    the additions that bring gradient and noise to the position (for BAOAB: to momentum and position).
What a step takes on top: activations, softmax, the teachers' mixture, the log joint, and memory for what is new.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.shared.scene import STUDENTS, machine, random_target, seconds_per_call
from mtbkd_core.samplers import baoab, sgld
from mtbkd_core.samplers.base import Transform

TARGET = 2.0


def products(sizes: tuple[int, ...], chains: int, batch_size: int) -> Callable[[], None]:
    """A forward pass, and a backward one without its last product, the gradient on the inputs that nobody needs."""
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
    generator = torch.Generator().manual_seed(1)
    state = sampler.init(position, generator)

    def run() -> None:
        nonlocal state
        state, _ = sampler.update(state, batch, generator)

    return run


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each part and student")
    parser.add_argument("--chains", type=int, default=16)
    parser.add_argument("--students", nargs="*", choices=STUDENTS, default=list(STUDENTS))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    print(machine())
    print(f"Milliseconds, {chosen.chains} chains; target of step / limit: {TARGET:.0f} for the two larger students")
    print(f"{'':16}{'products':>10}{'normals':>10}{'memory':>10}{'limit':>10}{'step':>10}   step / limit")
    for name in chosen.students:
        sizes, batch_size = STUDENTS[name]
        target = random_target(sizes)
        generator = torch.Generator().manual_seed(2)
        position = target.student.draw_whitened(chosen.chains, generator, torch.device("cpu"))
        batch = torch.randint(len(target.labels), (batch_size,), generator=generator)
        found = seconds_per_call(
            {
                "products": products(sizes, chosen.chains, batch_size),
                "normals": normals(position),
                "sgld memory": memory(position, 2),
                "baoab memory": memory(position, 5),
                "sgld": step_of(sgld.build(target, step_size=1e-7), position, batch),
                "baoab": step_of(baoab.build(target, step_size=1e-4), position, batch),
            },
            budget=chosen.seconds,
        )
        for sampler in ("sgld", "baoab"):
            parts = [found["products"], found["normals"], found[f"{sampler} memory"]]
            limit, step = sum(parts), found[sampler]
            line = f"{name} {sampler:5}" + "".join(f"{1000 * value:10.2f}" for value in (*parts, limit, step))
            verdict = "" if name == "64-32-10" else "  holds" if step <= TARGET * limit else "  MISSED"
            print(f"{line}   {step / limit:10.2f}{verdict}", flush=True)


if __name__ == "__main__":
    main()
