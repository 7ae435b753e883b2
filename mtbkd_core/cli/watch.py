"""The command `watch`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from mtbkd_core.catalog.registry import load_task
from mtbkd_core.cli.chosen_run import RunArgument, read_run
from mtbkd_core.cli.console import say
from mtbkd_core.cli.settings import JsonOption
from mtbkd_core.export.package import check_task
from mtbkd_core.imports.new_inputs import NewInputs, read_new_inputs
from mtbkd_core.review.watch import BATCH, Batch, WatchReport, watch

#: Exit status where there is an alarm.
ALARM = 3


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("watch")(watch_command)


def watch_command(
    run: RunArgument,
    inputs: Annotated[
        Path,
        typer.Option(
            "--inputs", help="New inputs: a table of the task's raw columns, by name or in order, or of sequences."
        ),
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
    task = load_task(result.config)
    check_task(result, task)
    new = read_new_inputs(inputs, task, labels=labels, time=time)
    for line in new.notes:
        say(line)
    found = watch(result, new.x, new.labels, new.times, batch)
    if as_json:
        print(json.dumps(_answer(found, new)))
    else:
        for each in (found.test_set, *found.batches):
            print(_line(each))
        print(f"ALARM: {found.reason}" if found.alarm else f"no alarm after {found.seen} inputs")
    if found.alarm:
        raise typer.Exit(ALARM)


def _answer(found: WatchReport, new: NewInputs) -> dict[str, Any]:
    return {
        "alarm": found.alarm,
        "reason": found.reason or None,
        "seen": found.seen,
        "at": found.at,
        "evidence": found.evidence[-1],
        "labelled": None if found.so_far is None else asdict(found.so_far),
        "test_set": asdict(found.test_set),
        "batches": [asdict(each) for each in found.batches],
        "strangest_rows": [new.rows[each.place] for each in found.strangest],
    }


def _line(batch: Batch) -> str:
    means = "  ".join(f"{name} {value:.3f}" for name, value in batch.means.items())
    known = [(name, share) for name in ("accuracy", "coverage") if (share := getattr(batch, name)) is not None]
    return f"{batch.name:>12} {batch.count:6}  {means}" + "".join(f"  {name} {one.found:.1%}" for name, one in known)
