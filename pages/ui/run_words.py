"""Runs in words: a short description, a state as a word and an icon."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from mtbkd_core import RunConfig, UserError, task_info
from mtbkd_core.catalog.settings import changed_settings
from mtbkd_core.common.durations import duration_text
from mtbkd_core.config.choices import Choice
from mtbkd_core.config.models import AUTO
from mtbkd_core.config.parse import flatten, settings, value_of
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.job import JobKind, S, V
from mtbkd_core.runs.kinds.run import RunView
from mtbkd_core.runs.naming import is_of_former_data
from mtbkd_core.tasks import plane_changes
from pages.ui import task_words, words

#: state -> (mark in plain text, icon, what it means)
STATES: dict[State, tuple[str, str, str]] = {
    State.QUEUED: ("○", ":material/schedule:", "waits for a worker."),
    State.RUNNING: ("◐", ":material/progress_activity:", "is being computed."),
    State.DONE: ("●", ":material/check_circle:", "is finished."),
    State.FAILED: ("✕", ":material/error:", "failed."),
    State.CANCELLED: ("–", ":material/cancel:", "was cancelled."),
    State.CRASHED: ("✕", ":material/dangerous:", "was given up after its worker stopped three times."),
    State.INTERRUPTED: ("–", ":material/power_off:", "was interrupted: its worker is gone and left no result."),
}


def task_title(name: str) -> str:
    """A task's title; its name where the task no longer exists."""
    try:
        return task_info(name).title
    except UserError:
        return name


def plural(count: int, noun: str) -> str:
    """A number and what is counted."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def describe(config: RunConfig) -> str:
    """What differs from the task's default settings, in a few words."""
    parts = [
        plural(len(config.data.teachers), "teacher") if name == "data.teachers" else _phrase(name, text)
        for name, text in changed_settings(config).items()
    ]
    more = f" and {len(parts) - 3} more" if len(parts) > 3 else ""
    return ", ".join(parts[:3]) + more if parts else "default settings"


def differing(configs: Mapping[str, RunConfig]) -> dict[str, list[str]]:
    """The settings in which configurations differ, by the titles that their controls bear, and each one's value."""
    found: dict[str, list[str]] = {}
    labels = [None if each.prior.strength is None else f"{each.prior.labels:.3g}" for each in configs.values()]
    if len(set(labels)) > 1:
        found["Labels per statement"] = [text or AUTO for text in labels]
    flat = [flatten(each) for each in configs.values()]
    for name, about in settings().items():
        if len({each[name] for each in flat}) > 1:
            found[about.title] = [_value(each, name) for each in configs.values()]
    return found


def _value(config: RunConfig, name: str) -> str:
    """A setting's value, as people name it."""
    value = value_of(config, name)
    if name == "data.task":
        return task_title(value)
    if name == "data.teachers":
        return ", ".join(task_words.titles_by_name(config).values())
    if name == "data.changes":
        return plane_changes.parse(value).in_words()
    if isinstance(value, Choice):
        return value.title
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None:
        return settings()[name].unset
    return ", ".join(_number(each) for each in (value if isinstance(value, tuple) else (value,)))


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _phrase(name: str, text: str) -> str:
    """A setting's value, as a sentence names it."""
    about = settings()[name]
    plain = about.title[:1].lower() + about.title[1:]
    if text in ("True", "False"):
        return (about.phrase or plain) if text == "True" else f"without {plain}"
    return (about.phrase or f"{plain} {{}}").format(text.removesuffix(".0").replace(",", ", ").replace("_", " "))


def cost(count: int, seconds: float | None, timed: str = "the chosen run") -> str:
    """How many runs, and about how long they take together on one worker, as a sentence; `timed` took the seconds."""
    if seconds is None:
        return f"{plural(count, 'run')}."
    took = f"{seconds:.1f}\u00a0s"  # a space at which no line breaks
    return f"{plural(count, 'run')}, about {duration_text(seconds, count)}: {timed} took {took}."


def sentence(text: str) -> str:
    """A reason as a sentence of its own."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""


def former(kind: JobKind[S, V], view: V) -> str:
    """Says of a run or study that its task has other data since; empty where it has not."""
    if not is_of_former_data(kind, view):
        return ""
    task = words.plain(task_title(view.config.data.task))
    return f"This {kind.noun} is of the former data: the data or the teachers of {task} have changed since."


def title(view: RunView) -> str:
    """What a person called a run, as Markdown shows it; without a name, what differs from the default settings."""
    return words.plain(view.name) if view.name else describe(view.config)


def line(view: RunView) -> str:
    """A run in one line of plain text, for a picker."""
    return f"{STATES[view.state][0]} {view.state.value} · {view.name or describe(view.config)}"


def apart(lines: Mapping[str, str]) -> dict[str, str]:
    """The lines of a picker by id, with the beginning of the id where two are equal: a widget answers with a line."""
    alike = Counter(lines.values())
    return {name: f"{line} · {name[:6]}" if alike[line] > 1 else line for name, line in lines.items()}
