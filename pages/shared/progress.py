"""A run under way, drawn from its folder alone: any tab that has the link sees the same."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from mtbkd_core import UserError
from mtbkd_core.figures.live import MOST_LINES, svg_lines
from mtbkd_core.progress import Phase
from mtbkd_core.runs import store
from mtbkd_core.runs.jobs import JobView
from mtbkd_core.runs.store import RunView, State
from pages.shared import charts, engine, places, runs, tasks

PHASES = {
    Phase.TEACHERS: "Getting the teachers ready",
    Phase.WARM_START: "Warm start: fitting one student for each chain",
    Phase.TUNING: "Tuning the step size",
    Phase.SAMPLING: "Sampling the posterior",
    Phase.EVALUATION: "Evaluating on the test set",
}


def watch(run: str) -> None:
    """The live view of a run, five times a second until it ends; then the whole page is drawn once more."""
    st.fragment(_live, run_every=0.2)(run)


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
    meter(view, _phase(view), lambda: places.link("distill", "Watch"))


def meter(view: JobView, text: str, beside: Callable[[], None]) -> None:
    """The one progress bar: how far it is, what is being done or waited for, and what can be done about it.

    Args:
        text: what is being done, where work is being done.
        beside: draws what stands beside the bar.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.progress(view.progress[-1].fraction if view.progress else 0.0, text=_waiting(view) or text)
        beside()


def _waiting(view: JobView) -> str | None:
    """What is waited for; None where work is being done."""
    if view.stopping:
        return "Stopping…"
    if view.state is State.QUEUED:
        state = engine.info()
        if isinstance(state, str):
            return f"Waiting: {state}"
        return "The engine is starting…" if state.starting else "Waiting for a free worker…"
    return None if view.progress else "Starting…"


def _live(run: str) -> None:
    try:
        view = store.read(run)
    except UserError as error:
        st.error(str(error), icon=":material/error:")
        return
    if view.finished:
        if view.state is not State.DONE:
            ending(view)  # said at once; the whole page follows
        st.rerun()
    meter(view, _phase(view), lambda: _cancel_button(view))
    if view.reason:
        st.warning(runs.sentence(view.reason), icon=":material/warning:")
    _curves(view)


def _cancel_button(view: RunView) -> None:
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


def _phase(view: RunView) -> str:
    if not view.progress:
        return ""
    newest = view.progress[-1]
    again = f" (attempt {view.attempt})" if view.attempt > 1 else ""
    count = f": {newest.step} of {newest.steps}" if newest.steps > 1 else ""
    return f"{PHASES[newest.phase]}{count}{again}"


def _curves(view: RunView) -> None:
    reports = [report for report in view.progress if report.log_joint]
    shares = [report for report in view.progress if report.teacher_share]
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Log joint of each chain**", help="Log likelihood plus log prior of every chain, in nats.")
        chains = list(zip(*(report.log_joint or () for report in reports), strict=False))
        left_out = f" {MOST_LINES} of {len(chains)} chains are drawn." if len(chains) > MOST_LINES else ""
        st.caption(f"Chains that level off at one height explore the same posterior.{left_out}")
        lines = {str(number): values for number, values in enumerate(chains)}
        charts.drawing(
            svg_lines(
                lines,
                [report.fraction for report in reports],
                dict.fromkeys(lines, "currentColor"),
                title="Log joint of each chain",
            )
        )
    with right:
        st.markdown(
            "**Share of each teacher**", help="Mean responsibility of each teacher over chains and labelled examples."
        )
        st.caption("Who explains the student, as it learns.")
        shades = tasks.colours(view.config)
        teachers = dict(
            zip(view.config.teachers, zip(*(r.teacher_share or () for r in shares), strict=False), strict=False)
        )
        charts.drawing(
            svg_lines(
                teachers,
                [report.fraction for report in shares],
                shades,
                title="Share of each teacher",
                low=0,
                high=1,
            )
        )
        tasks.legend(view.config)


def ending(view: RunView) -> None:
    """What became of a run that ended without a result, and what to do next."""
    _, icon, meaning = runs.STATES[view.state]
    what_next = {
        State.CANCELLED: "Nothing is lost: press Distill to run it again from the start.",
        State.FAILED: "Change the settings, or press Distill to try again.",
        State.CRASHED: "Press Distill to try again, perhaps with fewer chains or a smaller student.",
        State.INTERRUPTED: "Press Distill to run it again.",
    }[view.state]
    reason = f" {runs.sentence(view.reason)}" if view.reason else ""
    say = st.info if view.state is State.CANCELLED else st.error
    say(f"This run {meaning}{reason} {what_next}", icon=icon)
