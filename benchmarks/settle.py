"""How settings were chosen: scores of every combination of values on validation examples, never on test examples.

usage: python -m benchmarks.settle --task proteins [--splits 2] [--no-teacher] prior.strength=3,6,9 [NAME=VALUES ...]

Each combination is a run of the task's defaults with these values, as means over splits; + stands for a comma within
a value, as in widths of layers. Two names are of baselines and then score these in place of MT-BKD:
mean_kd.weight (classic distillation from the teachers' mean) and dropout.rate (Monte Carlo dropout).
"""

from __future__ import annotations

import itertools
import time

import numpy as np

from benchmarks.shared.record import Record, options
from mtbkd_core import RunConfig, Task, build_config, default_config, distill, load_task
from mtbkd_core.baselines.base import Problem
from mtbkd_core.baselines.classic import mean_distillation
from mtbkd_core.baselines.dropout import dropout_distillation
from mtbkd_core.common.parallel import limit_threads
from mtbkd_core.evaluation.scores import scores

#: Of the soft targets, where it is not what is varied.
WEIGHT = 2.5


def run(config: RunConfig, task: Task) -> dict[str, float]:
    """Scores of one run of MT-BKD."""
    began = time.perf_counter()
    metrics = distill(config, task=task).metrics
    student, diagnostics = metrics["student"], metrics["diagnostics"]
    return {score: student[score] for score in ("accuracy", "nll", "ece")} | {
        "warm_start_nll": metrics["warm_start"]["nll"],
        "r_hat": np.nan if diagnostics["r_hat"] is None else diagnostics["r_hat"],
        "restarts": diagnostics["restarts"],
        "seconds": time.perf_counter() - began,
    }


def run_baseline(name: str, value: str, config: RunConfig, task: Task) -> dict[str, float]:
    """Scores of one network of a baseline, and of as many as there are chains."""
    own = {"weight_scale": config.student.weight_scale, "weight": WEIGHT, name.split(".")[1]: float(value)}
    run_it = dropout_distillation if name == "dropout.rate" else mean_distillation
    networks = run_it(Problem(config, task), [own] * config.sampler.chains)
    one, all_ = scores(networks[0], task.y_test), scores(networks.mean(0), task.y_test)
    return {s: one[s] for s in ("accuracy", "nll", "ece")} | {"ensemble_nll": all_["nll"], "ensemble_ece": all_["ece"]}


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--task", default="digits")
    parser.add_argument("--splits", type=int, default=2)
    parser.add_argument("--no-teacher", action="store_true", help="each combination without a teacher as well")
    parser.add_argument("settings", nargs="*", metavar="NAME=VALUE,VALUE")
    chosen = parser.parse_args()
    limit_threads()
    record = Record(f"settle-{chosen.task}", write=chosen.write)
    base = default_config(chosen.task)
    tasks = [
        load_task(chosen.task, teachers=base.data.teachers, split="validation", split_seed=seed)
        for seed in range(chosen.splits)
    ]
    names = [each.split("=")[0] for each in chosen.settings]
    baselines = [name for name in names if name.startswith(("mean_kd.", "dropout."))]
    for values in itertools.product(*(each.split("=")[1].split(",") for each in chosen.settings)):
        values_of = {name: value.replace("+", ",") for name, value in zip(names, values, strict=True)}
        for without in (False, True) if chosen.no_teacher else (False,):
            changed = [(name, value) for name, value in values_of.items() if name not in baselines]
            changed += [("prior.strength", "0")] * without
            found = []
            for seed, task in enumerate(tasks):
                config = build_config([*changed, ("seed", seed), ("data.split_seed", seed)], base=base)
                if baselines:
                    found.append(run_baseline(baselines[0], values_of[baselines[0]], config, task))
                else:
                    found.append(run(config, task))
            means = {column: float(np.mean([row[column] for row in found])) for column in found[0]}
            record.row(**values_of, no_teacher=without, **means)
    record.close()


if __name__ == "__main__":
    main()
