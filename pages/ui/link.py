"""The draft configuration and the address bar: a link holds what is on the screen, and is checked like any other input.

Streamlit's own binding of widgets to the address bar drops a parameter as soon as its widget is not drawn, that is on
every change of page. So the draft lives in the session, and this module writes what differs from the defaults after
every change, on every page. What belongs to one page (which interval, which class) is bound to its widget by `bound`;
the names of such parameters stand with the page in `navigation`, and that of a job with its kind in `jobs.kinds`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from mtbkd_core import RunConfig, UserError, build_config, default_config, fingerprint
from mtbkd_core.catalog.registry import missing_data, task_info
from mtbkd_core.catalog.settings import change_task, changed_settings, leaving_room
from mtbkd_core.config.parse import full_name, renamed, sampler_for_batches
from pages.ui import navigation
from pages.ui.jobs.kinds import WORDS
from pages.ui.words import plain

_EMBED = frozenset({"embed", "embed_options"})


def open_link(page: str) -> None:
    """Take draft, runs and example from the address bar: in a fresh session, and on the browser's Back and Forward.

    A link from another page may name the run or the task that this one is to show.
    """
    back = _goes_back()
    if "draft" in st.session_state and not back:
        if st.session_state.get("page") != page:
            _follow_link()
        draft()  # its task may have been forgotten meanwhile
        return
    if back:
        for key in [key for key in st.session_state if str(key).startswith("view:")]:
            del st.session_state[key]
    written = {name: st.query_params[name] for name in st.query_params if not _of_page(name)}
    given = {full_name(name): value for name, value in written.items()}
    wrong: list[str] = []
    st.session_state.run = given.pop("run", None) or None
    st.session_state.before = given.pop("before", None) or None
    st.session_state.example = 0
    asked = given.pop("example", "0")
    try:
        example = int(asked)
        if example >= 0:  # one beyond the last is reported where the task is at hand: see `examples.chosen`
            st.session_state.example = example
        else:
            wrong.append(f"example: {example} is below 0, the first one; 0 is shown")
    except ValueError:
        wrong.append(f"example: got {asked[:60]!r}, a whole number is needed")
    task = given.get("data.task", RunConfig().data.task)
    try:
        config = build_config(given.items(), base=default_config(task))
        config, hint = (config, None) if "data.n_unlabelled" in given else leaving_room(config)
        if not missing_data(config.data.task):  # else the pages say how to get it, and offer to
            fingerprint(config)  # knows the tasks and their teachers, and trains nothing
        st.session_state.draft = config
        st.session_state.hint = " ".join([*renamed(written), *([hint] if hint else [])])
    except UserError as error:
        st.session_state.draft = _start(task)
        wrong.append(f"{error} — the task's default settings are shown instead")
    st.session_state.link_warning = "This link could not be read in full. " + "; ".join(wrong) + "." if wrong else None


def _follow_link() -> None:
    if run := st.query_params.get("run"):
        st.session_state.run = run
    task = st.query_params.get("data.task")
    if task and task != draft().data.task:
        with suppress(UserError):  # forgotten meanwhile
            st.session_state.draft = change_task(draft(), task)


def _start(task: str) -> RunConfig:
    """The default settings of a task, or of the first one where it is not there."""
    try:
        start = default_config(task)
        if not missing_data(task):
            fingerprint(start)
    except UserError:
        return default_config(RunConfig().data.task)
    return start


def _of_page(name: str) -> bool:
    """Whether a parameter belongs to a page's own widgets, names a job, or is Streamlit's."""
    return name in _EMBED or name in navigation.parameters() or any(name == words.parameter for words in WORDS)


def _goes_back() -> bool:
    context = get_script_run_ctx()
    return bool(getattr(context, "is_history_navigation", False)) and bool(st.query_params)


def bound(
    name: str,
    options: Sequence[Any],
    default: Any = None,
    *,
    many: bool = False,
    follow: bool = False,
    read: Callable[[str], str] = str,
) -> dict[str, Any]:
    """What makes a widget of the present page hold a parameter of the link: its key and its callback.

    Not Streamlit's own binding: where pages change in haste it was seen to leave one page's value in another's widget.
    A value that is no option is reported in one line, and the default stands in its place.

    Args:
        name: one of the page's parameters in `navigation`.
        options: what the widget offers.
        default: what it shows at first, and what the link leaves out; a list where `many` may be chosen.
        follow: whether it shows the default wherever the link has no value, as where another run has another one.
        read: from a value in a link, which may be old, to the option's name of today.
    """
    key = f"view:{st.session_state.page}:{name}"
    if follow and name not in st.query_params:
        st.session_state.pop(key, None)
    known = {str(option): option for option in options}
    if key not in st.session_state:
        st.session_state[key] = default
        if name in st.query_params:
            given = st.query_params[name]
            parts = [part for part in given.split(",") if part] if many else [read(given)]
            if all(part in known for part in parts):
                st.session_state[key] = [known[part] for part in parts] if many else known[parts[0]]
            else:
                del st.query_params[name]
                st.warning(
                    plain(f"{name}: the link has {given[:60]!r}, which is none of the choices."),
                    icon=":material/link_off:",
                )
    shown = st.session_state[key]
    if not all(str(value) in known for value in (shown if many else [shown]) if value is not None):
        st.session_state[key] = default  # of another task or run, which has other classes or teachers
        drop(name)
    return {"key": key, "on_change": _take_view, "args": (name, key, default, many)}


def drop(name: str) -> None:
    """Take a parameter of the present page's own out of the link."""
    if name in st.query_params:
        del st.query_params[name]


