"""Default runs: do the chains agree, is the log joint level, what are the scores, and how long does it take?

usage: python -m benchmarks.defaults --task proteins [--seeds 0 1 2 3 4] [--set NAME=VALUE ...] [--more]
                                     [--data FOLDER] [--write]

A run of the task's defaults for each seed, of chains and of the data split. The task "deeploc" is imported from FOLDER
(see benchmarks.deeploc) as a person would do it: a table with a column of sequences and two teachers. A log joint is
level where the mean of the last quarter of the draws differs from that of the first by less than twice the error of
the difference, from the chains' own means. Processor seconds are of all threads; beside other programs they say more
than seconds. --more keeps what the file has of other seeds.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
import time
from pathlib import Path

from torch import Tensor

from benchmarks.shared.record import RESULTS, Record, options
from mtbkd_core import RunConfig, build_config, default_config, distill, load_task
from mtbkd_core.catalog.adding import import_table
from mtbkd_core.common.parallel import limit_threads
from mtbkd_core.evaluation.diagnostics import R_HAT_LIMIT
from mtbkd_core.evaluation.shift import OUT_OF_DISTRIBUTION
from mtbkd_core.imports.check import class_columns_between
from mtbkd_core.imports.spec import Files, TableSpec

#: Scores of the defaults of before, and seconds that a run may take: task -> (NLL, ECE, AUROC, seconds).
TARGETS: dict[str, tuple[float | None, float | None, float | None, float]] = {
    "synthetic": (None, None, None, 10),
    "digits": (None, None, None, 2),
    "proteins": (0.917, 0.025, None, 45),
    "deeploc": (1.126, None, None, 45),
    "fashion": (0.335, 0.019, 0.91, 60),
}


def import_deeploc(folder: Path) -> None:
    """The example data as a task of a person's own."""
    table = folder / "train.csv"
    teachers = {"esm2": folder / "esm2_650m_logits.csv", "prott5": folder / "prott5_logits.csv"}
    classes = class_columns_between(table, "Cytoplasm", "Peroxisome")
    import_table("deeploc", TableSpec(Files(table, teachers), "Label", "Sequence", classes=classes))


def drift(log_joint: Tensor) -> tuple[float, float]:
    """How much the mean of the last quarter of the draws [S, D] is above that of the first, and its error."""
    quarter = log_joint.shape[1] // 4
    first, last = (part.double().mean(1) for part in (log_joint[:, :quarter], log_joint[:, -quarter:]))
    return float((last - first).mean()), float((last - first).std()) / math.sqrt(len(log_joint))


def run(config: RunConfig) -> dict[str, float | int | str | bool | None]:
    """One default run: what the tables show of it."""
    task = load_task(config)
    began, before = time.perf_counter(), time.process_time()
    result = distill(config, task=task)
    seconds, processor = time.perf_counter() - began, time.process_time() - before
    metrics, found = result.metrics, result.metrics.diagnostics
    change, error = drift(result.predictions.log_joint)
    r_hats = (found.r_hat, found.r_hat_p95, found.r_hat_log_joint)
    measured = metrics.student.sets
    kinds = ("credible", "conformal", "conformal_by_class")
    sets = {kind: own for kind in kinds if (own := getattr(measured, kind)) is not None}
    aurocs = [scores[OUT_OF_DISTRIBUTION].auroc for scores in metrics.shifts.values()]
    return {
        "seed": config.seed,
        "seconds": seconds,
        "processor": processor,
        "gradients": found.gradients,
        "restarts": found.restarts,
        "r_hat": r_hats[0],
        "r_hat_p95": r_hats[1],
        "r_hat_log_joint": r_hats[2],
        "ess": found.ess_median,
        "drift": change,
        "drift_error": error,
        "accuracy": metrics.student.accuracy,
        "nll": metrics.student.nll,
        "ece": metrics.student.ece,
        "auroc": aurocs[0] if aurocs else None,
        **{f"{kind}_{what}": getattr(sets[kind], what) for kind in sets for what in ("coverage", "size")},
    }


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--task", required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--more", action="store_true")
    chosen = parser.parse_args()
    limit_threads()
    name = f"defaults-{chosen.task}"
    record = Record(name, write=chosen.write, command=f"python -m benchmarks.defaults --task {chosen.task}")
    with tempfile.TemporaryDirectory() as folder:
        if chosen.data is not None:
            os.environ["MTBKD_HOME"] = folder
            import_deeploc(chosen.data)
        overrides = [tuple(setting.split("=", 1)) for setting in chosen.settings]
        start = build_config(overrides, base=default_config(chosen.task))
        kept = json.loads((RESULTS / f"{name}.json").read_text())["rows"] if chosen.more else []
        rows = [row for row in kept if row["seed"] not in chosen.seeds]
        for row in rows:
            record.row(**row)
        for seed in chosen.seeds:
            config = build_config([("seed", seed), ("data.split_seed", seed)], base=start)
            rows.append(run(config))
            record.row(**rows[-1])
    claim(record, chosen.task, rows)
    record.close()


def claim(record: Record, task: str, rows: list[dict[str, float]]) -> None:
    """What default runs are to reach."""
    nll, ece, auroc, seconds = TARGETS[task]

    def mean(column: str) -> float:
        return sum(row[column] for row in rows) / len(rows)

    of = f"{task}, default runs of seeds {', '.join(str(row['seed']) for row in sorted(rows, key=lambda r: r['seed']))}"
    worst = max(row[column] or math.inf for row in rows for column in ("r_hat", "r_hat_p95", "r_hat_log_joint"))
    record.claim(f"{of}: the worst of the three R-hats of any seed", worst, at_most=R_HAT_LIMIT)
    level = sum(abs(row["drift"]) <= 2 * row["drift_error"] for row in rows)
    record.claim(f"{of}: runs with a level log joint", level, at_least=len(rows))
    if nll is not None:
        record.claim(f"{of}: NLL, mean", mean("nll"), at_most=nll)
    if ece is not None:
        record.claim(f"{of}: ECE, mean", mean("ece"), at_most=ece)
    if auroc is not None:
        record.claim(f"{of}: AUROC of the epistemic part, mean", mean("auroc"), at_least=auroc)
    record.claim(f"{of}: seconds of a run, the longest", max(row["seconds"] for row in rows), at_most=seconds)


if __name__ == "__main__":
    main()
