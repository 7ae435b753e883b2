"""Examples as pictures, and the one chosen test example that every page follows."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
from PIL import Image

from mtbkd_core import Task, task_info
from mtbkd_core.figures import pictures
from pages.ui import link, sequences
from pages.ui.words import plain

#: Features of an example without a picture that are shown.
_SHOWN = 6
#: A picture among what a task shows; anything else is text, whatever it holds.
_PICTURE = re.compile(r"data:image/jpeg;base64,[A-Za-z0-9+/]+=*")


def picture(task: Task, values: Any, size: int = 128) -> Image.Image | None:
    """An input [F] as a picture about `size` pixels wide; None where the task has no pictures."""
    return None if task.image_shape is None else pictures.picture(values, task.image_shape, size)


def item(task: Task) -> str:
    """What one input is called: image, point, protein."""
    return task_info(task.name).item


def chosen(task: Task) -> int:
    """The chosen test example; the last one, with a warning, where the number is beyond the task's end."""
    index: int = st.session_state.example
    last = len(task.y_test) - 1
    if index > last:
        st.warning(f"Example {index} does not exist; the last one, {last}, is shown.", icon=":material/link_off:")
        link.choose_example(last)
        return last
    return index


def chooser(task: Task) -> int:
    """A field for the chosen test example."""
    index = chosen(task)
    if st.session_state.get("set:example") != index:
        st.session_state["set:example"] = index
    st.number_input(
        f"Test {item(task)}",
        0,
        len(task.y_test) - 1,
        step=1,
        key="set:example",
        help=f"The {item(task)} that every page follows. Its number is part of the link.",
        on_change=lambda: link.choose_example(st.session_state["set:example"]),
    )
    return index


def show(task: Task, index: int, *, part: str = "test", size: int = 128, note: str = "") -> None:
    """Draw one example with its label, where it has one, and a note in Markdown.

    Args:
        part: "test", "train" or the name of a shift.
    """
    values, label = _of(task, part)[index], _label(task, index, part)
    image = picture(task, values, size)
    caption = " · ".join([*([f"Label: **{plain(label)}**"] if label else []), *([note] if note else [])])
    if image is not None:
        alt = f"Example {index}" + (f", label {label}" if label else "")
        st.image(image, width=size, caption=caption, alt=alt)
    elif task.proteins is not None:
        sequences.show(task, index, part=part, caption=caption)
    elif part in task.shown:
        _show_source(task.shown[part][index], f"{part.capitalize()} {item(task)} {index}", caption)
    else:
        where = ", ".join(f"{value:.2f}" for value in values[:_SHOWN].tolist())
        more = f", … {len(values):,} features in all" if len(values) > _SHOWN else ""
        st.markdown(f"{part.capitalize()} {item(task)} {index} at ({where}{more})  \n{caption}")
        if task.truth is not None:
            true = task.truth.probabilities(values[None])[0].tolist()
            st.caption(
                "Truth: " + ", ".join(f"{plain(n)} {p:.1%}" for n, p in zip(task.class_names, true, strict=True))
            )


def _show_source(source: str, name: str, caption: str) -> None:
    """What an example's inputs were worked out of: a text, or a picture as a data URI."""
    st.markdown(f"{name}  \n{caption}")
    if _PICTURE.fullmatch(source):
        st.image(source, width=128, alt=name)
    else:
        st.code(source, language=None, wrap_lines=True)


def _of(task: Task, part: str) -> Any:
    """Inputs [N, F] of a part: "test", "train" or the name of a shift."""
    return {"test": task.x_test, "train": task.x_train, **task.shifts}[part]


def _label(task: Task, index: int, part: str) -> str | None:
    """An example's label in words; None where it is not known."""
    if part in task.shifts:
        return ", ".join(task.shift_labels[part][index]) if part in task.shift_labels else None
    return task.class_names[int((task.y_test if part == "test" else task.y_train)[index])]


def gallery(
    task: Task,
    indices: Sequence[int],
    notes: Sequence[str],
    *,
    key: str,
    choose: Callable[[int], None] | None = None,
    part: str = "test",
    chosen: int | None = None,
) -> None:
    """Examples as buttons; a click on a test example chooses it for every page.

    Args:
        notes: beneath each, in Markdown.
        choose: takes the index of what is clicked; None: it becomes the example that every page follows.
        part: "test" or the name of a shift.
        chosen: index; None for the test example that every page follows.
    """
    inputs, lit = _of(task, part), st.session_state.example if chosen is None else chosen
    kind = "Test " + item(task) if part == "test" else item(task).capitalize()
    st.html(
        f"<style>.st-key-{key} button img {{max-height:none !important; height:3rem !important; border-radius:.2rem;"
        f" display:block; margin:0 auto .15rem}} .st-key-{key} button {{padding:.4rem .45rem; min-width:4.6rem}}"
        f" .st-key-{key} button p {{font-size:.78rem; line-height:1.25}}</style>"
    )
    with st.container(key=key, horizontal=True, gap="small"):
        for index, note in zip(indices, notes, strict=True):
            image, known = picture(task, inputs[index], 48), _label(task, index, part)
            source = task.shown[part][index] if part in task.shown else ""
            uri = pictures.data_uri(image) if image is not None else source if _PICTURE.fullmatch(source) else ""
            if uri:
                label = f"![{index}]({uri}) {note}"
            else:
                label = f"{index if task.proteins is None else plain(sequences.name(task, index, part))}: {note}"
            st.button(
                label,
                key=f"{key}:{index}",
                type="primary" if index == lit else "secondary",
                help=f"{kind} {index}" + (f", label {plain(known)}." if known else "."),
                on_click=choose or link.choose_example,
                args=(int(index),),
            )
