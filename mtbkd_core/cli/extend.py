"""The command `extend`."""

from __future__ import annotations

import time
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from mtbkd_core.cli.console import Log
from mtbkd_core.cli.distill import print_result
from mtbkd_core.cli.settings import JsonOption, UntilOption
from mtbkd_core.common.progress import UserError
from mtbkd_core.extension import extend
from mtbkd_core.result import Result
from mtbkd_core.runs import folder as files
from mtbkd_core.runs import store
from mtbkd_core.runs.kinds.run import KIND


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("extend")(extend_command)


def extend_command(
    run: Annotated[str, typer.Argument(help="A run's id, or a folder that a result was saved in.")],
    draws: Annotated[int | None, typer.Option("--draws", help="More draws of each chain; as many again.")] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", help="Sample for so many seconds instead.")] = None,
    until: UntilOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sample a finished run longer: the same chains go on, and the result takes the old one's place.

    With both --until and --seconds, the first that is reached ends it.
    """
    folder = Path(run) if Path(run).is_dir() else store.read(KIND, run).folder
    if draws is not None and (seconds is not None or until is not None):
        other = "--seconds" if until is None else "--until"
        raise UserError(f"extend: got --draws and {other}; allowed: one of them")
    own = folder.parent.name == KIND.folder
    if own and files.is_held(folder):
        raise UserError(f"extend: run {folder.name} is being computed; wait, or cancel it first")
    with files.hold(folder) if own else nullcontext():
        started = time.perf_counter()
        result = extend(Result.load(folder), draws=draws, until=until, seconds=seconds, on_progress=Log())
        took = time.perf_counter() - started
        result.save(folder)
    print_result(result, took, saved=folder, as_json=as_json)
