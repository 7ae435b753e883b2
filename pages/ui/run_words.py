"""Runs in words: a short description, a state as a word and an icon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mtbkd_core.common.durations import duration_text
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.job import JobKind, JobView, S, V
from mtbkd_core.runs.kinds.run import RunView
from mtbkd_core.runs.naming import is_of_former_data
from pages.ui import setting_words, words
from pages.ui.setting_words import task_title

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


def plural(count: int, noun: str) -> str:
    """A number and what is counted."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


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


def name(view: RunView, *, mixed: bool = False) -> str:
    """What a person called a run; without a name, what differs from the default settings.

    Args:
        mixed: whether it stands among runs on other tasks: then the task is named, too.
    """
    return view.name or (setting_words.described if mixed else setting_words.describe)(view.config)


def title(view: RunView, *, mixed: bool = False) -> str:
    """A run's `name` as Markdown shows it."""
    return words.plain(name(view, mixed=mixed))


def line(view: JobView[Any], what: str) -> str:
    """A run or a study in one line of plain text, for a picker."""
    return f"{STATES[view.state][0]} {view.state.value} · {what}"


def names(views: Mapping[str, RunView]) -> dict[str, str]:
    """The name of each run of a list by its id, with its task where the list has several."""
    mixed = len({view.config.data.task for view in views.values()}) > 1
    return {id: name(view, mixed=mixed) for id, view in views.items()}
