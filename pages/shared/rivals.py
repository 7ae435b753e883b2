"""MT-BKD against its rivals: the launch, the comparison as it happens, and its picker. Results: `rival_results`."""

from __future__ import annotations

import streamlit as st

from mtbkd_core import RunConfig, UserError
from mtbkd_core.baselines import about
from mtbkd_core.runs import comparisons, store
from mtbkd_core.runs.comparisons import ComparisonView
from mtbkd_core.runs.store import State
from pages.shared import engine, link, rival_results, runs, tasks


def draw() -> None:
    """The whole part of the page."""
    problems: list[str] = []
    views = {view.id: view for view in _all(problems)}
    _launcher()
    for problem in problems:
        st.caption(f":material/broken_image: {problem}")
    chosen = _chosen(list(views))
    if chosen is None:
        st.info(
            "Nothing is compared yet. Choose how many seeds and press Compare. Each seed is a whole replication, with "
            "a split, teachers and chains of its own.",
            icon=":material/balance:",
        )
        return
    _picker(views, chosen)
    try:
        view = comparisons.read(chosen)
    except UserError as error:
        st.error(str(error), icon=":material/error:")
        return
    if not view.finished:
        st.fragment(_live, run_every=1.0)(view.id, len(view.rows.whole))
    elif view.state is not State.DONE:
        _ending(view)
    rival_results.draw(view)


def _all(problems: list[str]) -> list[ComparisonView]:
    try:
        return comparisons.list_comparisons(problems.append)
    except UserError as error:
        problems.append(str(error))
        return []


def _settings() -> tuple[RunConfig, str]:
    """What a new comparison is of: the chosen run's settings, as on every results page, or else the draft's."""
    if st.session_state.run:
        try:
            return store.read(st.session_state.run).config, "the chosen run"
        except UserError:  # what is wrong with the run is said where the run itself is shown
            pass
    return link.draft(), "the set-up pages"


def _launcher() -> None:
    config, whose = _settings()
    with st.container(border=True), st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        seeds = st.slider(
            "Seeds",
            2,
            20,
            **link.bound("seeds", range(2, 21), 5),
            width=220,
            help="How often everything is repeated. Each seed draws the split, trains the teachers and starts the "
            "chains anew. More seeds make the intervals shorter. What is computed already is not computed again.",
        )
        st.button(
            "Compare",
            type="primary",
            icon=":material/play_arrow:",
            help="Run MT-BKD and every rival with each seed. A comparison that exists is found, not computed twice. "
            "Other runs wait for a free worker meanwhile; a cancelled comparison can go on later.",
            on_click=_launch,
            args=(config, seeds),
        )
        st.caption(f"With the settings of {whose}: {runs.describe(config)}.", width="stretch")


def _launch(config: RunConfig, seeds: int) -> None:
    try:
        link.keep("comparison", engine.compare(config, range(seeds)).id)
    except UserError as error:
        st.session_state.notice = str(error)


def _chosen(newest_first: list[str]) -> str | None:
    chosen = link.kept("comparison")
    if chosen is None and newest_first:
        chosen = newest_first[0]
        link.keep("comparison", chosen)
    return chosen


def _picker(views: dict[str, ComparisonView], chosen: str) -> None:
    options = list(views) if chosen in views else [chosen, *views]
    if len(options) < 2:
        return
    if st.session_state.get("set:comparison") != chosen:
        st.session_state["set:comparison"] = chosen
    lines = {name: _line(views[name]) if name in views else f"? unknown · {name[:16]}" for name in options}
    st.session_state.comparison_lines = {line: name for name, line in lines.items()}
    st.selectbox(
        "Comparison",
        options,
        key="set:comparison",
        format_func=lines.get,
        help="Newest first. Each is described by what differs from the default settings.",
        on_change=_take,
    )


def _line(view: ComparisonView) -> str:
    mark = runs.STATES[view.state][0]
    return f"{mark} {view.state.value} · {runs.describe(view.config)} · {len(view.seeds)} seeds"


def _take() -> None:
    # As with the sidebar's runs: where a line has changed since it was drawn, the widget answers with the old line.
    picked = st.session_state["set:comparison"]
    known = st.session_state.comparison_lines
    link.keep("comparison", picked if picked in known.values() else known.get(picked))


def _live(comparison: str, whole: int) -> None:
    """How far it is, and the rows as they come; the page is drawn anew with each whole seed, and at the end."""
    try:
        view = comparisons.read(comparison)
    except UserError as error:
        st.error(str(error), icon=":material/error:")
        return
    if view.finished or len(view.rows.whole) != whole:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.progress(view.progress[-1].fraction if view.progress else 0.0, text=_text(view))
        st.button(
            "Cancel",
            key="cancel-comparison",
            icon=":material/stop_circle:",
            help="Stop at the next step. Whole seeds stay, and it can go on from there.",
            disabled=view.stopping,
            on_click=_cancel,
            args=(view.id,),
        )
    if view.reason and not view.stopping:
        st.warning(runs.sentence(view.reason), icon=":material/warning:")
    if view.rows.found:
        rival_results.draw_scores(view, whole=False)


def _text(view: ComparisonView) -> str:
    if view.stopping:
        return "Stopping…"
    if view.state is State.QUEUED:
        state = engine.info()
        if isinstance(state, str):
            return f"Waiting: {state}"
        return "The engine is starting…" if state.starting else "Waiting for a free worker…"
    if not view.progress:
        return "Starting…"
    newest = view.progress[-1]
    method = about(newest.message, tasks.titles_by_name(view.config)).title
    pace = rival_results.pace(view)
    return f"Seed {newest.step} of {newest.steps}: {method}" + (f" · {pace}" if pace else "")


def _cancel(comparison: str) -> None:
    try:
        engine.cancel_comparison(comparison)
    except UserError as error:
        st.session_state.notice = str(error)


def _ending(view: ComparisonView) -> None:
    """What became of a comparison that ended early, and how it goes on."""
    _, icon, meaning = runs.STATES[view.state]
    reason = f" {runs.sentence(view.reason)}" if view.reason else ""
    done, count = len(view.rows.whole), len(view.seeds)
    kept = f" {done} of {count} seeds {'is' if done == 1 else 'are'} whole." if done else ""
    say = st.info if view.state is State.CANCELLED else st.error
    say(f"This comparison {meaning}{reason}{kept}", icon=icon)
    st.button(
        "Go on" if done else "Start again",
        icon=":material/resume:",
        help="Compute the seeds that are missing.",
        on_click=_go_on,
        args=(view,),
    )


def _go_on(view: ComparisonView) -> None:
    try:
        engine.compare(view.config, view.seeds)
    except UserError as error:
        st.session_state.notice = str(error)
