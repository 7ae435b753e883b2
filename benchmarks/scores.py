"""Scores of the command line's own results: a comparison over seeds, or a default run's out-of-distribution scores.

usage: python -m benchmarks.scores compare digits [--seeds 10] [--write]
       python -m benchmarks.scores distill fashion [--write]

`compare` states, for each method, means over the seeds and MT-BKD minus the method with a paired 95 % interval. Its
claims compare MT-BKD with the best baseline and, where all seeds have the same test set, with the teachers themselves.
`distill` states how well each uncertainty score tells out-of-distribution inputs from test examples.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np

from benchmarks.shared.record import Record, options
from mtbkd_core import default_config, load_task
from mtbkd_core.evaluation.scores import scores

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


def compare(task: str, seeds: int, write: bool) -> Record:
    record, found = command_line(["compare", "--task", task, "--seeds", str(seeds)], write)
    rows = {}
    for name, columns in found["methods"].items():
        row = {"method": name, "seeds": sum(value is not None for value in columns["nll"])}
        row |= {score: mean(columns[score]) for score in ("accuracy", *SCORES)}
        for score in SCORES:
            gap = found["paired"].get(name, {}).get(score, {})
            row |= {f"{score}_{part}": gap.get(part) for part in ("difference", "low", "high")}
        rows[name] = row
    for row in sorted(rows.values(), key=lambda row: row["nll"]):
        record.row(**row)
    ours = rows.pop("mt_bkd")
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
    for score, title in SCORES.items():
        best = min(rows.values(), key=lambda row: row[score])
        record.claim(
            f"{task}: {title} of MT-BKD", ours[score], at_most=best[score], of=f"the best baseline, `{best['method']}`"
        )
    record.claim(
        f"{task}: R-hat of MT-BKD, the worst of the seeds", max(found["methods"]["mt_bkd"]["r_hat"]), at_most=1.05
    )
    return record


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
    chosen = parser.parse_args()
    found = (
        compare(chosen.task, chosen.seeds, chosen.write)
        if chosen.what == "compare"
        else distill(chosen.task, chosen.write)
    )
    found.close()


if __name__ == "__main__":
    main()
