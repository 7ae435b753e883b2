"""Work beside runs (comparisons, sweeps, valuations) as a page shows it: launched, picked, watched, gone on with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

import streamlit as st

from mtbkd_core import UserError
from mtbkd_core.baselines import about
from mtbkd_core.runs import comparisons, store, sweeps, valuations
from mtbkd_core.runs.comparisons import ComparisonView
from mtbkd_core.runs.grids import GridView
from mtbkd_core.runs.store import State
from mtbkd_core.runs.sweeps import SweepView
from mtbkd_core.runs.tables import A, Table, TableView, V
from mtbkd_core.runs.valuations import ValuationView
from pages.shared import engine, link, places, progress, runs, setting_names, tasks


@dataclass(frozen=True)
class Desk(Generic[A, V]):
    """Where one kind of work is dealt with.

    Attributes:
        table: the kind.
        what: one of them in a line of plain text, without its state.
        how_far: what is being done, once it has told something.
        part: what a person calls a part of it.
        where: the page and the link's parameters that show it.
        parameter: of the link, which holds the chosen one; "" where the chosen run tells.
    """

    table: Table[A, V]
    what: Callable[[V], str]
    how_far: Callable[[V], str]
    part: str
    where: Callable[[V], tuple[str, dict[str, str]]]
    parameter: str = ""

    @property
    def noun(self) -> str:
        """What a person calls one."""
        return self.table.kind.noun


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
        return f"{runs.STATES[view.state][0]} {view.state.value} · {desk.what(view)}"

    lines = {name: line(name) for name in options}
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
        st.warning(runs.sentence(view.reason), icon=":material/warning:")
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
    _, icon, meaning = runs.STATES[view.state]
    reason = f" {runs.sentence(view.reason)}" if view.reason else ""
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


def summary(desk: Desk[A, V], view: V) -> str:
    """One line on what is shown: which, of what, how much of it is there, how long a part took."""
    whole, count = len(view.rows.whole), len(view.asked.parts())
    parts = (
        f"{desk.noun.capitalize()} **{view.id}**",
        runs.describe(view.config),
        f"{whole} of {count} {desk.part}s",
        pace(desk, view),
    )
    return " · ".join(part for part in parts if part)


def pace(desk: Desk[A, V], view: V) -> str:
    """How long a part took, mean over those that are whole; nothing before the first."""
    seconds = view.rows.seconds.values()
    if not seconds:
        return ""
    mean = sum(seconds) / len(seconds)
    return f"{mean:.{0 if mean >= 10 else 1}f} s a {desk.part}"


def under_way() -> list[tuple[Desk, TableView]]:
    """All work of every kind that is not finished."""
    return [(desk, view) for desk in DESKS for view in _all(desk, []) if not view.finished]


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
    progress.meter(view, _text(desk, view), lambda: places.link(page, "Watch", parameters))


def _seed_by_seed(view: ComparisonView) -> str:
    newest = view.progress[-1]
    method = about(newest.message, tasks.titles_by_name(view.config)).title
    took = pace(COMPARISONS, view)
    return f"Seed {newest.step} of {newest.steps}: {method}" + (f" · {took}" if took else "")


def _run_by_run(view: GridView[A]) -> str:
    newest = view.progress[-1]
    return f"{newest.step} of {newest.steps} runs are done. {newest.message}"


def _swept(view: SweepView) -> str:
    asked = view.asked
    often = f", {asked.seeds} seeds" if asked.seeds > 1 else ""
    title = setting_names.title(asked.setting)
    return f"{title}, {len(asked.values)} values{often} · {runs.describe(view.config)}"


def _valued(view: ValuationView) -> str:
    return f"{len(view.config.teachers)} teachers · {runs.describe(view.config)}"


COMPARISONS: Desk[comparisons.Asked, ComparisonView] = Desk(
    comparisons.TABLE,
    what=lambda view: f"{runs.describe(view.config)} · {len(view.seeds)} seeds",
    how_far=_seed_by_seed,
    part="seed",
    where=lambda view: ("compare", {"view": "rivals", "comparison": view.id}),
    parameter="comparison",
)
SWEEPS: Desk[sweeps.Asked, SweepView] = Desk(
    sweeps.TABLE,
    what=_swept,
    how_far=_run_by_run,
    part="run",
    where=lambda view: ("compare", {"view": "sweep", "sweep": view.id}),
    parameter="sweep",
)
VALUATIONS: Desk[valuations.Asked, ValuationView] = Desk(
    valuations.TABLE,
    what=_valued,
    how_far=_run_by_run,
    part="run",
    where=lambda view: (
        "influence",
        {"run": store.run_id(view.config), "replicates": str(view.asked.seeds)},
    ),
)
DESKS: tuple[Desk, ...] = (COMPARISONS, SWEEPS, VALUATIONS)
