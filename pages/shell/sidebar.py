"""The sidebar: the run that the results show, the machine, and the state of the engine."""

from __future__ import annotations

import streamlit as st

from mtbkd_core import UserError
from mtbkd_core.evaluation.diagnostics import Verdict
from mtbkd_core.runs import store
from mtbkd_core.runs.engine_info import EngineInfo
from pages.ui import chosen_run, engine, link, owner, picker, pinned, run_words
from pages.ui.jobs import follow
from pages.ui.jobs.kinds import RUNS
from pages.ui.jobs.launch import delete_button, launch_all
from pages.ui.words import plain


def draw() -> None:
    """Draw the sidebar."""
    with st.sidebar:
        state = engine.info()
        under_way = _picker(state if isinstance(state, str) else state.problem)
        busy = isinstance(state, EngineInfo) and bool(state.running or state.queued)
        awake = busy or bool(under_way) or (isinstance(state, EngineInfo) and state.starting)
        # Drawn again by itself only while something is going on.
        st.fragment(_engine_line, run_every=1.0 if awake else None)(busy, under_way)
        if isinstance(state, EngineInfo) and state.interrupted:
            _draw_interrupted()


def _picker(engine_problem: str | None) -> list[str]:
    """The picker; the runs that it shows as under way."""
    problems: list[str] = []
    views = {view.id: view for view in chosen_run.all_runs(problems)}
    if st.session_state.run is None and (newest := chosen_run.newest_done(list(views.values()))):
        link.choose_run(newest.id)
    options = list(views)
    if st.session_state.run is None and (mine := [view for view in views.values() if owner.is_mine(view)]):
        link.choose_run(mine[0].id)
    if st.session_state.run and st.session_state.run not in views:
        options.insert(0, st.session_state.run)
    if options:
        names = run_words.names(views)
        lines = {run: run_words.line(view, names[run]) for run, view in views.items()}
        picker.draw(
            "Run",
            "run",
            {run: lines.get(run, f"? unknown · {run[:16]}") for run in options},
            st.session_state.run,  # None where all that is listed is others'
            "The run that the results pages show, newest first. "
            "Each bears its name, or what differs from its task's default settings.",
            link.choose_run,
        )
        if chosen := views.get(st.session_state.run):
            _, icon, _ = run_words.STATES[chosen.state]
            state = chosen.state.value.capitalize()
            if verdict := chosen_run.verdict(chosen):
                state = verdict.words
                icon = ":material/warning:" if verdict is Verdict.NOT_CONVERGED else icon
            st.caption(f"{icon} {state} · started {chosen.created.astimezone():%d %b, %H:%M}")
            if line := run_words.former(RUNS.kind, chosen):
                st.caption(f":material/history: {line}")
            with st.container(horizontal=True, gap="small"):
                pinned.draw(chosen)
                pinned.draw_name(chosen)
                delete_button(RUNS, chosen)
    else:
        st.caption("**Run**  \nThere is none yet. The first one will appear here.")
    owner.draw()
    for problem in problems:
        if problem != engine_problem:  # which is shown below
            st.caption(f":material/broken_image: {plain(problem)}")
    return [run for run, view in views.items() if not view.finished]


def _draw_interrupted() -> None:
    """How many jobs an engine left behind that ended, and a button that resumes them."""
    left = follow.interrupted()
    if left:
        st.caption(f":material/power_off: {run_words.plural(len(left), 'job')} interrupted when an engine ended.")
        st.button(
            "Go on with all",
            key="go-on-with-all",
            type="tertiary",
            icon=":material/resume:",
            help="Launch them again, the oldest first. Each goes on with what it has.",
            on_click=launch_all,
            args=(left,),
        )


def _engine_line(was_busy: bool, under_way: list[str]) -> None:
    state = engine.info()
    idle = was_busy and isinstance(state, EngineInfo) and not (state.running or state.queued)
    if idle or any(map(_has_ended, under_way)):  # the engine may be idle before the run's folder says so
        st.rerun()  # the picker and the page have something new to show
    if isinstance(state, str) or state.problem:
        problem = state if isinstance(state, str) else state.problem
        st.caption(f":material/error: Nothing can be run. {plain(run_words.sentence(problem or ''))}")
        if st.button("Try again", help="Start the engine again.", type="tertiary", icon=":material/refresh:"):
            engine.restart()
            st.rerun()
        return
    if state.starting:
        st.caption(":material/hourglass_top: Engine starting…")
        return
    device = run_words.plural(state.gpus, "GPU") if state.gpus else "CPU, no GPU"
    threads = f" · {run_words.plural(state.threads, 'thread')}" if state.threads else ""
    busy = f"{state.running} running, {state.queued} queued" if state.running or state.queued else "idle"
    st.caption(f":material/memory: {device}{threads}  \n:material/bolt: Engine ready · {busy}")
    if state.is_open:
        st.caption(
            ":material/lock_open: The scheduler is used without TLS: whoever reaches its address can run programs on "
            "the workers. Use `tls://`."
        )


def _has_ended(run: str) -> bool:
    try:
        return store.read(RUNS.kind, run).finished
    except UserError:  # deleted
        return True
