"""The run that is pinned as before, and the pair that it makes with the chosen one."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from mtbkd_core import UserError
from mtbkd_core.runs import store
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds import run as runs
from mtbkd_core.runs.kinds.run import RunView
from pages.ui import chosen_run, link, owner, run_words, setting_words
from pages.ui.chosen_run import Chosen
from pages.ui.words import plain

BEFORE, AFTER = "Before", "After"


@dataclass(frozen=True)
class Pair:
    """Two runs on one task, the older first."""

    before: Chosen
    after: Chosen

    @property
    def shown(self) -> dict[str, Chosen]:
        """What each is called -> the run."""
        return {BEFORE: self.before, AFTER: self.after}

    @property
    def version(self) -> str:
        """As `Chosen.version`, of both."""
        return f"{self.before.version}-{self.after.version}"


def pair_with(chosen: Chosen) -> Pair | None:
    """The chosen run and the pinned one; None where none is pinned, or it cannot be shown beside this one."""
    view = _pinned()
    if view is None or _obstacle(view, chosen.view):
        return None
    try:
        other = Chosen(view, chosen_run.result(view))
    except UserError as error:
        st.error(plain(error), icon=":material/error:")
        return None
    return Pair(other, chosen) if _is_older(view, chosen.view) else Pair(chosen, other)


def _is_older(one: RunView, other: RunView) -> bool:
    return (one.created, one.id) < (other.created, other.id)


def _order(pinned: RunView, chosen: RunView) -> str:
    """Which of two runs the pages call before, and which after."""
    older, newer = (BEFORE, AFTER) if _is_older(pinned, chosen) else (AFTER, BEFORE)
    return f"The pages call it **{older}** and the run chosen above **{newer}**: the older one stands first."


def _pinned() -> RunView | None:
    """The pinned run; one that is gone is let go."""
    run = st.session_state.before
    try:
        return store.read(runs.KIND, run) if run else None
    except UserError:
        link.pin(None)
        return None


def _obstacle(pinned: RunView, chosen: RunView) -> str:
    """Why a pinned run does not stand beside the chosen one; "" where it does."""
    if pinned.id == chosen.id:
        return "Choose another run, or change a setting and distill: both are then shown, with their difference."
    if pinned.config.data.task != chosen.config.data.task:
        return f"It is on another task: {plain(run_words.task_title(pinned.config.data.task))}."
    if pinned.state is not State.DONE:
        return f"It has no result: it {run_words.STATES[pinned.state][2]}"
    return ""


def draw(chosen: RunView) -> None:
    """In the sidebar: what is pinned, and the buttons that pin and let go."""
    view = _pinned()
    if view is None:
        st.button(
            "Pin as before",
            icon=":material/keep:",
            type="tertiary",
            help="Keep this run as before. The results pages then show before, after and difference of it and of "
            "another run on the same task, until you let it go.",
            on_click=link.pin,
            args=(chosen.id,),
        )
        return
    obstacle = _obstacle(view, chosen)
    st.caption(f":material/keep: **Pinned**: {run_words.title(view)}. {obstacle or _order(view, chosen)}")
    st.button(
        "Let go",
        icon=":material/keep_off:",
        type="tertiary",
        help="Show the chosen run alone again.",
        on_click=link.pin,
        args=(None,),
    )


def draw_name(view: RunView) -> None:
    """In the sidebar: the run's name, to be changed by its owner."""
    if not owner.may_change(view):
        return
    key = f"name:{view.id}"

    def take() -> None:
        try:
            store.rename(runs.KIND, view.id, st.session_state[key], by=owner.me())
        except UserError as error:
            st.session_state.notice = str(error)

    with st.popover("Name", icon=":material/edit:", type="tertiary", help="Give this run a name of your own."):
        st.text_input(
            "Name of this run",
            view.name or "",
            key=key,
            max_chars=60,
            placeholder=setting_words.describe(view.config),
            help="It stands in the list of runs and on every page. Empty: what differs from the default settings.",
            on_change=take,
        )