def _take_view(name: str, key: str, default: Any, many: bool) -> None:
    value = st.session_state[key]
    if value == default or value is None:
        drop(name)
    else:
        st.query_params[name] = ",".join(map(str, value)) if many else str(value)


def write_link() -> None:
    """Write the task, and what differs from where a newcomer to it starts, into the address bar."""
    wanted = changed_settings(st.session_state.draft)
    if st.session_state.run:
        wanted["run"] = st.session_state.run
    if st.session_state.before:
        wanted["before"] = st.session_state.before
    if st.session_state.example:
        wanted["example"] = str(st.session_state.example)
    for name in list(st.query_params):
        if name not in wanted and not _of_page(name):
            del st.query_params[name]
    new = {name: text for name, text in wanted.items() if st.query_params.get(name) != text}
    if new:
        st.query_params.update(new)


def draft() -> RunConfig:
    """The configuration being edited; a default one, with a notice, where its task or a teacher no longer exists."""
    config: RunConfig = st.session_state.draft
    try:
        there = {teacher.name for teacher in task_info(config.data.task).teachers}
    except UserError:
        gone, config = config.data.task, default_config(RunConfig().data.task)
        st.session_state.notice = f"The task {gone} no longer exists; {config.data.task} is shown instead."
        st.session_state.draft, st.session_state.example = config, 0
        return config
    if absent := [name for name in config.data.teachers if name not in there]:
        config = default_config(config.data.task)
        st.session_state.notice = (
            f"The task {config.data.task} no longer has a teacher {', '.join(absent)}; its default settings are shown."
        )
        st.session_state.draft = config
    return config


def change(overrides: Iterable[tuple[str, Any]]) -> bool:
    """Change the draft; what is not allowed changes nothing, and is reported in one line on the next drawing."""
    overrides = list(overrides)
    try:
        changed = build_config(overrides, base=draft())
        hint = None
        if {name for name, _ in overrides} == {"data.n_labelled"}:
            changed, hint = leaving_room(changed)
        elif sampler_for_batches(draft(), dict(overrides)):
            hint = "Minibatches are sampled by BAOAB, because the sampler before needs all examples."
        if changed.data != draft().data:
            fingerprint(changed)  # data settings that no task can be loaded with are refused here
        replace(changed)
        st.session_state.hint = hint
        return True
    except UserError as error:
        st.session_state.notice = str(error)
        return False


def replace(config: RunConfig) -> None:
    """Put a whole configuration in the draft's place."""
    st.session_state.draft = config
    write_link()


def choose_run(run: str | None) -> None:
    """Choose the run that the results pages show."""
    st.session_state.run = run
    write_link()


def pin(run: str | None) -> None:
    """Pin a run as before: results pages show it beside the chosen one. None: let it go."""
    st.session_state.before = run
    write_link()


def choose_example(index: int) -> None:
    """Choose the test example that every page follows."""
    st.session_state.example = int(index)
    write_link()


def kept(name: str) -> str | None:
    """A parameter of one page that no widget holds: from the link, or as it was when the page was left."""
    value = st.query_params.get(name) or st.session_state.get(f"kept:{name}")
    keep(name, value)
    return value


def keep(name: str, value: str | None) -> None:
    """Put such a parameter into the link, or take it away."""
    st.session_state[f"kept:{name}"] = value
    if value:
        if st.query_params.get(name) != value:
            st.query_params[name] = value
    elif name in st.query_params:
        del st.query_params[name]


def show_notices() -> None:
    """Report, once, what was wrong with the link or with the last change."""
    if warning := st.session_state.get("link_warning"):
        st.session_state.link_warning = None
        st.warning(plain(warning), icon=":material/link_off:")
    if notice := st.session_state.pop("notice", None):
        st.error(plain(notice), icon=":material/error:")
    if hint := st.session_state.pop("hint", None):
        st.info(plain(hint), icon=":material/info:")
