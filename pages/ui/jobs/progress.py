"""How far a job is: one bar, and one line on what is being done or waited for and how long it will take."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from mtbkd_core.common.durations import duration_text
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.job import S, V
from pages.ui import engine
from pages.ui.jobs.kinds import JobWords


def meter(words: JobWords[S, V], view: V, beside: Callable[[], None]) -> None:
    """The progress bar; `beside` draws what stands beside it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.progress(fraction(view), text=text(words, view))
        beside()


def fraction(view: V) -> float:
    """How far it is, from 0 to 1."""
    return view.progress[-1].fraction if view.progress else 0.0


def text(words: JobWords[S, V], view: V) -> str:
    """What is being done, and how long it will take; or what is waited for."""
    if view.stopping:
        return "Stopping…"
    if view.state is State.QUEUED:
        state = engine.info()
        if isinstance(state, str):
            return f"Waiting: {state}"
        return "The engine is starting…" if state.starting else "Waiting for a free worker…"
    if not view.progress:
        return "Starting…"
    left = view.seconds_left()
    return words.doing(view) + (f" · about {duration_text(left)} left" if left is not None else "")
