"""The commands `rebuild`, `examples` and `fetch`."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Annotated

import torch
import typer
from torch import Tensor

from mtbkd_core.catalog.registry import fetches, rebuilds
from mtbkd_core.cli.console import Log, say
from mtbkd_core.cli.settings import JsonOption
from mtbkd_core.common.progress import UserError
from mtbkd_core.runs.examples import EXAMPLES, make
from mtbkd_core.teachers import shipped

TaskArgument = Annotated[str, typer.Argument(help="A task; see the command tasks.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(rebuild)
    app.command()(examples)
    app.command()(fetch)


def rebuild(
    task: TaskArgument,
    write: Annotated[bool, typer.Option("--write", help="Replace the shipped file and its entry.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Train a task's shipped teachers anew and compare their outputs bit for bit with the file in data/.

    A training that was broken off goes on where it was. Exit status 1 where something differs and is not replaced.
    """
    source = rebuilds(task)
    known = None
    if not write:
        known = shipped.read(task)
    elif shipped.absent(task) is None:
        try:
            known = shipped.read(task)
        except UserError as error:
            say(f"replaced without a comparison: {error}")
    tensors = source.rebuild(Log(), None)
    found = [] if known is None else shipped.differences(known, _as_read(tensors))
    environment = shipped.other_environment(task) if found else None
    path = shipped.write(task, tensors, source.origin()) if write else shipped.path_of(task)
    if as_json:
        gaps = [asdict(each) | {"largest": each.largest if math.isfinite(each.largest) else None} for each in found]
        print(
            json.dumps(
                {"task": task, "file": path.name, "identical": known is not None and not found} | {"differences": gaps}
            )
        )
    elif known is None:
        print(f"{path.name}: written")
    elif not found:
        print(f"{path.name}: identical")
    else:
        for each in found:
            by = f"by at most {each.largest:.3g}" if math.isfinite(each.largest) else "for only one side has its rows"
            print(f"{path.name}: {each.teacher}: {each.differing} of {each.logits} logits differ, {by}")
        if environment:
            print(f"{path.name}: {environment}")
        print(f"{path.name}: " + ("replaced" if write else "kept; --write replaces it"))
    if found and not write:
        raise typer.Exit(1)


def examples(
    names: Annotated[list[str] | None, typer.Argument(help="Which; all without a name.")] = None,
) -> None:
    """Compute the shipped examples anew, by today's settings, and put them into data/runs.

    Pages show them where nothing has been measured yet.
    """
    for name in names or EXAMPLES:
        path = make(name)
        size = sum(file.stat().st_size for file in path.iterdir())
        print(f"{path.name}: {size / 1000:.0f} kB")


def fetch(task: TaskArgument) -> None:
    """Download the data that a task needs and that is not on this machine, checked by its sha256."""
    print(f"{task}: its data is in {fetches(task).fetch(Log())}")


def _as_read(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors as `shipped.read` would give them once they are written."""
    return {name: value.long() if name == shipped.INDEX else value.to(torch.float32) for name, value in tensors.items()}
