"""A gradient on two threads: half of the chains on each, against torch's own threads, beside busy programs.

usage: python -m benchmarks.threads [--tasks digits proteins fashion] [--busy 0 1 2] [--seconds 2]

Milliseconds for one gradient of a task's default run, all chains and examples. A busy program does nothing but use a
processor. torch's threads wait for one another by spinning, as torch has them by default.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch

from benchmarks.shared.record import Record, options
from benchmarks.shared.scene import seconds_per_call
from mtbkd_core import default_config, load_task
from mtbkd_core.distillation import target_of
from mtbkd_core.samplers.randomness import Randomness

#: side -> (torch's threads, MTBKD_THREADS)
SIDES = {"one thread": (1, 1), "torch's two": (2, 1), "our two": (1, 2)}


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Run `count` other programs that only use a processor."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for each in others:
            each.kill()
            each.wait()


@torch.no_grad()
def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--tasks", nargs="*", default=["digits", "proteins", "fashion"])
    parser.add_argument("--busy", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--seconds", type=float, default=2.0, help="for each side")
    chosen = parser.parse_args()
    record, ratios = Record(write=chosen.write), []
    for name in chosen.tasks:
        config = default_config(name)
        task = load_task(name, teachers=config.data.teachers)
        target = target_of([config], task, torch.device("cpu"))
        position = Randomness.seeded(1).normal((config.sampler.chains, target.student.n_parameters))
        for count in chosen.busy:
            found = {}
            with busy(count):
                for side, (threads, ours) in SIDES.items():
                    torch.set_num_threads(threads)
                    os.environ["MTBKD_THREADS"] = str(ours)
                    seconds = seconds_per_call({side: partial(target, position)}, budget=chosen.seconds)[side]
                    found[side] = 1000 * seconds
            record.row(task=name, busy=count, **found)
            ratios.append(found["our two"] / found["one thread"])
    what = f"a gradient on our two threads over one thread, the worst of {len(ratios)} cases"
    record.claim(what, max(ratios), at_most=1.0)
    record.close()


if __name__ == "__main__":
    main()
