"""How the settings of the task `proteins` were settled: on the validation proteins, never on the test ones.

usage: python benchmarks/settle_proteins.py [--splits 2] [SETTING=VALUE,VALUE,... ...]

Every combination of the values, each a run of the task's defaults with them, as means over splits; commas within a
value, as in widths of layers, are written as +. Beside each: no teacher at all, with --alone.
"""

import argparse
import itertools
import time

import numpy as np

from mtbkd_core import build_config, default_config, distill, load_task
from mtbkd_core.common.parallel import limit_threads
from mtbkd_core.evaluation.calibration import scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=2)
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("settings", nargs="*")
    args = parser.parse_args()
    limit_threads()
    base = default_config("proteins")
    tasks = [load_task("proteins", split="validation", split_seed=seed) for seed in range(args.splits)]
    for name, teacher in tasks[0].teachers.items():
        row = scores(teacher.logits_test.softmax(-1), tasks[0].y_test)
        print(f"teacher {name}: accuracy {row['accuracy']:.4f}, NLL {row['nll']:.4f}, ECE {row['ece']:.4f}", flush=True)
    names = [each.split("=")[0] for each in args.settings]
    choices = [each.split("=")[1].split(",") for each in args.settings]
    print(f"{'':60} accuracy    NLL    ECE  warm NLL  AUROC  R-hat seconds", flush=True)
    for values in itertools.product(*choices):
        changed = [(name, value.replace("+", ",")) for name, value in zip(names, values, strict=True)]
        for alone in (False, True) if args.alone else (False,):
            rows = []
            for seed, task in enumerate(tasks):
                more = [("prior.strength", "0")] if alone else []
                config = build_config([*changed, *more, ("seed", seed), ("split_seed", seed)], base=base)
                began = time.perf_counter()
                metrics = distill(config, task=task).metrics
                seconds = time.perf_counter() - began
                student = metrics["student"]
                rows.append(
                    [
                        *(student[score] for score in ("accuracy", "nll", "ece")),
                        metrics["warm_start"]["nll"],
                        metrics["shifts"]["several-locations"]["deviance"]["auroc"],
                        metrics["diagnostics"]["r_hat"] or np.nan,
                        seconds,
                    ]
                )
            label = " ".join(f"{name.split('.')[-1]}={value}" for name, value in changed) + (" alone" if alone else "")
            mean = np.mean(rows, 0)
            print(
                f"{label:60}" + "".join(f"{value:9.4f}" for value in mean[:3]) + f" {mean[3]:8.4f}"
                f" {mean[4]:6.3f} {mean[5]:6.3f} {mean[6]:7.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
