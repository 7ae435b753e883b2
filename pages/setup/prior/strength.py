"""How much the teachers count: a number of labels, chosen by hand or from the data; the paper's numbers under it."""

from __future__ import annotations

import streamlit as st

from mtbkd_core import RunConfig, Task, default_config
from mtbkd_core.config.models import LABELS
from mtbkd_core.config.parse import settings
from mtbkd_core.evaluation.prior_alone import highest_labels, highest_strength
from mtbkd_core.evaluation.strength_path import StrengthChoice
from mtbkd_core.prior.labels import effective_labels
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds.strength import strength_spec
from pages.ui import link, navigation, setting_widgets, strength_path, task_words
from pages.ui.jobs import follow
from pages.ui.jobs.kinds import CHOICES
from pages.ui.jobs.launch import launch
from pages.ui.words import plain

_HELP = (
    "About how many labels of its own each example's label is joined by, for each teacher that has the prior's whole "
    "weight there. It counts once for every example. Larger: the student follows the teachers more, and its intervals "
    "get narrower, whether the teachers are right or not; 0: no distillation. The strength (under Advanced) follows "
    "from it: strength = labels x temperature^2 / concentration."
)
_EFFECTIVE_HELP = (
    "The nominal number holds at a temperature of 1. Above it, a confident teacher is softened and narrows the "
    "posterior as more labels would: by the ratio of the curvatures of its softened and its own predictions."
)


def draw(config: RunConfig, task: Task) -> None:
    """All controls of how much the teachers count."""
    st.markdown("**What each teacher's statement is worth**")
    if config.prior.strength is None:
        st.info("The strength is chosen from the data when a run starts.", icon=":material/query_stats:")
        st.button(
            "Set it by hand",
            icon=":material/back_hand:",
            help="Begin with the number of labels that the task starts with.",
            on_click=link.change,
            args=([(LABELS, default_config(config.data.task).prior.labels)],),
        )
    else:
        _draw_labels(config, task)
    setting_widgets.slider("prior.concentration", beside=_same_labels)
    setting_widgets.slider("prior.temperature", beside=_same_labels)
    with st.expander("Advanced"):
        if config.prior.strength is not None:
            usual = default_config(config.data.task).prior.known_strength
            setting_widgets.slider("prior.strength", high=highest_strength(usual))
        else:
            st.caption(settings()["prior.strength"].help)
    _draw_choice(config)
    st.caption(
        "Calibrated teachers are not enough: one that is exactly calibrated, but does not see an input, makes the "
        "student worse where it counts for a label a statement or more, and its intervals wrong. Held-out labels show "
        "it, so a choice from the data usually turns it down."
    )
    navigation.link("coverage", "See that case")


def _draw_labels(config: RunConfig, task: Task) -> None:
    value = float(f"{config.prior.labels:.6g}")
    high = max(highest_labels(default_config(config.data.task).prior.labels), value)
    left, right = st.columns([2.4, 1], gap="small", vertical_alignment="bottom")
    for column, kind, widget in ((left, "slider", st.slider), (right, "number", st.number_input)):
        key = setting_widgets.seeded(LABELS if kind == "slider" else f"{LABELS}:{kind}", value)
        exact = {} if kind == "slider" else {"format": "%g", "label_visibility": "collapsed"}
        with column:
            widget(
                "Labels per statement", 0.0, high, step=0.1, key=key, help=_HELP, on_change=_take, args=(key,), **exact
            )
    numbers = effective_labels(task.teacher_logits(config.data.teachers), config.prior).tolist()
    titles = task_words.titles_by_name(config).values()
    listed = ", ".join(f"{plain(title)} {number:.3g}" for title, number in zip(titles, numbers, strict=True))
    st.caption(f"By curvature, at this temperature: {listed}.", help=_EFFECTIVE_HELP)


def _take(key: str) -> None:
    link.change([(LABELS, st.session_state[key])])


def _same_labels() -> list[tuple[str, float]]:
    """The number of labels stays when the concentration or the temperature moves, and the strength follows."""
    prior = link.draft().prior
    return [] if prior.strength is None else [(LABELS, prior.labels)]


def _draw_choice(config: RunConfig) -> None:
    """The choice from the data: launched, watched, shown, and taken into the draft at its end."""
    st.button(
        "Choose from the data",
        icon=":material/query_stats:",
        help="Score numbers of labels from 0 (no teacher) to 32, at a few concentrations, by the log probability of "
        "held-out labels, and take the smallest number that is within one standard error of the best. The test set "
        "is not used.",
        on_click=_choose,
        args=(config,),
    )
    view = follow.pick(CHOICES, help="Newest first.", only=lambda each: each.fits(config))
    if view is None:
        return
    if view.state is not State.DONE or view.choice is None:
        follow.follow(CHOICES, view)
        return
    if st.session_state.pop("choosing", None) == view.id:
        _use(view.choice)
        st.rerun()
    strength_path.draw(view.choice)
    taken = view.choice.applied(config) == config
    st.button(
        "In use" if taken else "Use it",
        icon=":material/check:",
        disabled=taken,
        help="Set the number of labels and the concentration that were chosen.",
        on_click=_use,
        args=(view.choice,),
    )


def _choose(config: RunConfig) -> None:
    launch(CHOICES, strength_spec(config), _await)


def _await(id: str) -> None:
    """Take what is chosen once it is there."""
    link.keep(CHOICES.parameter, id)
    st.session_state.choosing = id


def _use(choice: StrengthChoice) -> None:
    link.replace(choice.applied(link.draft()))
