"""The paper's proteins, five-fold: MT-BKD's posterior mean beside the same posterior without teachers.

usage: python benchmarks/deeploc.py [--data ../shared/deeploc] [--folds 0 1 ...] [--set prior.strength=0.5 ...]
                                    [--validate] [--only mt_bkd] [--json]

2,500 proteins of DeepLoc 2.0, folds stratified and shuffled with seed 0; teachers (ESM-2 650M, ProtT5) speak on the
training rows alone, and one configuration serves all folds: where --set does not say otherwise, what an imported table
of descriptors starts with (strength 1, concentration 40, 32 hidden units, weight scale 0.14). Of it the weight scale
was chosen on the proteins of the task `proteins`, whose other settings differ (README.md beside this file). Scores are
those of the posterior mean on the fold that is held out; ECE has 15 bins of equal width. "exact" is the ECE that its
predictions have in the mean where labels are drawn from them, so that they are exactly calibrated: as few rows as a
fold has bring one of their own. "pooled" are the scores of all folds' predictions as one. With --validate nothing is
measured on a fold that is held out: a fifth of each fold's training rows (stratified, seed 0) is set aside instead,
which is how a configuration may be chosen.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mtbkd_core import RunConfig, Task, build_config, distill
from mtbkd_core.common.parallel import limit_threads
from mtbkd_core.evaluation.calibration import reliability, scores
from mtbkd_core.imports.assembling import check_table, class_columns
from mtbkd_core.imports.data import TableData
from mtbkd_core.imports.source import defaults
from mtbkd_core.imports.spec import Files, TableSpec

ROOT = Path(__file__).resolve().parents[1]
FOLDS = 5
SCORES = ("accuracy", "nll", "ece")


def read(folder: Path) -> TableData:
    """The example data as a checked table, with our descriptors as features."""
    files = Files(
        folder / "train.csv",
        {"esm2": folder / "esm2_650m_logits.csv", "prott5": folder / "prott5_logits.csv"},
    )
    classes = class_columns(files, "Cytoplasm", "Peroxisome")
    return check_table("deeploc", TableSpec(files, "Label", "Sequence", classes=classes)).data


def validation(task: Task) -> Task:
    """The same task, measured on a fifth of its training rows, which the student then does not get."""
    from sklearn.model_selection import train_test_split

    labels = task.y_train.numpy()
    own, held = train_test_split(np.arange(len(labels)), test_size=0.2, stratify=labels, random_state=0)
    teachers = {
        name: replace(each, logits_train=each.logits_train[own], logits_test=each.logits_train[held])
        for name, each in task.teachers.items()
    }
    return replace(
        task,
        x_train=task.x_train[own],
        y_train=task.y_train[own],
        x_test=task.x_train[held],
        y_test=task.y_train[held],
        teachers=teachers,
        fingerprint=task.fingerprint + "-validation",
    )


def run(config: RunConfig, task: Task) -> tuple[dict[str, float], Tensor, Tensor]:
    """Scores of one posterior mean, its R-hat, and how long it took; the mean [M, C], and the labels [M]."""
    began = time.perf_counter()
    result = distill(config, task=task)
    mean, labels = result.predictions["test.mean"], result.predictions["test.labels"]
    r_hat = result.metrics["diagnostics"]["r_hat"]
    found = {score: result.metrics["student"][score] for score in SCORES} | {"exact": error_if_exact(mean)}
    return found | {"r_hat": np.nan if r_hat is None else r_hat, "seconds": time.perf_counter() - began}, mean, labels


def error_if_exact(mean: Tensor, draws: int = 200) -> float:
    """Mean ECE of predictions [M, C] over labels that are drawn from them."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.multinomial(mean, draws, replacement=True, generator=generator)
    return float(np.mean([reliability(mean, labels).error for labels in drawn.t()]))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "deeploc")
    parser.add_argument("--folds", type=int, nargs="+", default=list(range(FOLDS)))
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--validate", action="store_true", help="measure on rows of the training folds alone")
    parser.add_argument("--only", choices=["no_teacher", "mt_bkd"], nargs="+", default=["no_teacher", "mt_bkd"])
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    asked = parser.parse_args(arguments)
    limit_threads()
    data = read(asked.data)
    overrides = [tuple(setting.split("=", 1)) for setting in asked.settings]
    start = build_config([("task", data.name), ("teachers", list(data.rows.logits))])
    settings = defaults(len(data.class_names), data.reach is not None)
    config = build_config([*settings.items(), *overrides], base=start)
    without = build_config([("prior.strength", "0")], base=config)
    configs = {"no_teacher": without, "mt_bkd": config}

    columns = (*SCORES, "exact", "r_hat", "seconds")
    print(f"{'':14}{'fold':>6}" + "".join(f"{column:>10}" for column in columns), flush=True)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in asked.only}
    held: dict[str, list[tuple[Tensor, Tensor]]] = {name: [] for name in asked.only}
    for k in asked.folds:
        task = data.fold(k, folds=FOLDS, seed=0)
        if asked.validate:
            task = validation(task)
        for name in asked.only:
            row, predicted, known = run(configs[name], task)
            found[name].append(row)
            held[name].append((predicted, known))
            print(f"{name:14}{k:>6}" + "".join(f"{row[column]:10.4f}" for column in columns), flush=True)
    means = {
        name: {column: float(np.mean([row[column] for row in rows])) for column in columns}
        for name, rows in found.items()
    }
    for name, row in means.items():
        print(f"{name:14}{'mean':>6}" + "".join(f"{row[column]:10.4f}" for column in columns))
        mean, labels = (torch.cat(parts) for parts in zip(*held[name], strict=True))
        pooled = scores(mean, labels)
        told = [*(pooled[score] for score in SCORES), error_if_exact(mean)]
        print(f"{name:14}{'pooled':>6}" + "".join(f"{value:10.4f}" for value in told))
    if asked.json:
        print(json.dumps({"config": config.model_dump(mode="json"), "folds": found, "means": means}))


if __name__ == "__main__":
    main()
