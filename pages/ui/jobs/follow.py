"""Work beside runs as a page deals with it: launched, picked, watched, gone on with. What there is: `desks`."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from mtbkd_core import UserError, task_info
from mtbkd_core.runs.folder import RACE
from mtbkd_core.runs.jobs import JobView
from mtbkd_core.runs.kinds import sampler_benchmark
from mtbkd_core.runs.kinds.base import A, V
from mtbkd_core.runs.kinds.sampler_benchmark import RaceView
from mtbkd_core.runs.store import State
from mtbkd_core.studies.sampler_benchmark import COMPARED, REFERENCE
from pages.ui import engine, link, navigation, run_words
from pages.ui.jobs import progress
from pages.ui.jobs.kinds import DESKS, Desk, pace


def launch(desk: Desk[A, V], asked: A) -> None:
    """Hand work to the engine, and show it; a problem is said in one line."""
    try:
        view = engine.fill(desk.table, asked)
    except UserError as error:
        st.session_state.notice = str(error)
        return
    if desk.parameter:
        link.keep(desk.parameter, view.id)


def pick(desk: Desk[A, V], *, help: str) -> V | None:
    """The one that the link names or that is newest, and a picker where there are several; None where there is none.

    What cannot be shown is said in one line each.
    """
    problems: list[str] = []
    views = {view.id: view for view in _all(desk, problems)}
    for problem in problems:
        st.caption(f":material/broken_image: {problem}")
    chosen = link.kept(desk.parameter)
    if chosen is None and views:
        chosen = next(iter(views))
        link.keep(desk.parameter, chosen)
    if chosen is None:
        return None
    options = list(views) if chosen in views else [chosen, *views]
    if len(options) > 1:
        _draw_picker(desk, views, options, chosen, help)
    return read(desk, chosen) if chosen is not None else None


def read(desk: Desk[A, V], id: str) -> V | None:
    """Look at one; a problem is said in one line."""
    try:
        return desk.table.read(id)
    except UserError as error:
        st.error(str(error), icon=":material/error:")
        return None


def _all(desk: Desk[A, V], problems: list[str]) -> list[V]:
    try:
        return desk.table.all(problems.append)
    except UserError as error:
        problems.append(str(error))
        return []


def _draw_picker(desk: Desk[A, V], views: dict[str, V], options: list[str], chosen: str, help: str) -> None:
    key, kept = f"set:{desk.parameter}", f"{desk.parameter}_lines"
    if st.session_state.get(key) != chosen:
        st.session_state[key] = chosen

    def line(name: str) -> str:
        if name not in views:
            return f"? unknown · {name[:16]}"
        view = views[name]
        return f"{run_words.STATES[view.state][0]} {view.state.value} · {desk.what(view)}"

    lines = run_words.apart({name: line(name) for name in options})
    st.session_state[kept] = {line: name for name, line in lines.items()}
    st.selectbox(
        desk.noun.capitalize(),
        options,
        key=key,
        format_func=lines.get,
        help=help,
        on_change=_take,
        args=(desk.parameter, key, kept),
    )


def _take(parameter: str, key: str, kept: str) -> None:
    # As with the sidebar's runs: where a line has changed since it was drawn, the widget answers with the old line.
    picked, known = st.session_state[key], st.session_state[kept]
    link.keep(parameter, picked if picked in known.values() else known.get(picked))


def follow(desk: Desk[A, V], view: V, draw: Callable[[V], None] | None = None) -> None:
    """What there is to say of one that is not done: how far it is and how it is stopped, or how it ended and goes on.

    Args:
        draw: what else is drawn anew, every second, of one under way.
    """
    if not view.finished:
        st.fragment(_live, run_every=1.0)(desk, view.id, len(view.rows.whole), draw)
    elif view.state is not State.DONE:
        _ending(desk, view)


def _live(desk: Desk[A, V], id: str, whole: int, draw: Callable[[V], None] | None) -> None:
    """The page is drawn anew with each whole part, and at the end."""
    view = read(desk, id)
    if view is None:
        return
    if view.finished or len(view.rows.whole) != whole:
        st.rerun()
    progress.meter(view, _text(desk, view), lambda: _cancel_button(desk, view))
    if view.reason and not view.stopping:
        st.warning(run_words.sentence(view.reason), icon=":material/warning:")
    if draw is not None:
        draw(view)


def _text(desk: Desk[A, V], view: V) -> str:
    return desk.how_far(view) if view.progress else ""


def _cancel_button(desk: Desk[A, V], view: V) -> None:
    st.button(
        "Cancel",
        key=f"cancel-{desk.noun}",
        icon=":material/stop_circle:",
        help=f"Stop at the next step. Whole {desk.part}s stay, and it can go on from there.",
        disabled=view.stopping,
        on_click=_cancel,
        args=(desk, view.id),
    )


def _cancel(desk: Desk[A, V], id: str) -> None:
    try:
        engine.cancel_table(desk.table, id)
    except UserError as error:
        st.session_state.notice = str(error)


def _ending(desk: Desk[A, V], view: V) -> None:
    """What became of one that ended early, and how it goes on."""
    _, icon, meaning = run_words.STATES[view.state]
    reason = f" {run_words.sentence(view.reason)}" if view.reason else ""
    done, count = len(view.rows.whole), len(view.asked.parts())
    kept = f" {done} of {count} {desk.part}s {'is' if done == 1 else 'are'} whole." if done else ""
    say = st.info if view.state is State.CANCELLED else st.error
    say(f"This {desk.noun} {meaning}{reason}{kept}", icon=icon)
    st.button(
        "Go on" if done else "Start again",
        key=f"go-on-{desk.noun}",
        icon=":material/resume:",
        help=f"Compute the {desk.part}s that are missing.",
        on_click=launch,
        args=(desk, view.asked),
    )


def summary(desk: Desk[A, V], view: V, of: str = "") -> str:
    """One line on what is shown: which, `of` what, with which settings, how much is there, how long a part took."""
    whole, count = len(view.rows.whole), len(view.asked.parts())
    parts = (
        f"{desk.noun.capitalize()} **{view.id}**",
        of,
        run_words.describe(view.config),
        f"{whole} of {count} {desk.part}s",
        pace(desk, view),
    )
    return " · ".join(part for part in parts if part)


class _Races:
    """Races, looked at as tables are."""

    kind = RACE
    read = staticmethod(sampler_benchmark.read)
    all = staticmethod(sampler_benchmark.list_races)


def _racing(view: RaceView) -> str:
    message = view.progress[-1].message
    if message in COMPARED:
        return "Racing"
    return "Running the reference: Hamiltonian Monte Carlo" if message == REFERENCE else message


#: Beside `DESKS`, for a race is no table: it is launched and cancelled on its own page.
RACES: Desk = Desk(
    _Races,
    what=lambda view: f"{task_info(view.config.data.task).title} · {view.seconds:g} s a sampler",
    how_far=_racing,
    part="sampler",
    where=lambda view: ("samplers", {"posterior": view.config.data.task, "race": view.id}),
    parameter="race",
)


def under_way() -> list[tuple[Desk, JobView]]:
    """All work of every kind beside runs that is not finished."""
    return [(desk, view) for desk in (*DESKS, RACES) for view in _all(desk, []) if not view.finished]


def bar(desk: Desk[A, V], view: V) -> None:
    """The progress bar alone, once a second until it ends, with a link to where the whole is shown."""
    st.fragment(_bar, run_every=1.0)(desk, view.id)


def _bar(desk: Desk[A, V], id: str) -> None:
    view = read(desk, id)
    if view is None:
        return
    if view.finished:
        st.rerun()
    page, parameters = desk.where(view)
    progress.meter(view, _text(desk, view), lambda: navigation.link(page, "Watch", parameters))
