"""The command `watch`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from torch import Tensor

from mtbkd_core.catalog.registry import load_task
from mtbkd_core.cli.chosen_run import RunArgument, read_run
from mtbkd_core.cli.settings import JsonOption
from mtbkd_core.common.progress import UserError
from mtbkd_core.export.inputs import as_inputs, describe_inputs
from mtbkd_core.export.package import check_task
from mtbkd_core.imports.classes import without_point
from mtbkd_core.imports.features import check_sequences, from_sequences
from mtbkd_core.imports.reading import read_table
from mtbkd_core.imports.table import Table, check_there, is_number
from mtbkd_core.review.watch import BATCH, watch
from mtbkd_core.tasks.base import Task

#: Exit status where there is an alarm.
ALARM = 3


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("watch")(watch_command)


def watch_command(
    run: RunArgument,
    inputs: Annotated[
        Path, typer.Option("--inputs", help="New inputs: a table of the task's raw columns in order, or of sequences.")
    ],
    labels: Annotated[
        str | None, typer.Option("--labels", help="Column of labels, as far as they are known; empty: not yet.")
    ] = None,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Rows that are described together.")] = BATCH,
    time: Annotated[
        str | None, typer.Option("--time", help="Column to put the rows in order by; equal ones are one batch.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Look whether new inputs drift away from the test set's; exit status 3 on an alarm, which says to retrain."""
    _, result = read_run(run)
    table, task = read_table(inputs), load_task(result.config)
    check_task(result, task)
    order, times = _order(table, time)
    found = watch(
        result,
        _inputs(table, task, [labels, time])[order],
        None if labels is None else _labels(table, labels, result.environment["class_names"])[order],
        times,
        batch,
    )
    if as_json:
        more = {"at": found.at, "test_set": asdict(found.test_set), "batches": [asdict(each) for each in found.batches]}
        places = [order[place] for place in found.strangest]
        answer = {"alarm": found.alarm, "reason": found.reason or None, "seen": found.seen}
        print(json.dumps(answer | more | {"martingale": found.martingale[-1], "strangest_rows": places}))
    else:
        for each in (found.test_set, *found.batches):
            means = "  ".join(f"{name} {value:.3f}" for name, value in each.means.items())
            known = "" if each.accuracy is None else f"  accuracy {each.accuracy:.1%}  coverage {each.coverage:.1%}"
            print(f"{each.name:>12} {each.count:6}  {means}{known}")
        print(f"ALARM: {found.reason}" if found.alarm else f"no alarm after {found.seen} inputs")
    if found.alarm:
        raise typer.Exit(ALARM)


def _order(table: Table, time: str | None) -> tuple[list[int], list[str] | None]:
    """Rows in the order of time, and their times."""
    if time is None:
        return list(range(len(table))), None
    check_there(table.file, table.names, [time])
    texts = table.texts(time)
    numbers = all(map(is_number, texts))
    order = sorted(range(len(texts)), key=lambda row: (float(texts[row]), "") if numbers else (0.0, texts[row]))
    return order, [texts[row] for row in order]


def _inputs(table: Table, task: Task, others: list[str | None]) -> Tensor:
    """The task's inputs [M, F], of a column of sequences where descriptors are inputs, or of all columns but some."""
    sequences = next((name for name in table.names if name.lower() == "sequence"), None)
    if sequences is not None and "names" in describe_inputs(task):
        check_sequences(table, sequences)
        return as_inputs(task, from_sequences(table, sequences, None, None, None))
    raw = torch.from_numpy(table.numbers([name for name in table.names if name not in others]).astype(np.float32))
    if raw.shape[1] != task.x_train.shape[1]:
        had, wanted = raw.shape[1], task.x_train.shape[1]
        raise UserError(f"--inputs: {table.file} has {had} columns of numbers, {task.name} has {wanted} inputs")
    return as_inputs(task, raw)


def _labels(table: Table, column: str, class_names: list[str]) -> Tensor:
    """[M], class indices, -1 where a cell is empty."""
    check_there(table.file, table.names, [column])
    known = {without_point(str(name)): index for index, name in enumerate(class_names)} | {"": -1}
    texts = [without_point(text) for text in table.texts(column)]
    for row, text in enumerate(texts):
        if text not in known:
            allowed = ", ".join(map(str, class_names[:12]))
            raise UserError(f"{table.at(row, column)}: got {text[:40]!r}, expected a class ({allowed}) or nothing")
    return torch.tensor([known[text] for text in texts])
