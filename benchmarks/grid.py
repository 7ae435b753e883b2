"""Many prior settings in one call of `distill_grid`, compared with as many separate runs.

usage: python -m benchmarks.grid [--chains 16 4 1] [--settings 100] [--separate 5] [--commands 3] [--threads 1 2]

Settings are strength x concentration on the digits. Some of the separate runs are timed, spread over the settings, and
their mean stands for all; scores are compared on those. Wall clock seconds, and processor seconds, which depend less on
the load. "products" is what the matrix products of all runs would take at the rate of large matrices.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from benchmarks.shared.record import Record, options
from mtbkd_core import RunConfig, build_config, distill, distill_grid, load_task
from mtbkd_core.common.parallel import limit_threads
from mtbkd_core.common.progress import Phase
from mtbkd_core.run_progress import run_work
from mtbkd_core.students.base import Student
from mtbkd_core.students.registry import build_student


def settings(count: int, chains: int) -> list[RunConfig]:
    """`count` pairs of 10 strengths and 10 concentrations, spread over both."""
    pairs = list(itertools.product([0.1 * n for n in range(1, 11)], [4.0 * n for n in range(1, 11)]))
    return [
        build_config([("prior.strength", strength), ("prior.concentration", concentration), ("sampler.chains", chains)])
        for strength, concentration in pairs[:: max(1, len(pairs) // count)][:count]
    ]


def timed(call: Callable[[], Any]) -> tuple[Any, float, float]:
    """The call's result, its seconds, and the processor seconds of this process."""
    wall, processor = time.perf_counter(), time.process_time()
    return call(), time.perf_counter() - wall, time.process_time() - processor


def largest_difference(one: Any, other: Any) -> float:
    """Between the students' scores of two runs."""
    return max(abs(one["student"][name] - other["student"][name]) for name in ("accuracy", "nll", "brier", "ece"))


def product_seconds(config: RunConfig, student: Student, examples: int) -> float:
    """Seconds of a run's matrix products (forward, weight and unit gradients) at a large matrix's rate."""
    pairs = list(itertools.pairwise(student.sizes))
    each = 2 * examples * (2 * sum(a * b for a, b in pairs) + sum(a * b for a, b in pairs[1:]))
    work = run_work(config.sampler, examples)
    steps = sum(work[phase] for phase in (Phase.WARM_START, Phase.TUNING, Phase.SAMPLING))
    large = torch.randn(1024, 1024)
    best = min(timed(lambda: large @ large)[1] for _ in range(30))
    return float(each) * config.sampler.chains * steps * best / (2 * 1024.0**3)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--chains", type=int, nargs="+", default=[16, 4, 1])
    parser.add_argument("--settings", type=int, default=100)
    parser.add_argument("--separate", type=int, default=5)
    parser.add_argument("--commands", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, os.cpu_count() or 1])
    chosen = parser.parse_args()
    limit_threads()
    record = Record(write=chosen.write)
    task = load_task("digits", teachers=build_config().data.teachers)
    distill(build_config([("sampler.draws", 4), ("sampler.thinning", 1)]), task=task)  # libraries are loaded now
    for chains in chosen.chains:
        configs = settings(chosen.settings, chains)
        few = range(0, len(configs), max(1, len(configs) // chosen.separate))[: chosen.separate]
        separate = {place: timed(partial(distill, configs[place], task=task)) for place in few}
        wall, used = (len(configs) * sum(run[part] for run in separate.values()) / len(separate) for part in (1, 2))
        command = [sys.executable, "-m", "mtbkd_core", "distill", "--task", "digits", "--json"]
        command += ["--set", f"sampler.chains={chains}", "--set"]
        launches = [
            partial(subprocess.run, [*command, f"seed={1000 + number}"], capture_output=True, check=True)
            for number in range(chosen.commands)
        ]
        commands = len(configs) * sum(timed(launch)[1] for launch in launches) / max(1, len(launches))
        student = build_student(configs[0].student, task.x_train.shape[1], task.n_classes)
        products = len(configs) * product_seconds(configs[0], student, len(task.y_train))
        for threads in dict.fromkeys(chosen.threads):
            results, took, used_by_grid = timed(partial(distill_grid, configs, task=task, threads=threads))
            off = max(largest_difference(results[place].metrics, separate[place][0].metrics) for place in few)
            record.row(
                chains=chains, settings=len(configs), threads=threads, separate=wall, separate_processor=used,
                commands=commands, grid=took, grid_processor=used_by_grid, products=products, differs_by=off,
            )  # fmt: skip
            what = f"one grid of {len(configs)} settings over separate {{}}, {chains} chains each, {threads} threads"
            record.claim(what.format("runs in one process"), took / wall, at_most=0.1)
            if commands:
                record.claim(what.format("commands"), took / commands, at_most=0.1)
    record.close()


if __name__ == "__main__":
    main()
