"""Settings in words: what differs from a task's defaults or between runs, as people name it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mtbkd_core import RunConfig, UserError, default_config, task_info
from mtbkd_core.catalog.settings import like_default, written_out
from mtbkd_core.config.choices import Algorithm, Choice
from mtbkd_core.config.models import PER_TEACHER
from mtbkd_core.config.parse import flatten, settings, value_of
from mtbkd_core.tasks import plane_changes
from pages.ui import task_words

#: A description has so many things.
_MOST = 3
#: What a description says last.
_SEEDS = ("data.split_seed", "seed", "device")
#: What has words of its own.
_OWN = ("data.task", "data.teachers", "data.changes", "prior.strength", *(f"prior.{leaf}" for leaf in PER_TEACHER))
_CHOSEN = "chosen from the data"


def task_title(name: str) -> str:
    """A task's title; its name where the task no longer exists."""
    try:
        return task_info(name).title
    except UserError:
        return name


def describe(config: RunConfig, *, most: int | None = _MOST) -> str:
    """What differs from the task's default settings, in words: how much teachers count first, seeds last.

    Args:
        most: things that are named; None: all.
    """
    own, usual = written_out(config), written_out(like_default(config))
    parts = _of_the_prior(own, usual)
    about = settings()
    before, now = flatten(usual), flatten(own)
    for name in (*(each for each in about if each not in (*_OWN, *_SEEDS)), *_SEEDS):
        if before[name] != now[name] and about[name].matters(own):
            parts.append(_phrase(own, name, now[name]))
    named = parts[:most]
    more = f" and {len(parts) - len(named)} more" if len(parts) > len(named) else ""
    return ", ".join(named) + more if parts else "default settings"


def described(config: RunConfig) -> str:
    """The task's short title, and what differs from its default settings."""
    try:
        title = task_info(config.data.task).short_title
    except UserError:
        title = config.data.task
    return f"{title}: {describe(config)}"


def differing(configs: Mapping[str, RunConfig]) -> dict[str, list[str]]:
    """The settings in which configurations differ, by the titles that their controls bear, and each one's value.

    One that is not set has its task's own number.
    """
    own = [written_out(each) for each in configs.values()]
    columns = {"Strength (in labels)": [_labels(each) for each in own]}
    for name, about in settings().items():
        if name == "prior.strength" or not any(about.matters(each) for each in own):
            continue
        leaf = name.removeprefix("prior.")
        columns[about.title] = _per_teacher(own, leaf) if leaf in PER_TEACHER else [_value(each, name) for each in own]
    return {title: values for title, values in columns.items() if len(set(values)) > 1}


def _of_the_prior(own: RunConfig, usual: RunConfig) -> list[str]:
    """Strength, teachers, what was changed by hand, and the teachers' numbers, where they differ."""
    parts = []
    if (labels := _labels(own)) != _labels(usual):
        parts.append(f"strength {labels}" + ("" if labels == _CHOSEN else " label" if labels == "1" else " labels"))
    parts += _teachers(own)
    if own.data.changes != usual.data.changes:
        parts.append(changes(own))
    titles = task_words.titles_by_name(own)
    for leaf in PER_TEACHER:
        before, now = (getattr(each.prior, leaf) for each in (usual, own))
        moved = [name for name, one, other in zip(titles, before, now, strict=True) if one != other]
        noun = settings()[f"prior.{leaf}"].title.lower()
        if len(moved) == 1 and settings()[f"prior.{leaf}"].matters(own):
            parts.append(f"{noun} of {titles[moved[0]]} {_number(dict(zip(titles, now, strict=True))[moved[0]])}")
        elif moved and settings()[f"prior.{leaf}"].matters(own):
            parts.append(f"{noun}s {', '.join(map(_number, now))}")
    return parts


def _teachers(config: RunConfig) -> list[str]:
    """The teachers that were added to those that the task starts with, or left out."""
    try:
        start = default_config(config.data.task)
    except UserError:  # a task that was forgotten
        return []
    mine, usual = task_words.titles_by_name(config), task_words.titles_by_name(start)
    added = [title for name, title in mine.items() if name not in usual]
    gone = [title for name, title in usual.items() if name not in mine]
    if gone and (len(mine) == 1 or len(gone) + len(added) > 2):
        return [f"only {_listed(list(mine.values()))}" if len(mine) < _MOST else f"{len(mine)} teachers"]
    said = [f"{_listed(titles)} {how}" for titles, how in ((added, "added"), (gone, "left out")) if titles]
    return [" and ".join(said)] if said else []


def _listed(titles: list[str]) -> str:
    return titles[0] if len(titles) == 1 else f"{', '.join(titles[:-1])} and {titles[-1]}"


def changes(config: RunConfig) -> str:
    """What was changed by hand, with the titles of the teachers."""
    known = {name: info.title for name, info in task_words.offered(config).items()}
    return plane_changes.parse(config.data.changes).in_words(known)


def _labels(config: RunConfig) -> str:
    """What a teacher's statement counts for."""
    return _CHOSEN if config.prior.strength is None else f"{config.prior.labels:.3g}"


def _per_teacher(configs: list[RunConfig], leaf: str) -> list[str]:
    """The teachers' numbers; equal where those of the teachers that all have are."""
    shared = [name for name in configs[0].data.teachers if all(name in each.data.teachers for each in configs)]
    found = []
    for config in (written_out(each, shared) for each in configs):
        numbers = dict(zip(shared, getattr(config.prior, leaf), strict=True))
        titles = task_words.titles_by_name(config)
        found.append(", ".join(f"{titles[name]} {_number(number)}" for name, number in numbers.items()))
    return found


def _value(config: RunConfig, name: str) -> str:
    """A setting's value, as people name it."""
    value = value_of(config, name)
    if name == "data.task":
        return task_title(value)
    if name == "data.teachers":
        return ", ".join(task_words.titles_by_name(config).values())
    if name == "data.changes":
        return changes(config)
    if isinstance(value, Choice):
        return value.title
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None:
        return settings()[name].placeholder or settings()[name].unset
    return ", ".join(_number(each) for each in (value if isinstance(value, tuple) else (value,)))


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _phrase(config: RunConfig, name: str, text: str) -> str:
    """A setting's value, as a sentence names it."""
    about, value = settings()[name], value_of(config, name)
    plain = about.title[:1].lower() + about.title[1:]
    if isinstance(value, bool):
        return (about.phrase or plain) if value else f"without {plain}"
    if isinstance(value, Algorithm):
        return f"sampled by {value.title}"
    shown = value.title.lower() if isinstance(value, Choice) else text.removesuffix(".0").replace(",", ", ")
    return (about.phrase or f"{plain} {{}}").format(shown)
