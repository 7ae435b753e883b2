"""The command `review`: a run judged by requirements that were set beforehand."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mtbkd_core.catalog.registry import load_task
from mtbkd_core.cli.chosen_run import RunArgument, finished_at, read_run
from mtbkd_core.cli.console import say
from mtbkd_core.cli.settings import JsonOption
from mtbkd_core.common.progress import UserError
from mtbkd_core.export.costs import measure_costs
from mtbkd_core.export.package import check_task
from mtbkd_core.review.causes import causes
from mtbkd_core.review.outcome import Outcome
from mtbkd_core.review.record import record
from mtbkd_core.review.requirements import LARGEST, Requirements, read_requirements
from mtbkd_core.review.verdict import Review, review
from mtbkd_core.review.words import WORDS, grouped, settling

_STATUS = {Outcome.PASS: 0, Outcome.FAIL: 3, Outcome.INCONCLUSIVE: 4}


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("review")(review_command)


def review_command(
    run: RunArgument,
    requirements: Annotated[
        Path | None, typer.Option("--requirements", help="YAML file of requirements; none: the defaults.")
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Judge a run by requirements: pass (status 0), fail (3) or inconclusive (4)."""
    asked = Requirements() if requirements is None else requirements_of(requirements)
    name, result = read_run(run)
    costs, task = None, None
    if as_json or asked.needs_costs:
        try:
            task = load_task(result.config.data)
            check_task(result, task)
            costs = measure_costs(result, task)
        except UserError as error:
            say(f"size and time are not known: {error}")
    export = None if costs is None else costs.exported
    found = review(
        result, asked, file_bytes=export.bytes if export else None, latency_ms=export.one if export else None
    )
    late = requirements is not None and requirements.stat().st_mtime > finished_at(run)
    if late:
        say(f"{requirements}: was changed after the run was done")
    if as_json:
        why = () if task is None else causes(result, task, found.classes)
        more = {"causes": [asdict(each) for each in why], "costs": costs and costs.dump()}
        print(json.dumps(record(name, asked, found, late=late) | more))
    else:
        _print(found)
    return _STATUS[found.verdict]


def _print(found: Review) -> None:
    print(f"Verdict: {found.verdict.value}")
    for _, those in grouped(found):
        for each in those:
            title, limit, _ = WORDS[each.name]
            print(f"  {each.verdict.value:12} {title}, {limit(each.required)}: {each.line}.{settling(each)}")


def requirements_of(path: Path) -> Requirements:
    """The requirements in a file.

    Raises:
        UserError: it cannot be read, or holds something else.
    """
    try:
        with path.open("rb") as file:
            return read_requirements(file.read(LARGEST + 1))
    except OSError as error:
        raise UserError(f"--requirements: {path} cannot be read ({error.strerror})") from None
