"""The commands `tasks` and `distill`."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mtbkd_core.catalog.registry import task_infos
from mtbkd_core.cli.console import Log
from mtbkd_core.cli.settings import (
    SETTINGS_HELP,
    ConfigOption,
    JsonOption,
    PresetOption,
    SetOption,
    TaskOption,
    UntilOption,
    read_config,
)
from mtbkd_core.common.files import make_folder
from mtbkd_core.common.progress import UserError
from mtbkd_core.distillation import distill
from mtbkd_core.evaluation.diagnostics import verdict_sentence
from mtbkd_core.evaluation.metrics import Metrics
from mtbkd_core.evaluation.opponents import standing
from mtbkd_core.evaluation.score_text import TEST_SET_LINE
from mtbkd_core.evaluation.scores import COMPARED, HEADLINE, SCORES
from mtbkd_core.result import Result
from mtbkd_core.runs.kinds.run import run_id


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("tasks")(tasks_command)
    app.command("distill", epilog=SETTINGS_HELP)(distill_command)


def tasks_command(as_json: JsonOption = False) -> None:
    """List the tasks and their teachers."""
    infos = task_infos()
    if as_json:
        print(json.dumps({"tasks": [asdict(info) for info in infos]}))
        return
    for info in infos:
        print(f"{info.name}: {info.title}. {info.description}")
        for teacher in info.teachers:
            mark = "*" if teacher.name in info.default_teachers else " "
            print(f"  {mark} {teacher.name}: {teacher.description}")
    print("* teaches by default")


def distill_command(
    task: TaskOption = None,
    settings: SetOption = None,
    config_file: ConfigOption = None,
    preset: PresetOption = "default",
    until: UntilOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder to save the result in.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Distil teachers into a posterior over students, and print its scores."""
    if until is not None:
        settings = [*(settings or []), f"sampler.until={until!r}"]
    config = read_config(task, settings, config_file, preset)
    if out is not None:
        _check_writable(out)  # before the work, so that it is not lost
    started = time.perf_counter()
    result = distill(config, on_progress=Log())
    seconds = time.perf_counter() - started
    if out is not None:
        result.save(out)
    print_result(result, seconds, saved=out, as_json=as_json)


def print_result(result: Result, seconds: float, *, saved: Path | None, as_json: bool) -> None:
    """A result as the command line shows it: scores and what they mean, or one line of JSON."""
    if as_json:
        chosen = result.config.model_dump(mode="json")
        answer = {
            "run": run_id(result.asked or result.config),
            "config": chosen,
            "metrics": result.metrics.dump(),
            "seconds": seconds,
        }
        if result.strength is not None:
            answer["strength"] = result.strength.model_dump(mode="json")
        print(json.dumps(answer))
        return
    if result.strength is not None:
        print(result.strength.sentence)
    _print_table(result.metrics)
    standings = (standing(result.metrics, {}, score) for score in HEADLINE)
    said = [verdict_sentence(result.metrics.diagnostics), *standings]
    print("\n".join(line for line in said if line))
    print(f"{seconds:.1f} s" + (f", saved in {saved}" if saved else ""))


def _print_table(metrics: Metrics) -> None:
    print(f"{'':24}" + "".join(f" {SCORES[score].short:>16}" for score in COMPARED))
    for name, row in metrics.rows.items():
        print(f"{name:24}" + "".join(f" {row.text(score, sampler=False):>16}" for score in COMPARED))
    print(TEST_SET_LINE)
    errors = metrics.student.errors
    of_sampler = {name: errors[name].sampler for name in COMPARED if name in errors}
    known = [f"{SCORES[name].short} {SCORES[name].text(of)}" for name, of in of_sampler.items() if of is not None]
    if known:
        print(f"The sampler's standard errors of the student: {', '.join(known)}.")
    if metrics.diagnostics.bias_check is not None:
        print(metrics.diagnostics.bias_check.sentence)


def _check_writable(folder: Path) -> None:
    make_folder(folder)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(f"--out: {folder} cannot be written ({error.strerror})") from None
