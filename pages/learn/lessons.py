"""Lessons: the playground step by step, shipped ones and those that people make."""

import streamlit as st

from mtbkd_core import UserError
from mtbkd_core.browser import offline
from mtbkd_core.browser.lessons import Guess, Lesson, Picture, Step, read_lesson, shipped
from pages.ui import link, playground
from pages.ui.words import plain

_OWN = "own"
_LINE = "A link to the playground in a certain state, as its button Copy link gives it; empty: as at the start."


def _opened() -> Lesson | None:
    """The lesson that the visitor has opened from a file, kept for the session."""
    text = st.session_state.get("own_lesson")
    return read_lesson(text) if text else None


def _play(text: str) -> None:
    st.session_state.own_lesson = text
    st.session_state["view:lessons:lesson"] = _OWN


def _take(upload: str) -> None:
    file = st.session_state[upload]
    if file is None:
        return
    try:
        _play(read_lesson(file.getvalue()).as_yaml())
    except UserError as error:
        st.session_state.lesson_problem = str(error)


def _make(shown: Lesson) -> None:
    """Change a lesson's words and steps, take it along as a file, or open one."""
    st.caption(
        "Set the playground up as a step should show it, copy its link, and paste it here with a sentence. The file is "
        "all there is: send it to somebody, who opens it here."
    )
    title = st.text_input("Title", shown.title, max_chars=120, help="The lesson's name, above its steps.")
    line = st.text_input("In a sentence", shown.line, max_chars=300, help="What it teaches, below its name.")
    rows = st.data_editor(
        [
            step.model_dump(mode="json", include={"text", "play", "show", "pin", "guess", "edit"})
            for step in shown.steps
        ],
        key=f"steps:{shown.title}",
        num_rows="dynamic",
        hide_index=True,
        column_config={
            "text": st.column_config.TextColumn("What to say", width="large", required=True, max_chars=1000),
            "play": st.column_config.TextColumn("Link or state", help=_LINE),
            "show": st.column_config.MultiselectColumn(
                "Shows",
                options=list(Picture),
                help="The pictures that stand beside the words, on the page and when it is presented.",
            ),
            "pin": st.column_config.CheckboxColumn(
                "Compare", help="Show before, after and difference to the last step in another state."
            ),
            "guess": st.column_config.SelectboxColumn(
                "Guess first", options=["", *Guess], help="Ask before it is shown."
            ),
            "edit": st.column_config.CheckboxColumn(
                "Points change", help="Clicks on the map add and change points; else they only choose one."
            ),
        },
    )
    try:
        lesson = Lesson(title=title, line=line, steps=tuple(_step(row) for row in rows if row.get("text")))
    except ValueError:
        st.error("A lesson needs a title and at least one step with a sentence; a link must be one of the playground.")
        return
    with st.container(horizontal=True):
        st.button(
            "Play it",
            icon=":material/play_arrow:",
            help="Show these steps above.",
            on_click=_play,
            args=(lesson.as_yaml(),),
        )
        _downloads(lesson)


def _after(name: str) -> dict[str, str]:
    """Where a lesson leads at its end: to the next one, or to the playground."""
    names = list(shipped())
    place = names.index(name) + 1 if name in names else len(names)
    if place == len(names):
        return {"href": "playground", "title": "Go on in the playground"}
    return {"href": f"lessons?lesson={names[place]}", "title": f"Next lesson: {shipped()[names[place]].title}"}


def _step(row: dict[str, object]) -> Step:
    return Step.model_validate({name: value for name, value in row.items() if value not in (None, "", [])})


def _downloads(lesson: Lesson) -> None:
    st.download_button(
        "Lesson as a file",
        lesson.as_yaml(),
        "lesson.yaml",
        "application/yaml",
        icon=":material/download:",
        on_click="ignore",
        help="A small text file that this page opens again.",
    )
    st.download_button(
        "As a page of its own",
        lambda: offline.document(lesson.model_dump(mode="json")),
        "lesson.html",
        "text/html",
        icon=":material/description:",
        on_click="ignore",
        help="One HTML file that scrolls through the steps and works without a network.",
    )


own = _opened()
offered = {**shipped(), **({_OWN: own} if own else {})}
name = st.segmented_control(
    "Lesson",
    list(offered),
    required=True,
    format_func=lambda name: plain(offered[name].title),
    label_visibility="collapsed",
    help="Each leads through the playground step by step.",
    **link.bound("lesson", list(offered), next(iter(offered))),
)
lesson = offered[name]
if st.session_state.get("lesson_shown", name) != name:  # another lesson begins at its first step
    link.drop("step")
    link.drop("play")
st.session_state.lesson_shown = name
st.markdown(plain(lesson.line))
with st.container(key="stage"):
    playground.show(f"lesson:{lesson.title}", lesson.model_dump(mode="json") | {"after": _after(name)})
with st.container(key="make"), st.expander("Make your own, save it, open one", icon=":material/edit_note:"):
    if problem := st.session_state.pop("lesson_problem", None):
        st.error(plain(problem), icon=":material/error:")
    st.file_uploader("Open a lesson", "yaml", key="lesson_file", on_change=_take, args=("lesson_file",))
    _make(lesson)
