"""The effect of one setting of the prior: how hard it pulls an untrained student, over the setting's range."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from mtbkd_core import RunConfig, Task, default_config
from mtbkd_core.config.parse import full_name, settings, value_of
from mtbkd_core.evaluation.preview import effect
from mtbkd_core.evaluation.prior_alone import highest_strength, values_around
from mtbkd_core.figures import weights
from pages.ui import charts, link, task_words

_NAMES = (
    "prior.strength",
    "prior.concentration",
    "prior.temperature",
    "prior.softmin_temperature",
    "prior.base_weights",
    "prior.entropy_temperatures",
)


def draw(config: RunConfig, task: Task) -> None:
    """The choice of a setting, and its effect; nothing while the strength is left to the program."""
    if config.prior.strength is None:
        return
    options = _options(config)
    picked = st.selectbox(
        "Effect of",
        list(options),
        format_func=options.get,
        **link.bound("effect", list(options), _NAMES[0], read=_name_of_today),
        help="The setting that is varied; all others stay as they are.",
    )
    name, _, place = picked.partition(":")
    about, teacher = settings()[name], int(place) if place else None
    value = value_of(config, name)
    now = float(value if teacher is None else 1.0 if value is None else value[teacher])
    high = highest_strength(default_config(config.data.task).prior.known_strength) if name == "prior.strength" else None
    values = values_around(about, now, high=high)
    leaf = name.removeprefix("prior.")
    logits, together = task.teacher_logits(config.data.teachers), task.together(config.data.teachers)
    found = effect(config.prior, logits, task.y_train, leaf, values, teacher, together)
    table = pd.DataFrame(found.teachers.numpy(), columns=list(config.data.teachers))
    table.insert(0, "value", values)
    table["label"] = found.label
    charts.show(
        weights.draw_effect(
            table,
            task_words.titles_by_name(config),
            task_words.colours(config),
            now=now,
            x=options[picked],
            logarithmic=about.logarithmic,
        ),
        "Pull on an untrained student",
        "Above the dashed line a teacher pulls harder than the label. Flat lines: the setting has little effect here.",
        lambda: table,
        key="effect",
        help="Mean length of each teacher's pull on the logits of a student that gives every class the same "
        "probability, over the labelled examples.",
    )


def _options(config: RunConfig) -> dict[str, str]:
    """The settings that can be varied, and the teacher's place where each teacher has a number: name -> title."""
    options: dict[str, str] = {}
    for name in _NAMES:
        about = settings()[name]
        if about.per_teacher and about.matters(config):
            titles = task_words.titles_by_name(config).values()
            options |= {f"{name}:{index}": f"{about.title}: {title}" for index, title in enumerate(titles)}
        elif about.matters(config):
            options[name] = about.label
    return options


def _name_of_today(given: str) -> str:
    """An option by what a link calls it: a setting's name, short or former, and a teacher's place."""
    name, colon, place = given.partition(":")
    return full_name(name if name.startswith("prior.") else f"prior.{name}") + colon + place
