"""How time and memory grow with examples, teachers, classes, chains and the student's width; memory of a prediction.

usage: python -m benchmarks.growth [N K C chains width predict] [--memory 22] [--quick]

Time: one BAOAB step on all examples, for powers of two of one size while the others stay. Memory: the highest resident
size of a process of its own that takes ten such steps, above its size before the first. The slope of the logarithms,
fitted to the upper half of the sizes, says how a quantity grows: 1 is linear. Then the highest resident size of
`Result.predict` on a million inputs, above the model's and the inputs' own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from argparse import SUPPRESS
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import torch

from benchmarks.shared.record import Record, options
from benchmarks.shared.scene import random_target, seconds_per_call
from mtbkd_core import Result, RunConfig
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.samplers import baoab
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.students.registry import build_student

ROOT = Path(__file__).resolve().parents[1]
BASE = {"N": 1024, "K": 4, "C": 16, "chains": 16, "width": 32}
SIZES = {
    "N": [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536],
    "K": [1, 2, 4, 8, 16, 32],
    "C": [4, 8, 16, 32, 64, 128, 256],
    "chains": [2, 4, 8, 16, 32, 64],
    "width": [16, 32, 64, 128, 256, 512],
}
#: Sizes with a target: linear or better; a slope is measured, so a little above 1 passes.
LINEAR = {"N": "examples", "K": "teachers", "C": "classes", "chains": "chains"}
SLOPE, FEATURES = 1.1, 64
#: Few draws save time: pieces hold as many numbers whatever the draws are.
INPUTS, DRAWS, PREDICT_LIMIT = 1_000_000, 10, 2**30


@torch.no_grad()
def step_seconds(sizes: dict[str, int], budget: float) -> float:
    return seconds_per_call({"step": _stepper(sizes)}, budget=budget, rounds=5)["step"]


def _stepper(sizes: dict[str, int]) -> Callable[[], None]:
    target = random_target((FEATURES, sizes["width"], sizes["C"]), examples=sizes["N"], teachers=sizes["K"])
    random = Randomness.seeded(0)
    sampler = baoab.build(target, SamplerConfig(), torch.tensor([[1e-4]]))
    state = sampler.init(random.normal((sizes["chains"], target.student.n_parameters)), random)

    def step() -> None:
        nonlocal state
        state, _ = sampler.update(state, None, random)

    return step


class Peak:
    """The highest resident size from now on, in bytes above the size now."""

    def __init__(self) -> None:
        self._clear = Path("/proc/self/clear_refs")
        self._clear.write_text("5")  # resets the kernel's own record of the highest size
        self._before = psutil.Process().memory_info().rss

    def above(self) -> int:
        """The highest size in bytes, above that at the beginning."""
        status = Path("/proc/self/status").read_text().splitlines()
        highest = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
        return highest - self._before


@torch.no_grad()
def child_step(sizes: dict[str, int]) -> None:
    step = _stepper(BASE | {"N": 64})
    step()  # libraries have loaded what they need
    peak = Peak()
    step = _stepper(sizes)
    for _ in range(10):
        step()
    print(peak.above())


@torch.no_grad()
def child_predict(inputs: int, memory: int) -> None:
    config = RunConfig(sampler=SamplerConfig(draws=DRAWS))
    student = build_student(config.student, FEATURES, 10)
    draws = torch.randn(config.sampler.chains, config.sampler.draws, student.n_parameters)
    environment = {"n_features": FEATURES, "class_names": [str(label) for label in range(10)]}
    result = Result(config, {}, 0.6 * draws, {}, environment)
    x = torch.rand(inputs, FEATURES)
    result.predict(x[:64])
    peak = Peak()
    started = time.perf_counter()
    prediction = result.predict(x, memory=memory)
    print(json.dumps({"bytes": peak.above(), "seconds": time.perf_counter() - started, "rows": len(prediction.mean)}))


def in_a_process(*arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks.growth", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def slope(sizes: list[int], values: list[float]) -> float:
    half = len(sizes) // 2
    return float(np.polyfit(np.log(sizes[half:]), np.log(np.maximum(values[half:], 1e-9)), 1)[0])


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("parts", nargs="*", default=[*SIZES, "predict"], help="of " + ", ".join([*SIZES, "predict"]))
    parser.add_argument("--memory", type=int, default=22, help="log2 of the numbers in a piece of a prediction")
    parser.add_argument("--quick", action="store_true", help="small sizes and few inputs, to see that it runs")
    parser.add_argument("--child", nargs=2, help=SUPPRESS)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if chosen.child:
        what, given = chosen.child
        child_step(json.loads(given)) if what == "step" else child_predict(*json.loads(given))
        return
    record = Record(write=chosen.write)
    for name in [name for name in SIZES if name in chosen.parts]:
        sizes = SIZES[name][:4] if chosen.quick else SIZES[name]
        budget = 0.05 if chosen.quick else 0.5
        times = [1000 * step_seconds(BASE | {name: size}, budget) for size in sizes]
        in_bytes = [in_a_process("--child", "step", json.dumps(BASE | {name: size})) for size in sizes]
        memory = [float(each) / 2**20 for each in in_bytes]
        slopes = []
        for what, values in (("milliseconds", times), ("MiB", memory)):
            found = slope(sizes, values)
            record.row(size=name, what=what, sizes=sizes, values=[round(value, 2) for value in values], slope=found)
            slopes.append(found)
        if name in LINEAR:
            what = f"slope of a step's time and memory in {LINEAR[name]}, the larger"
            record.claim(what, max(slopes), at_most=SLOPE)
    if "predict" in chosen.parts:
        inputs = INPUTS // 100 if chosen.quick else INPUTS
        found = json.loads(in_a_process("--child", "predict", json.dumps([inputs, 2**chosen.memory])))
        record.row(inputs=inputs, mebibytes=found["bytes"] / 2**20, seconds=found["seconds"])
        what = f"MiB that `Result.predict` takes for {inputs:,} inputs, 16 x {DRAWS} students"
        record.claim(what, found["bytes"] / 2**20, at_most=PREDICT_LIMIT / 2**20)
    record.close()


if __name__ == "__main__":
    main()
