"""Settings as text: dotted names and values to a configuration and back, with messages that a person can use."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from mtbkd_core.common.progress import UserError
from mtbkd_core.config.choices import Algorithm
from mtbkd_core.config.fields import Setting
from mtbkd_core.config.models import ALIASES, LABELS, PER_TEACHER, RENAMED, RunConfig, split_commas, without_aliases


class ConfigError(UserError):
    """A setting that cannot be used; the message is one line naming the field, the value and what is allowed."""

    most_letters = 4_000  # all settings are named where there is none of a name


#: Settings by name, as overrides of the defaults. `paper` is what the paper's published code uses.
PRESETS: Mapping[str, Mapping[str, str]] = {
    "default": {},
    "paper": {
        "prior.strength": "0.02",
        "prior.concentration": "5",
        "prior.temperature": "2",
        "prior.entropy_temperatures": "none",
        "prior.calibrated_teachers": "False",
    },
}


@cache
def settings() -> Mapping[str, Setting]:
    """Every setting by its dotted name, in order."""

    def walk(model: type[BaseModel], prefix: str) -> Iterable[tuple[str, Setting]]:
        for name, field in model.model_fields.items():
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                yield from walk(field.annotation, f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}", next(about for about in field.metadata if isinstance(about, Setting))

    return dict(walk(RunConfig, ""))


def full_name(name: str) -> str:
    """Today's dotted name of a setting that may be given by its short or former name."""
    return ALIASES.get(name, name)


def renamed(names: Iterable[str]) -> list[str]:
    """One line for each former name among some names."""
    return [f"{name} is now called {ALIASES[name]}." for name in names if name in RENAMED]


def value_of(config: RunConfig, name: str) -> Any:
    """A configuration's value of a setting by its dotted name."""
    value: Any = config
    for part in full_name(name).split("."):
        value = getattr(value, part)
    return value


def apply_settings(config: RunConfig, changes: Iterable[tuple[str, Any]], preset: str = "default") -> RunConfig:
    """Put a preset and settings such as ("prior.strength", "0.5") on top of a configuration.

    Where the teachers change, those that stay keep their base weights and entropy temperatures.

    Raises:
        ConfigError: one line that names the field, the value and what is allowed.
    """
    if preset not in PRESETS:
        raise ConfigError(f"preset: got {preset!r}, allowed: {', '.join(PRESETS)}")
    values: dict[str, Any] = config.model_dump(mode="json")
    own = [(full_name(name), value) for name, value in changes]
    preset_values = dict(PRESETS[preset])
    if LABELS in (own_names := {name for name, _ in own}):  # it stands for a strength: the one that was there goes
        preset_values.pop("prior.strength", None)
        del values["prior"]["strength"]
    given = [*preset_values.items(), *own]
    for name, value in given:
        if name not in settings() and name != LABELS:
            raise ConfigError(
                f"{' '.join(name.split())[:60]}: no such setting; allowed: {', '.join((*settings(), LABELS))}"
            )
        target = values
        *parents, leaf = name.split(".")
        for parent in parents:
            target = target[parent]
        target[leaf] = value
    if sampler_for_batches(config, dict(own)):
        values["sampler"]["algorithm"] = Algorithm.BAOAB
    if "data.teachers" in own_names:
        for leaf in (leaf for leaf in PER_TEACHER if f"prior.{leaf}" not in own_names | set(preset_values)):
            numbers = getattr(config.prior, leaf)
            values["prior"][leaf] = _followed(numbers, config.data.teachers, values["data"]["teachers"])
    return parse_config(values)


def sampler_for_batches(config: RunConfig, changes: Mapping[str, Any]) -> bool:
    """Whether changes, by dotted names, ask for minibatches and name no sampler, where the present one needs all.

    BAOAB is then taken, with the present friction.
    """
    size = changes.get("sampler.batch_size")
    wanted = size is not None and str(size).strip().lower() not in ("", "none", "null")
    return wanted and "sampler.algorithm" not in changes and "sampler.batch_size" not in config.sampler.algorithm.uses


def _followed(numbers: tuple[float, ...] | None, before: Sequence[str], now: Any) -> list[float] | None:
    """One number for each of other teachers: a teacher keeps its own, a new one gets 1; none where all would be 0."""
    names = split_commas(now)
    if numbers is None or not isinstance(names, list | tuple):
        return None  # what is no list is refused for that
    found = [numbers[before.index(name)] if name in before else 1.0 for name in names]
    return found if any(found) else None


def parse_config(values: str | bytes | Mapping[str, Any]) -> RunConfig:
    """Validate JSON text or a mapping; former names of settings are read, too.

    Raises:
        ConfigError: one line that names the field, the value and what is allowed.
    """
    return parse_with_aliases(values)[0]


def parse_with_aliases(values: str | bytes | Mapping[str, Any]) -> tuple[RunConfig, list[str]]:
    """As `parse_config`, and the former or short names that were used."""
    try:
        if isinstance(values, (str, bytes)):
            values = json.loads(values)
    except (ValueError, RecursionError) as error:  # not text, not JSON, nested too deep, or a number of 5,000 digits
        raise ConfigError(f"configuration: not valid JSON ({error})") from None
    try:
        modern, old = without_aliases(values)
        return RunConfig.model_validate(modern), old
    except ValidationError as error:
        raise ConfigError(describe(error)) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(str(error)) from None


def describe(error: ValidationError) -> str:
    """The first problem of a pydantic error as one line: field, value, what is allowed."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "value_error" and not name:
        return message + more
    shown = repr(first["input"])
    shown = shown if len(shown) <= 80 else shown[:77] + "..."
    return f"{name or 'configuration'}: got {shown}, {message}{more}"


def flatten(config: RunConfig, *, base: RunConfig | None = None) -> dict[str, str]:
    """Dotted name -> text, the inverse of `apply_settings`; with a base, only what differs from it."""

    def text(value: Any, unset: str) -> str:
        if isinstance(value, list | tuple):
            return ",".join(map(str, value))
        return unset if value is None else str(value)

    flat = {name: text(value_of(config, name), about.unset) for name, about in settings().items()}
    before = {} if base is None else flatten(base)
    return {name: value for name, value in flat.items() if before.get(name) != value}
