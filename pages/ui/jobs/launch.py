"""Launching and stopping a job of any kind; a problem is shown in one line on the next drawing."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from mtbkd_core import UserError
from mtbkd_core.extension import More
from mtbkd_core.runs.job import S, V
from pages.ui import engine, link
from pages.ui.jobs.kinds import JobWords

#: Shows the job of that name, where the kind has no parameter of the link.
Show = Callable[[str], None]


def launch(words: JobWords[S, V], spec: S, show: Show | None = None) -> None:
    """Hand a job to the engine, and show it."""
    try:
        view = engine.submit(words.kind, spec)
    except UserError as error:
        st.session_state.notice = str(error)
        return
    if show is not None:
        show(view.id)
    elif words.parameter:
        link.keep(words.parameter, view.id)


def extend(words: JobWords[S, V], id: str, more: More) -> None:
    """Have a job that is done go on."""
    try:
        engine.extend(words.kind, id, more)
    except UserError as error:
        st.session_state.notice = str(error)


def cancel(words: JobWords[S, V], id: str) -> None:
    """Ask a job to stop."""
    try:
        engine.cancel(words.kind, id)
    except UserError as error:
        st.session_state.notice = str(error)


def cancel_button(words: JobWords[S, V], view: V) -> None:
    """Stops the job that is watched."""
    kept = f"Whole {words.part}s stay" if words.part else "What it has sampled stays"
    stays = f"{kept}, and it can go on from there." if words.part or words.kind.more else "Its settings stay."
    st.button(
        "Cancel",
        key=f"cancel-{words.noun}",
        icon=":material/stop_circle:",
        help=f"Stop this {words.noun} at its next step. {stays}",
        disabled=view.stopping,
        on_click=cancel,
        args=(words, view.id),
    )
