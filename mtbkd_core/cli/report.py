"""The command `report`: a run as one HTML file, in which the student answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from mtbkd_core.cli.chosen_run import RunArgument, finished_at, read_run
from mtbkd_core.cli.review import requirements_of
from mtbkd_core.cli.settings import JsonOption
from mtbkd_core.common.files import make_folder, write_atomically
from mtbkd_core.report.whole import whole_report


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("report")(report_command)


def report_command(
    run: RunArgument,
    out: Annotated[Path, typer.Option("--out", help="The HTML file to write.")],
    requirements: Annotated[
        Path | None, typer.Option("--requirements", help="YAML file of requirements; none: the defaults.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a report for a decision: the verdict, what it rests on, and the student itself, in one HTML file."""
    asked = None if requirements is None else requirements_of(requirements)
    name, result = read_run(run)
    finished = finished_at(run)
    document = whole_report(
        result,
        run=name,
        created=datetime.fromtimestamp(finished, UTC),
        requirements=asked,
        late=requirements is not None and requirements.stat().st_mtime > finished,
    ).encode()
    make_folder(out.parent)
    write_atomically(out, document)
    if as_json:
        print(json.dumps({"run": name, "file": str(out), "bytes": len(document)}))
    else:
        print(f"{out}: {len(document) / 1e6:.1f} MB")
