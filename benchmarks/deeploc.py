"""DeepLoc 2.0, the paper's proteins, in five folds: MT-BKD's posterior mean and the same posterior without teachers.

usage: python -m benchmarks.deeploc --data FOLDER [--folds 0 1 ...] [--set prior.strength=0.5 ...]
                                    [--validate] [--only mt_bkd]

FOLDER holds train.csv, esm2_650m_logits.csv and prott5_logits.csv: 2,500 proteins and the logits of ESM-2 650M and
ProtT5, which teach on the training rows alone. Folds are stratified and shuffled with seed 0. One configuration serves
all folds: where --set does not say otherwise, that of an imported table of descriptors. Scores are of the posterior
mean on the held-out fold. "if_exact" is the mean ECE of the same predictions over labels that are drawn from them: the
ECE of exact calibration with so few rows. "pooled" is of all folds' predictions as one. --validate holds out a fifth of
each fold's training rows (stratified, seed 0) in place of the fold, to choose a configuration.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.shared.record import Record, options
from mtbkd_core import RunConfig, Task, build_config, distill
from mtbkd_core.common.parallel import limit_threads
from mtbkd_core.config.parse import parse_config
from mtbkd_core.evaluation.calibration import reliability
from mtbkd_core.evaluation.scores import scores
from mtbkd_core.imports.check import check_table, class_columns_between
from mtbkd_core.imports.data import TableData
from mtbkd_core.imports.spec import Files, TableSpec
from mtbkd_core.imports.table_task import defaults

FOLDS = 5
SCORES = ("accuracy", "nll", "ece")


def read(folder: Path) -> TableData:
    """The example data as a checked table, with our descriptors as features."""
    files = Files(
        folder / "train.csv",
        {"esm2": folder / "esm2_650m_logits.csv", "prott5": folder / "prott5_logits.csv"},
    )
    classes = class_columns_between(files.table, "Cytoplasm", "Peroxisome")
    return check_table("deeploc", TableSpec(files, "Label", "Sequence", classes=classes)).data


def fold(data: TableData, k: int) -> Task:
    """Fold k of a stratified, shuffled cross-validation: the student learns from all the other folds."""
    from sklearn.model_selection import StratifiedKFold

    labels = data.rows.labels.numpy()
    train, test = list(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(labels, labels))[k]
    return data.cut(train, data.rows, test, list(data.rows.logits), f"fold {k}")


def validation(task: Task) -> Task:
    """The same task with a fifth of its training rows as test rows."""
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
    """Scores of one posterior mean, its R-hat and seconds; the mean [M, C]; the labels [M]."""
    began = time.perf_counter()
    result = distill(config, task=task)
    mean, labels = result.predictions.test.mean, result.predictions.test.labels
    r_hat = result.metrics.diagnostics.r_hat
    found = {score: result.metrics.student[score] for score in SCORES} | {"if_exact": error_if_exact(mean)}
    return found | {"r_hat": np.nan if r_hat is None else r_hat, "seconds": time.perf_counter() - began}, mean, labels


def error_if_exact(mean: Tensor, draws: int = 200) -> float:
    """Mean ECE of predictions [M, C] over labels that are drawn from them."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.multinomial(mean, draws, replacement=True, generator=generator)
    return float(np.mean([reliability(mean, labels).error for labels in drawn.t()]))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folds", type=int, nargs="+", default=list(range(FOLDS)))
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--validate", action="store_true", help="score rows of the training folds alone")
    parser.add_argument("--only", choices=["no_teacher", "mt_bkd"], nargs="+", default=["no_teacher", "mt_bkd"])
    chosen = parser.parse_args(arguments)
    limit_threads()
    record = Record(write=chosen.write)
    data = read(chosen.data)
    overrides = [tuple(setting.split("=", 1)) for setting in chosen.settings]
    start = parse_config({"data": {"task": data.about.name, "teachers": list(data.rows.logits)}})
    rows = data.rows
    count = len(rows) * (FOLDS - 1) // FOLDS
    settings = defaults(len(data.about.class_names), count, rows.features.shape[1], data.reach is not None)
    config = build_config([*settings.items(), *overrides], base=start)
    configs = {"no_teacher": build_config([("prior.strength", "0")], base=config), "mt_bkd": config}
    found: dict[str, list[tuple[dict[str, float], Tensor, Tensor]]] = {name: [] for name in chosen.only}
    for k in chosen.folds:
        task = fold(data, k)
        for name in chosen.only:
            found[name].append(run(configs[name], validation(task) if chosen.validate else task))
            record.row(method=name, fold=str(k), **found[name][-1][0])
    for name, folds in found.items():
        rows, means, labels = zip(*folds, strict=True)
        average = {column: float(np.mean([row[column] for row in rows])) for column in rows[0]}
        record.row(method=name, fold="mean", **average)
        pooled = scores(torch.cat(means), torch.cat(labels))
        record.row(
            method=name, fold="pooled", **{s: pooled[s] for s in SCORES}, if_exact=error_if_exact(torch.cat(means))
        )
        if name == "mt_bkd":
            record.claim("DeepLoc 2.0, five folds: accuracy", average["accuracy"], at_least=0.61)
            record.claim("DeepLoc 2.0: NLL", average["nll"], at_most=1.13)
            record.claim("DeepLoc 2.0: ECE, mean of the folds", average["ece"], at_most=0.03)
            record.claim("DeepLoc 2.0: R-hat, the worst fold", max(row["r_hat"] for row in rows), at_most=1.05)
    record.close()


if __name__ == "__main__":
    main()
