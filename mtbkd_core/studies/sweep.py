"""Configurations of a study: one setting over several values, replications, and every subset of the teachers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import combinations
from typing import Any

from mtbkd_core.catalog.registry import task_info
from mtbkd_core.catalog.settings import build_config, default_config, leaving_room
from mtbkd_core.common.progress import UserError
from mtbkd_core.config.fields import Relative
from mtbkd_core.config.models import PER_TEACHER, RunConfig
from mtbkd_core.config.parse import ConfigError, flatten, full_name, settings, value_of

#: Beyond this many teachers, all subsets are more than a thousand runs.
MOST_TEACHERS = 10
MOST_VALUES = 50
_PER_TEACHER = frozenset(f"prior.{name}" for name in PER_TEACHER)


def with_value(config: RunConfig, name: str, value: Any) -> RunConfig:
    """The configuration with one setting changed; one number is for every teacher.

    More labelled examples leave fewer without a label; their number goes down to what is left.

    Raises:
        ConfigError: an unknown setting, or a value that is not allowed.
    """
    if name in _PER_TEACHER and isinstance(value, int | float | str) and "," not in str(value):
        value = [value] * len(config.data.teachers)
    changed = build_config([(name, value)], base=config)
    if name == "data.n_labelled":
        with suppress(UserError):  # an unknown task, or too many examples: the run is refused with the reason
            changed, _ = leaving_room(changed)
    return changed


def value_text(config: RunConfig, name: str) -> str:
    """The configuration's value of a setting, as `with_value` takes it and `sweep_values` writes it."""
    text = flatten(config)[name]
    if name == "data.n_labelled" and text == "none":
        return str(task_info(config.data.task).n_labelled)
    if name in _PER_TEACHER:
        each = set(text.split(","))
        return "1.0" if text == "none" else each.pop() if len(each) == 1 else text
    return text


def sweep_values(config: RunConfig, name: str, text: str) -> tuple[str, ...]:
    """Values from a text with commas: each once and in one spelling; numbers in their order.

    Raises:
        ConfigError: an unknown setting, a value that is not allowed, no value, or more than `MOST_VALUES`.
    """
    given = [part.strip() for part in text.split(",") if part.strip()]
    if not given:
        raise ConfigError(f"{name}: at least one value is needed")
    values = list(dict.fromkeys(value_text(with_value(config, name, value), name) for value in given))
    if len(values) > MOST_VALUES:
        raise ConfigError(f"{name}: got {len(values)} values, at most {MOST_VALUES} are allowed")
    with suppress(ValueError):  # a rule is not a number
        values.sort(key=float)
    return tuple(values)


def replicates(config: RunConfig, count: int) -> list[RunConfig]:
    """The configuration and its replications: both seeds go up by one each time."""
    return [
        build_config([("seed", config.seed + place), ("split_seed", config.data.split_seed + place)], base=config)
        for place in range(count)
    ]


def all_subsets(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Every subset of the teachers, the empty one first and all of them last.

    Raises:
        UserError: more teachers than `MOST_TEACHERS`.
    """
    if len(names) > MOST_TEACHERS:
        raise UserError(f"teachers: got {len(names)}, at most {MOST_TEACHERS} are allowed for all their subsets")
    return [subset for size in range(len(names) + 1) for subset in combinations(names, size)]


def with_some_teachers(config: RunConfig, teachers: Sequence[str]) -> RunConfig:
    """The configuration with some of its teachers; none: strength 0.

    A teacher keeps its base weight and entropy temperature. Where all that are left have base weight 0, they count the
    same.
    """
    if not teachers:
        return build_config([("prior.strength", 0.0)], base=config)
    return build_config([("teachers", list(teachers))], base=config)


def sweepable(config: RunConfig) -> list[str]:
    """The settings that can be swept over and matter under a configuration."""
    return [
        name
        for name, about in settings().items()
        if about.sweep and about.matters(config) and _reference(config, name) is not None
    ]


def sweep_title(name: str) -> str:
    """The title of a setting in a sweep; a setting that there is no more keeps its name."""
    about = settings().get(full_name(name))
    return name if about is None else about.sweep_title or about.title


def proposed_values(config: RunConfig, name: str) -> tuple[str, ...]:
    """Values of a setting to try, the configuration's own among them.

    Raises:
        UserError: a configuration whose task there is no more.
    """
    about, own, reference = settings()[name], value_text(config, name), _reference(config, name)
    values = [_multiple(value, about.relative, reference) for value in about.sweep]
    if "," not in own:  # several layers, or different numbers of the teachers, are no single value
        values.append(own)
    return tuple(value.removesuffix(".0") for value in sweep_values(config, name, ",".join(values)))


def _multiple(value: Any, relative: Relative, reference: float | None) -> str:
    if relative is Relative.NOTHING or reference is None:
        return str(value)
    number = value * reference
    if relative in _COUNTS:
        return str(max(_COUNTS[relative], round(number)))
    return f"{number:g}"


def _reference(config: RunConfig, name: str) -> float | None:
    """What the proposed values of a setting are multiples of; None where there is nothing to vary."""
    try:
        return _REFERENCES[settings()[name].relative](config, name)
    except UserError:  # a run's task that is no more
        return None


def _task_default(config: RunConfig, name: str) -> float:
    try:
        return float(value_of(default_config(config.data.task), name))
    except UserError:
        return float(value_of(RunConfig(), name))


def _spare(config: RunConfig, name: str) -> float | None:
    info = task_info(config.data.task)
    return info.most_labelled - info.check_labelled(config.data.n_labelled) if info.spare else None


#: The least value of settings that count examples.
_COUNTS = {Relative.LABELLED: 4, Relative.SPARE: 0}
_REFERENCES: dict[Relative, Callable[[RunConfig, str], float | None]] = {
    Relative.NOTHING: lambda config, name: 1.0,
    Relative.TASK_DEFAULT: _task_default,
    Relative.CLASSES: lambda config, name: task_info(config.data.task).n_classes,
    Relative.LABELLED: lambda config, name: task_info(config.data.task).n_labelled,
    Relative.SPARE: _spare,
}
