"""The options that choose a configuration: --task, --set, --config and --preset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from mtbkd_core.catalog.registry import task_info
from mtbkd_core.catalog.settings import build_config, change_task, default_config, leaving_room, with_teachers
from mtbkd_core.cli.console import say
from mtbkd_core.common.progress import UserError
from mtbkd_core.config.models import GOOD_PRECISION, RunConfig
from mtbkd_core.config.parse import (
    PRESETS,
    full_name,
    parse_with_aliases,
    renamed,
    sampler_for_batches,
    settings,
)

TaskOption = Annotated[str | None, typer.Option("--task", help="Name of the task; see the command tasks.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="A setting, as name=value: prior.strength=0.5. Repeatable.")
]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="A configuration as JSON; --set changes it.")]
PresetOption = Annotated[
    str,
    typer.Option(
        "--preset", help=f"Settings by name: {', '.join(PRESETS)}, or thorough: slower and better, of some tasks."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="End with one line of JSON on standard output.")]

UntilOption = Annotated[
    float | None,
    typer.Option(
        "--until",
        metavar="[P]",
        help="Sample until the sampler's error of the predictive mean is at most P, as a total variation distance; "
        f"without a number: {GOOD_PRECISION:g}.",
    ),
]

#: Every setting with its help, for --help.
SETTINGS_HELP = "Settings for --set:\n\n\b\n" + "\n".join(
    f"{name}  {about.title}. {about.help}" for name, about in settings().items()
)


def read_config(task: str | None, settings: list[str] | None, file: Path | None, preset: str) -> RunConfig:
    """The configuration that the options ask for.

    Raises:
        UserError: one line that names the option or field, the value and what is allowed.
    """
    base = default_config(RunConfig().data.task) if file is None else _read(file)
    in_file = set[str]() if file is None else set(base.data.model_fields_set)
    overrides = [_pair(setting) for setting in settings or []]
    for line in renamed(name for name, _ in overrides):
        say(line)
    given: dict[str, Any] = {full_name(name): value for name, value in overrides}
    task = given.get("data.task", task)
    if task is not None and task_info(task).name != base.data.task:
        base, in_file = change_task(base, task), set()
    config = build_config(overrides, base=base, preset=preset)
    if sampler_for_batches(base, given):
        say("sampler.batch_size: minibatches are sampled by BAOAB, because the task's sampler needs all examples")
    info = task_info(config.data.task)
    known = [teacher.name for teacher in info.teachers]
    unknown = [name for name in config.data.teachers if name not in known]
    if unknown:
        raise UserError(f"teachers: got {unknown[0]!r}, allowed for {config.data.task}: {', '.join(known)}")
    # more labelled examples leave fewer without a label, unless both numbers were given in one place
    if "data.n_unlabelled" not in given and ("n_unlabelled" not in in_file or "data.n_labelled" in given):
        config, note = leaving_room(config)
        if note:
            say(note)
    info.check_unlabelled(config.data.n_unlabelled, config.data.n_labelled)
    return config


def _read(file: Path) -> RunConfig:
    try:
        config, old = parse_with_aliases(file.read_bytes())
    except OSError as error:
        raise UserError(f"--config: {file} cannot be read ({error.strerror})") from None
    for line in renamed(old):
        say(line)
    return with_teachers(config)


def _pair(setting: str) -> tuple[str, str]:
    name, equals, value = setting.partition("=")
    if not equals or not name.strip():
        raise UserError(f"--set: got {setting!r}, needs name=value, such as prior.strength=0.5")
    return name.strip(), value.strip()


def with_precision(words: Sequence[str]) -> list[str]:
    """The command line's words with the default precision behind each `--until` that has none."""
    given = []
    for word, following in zip(words, [*words, "-"][1:], strict=True):
        given += [word, f"{GOOD_PRECISION:g}"] if word == "--until" and following.startswith("-") else [word]
    return given
