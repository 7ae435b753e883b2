"""The argument RUN of commands about a finished run: its id, or the folder that it is saved in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from mtbkd_core.result import Result
from mtbkd_core.runs import store
from mtbkd_core.runs.kinds.run import KIND, load_result
from mtbkd_core.runs.naming import name_of

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or the folder that it was saved in.")]


def finished_at(run: str) -> float:
    """When the result of a run that `read_run` finds was written, in seconds since 1970."""
    folder = Path(run).expanduser()
    if not folder.is_dir():
        folder = store.read(KIND, run).folder
    return (folder / "metrics.json").stat().st_mtime


def read_run(run: str) -> tuple[str, Result]:
    """The run's name and its result.

    Raises:
        UserError: neither an id nor a folder of a finished run.
    """
    folder = Path(run).expanduser()
    if re.fullmatch(r"[0-9a-f]{16}", folder.name):
        return folder.name, Result.load(folder) if folder.is_dir() else load_result(run)
    result = Result.load(folder)
    # as it was named when it was made; this version may know more settings
    return name_of((folder / "config.json").read_bytes(), result.environment["fingerprint"]), result
