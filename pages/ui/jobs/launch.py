"""Launching and stopping a job of any kind; a problem is shown in one line on the next drawing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import streamlit as st

from mtbkd_core import UserError
from mtbkd_core.extension import More
from mtbkd_core.runs import store
from mtbkd_core.runs.job import JobView, S, V
from pages.ui import engine, link, owner
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


def launch_all(jobs: Iterable[tuple[JobWords[Any, Any], JobView[Any]]]) -> None:
    """Hand jobs to the engine again, in this order; those that are refused have a line each."""
    refused: list[str] = []
    for words, view in jobs:
        try:
            engine.submit(words.kind, view.spec)
        except UserError as error:
            refused.append(f"{words.noun} {view.id}: {error}")
    if refused:
        st.session_state.notice = "; ".join(refused)


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


def delete(words: JobWords[S, V], id: str) -> None:
    """Delete a job, or leave it to its other owners."""
    try:
        store.delete(words.kind, id, by=owner.me())
    except UserError as error:
        st.session_state.notice = str(error)
        return
    if words.parameter:
        link.keep(words.parameter, None)
    elif st.session_state.run == id:
        link.choose_run(None)


def delete_button(words: JobWords[S, V], view: V) -> None:
    """Deletes a job of one's own that is over, once it was asked whether to."""
    shared = owner.is_shared(view)
    if not owner.is_mine(view) or not (view.finished or shared):
        return
    with st.popover("Delete", icon=":material/delete:", type="tertiary", help=f"Delete this {words.noun}."):
        stays = "It stays with the other people who launched it." if shared else "Its result is deleted for good."
        st.caption(stays)
        st.button(
            f"Delete the {words.noun}",
            key=f"delete-{words.noun}",
            type="primary",
            help=f"Take this {words.noun} out of your lists. {stays}",
            on_click=delete,
            args=(words, view.id),
        )


def cancel_button(words: JobWords[S, V], view: V) -> None:
    """Stops the job that is watched, where it is one's own."""
    if not owner.may_change(view):
        return
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
