"""Scores of the command line's own results: a comparison over seeds, or a default run's out-of-distribution scores.

usage: python -m benchmarks.scores compare digits [--seeds 10] [--rows FILE] [--write]
       python -m benchmarks.scores distill fashion [--write]

`compare` states, for each method, means over the seeds, each seed's value, MT-BKD minus the method with a paired 95 %
interval and its verdict, and what was tuned. Its claims compare MT-BKD with the best other student, with the teachers'
mean under tuned weights and, where all seeds have the same test set, with the teachers themselves. A file given by
--rows keeps every seed that is done, so that what was stopped goes on where it was. With --write the task's part of
data/comparisons.json, which the Overview reads, is replaced, too.
`distill` states how well each uncertainty score tells out-of-distribution inputs from test examples.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.shared.record import Record, dumps, options
from mtbkd_core import default_config, load_task
from mtbkd_core.common.parallel import limit_threads
from mtbkd_core.evaluation.diagnostics import worst_r_hat
from mtbkd_core.evaluation.scores import scores
from mtbkd_core.runs.rows import RowsLog, read_rows
from mtbkd_core.studies.comparison import Comparison
from mtbkd_core.studies.comparison import compare as run_comparison
from mtbkd_core.studies.method_words import MEANS, MT_BKD, TEACHERS_TUNED
from mtbkd_core.studies.standing import SHIPPED, shipped_content

SCORES = {"nll": "NLL", "ece": "ECE"}
#: Tasks with one test set for every seed.
FIXED = ("proteins", "fashion")
OOD_TARGETS = {("proteins", "several-locations"): 0.5, ("fashion", "digits"): 0.9}


def command_line(words: list[str], write: bool) -> tuple[Record, dict[str, Any]]:
    """A record of the command, and the JSON object that it prints."""
    record = Record(f"{words[0]}-{words[2]}", write=write, command=f"python -m mtbkd_core {' '.join(words)}")
    done = subprocess.run([sys.executable, "-m", "mtbkd_core", *words, "--json"], stdout=subprocess.PIPE, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return record, answer


def compare(task: str, seeds: int, kept: Path | None, write: bool) -> Record:
    words = f"compare --task {task} --seeds {seeds}"
    record = Record(f"compare-{task}", write=write, command=f"python -m mtbkd_core {words}")
    found = computed(task, seeds, kept)
    rows = {name: row_of(found, name) for name in found.methods}
    for row in sorted(rows.values(), key=lambda row: row["nll"]):
        record.row(**row)
        record.content["rows"][-1] = row | details_of(found, row["method"])
    ours = rows.pop(MT_BKD)
    if task in FIXED:
        data, names = load_task(task), default_config(task).data.teachers
        theirs = [scores(data.teachers[name].logits_test.softmax(-1), data.y_test) for name in names]
        without, best = rows["no_teacher"]["nll"], min(row["nll"] for row in theirs)
        share = (without - ours["nll"]) / (without - best)
        record.claim(
            f"{task}: share of the way in NLL from the student without a teacher to the best teacher",
            share,
            at_least=0.7,
        )
        record.claim(
            f"{task}: ECE of MT-BKD", ours["ece"], at_most=min(row["ece"] for row in theirs), of="the best teacher"
        )
    students = [row for name, row in rows.items() if name not in MEANS]
    for score, title in SCORES.items():
        best = min(students, key=lambda row: row[score])
        what = f"{task}: {title} of MT-BKD"
        record.claim(what, ours[score], at_most=best[score], of=f"the best other student, `{best['method']}`")
        weighted = rows[TEACHERS_TUNED][score]
        record.claim(what, ours[score], at_most=weighted, of="the teachers' weighted mean, `teachers_tuned`")
    r_hat = worst_r_hat(found.methods[MT_BKD]["r_hat"])
    record.claim(f"{task}: R-hat of MT-BKD, the worst of the seeds", r_hat, at_most=1.05)
    if write:
        content = json.loads(SHIPPED.read_text(encoding="utf-8")) if SHIPPED.exists() else {}
        content[task] = shipped_content(found, ("accuracy", *SCORES))
        SHIPPED.write_text(dumps(content), encoding="utf-8")
    return record


def computed(task: str, seeds: int, kept: Path | None) -> Comparison:
    """The comparison of the task's defaults; seeds that a file of rows holds are not computed again."""
    if kept is None:
        return run_comparison(default_config(task), range(seeds))
    rows, began = read_rows(kept), [time.perf_counter()]
    with RowsLog(kept, rows) as log:

        def close(seed: int) -> None:
            began.append(time.perf_counter())
            print(f"seed {seed}: {began[-1] - began[-2]:.0f} s", flush=True)
            log.close(seed, began[-1] - began[-2])

        return run_comparison(default_config(task), range(seeds), known=rows.whole, on_step=log.write, on_seed=close)


def row_of(found: Comparison, name: str) -> dict[str, Any]:
    columns = found.methods[name]
    row: dict[str, Any] = {"method": name, "seeds": sum(value is not None for value in columns["nll"])}
    row |= {score: mean(columns[score]) for score in ("accuracy", *SCORES)}
    for score in SCORES:
        gap = found.paired.get(name, {}).get(score)
        row |= {f"{score}_{part}": gap and getattr(gap, part) for part in ("difference", "low", "high", "verdict")}
    return row


def details_of(found: Comparison, name: str) -> dict[str, Any]:
    """Each seed's scores, and what was chosen for it."""
    by_seed = {score: found.methods[name][score] for score in ("accuracy", *SCORES)}
    tuned = found.tuned.get(name, [])
    chosen = [each and {**each.settings, "validation_nll": each.validation_nll} for each in tuned]
    return {"by_seed": by_seed, "tuned": chosen}


def mean(values: list[float | None]) -> float:
    return float(np.mean([value for value in values if value is not None]))


def distill(task: str, write: bool) -> Record:
    record, found = command_line(["distill", "--task", task], write)
    for inputs, row in found["metrics"].get("shifts", {}).items():
        for score, value in row.items():
            if isinstance(value, dict) and "auroc" in value:
                found_here = {name: value[name] for name in ("auroc", "auroc_low", "auroc_high")}
                record.row(inputs=inputs, score=score, **found_here)
        if (task, inputs) in OOD_TARGETS:
            what = f"{task}: AUROC of the epistemic part, {inputs} against test examples"
            record.claim(what, row["epistemic"]["auroc"], at_least=OOD_TARGETS[task, inputs])
    return record


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("what", choices=["compare", "distill"])
    parser.add_argument("task")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--rows", type=Path, help="file that keeps the seeds of a comparison that are done")
    chosen = parser.parse_args()
    limit_threads()
    found = (
        compare(chosen.task, chosen.seeds, chosen.rows, chosen.write)
        if chosen.what == "compare"
        else distill(chosen.task, chosen.write)
    )
    found.close()


if __name__ == "__main__":
    main()
