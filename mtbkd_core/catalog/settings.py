"""Settings that depend on the task: where a run on it starts, and how settings follow when the task changes.

Every function here raises a `UserError` where there is no task of that name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

from mtbkd_core.catalog.registry import task_info
from mtbkd_core.common.progress import UserError
from mtbkd_core.config.models import PER_TEACHER, PriorConfig, RunConfig
from mtbkd_core.config.parse import PRESETS, ConfigError, apply_settings, flatten, full_name, parse_config


def build_config(
    overrides: Iterable[tuple[str, Any]] = (), *, base: RunConfig | None = None, preset: str = "default"
) -> RunConfig:
    """Make a configuration from `base`, a preset, and overrides such as ("prior.strength", "0.5").

    Without a base it starts with the defaults and teachers of the task that the overrides name, or of the digits. Where
    the teachers change, those that stay keep their base weights and entropy temperatures. This is the one way in for
    text from a person: `--set` on the command line, the address bar, and forms.

    Raises:
        ConfigError: one line that names the field, the value and what is allowed.
    """
    changes = [(full_name(name), value) for name, value in overrides]
    task = dict(changes).get("data.task", RunConfig().data.task)
    start = default_config(str(task)) if base is None else base
    plain, own = _preset(start.data.task, preset)
    return apply_settings(apply_settings(start, own) if own else start, changes, plain)


def default_config(task: str, preset: str = "default") -> RunConfig:
    """The settings and teachers that a task starts with, and a preset of the program or of the task on top.

    Raises:
        UserError: no such preset.
    """
    info = task_info(task)
    plain, own = _preset(task, preset)
    return _start(info.name, info.default_teachers, (*info.defaults.items(), *own), plain)


def _preset(task: str, name: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The program's preset of a name, and the task's."""
    if name in PRESETS:
        return name, ()
    own = task_info(task).presets
    if name not in own:
        raise ConfigError(f"preset: got {name!r}, allowed: {', '.join((*PRESETS, *own))}")
    return "default", tuple(own[name].items())


@cache  # called several times at each change on a page
def _start(task: str, teachers: tuple[str, ...], settings: tuple[tuple[str, str], ...], preset: str) -> RunConfig:
    plain = parse_config({"data": {"task": task, "teachers": teachers}})
    return apply_settings(apply_settings(plain, settings), (), preset)


def with_teachers(config: RunConfig) -> RunConfig:
    """The configuration with its teachers named: those that its task starts with where it names none.

    Raises:
        UserError: numbers for each teacher that are too many or too few.
    """
    if config.data.teachers:
        return config
    named = config.with_data(teachers=task_info(config.data.task).default_teachers)
    return parse_config(named.model_dump())


def change_task(config: RunConfig, task: str) -> RunConfig:
    """A configuration moved to another task: that task's teachers and settings; what neither task sets stays.

    A convolutional student and features of patches do not stay where inputs are not images, nor a batch size where
    the sampler needs all.
    """
    info = task_info(task)
    plain = flatten(RunConfig())
    try:
        left = task_info(config.data.task).defaults
    except UserError:  # a task that was forgotten
        left = {}
    changes: dict[str, Any] = {
        "data.task": info.name,
        "data.teachers": info.default_teachers,
        "data.n_labelled": None,
        "data.n_unlabelled": 0,
        "data.changes": "",
        **{f"prior.{name}": getattr(PriorConfig(), name) for name in (*PER_TEACHER, "calibrated_teachers")},
        **{full_name(name): plain[full_name(name)] for name in left},
        **{full_name(name): value for name, value in info.defaults.items()},
    }
    if info.image_shape is None:
        if config.student.kind.needs_pictures:
            changes.setdefault("student.kind", plain["student.kind"])
        if config.student.features.needs_pictures:
            changes.setdefault("student.features", plain["student.features"])
    algorithm = type(config.sampler.algorithm)(changes.get("sampler.algorithm", config.sampler.algorithm))
    if "sampler.batch_size" not in algorithm.uses:
        changes["sampler.batch_size"] = None
    return apply_settings(config, changes.items())


def numbers_of_joining(config: RunConfig, teachers: Sequence[str]) -> list[tuple[str, list[float]]]:
    """Settings with a number for each teacher, for `build_config`, where the teachers change.

    Those that stay keep their numbers; one that joins has the number with which it starts on the task, or 1.
    """
    start = default_config(config.data.task)
    changed = apply_settings(config, [("data.teachers", teachers)])
    found = []
    for name in PER_TEACHER:
        usual, numbers = getattr(start.prior, name), getattr(changed.prior, name)
        if usual is not None and numbers is not None:
            of_task = dict(zip(start.data.teachers, usual, strict=True))
            joined = {each for each in teachers if each not in config.data.teachers and each in of_task}
            values = [of_task[who] if who in joined else value for who, value in zip(teachers, numbers, strict=True)]
            found.append((f"prior.{name}", values))
    return found


def leaving_room(config: RunConfig) -> tuple[RunConfig, str | None]:
    """At most as many unlabelled examples as are left beside the labelled ones, and a line about the change, or None.

    For a change of the number of labelled examples alone.

    Raises:
        UserError: more labelled examples than the task has.
    """
    info, data = task_info(config.data.task), config.data
    left = info.most_labelled - info.check_labelled(data.n_labelled)
    if not info.spare or data.n_unlabelled <= left:
        return config, None
    usual = data.n_unlabelled == default_config(data.task).data.n_unlabelled
    instead = f"not the task's default of {data.n_unlabelled:,}" if usual else f"not {data.n_unlabelled:,}"
    line = f"{left:,} {info.item}s are left to be used without labels, {instead}."
    return config.with_data(n_unlabelled=left), line


def like_default(config: RunConfig) -> RunConfig:
    """The default settings of a configuration's task, with its teachers; the program's where it was forgotten."""
    try:
        start = default_config(config.data.task)
    except UserError:
        start = RunConfig()
    return apply_settings(start, [("data.teachers", config.data.teachers)])


def written_out(config: RunConfig, teachers: Sequence[str] | None = None) -> RunConfig:
    """The configuration with the numbers that it leaves to its task: so that two that mean the same are equal.

    Labelled examples as the task has them, numbers for each teacher, and base weights, of which only the ratio counts,
    with 1 for the largest.

    Args:
        teachers: those that stay, of the configuration's; None: all.
    """
    found = config if teachers is None else apply_settings(config, [("data.teachers", teachers)])
    count = found.data.n_labelled
    if count is None:
        with suppress(UserError):  # a task that was forgotten
            count = task_info(found.data.task).n_labelled or None
    ones = tuple(1.0 for _ in found.data.teachers)
    weights = found.prior.base_weights or ones
    largest = max(weights, default=1.0) or 1.0
    prior = {
        "base_weights": tuple(float(f"{each / largest:.12g}") for each in weights),
        "entropy_temperatures": found.prior.entropy_temperatures or ones,
    }
    return found.with_data(n_labelled=count).model_copy(update={"prior": found.prior.model_copy(update=prior)})


def changed_settings(config: RunConfig) -> dict[str, str]:
    """The task, unless it is the program's default, and what differs from `default_config`: dotted name -> text.

    With these on top of the task's defaults, `build_config` gives the configuration again.
    """
    task = config.data.task
    base = flatten(like_default(config))
    with suppress(UserError):  # a task that was forgotten
        base["data.teachers"] = flatten(default_config(task))["data.teachers"]
    named = {} if task == RunConfig().data.task else {"data.task": task}
    return named | {name: text for name, text in flatten(config).items() if text != base[name]}
