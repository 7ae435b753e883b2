"""Many prior settings in one call of `distill_grid`, held against as many separate runs.

    python benchmarks/grid.py [--chains 16 4 1] [--settings 100] [--alone 5] [--commands 3] [--threads 1 2]

100 settings (strength x concentration) on the digits; of the separate runs some are timed, spread over the settings,
and their mean is taken for all. Agreement is checked on those. Wall clock, and processor seconds, which depend less
on what else the machine does. Last, what the matrix products of a run alone would take.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from mtbkd_core import RunConfig, build_config, distill, distill_grid, load_task
from mtbkd_core.common.parallel import limit_threads
from mtbkd_core.samplers.chains import tuning_gradients
from mtbkd_core.students.base import Student


def settings(count: int, chains: int) -> list[RunConfig]:
    """The first of 10 strengths times 10 concentrations, spread over both."""
    strengths, concentrations = [0.1 * place for place in range(1, 11)], [4.0 * place for place in range(1, 11)]
    pairs = list(itertools.product(strengths, concentrations))
    return [
        build_config([("prior.strength", strength), ("prior.concentration", concentration), ("sampler.chains", chains)])
        for strength, concentration in pairs[:: max(1, len(pairs) // count)][:count]
    ]


def timed(call: Callable[[], Any]) -> tuple[Any, float, float]:
    """What the call gives, its seconds, and the processor seconds of this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    return call(), time.perf_counter() - wall, time.process_time() - cpu


def largest_difference(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Between the students' scores of two runs."""
    return max(abs(one["student"][name] - other["student"][name]) for name in one["student"])


def products(config: RunConfig, student: Student, examples: int) -> float:
    """Floating-point operations of a run's matrix products: forward, gradients of weights, and of inner units."""
    pairs = list(itertools.pairwise(student.sizes))
    each = 2 * examples * (2 * sum(a * b for a, b in pairs) + sum(a * b for a, b in pairs[1:]))
    sampler = config.sampler
    steps = sampler.warm_start_steps + sampler.burn_in + sampler.draws * sampler.thinning + tuning_gradients(sampler)
    return float(each) * sampler.chains * steps


def product_rate(student: Student, chains: int, examples: int) -> tuple[float, float]:
    """Operations a second on one core: of a product of 1024 x 1024, and of the first layer's, best of many."""

    def best(call: Callable[[], Any], operations: float) -> float:
        return operations / min(timed(call)[1] for _ in range(30))

    large = torch.randn(1024, 1024)
    weight, x = torch.randn(chains, student.sizes[1], student.sizes[0]), torch.randn(student.sizes[0], examples)
    layer = x.expand(chains, -1, -1)
    operations = 2.0 * chains * student.sizes[1] * student.sizes[0] * examples
    return best(lambda: large @ large, 2 * 1024.0**3), best(lambda: torch.bmm(weight, layer), operations)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chains", type=int, nargs="+", default=[16, 4, 1])
    parser.add_argument("--settings", type=int, default=100)
    parser.add_argument("--alone", type=int, default=5)
    parser.add_argument("--commands", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, os.cpu_count() or 1])
    chosen = parser.parse_args()
    limit_threads()
    task = load_task("digits", teachers=build_config().data.teachers)
    distill(build_config([("sampler.draws", 4), ("sampler.thinning", 1)]), task=task)  # libraries are loaded now
    print(f"{chosen.settings} settings; {chosen.alone} and {chosen.commands} of the separate runs are timed")
    print(f"load average before: {', '.join(f'{number:.1f}' for number in os.getloadavg())}")
    print(
        f"{'chains':>6} {'':22}{'wall':>9}{'CPU':>9}{'ratio':>8}{'CPU ratio':>11}{'of commands':>13}{'differs by':>12}"
    )
    for chains in chosen.chains:
        configs = settings(chosen.settings, chains)
        few = range(0, len(configs), max(1, len(configs) // chosen.alone))[: chosen.alone]
        alone = {place: timed(partial(distill, configs[place], task=task)) for place in few}
        wall, cpu = (len(configs) * sum(run[part] for run in alone.values()) / len(alone) for part in (1, 2))
        print(f"{chains:6} {'separate, one process':22}{wall:9.1f}{cpu:9.1f}", flush=True)
        command = [sys.executable, "-m", "mtbkd_core", "distill", "--task", "digits", "--json"]
        command += ["--set", f"sampler.chains={chains}"]

        def launch(number: int, command: list[str] = command) -> None:
            subprocess.run([*command, "--set", f"seed={1000 + number}"], capture_output=True, check=True)

        commands = 0.0
        if chosen.commands:
            commands = len(configs) * sum(timed(partial(launch, n))[1] for n in range(chosen.commands))
            commands /= chosen.commands
            print(f"{'':6} {'separate commands':22}{commands:9.1f}", flush=True)
        for threads in dict.fromkeys(chosen.threads):
            results, took, used = timed(partial(distill_grid, configs, task=task, threads=threads))
            off = max(largest_difference(results[place].metrics, alone[place][0].metrics) for place in few)
            of_commands = f"{took / commands:13.3f}" if commands else f"{'':13}"
            label = f"grid, {threads} thread{'s' * (threads > 1)}"
            print(
                f"{'':6} {label:22}{took:9.1f}{used:9.1f}{took / wall:8.3f}{used / cpu:11.3f}{of_commands}{off:12.1e}",
                flush=True,
            )
            del results
        student = Student.build(configs[0].student, task.x_train.shape[1], task.n_classes)
        operations = products(configs[0], student, len(task.y_train))
        large, layer = product_rate(student, chains, len(task.y_train))
        print(
            f"{'':6} products of all runs: {len(configs) * operations / 1e9:.0f} GFLOP; a core does {large / 1e9:.0f} "
            f"GFLOP/s on large matrices, {layer / 1e9:.0f} on these: {len(configs) * operations / large:.0f} s, "
            f"{len(configs) * operations / layer:.0f} s",
            flush=True,
        )
    print(f"load average after: {', '.join(f'{number:.1f}' for number in os.getloadavg())}")


if __name__ == "__main__":
    main()
