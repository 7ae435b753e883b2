"""The command line: `python -m mtbkd_core tasks | distill | compare | ...`; --help lists them.

Logs go to standard error; with --json the last line on standard output is one JSON object. Bad input ends with exit
status 2 and one line that names the field, the value and what is allowed.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from mtbkd_core import studies
from mtbkd_core.catalog.registry import task_info, task_infos
from mtbkd_core.catalog.settings import build_config, change_task, default_config, leaving_room, with_teachers
from mtbkd_core.cli import data, imports
from mtbkd_core.cli.console import Log, say
from mtbkd_core.common.parallel import limit_threads
from mtbkd_core.common.progress import UserError
from mtbkd_core.config.models import RunConfig
from mtbkd_core.config.parse import PRESETS, full_name, parse_config, renamed
from mtbkd_core.distillation import distill as run_distillation
from mtbkd_core.evaluation import bias_check
from mtbkd_core.evaluation.diagnostics import r_hat_text, worst_r_hat
from mtbkd_core.evaluation.scores import R_HAT
from mtbkd_core.runs.kinds.run import run_id

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)
imports.register(app)
data.register(app)

TaskOption = Annotated[str | None, typer.Option("--task", help="What is learned; see the command tasks.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="A setting, as name=value: prior.strength=0.5. Repeatable.")
]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="A configuration as JSON; --set changes it.")]
PresetOption = Annotated[str, typer.Option("--preset", help=f"Settings by name: {', '.join(PRESETS)}.")]
JsonOption = Annotated[bool, typer.Option("--json", help="End with one line of JSON on standard output.")]


def read_config(task: str | None, settings: list[str] | None, file: Path | None, preset: str) -> RunConfig:
    """The configuration that the options ask for.

    Raises:
        UserError: one line that names the option or field, the value and what is allowed.
    """
    base, told = default_config(RunConfig().data.task), set[str]()
    if file is not None:
        try:
            base = with_teachers(parse_config(file.read_bytes()))
            told = base.data.model_fields_set
        except OSError as error:
            raise UserError(f"--config: {file} cannot be read ({error.strerror})") from None
    overrides: list[tuple[str, Any]] = []
    for setting in settings or []:
        name, equals, value = setting.partition("=")
        if not equals or not name.strip():
            raise UserError(f"--set: got {setting!r}, needs name=value, such as prior.strength=0.5")
        overrides.append((name.strip(), value.strip()))
    for line in renamed(name for name, _ in overrides):
        say(line)
    names = {full_name(name) for name, _ in overrides}
    task = {full_name(name): value for name, value in overrides}.get("data.task", task)
    if task is not None and task_info(task).name != base.data.task:
        base, told = change_task(base, task), set()
    config = build_config(overrides, base=base, preset=preset)
    known = [teacher.name for teacher in task_info(config.data.task).teachers]
    unknown = [name for name in config.data.teachers if name not in known]
    if unknown:
        raise UserError(f"teachers: got {unknown[0]!r}, allowed for {config.data.task}: {', '.join(known)}")
    # more labelled examples than the file has make room for themselves; what one place says of both has to fit
    if "data.n_unlabelled" not in names and ("n_unlabelled" not in told or "data.n_labelled" in names):
        config, said = leaving_room(config)
        if said:
            say(said)
    task_info(config.data.task).check_n_unlabelled(config.data.n_unlabelled, config.data.n_labelled)
    return config


@app.command()
def tasks(as_json: JsonOption = False) -> None:
    """List what can be learned, and from whom."""
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


@app.command()
def distill(
    task: TaskOption = None,
    settings: SetOption = None,
    config_file: ConfigOption = None,
    preset: PresetOption = "default",
    out: Annotated[Path | None, typer.Option("--out", help="Folder to save the result in.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Distil teachers into a posterior over students, and print what it is worth."""
    config = read_config(task, settings, config_file, preset)
    if out is not None:
        _make_folder(out)  # before the work, so that it is not lost on a folder that cannot be
    started = time.perf_counter()
    result = run_distillation(config, on_progress=Log())
    seconds = time.perf_counter() - started
    if out is not None:
        result.save(out)
    if as_json:
        answer = {"run": run_id(config), "config": config.model_dump(mode="json"), "metrics": result.metrics}
        print(json.dumps(answer | {"seconds": seconds}))
        return
    columns = ("accuracy", "nll", "brier", "ece")
    print(f"{'':24}" + "".join(f"{column:>10}" for column in columns))
    for name, row in result.metrics.items():
        if "nll" in row:
            print(f"{name:24}" + "".join(f"{row[column]:10.4f}" for column in columns))
    told = result.metrics["diagnostics"]
    if "bias_check" in told:
        print(bias_check.sentence(told["bias_check"]))
    print(f"R-hat {r_hat_text(told['r_hat'])}, {seconds:.1f} s" + (f", saved in {out}" if out else ""))


