"""Jobs of any kind on a page: picked, watched until they end, gone on with."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from mtbkd_core import UserError
from mtbkd_core.runs import examples, store
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.job import JobView, S, V
from mtbkd_core.runs.naming import is_of_former_data
from pages.ui import link, navigation, owner, picker, run_words, setting_words
from pages.ui.jobs import progress
from pages.ui.jobs.kinds import WORDS, JobWords, seconds_per_part
from pages.ui.jobs.launch import Show, cancel_button, delete_button, launch
from pages.ui.words import plain

#: Seconds between two looks: at numbers alone, and where charts are drawn anew, too.
_NUMBERS, _CHARTS = 0.5, 1.0


def pick(words: JobWords[S, V], *, help: str, only: Callable[[V], bool] = lambda view: True) -> V | None:
    """The job that the link names, or else the newest; a picker where there are several. None where there is none.

    What cannot be shown has one line each that says why.

    Args:
        only: says which jobs the page shows.
    """
    problems: list[str] = []
    asked = link.kept(words.parameter)
    views = {view.id: view for view in _all(words, problems, asked) if only(view)}
    for problem in problems:
        st.caption(f":material/broken_image: {plain(problem)}")
    for id in dict.fromkeys([*([asked] if asked else []), *views]):
        view = read(words, id)
        if view is not None and only(view):
            link.keep(words.parameter, id)
            with st.container(horizontal=True, vertical_alignment="bottom"):
                if len(views) > 1:
                    lines = {each: run_words.line(view, words.what(view)) for each, view in views.items()}
                    take = partial(link.keep, words.parameter)
                    picker.draw(words.noun.capitalize(), words.parameter, lines, id, help, take)
                delete_button(words, view)
            if line := run_words.former(words.kind, view):
                st.warning(line, icon=":material/history:")
            return view
    link.keep(words.parameter, None)
    return None


def example(words: JobWords[S, V], task: str | None = None) -> V | None:
    """The example of a kind that comes with the program, on a task; it says what it is. None where there is none."""
    found = examples.find(words.kind, task)
    if found is not None:
        st.markdown(
            f":material/inventory_2: **Example** · {plain(words.what(found))}. It comes with the program, and stands "
            "here until there is one of yours."
        )
    return found


def read(words: JobWords[S, V], id: str) -> V | None:
    """Look at one; a problem is shown in one line."""
    try:
        return store.read(words.kind, id)
    except UserError as error:
        st.error(plain(error), icon=":material/error:")
        return None


def _all(words: JobWords[S, V], problems: list[str], asked: str | None = None) -> list[V]:
    try:
        return owner.listed(store.list_jobs(words.kind, problems.append), asked)
    except UserError as error:
        problems.append(str(error))
        return []


def follow(words: JobWords[S, V], view: V, draw: Callable[[V], None] | None = None, show: Show | None = None) -> None:
    """A job that is not done: how far it is and how it is stopped, or how it ended and how it goes on.

    Args:
        draw: what else is drawn anew while it is under way.
        show: see `launch`.
    """
    if not view.finished:
        st.fragment(_live, run_every=_CHARTS if draw else _NUMBERS)(words, view.id, view.parts_done, draw)
    elif view.state is not State.DONE:
        ending(words, view, show)


def _live(words: JobWords[S, V], id: str, parts_done: int, draw: Callable[[V], None] | None) -> None:
    """The page is drawn anew with each whole part, and at the end."""
    view = read(words, id)
    if view is None:
        return
    if view.finished or view.parts_done != parts_done:
        st.rerun()
    progress.meter(words, view, lambda: cancel_button(words, view))
    if view.reason and not view.stopping:
        st.warning(plain(run_words.sentence(view.reason)), icon=":material/warning:")
    if draw is not None:
        draw(view)


def ending(words: JobWords[S, V], view: V, show: Show | None = None) -> None:
    """What became of a job that ended early, and how it goes on."""
    _, icon, meaning = run_words.STATES[view.state]
    reason = f" {plain(run_words.sentence(view.reason))}" if view.reason else ""
    done = view.parts_done
    kept = f" {done} of {view.parts} {words.part}s {'is' if done == 1 else 'are'} whole." if done else ""
    advice = f" {words.advice[view.state]}" if view.state in words.advice else ""
    say = st.info if view.state is State.CANCELLED else st.error
    say(f"This {words.noun} {meaning}{reason}{kept}{advice}", icon=icon)
    goes_on = view.resumable and not is_of_former_data(words.kind, view)
    st.button(
        "Go on" if goes_on else "Start again",
        key=f"go-on-{words.noun}",
        icon=":material/resume:",
        help=words.going_on if goes_on else f"Compute this {words.noun} from the start.",
        on_click=launch,
        args=(words, view.spec, show),
    )


def summary(words: JobWords[S, V], view: V, of: str = "") -> str:
    """One line on a job with parts: which, `of` what, with which settings, how much is there, how long a part took."""
    parts = (
        f"{words.noun.capitalize()} **{view.id}**",
        of,
        setting_words.describe(view.config),
        f"{view.parts_done} of {view.parts} {words.part}s",
        seconds_per_part(words, view),
    )
    return " · ".join(part for part in parts if part)


def under_way() -> list[tuple[JobWords[Any, Any], JobView[Any]]]:
    """All jobs of every kind that are not finished."""
    return [(words, view) for words in WORDS for view in _all(words, []) if not view.finished]


def _is_left(words: JobWords[S, V], view: V) -> bool:
    return view.state is State.INTERRUPTED and owner.is_mine(view) and not is_of_former_data(words.kind, view)


def interrupted() -> list[tuple[JobWords[Any, Any], JobView[Any]]]:
    """All jobs of one's own that can go on and whose engine ended before they did, oldest first."""
    found = [(words, view) for words in WORDS for view in _all(words, []) if _is_left(words, view)]
    return sorted(found, key=lambda one: one[1].created)


def bar(words: JobWords[S, V], view: V) -> None:
    """The progress bar alone, until the job ends, with a link to where the whole is shown."""
    # where it is shown may take a look at many folders: once, not at every look at the numbers
    st.fragment(_bar, run_every=_NUMBERS)(words, view.id, *words.where(view))


def _bar(words: JobWords[S, V], id: str, page: str, parameters: dict[str, str]) -> None:
    view = read(words, id)
    if view is None:
        return
    if view.finished:
        st.rerun()
    progress.meter(words, view, lambda: navigation.link(page, "Watch", parameters))
