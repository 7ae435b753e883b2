"""Your own data, what every kind has in common: what a check found, adding the task, and the list of own tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import streamlit as st

from mtbkd_core import Progress, RunConfig, UserError, task_info
from mtbkd_core.catalog import adding
from mtbkd_core.catalog.registry import own
from mtbkd_core.catalog.settings import change_task, default_config
from mtbkd_core.common.owners import may_change, refuse_others
from mtbkd_core.common.progress import OnProgress
from mtbkd_core.imports.check import Checked
from mtbkd_core.imports.spec import suggest_name
from mtbkd_core.imports.table import count_of
from mtbkd_core.runs import store
from mtbkd_core.runs.kinds import training
from pages.ui import link, navigation, owner
from pages.ui.words import plain

#: Stands for the task's name until the person has chosen one.
UNNAMED = "unnamed"
#: What a check finds.
Found = TypeVar("Found")


def was_checked(mark: str) -> bool:
    """Whether these files and choices were checked the last time."""
    return bool(st.session_state.get("own:checked", ("",))[0] == mark)


def checked_once(mark: str, work: Callable[[OnProgress], Found]) -> Found | None:
    """What a check found, or None and the problem on the page; the same files and choices are checked once.

    Args:
        mark: changes with the files and the choices.
    """
    if not was_checked(mark):
        answer: Found | tuple[str, ...]
        place = st.empty()
        bar = place.progress(0.0, text="Checking…")

        def show(progress: Progress) -> None:
            bar.progress(progress.fraction, text=plain(progress.message))

        try:
            answer = work(show)
        except UserError as error:
            answer = error.problems
        place.empty()
        st.session_state["own:checked"] = (mark, answer)
    found_out = st.session_state["own:checked"][1]
    if isinstance(found_out, tuple):
        for line in found_out:
            st.error(plain(line), icon=":material/error:")
        return None
    return found_out  # type: ignore[no-any-return]


def draw_checked(checked: Checked, key: str, called: str) -> None:
    """What a check of rows found, and how they become the chosen task; arguments as `draw_adding`."""
    rows = checked.data.rows
    counts = f"{count_of(rows.features.shape[1], 'feature')}, {count_of(len(rows.logits), 'teacher')}"
    draw_findings(f"{checked.data.about.description} {counts}.", checked.notes, checked.warnings)

    def save(name: str, title: str, unseen: bool, replaces: bool) -> None:
        data = checked.data.named(name, title)
        adding.save_table(replace(checked, data=data), unseen=unseen, replaces=replaces)

    draw_adding(key, called, save)


def draw_findings(line: str, notes: Sequence[str], warnings: Sequence[str]) -> None:
    """What files hold, how they were read, and what may be wrong with them."""
    for warning in warnings:
        st.warning(plain(warning), icon=":material/warning:")
    if count := len(warnings):
        st.info(f"{count} remark{'' if count == 1 else 's'} above. {plain(line)}", icon=":material/info:")
    else:
        st.success(plain(line), icon=":material/check_circle:")
    for note in notes:
        st.caption(plain(note))


def draw_adding(
    key: str,
    called: str,
    save: Callable[[str, str, bool, bool], None],
    *,
    taught: bool = True,
    then: Callable[[str], None] = lambda name: None,
) -> None:
    """What the labels may be used for, the task's title, and the button that adds and chooses the task.

    Args:
        key: tells these data from others.
        called: what the person calls them.
        save: is called with the task's name and title, whether no teacher was trained on the labels, and whether a task
            of that name is replaced.
        taught: whether there are teachers with outputs of their own.
        then: is called with the task's name once it is the visitor's.
    """
    unseen = taught and st.checkbox(
        "No teacher was trained on these labels",
        key=f"own:choice:unseen:{key}",
        help="Each teacher is then calibrated on the student's labels: its logits are divided by the temperature with "
        "the lowest NLL. On labels that it was trained on, a teacher looks better than it is: leave this open then.",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        title = st.text_input(
            "Title",
            f"My {called}"[:60],
            max_chars=60,
            key=f"own:choice:title:{key}",
            width=320,
            help="The task's name on the pages. Links use a short name made from the title.",
        )
        name = suggest_name(title)
        replaces = may_replace(name)
        pressed = st.button(
            "Replace the task" if replaces else "Add this task",
            type="primary",
            icon=":material/add:",
            key="own:add",
            help="Keeps a checked copy in the app's data folder, and chooses the task.",
        )
    say_name(name, replaces, "The title needs a letter or a digit.")
    if not pressed:
        return
    try:
        save(name, title.strip(), unseen, replaces)
        adding.claim(name, owner.me())
        link.replace(change_task(link.draft(), name))
        then(name)
    except UserError as error:
        for line in error.problems:
            st.error(plain(line), icon=":material/error:")
        return
    st.switch_page(navigation.page("teachers"))


def may_replace(name: str) -> bool:
    """Whether there is an imported task of this name that the visitor may replace."""
    return bool(name) and adding.is_imported(name) and may_change(adding.owners_of(name), owner.me())


def say_name(name: str, replaces: bool, needed: str) -> None:
    """The short name of what is about to be added; what becomes of one of that name; or what is needed for a name."""
    former = ": a task of yours, which goes. Its runs stay, marked as of the former data." if replaces else ""
    st.caption(f"Short name: `{name}`{former}" if name else needed)


def draw_imported() -> None:
    """The tasks of one's own, each with a button that forgets it."""
    names = [name for name in own() if may_change(adding.owners_of(name), owner.me())]
    if not names:
        return
    st.header("Tasks of your own", anchor=False)
    for name in names:
        info = task_info(name)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(info.title)}** :small[:gray[{plain(info.description)}]]")
            st.button(
                "Forget",
                key=f"own:forget:{name}",
                type="tertiary",
                icon=":material/delete:",
                help=f"Removes {plain(info.title)} from the app's data folder. Files, runs and trained teachers stay.",
                on_click=_forget,
                args=(name,),
            )


def _forget(name: str) -> None:
    try:
        refuse_others(adding.owners_of(name), owner.me(), f"task {name}")
        for view in store.list_jobs(training.KIND):
            if view.config.data.task == name:
                store.request_cancel(training.KIND, view.id)
        adding.forget(name, by=owner.me())
        if link.draft().data.task == name:
            link.replace(default_config(RunConfig().data.task))
    except UserError as error:
        st.session_state.notice = str(error)
