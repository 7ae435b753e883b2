"""A run under way, drawn from its folder alone: any tab that has the link sees the same."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from mtbkd_core import UserError
from mtbkd_core.common.progress import Phase
from mtbkd_core.runs import store
from mtbkd_core.runs.jobs import JobView
from mtbkd_core.runs.store import RunView, State
from pages.ui import engine, navigation, run_words

PHASES = {
    Phase.TEACHERS: "Getting the teachers ready",
    Phase.WARM_START: "Warm start: fitting one student for each chain",
    Phase.TUNING: "Tuning the step size",
    Phase.SAMPLING: "Sampling the posterior",
    Phase.BIAS_CHECK: "Checking for bias: gradients of exact HMC",
    Phase.EVALUATION: "Evaluating on the test set",
}


def bar(run: str) -> None:
    """The progress bar alone, twice a second until the run ends."""
    st.fragment(_bar, run_every=0.5)(run)


def _bar(run: str) -> None:
    try:
        view = store.read(run)
    except UserError as error:
        st.error(str(error), icon=":material/error:")
        return
    if view.finished:
        st.rerun()
    meter(view, phase(view), lambda: navigation.link("distill", "Watch"))


def meter(view: JobView, text: str, beside: Callable[[], None]) -> None:
    """The one progress bar: how far it is, what is being done or waited for, and what can be done about it.

    Args:
        text: what is being done, where work is being done.
        beside: draws what stands beside the bar.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.progress(view.progress[-1].fraction if view.progress else 0.0, text=waiting(view) or text)
        beside()


def waiting(view: JobView) -> str | None:
    """What is waited for; None where work is being done."""
    if view.stopping:
        return "Stopping…"
    if view.state is State.QUEUED:
        state = engine.info()
        if isinstance(state, str):
            return f"Waiting: {state}"
        return "The engine is starting…" if state.starting else "Waiting for a free worker…"
    return None if view.progress else "Starting…"


def phase(view: RunView) -> str:
    """What is being done, in words."""
    if not view.progress:
        return ""
    newest = view.progress[-1]
    again = f" (attempt {view.attempt})" if view.attempt > 1 else ""
    count = f": {newest.step} of {newest.steps}" if newest.steps > 1 else ""
    return f"{PHASES[newest.phase]}{count}{again}"


def cancel_button(view: RunView) -> None:
    """Stop the run that is watched."""
    st.button(
        "Cancel",
        key="cancel-run",
        icon=":material/stop_circle:",
        help="Stop this run at its next step. Its settings stay in the draft.",
        disabled=view.stopping,
        on_click=cancel,
        args=(view.id,),
    )


def cancel(run: str) -> None:
    """Ask a run to stop; a problem is said in one line."""
    try:
        engine.cancel(run)
    except UserError as error:
        st.session_state.notice = str(error)


def ending(view: RunView) -> None:
    """What became of a run that ended without a result, and what to do next."""
    _, icon, meaning = run_words.STATES[view.state]
    what_next = {
        State.CANCELLED: "Nothing is lost: press Distill to run it again from the start.",
        State.FAILED: "Change the settings, or press Distill to try again.",
        State.CRASHED: "Press Distill to try again, perhaps with fewer chains or a smaller student.",
        State.INTERRUPTED: "Press Distill to run it again.",
    }[view.state]
    reason = f" {run_words.sentence(view.reason)}" if view.reason else ""
    say = st.info if view.state is State.CANCELLED else st.error
    say(f"This run {meaning}{reason} {what_next}", icon=icon)
