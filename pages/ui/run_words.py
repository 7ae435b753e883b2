"""Runs in words: a short description, a state as a word and an icon."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from mtbkd_core import RunConfig, UserError, task_info
from mtbkd_core.catalog.settings import changed_settings
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds.run import RunView

#: state -> (mark in plain text, icon, what it means)
STATES: dict[State, tuple[str, str, str]] = {
    State.QUEUED: ("○", ":material/schedule:", "waits for a worker."),
    State.RUNNING: ("◐", ":material/progress_activity:", "is being computed."),
    State.DONE: ("●", ":material/check_circle:", "is finished."),
    State.FAILED: ("✕", ":material/error:", "failed."),
    State.CANCELLED: ("–", ":material/cancel:", "was cancelled."),
    State.CRASHED: ("✕", ":material/dangerous:", "was given up after its worker died again and again."),
    State.INTERRUPTED: ("–", ":material/power_off:", "was interrupted: its worker is gone and left no result."),
}


_WORDS = {
    "prior.strength": "strength {}",
    "prior.concentration": "concentration {}",
    "prior.temperature": "temperature {}",
    "prior.rule": "{} weights",
    "prior.softmin_temperature": "softmin temperature {}",
    "prior.base_weights": "base weights {}",
    "prior.entropy_temperatures": "entropy temperatures {}",
    "student.kind": "{} student",
    "student.hidden": "hidden {}",
    "student.channels": "channels {}",
    "student.first_map": "first map {}",
    "student.weight_scale": "weight scale {}",
    "sampler.algorithm": "{}",
    "sampler.chains": "{} chains",
    "sampler.draws": "{} draws",
    "sampler.schedule": "{} steps",
    "sampler.bias_check": "checked for bias",
    "sampler.temperature": "posterior temperature {}",
    "seed": "seed {}",
    "data.split_seed": "split {}",
    "data.n_labelled": "{} labels",
    "data.n_unlabelled": "{} without labels",
    "data.task": "{}",
    "device": "on {}",
}


def task_title(name: str) -> str:
    """A task's title; of one that is no more, its name."""
    try:
        return task_info(name).title
    except UserError:
        return name


def describe(config: RunConfig) -> str:
    """What differs from the default settings, in a few words."""
    parts = []
    for name, text in changed_settings(config).items():
        if name == "data.teachers":
            parts.append(f"{len(config.data.teachers)} teacher{'s' * (len(config.data.teachers) != 1)}")
        elif name == "prior.calibrated_teachers":
            parts.append("calibrated teachers" if config.prior.calibrated_teachers else "teachers as they come")
        elif name in _WORDS:
            parts.append(_WORDS[name].format(text.removesuffix(".0").replace(",", ", ").replace("_", " ")))
        else:
            parts.append(f"{name.split('.')[-1].replace('_', ' ')} {text}")
    return (
        ", ".join(parts[:3]) + (f" and {len(parts) - 3} more" if len(parts) > 3 else "")
        if parts
        else "default settings"
    )


def cost(count: int, seconds: float | None) -> str:
    """How many runs, and about how long they take together on one worker, as a sentence."""
    many = f"{count} run{'s' * (count != 1)}"
    if seconds is None:
        return f"{many}."
    return f"{many}, about {duration(count * seconds)}: the chosen run took {seconds:.1f}\u00a0s."


def duration(seconds: float) -> str:
    """A time in seconds, minutes or hours, with a space at which no line breaks."""
    if seconds >= 5400:
        return f"{seconds / 3600:.1f}\u00a0h"
    return f"{seconds:.0f}\u00a0s" if seconds < 90 else f"{seconds / 60:.0f}\u00a0min"


def sentence(text: str) -> str:
    """A reason as a sentence of its own."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""


def line(view: RunView) -> str:
    """A run in one line of plain text, for a picker."""
    return f"{STATES[view.state][0]} {view.state.value} · {describe(view.config)}"


def apart(lines: Mapping[str, str]) -> dict[str, str]:
    """The lines of a picker by id, those that are alike with the beginning of the id: a widget answers with a line."""
    alike = Counter(lines.values())
    return {name: f"{line} · {name[:6]}" if alike[line] > 1 else line for name, line in lines.items()}