@app.command()
def compare(
    task: TaskOption = None,
    settings: SetOption = None,
    config_file: ConfigOption = None,
    preset: PresetOption = "default",
    seeds: Annotated[str, typer.Option("--seeds", help="Number of replications, each with its own seed.")] = "10",
    as_json: JsonOption = False,
) -> None:
    """Hold MT-BKD against every baseline, paired by seed."""
    if not seeds.isdecimal() or not 1 <= int(seeds) <= 1000:
        raise UserError(f"--seeds: got {seeds!r}, needs a whole number from 1 to 1000")
    config = read_config(task, settings, config_file, preset)
    found = studies.compare(
        config,
        range(int(seeds)),
        on_step=lambda seed, name, row: say(f"seed {seed}: {name}: NLL {row['nll']:.4f}, ECE {row['ece']:.4f}"),
    )
    if as_json:
        left_out = studies.left_out(found.methods)
        print(json.dumps(asdict(found) | {"left_out": left_out, "config": config.model_dump(mode="json")}))
        return
    columns = {name: name for name in ("accuracy", "nll", "brier", "ece")} | {"auroc_misclassification": "AUROC"}
    print(f"{'mean over seeds':24}" + "".join(f"{title:>10}" for title in [*columns.values(), "R-hat"]))
    for name, row in found.methods.items():
        r_hat = r_hat_text(worst_r_hat(row[R_HAT])) if R_HAT in row else ""
        print(f"{name:24}" + "".join(f"{_mean(row[column]):>10}" for column in columns) + f"{r_hat:>10}".rstrip())
    print("\nMT-BKD minus the rival, with 95 % intervals")
    for name, gaps in found.paired.items():
        for column, title in columns.items():
            gap = gaps[column]
            difference = "-" if gap.difference is None else f"{gap.difference:+.4f}"
            interval = "" if gap.low is None else f"  [{gap.low:+.4f}, {gap.high:+.4f}]"
            print(f"{name:24}{title:>10}{difference:>10}{interval}")
    print("\nAUROC: of misclassification, how well 1 - confidence tells errors from right answers; - where none erred")
    print("R-hat: the worst over the seeds; only posteriors have chains")
    for line in studies.left_out(found.methods):
        print(line)


def _mean(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{sum(known) / len(known):.4f}" if known else "-"


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(f"--out: {folder} cannot be written ({error.strerror})") from None


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point, with the command line's words or those given; every foreseeable error is one line and status 2."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    try:
        limit_threads()
        code = app(arguments, standalone_mode=False)
    except UserError as error:
        code = _refuse(str(error))
    except typer.TyperException as error:
        code = _refuse(error.format_message() if hasattr(error, "format_message") else str(error))
    except (typer.Abort, KeyboardInterrupt):
        code = 130
    sys.exit(code if isinstance(code, int) else 0)


def _refuse(message: str) -> int:
    say("error: " + " ".join(message.split()))
    return 2


if __name__ == "__main__":
    main()
