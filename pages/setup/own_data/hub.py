"""Your own data, a data set and models: looked at, asked on this machine, checked and made a task."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import streamlit as st

from mtbkd_core import UserError
from mtbkd_core.imports.classes import split_names
from mtbkd_core.imports.hub.check import check_hub
from mtbkd_core.imports.hub.rows import Look, look
from mtbkd_core.imports.hub.spec import HubSpec
from mtbkd_core.imports.limits import MAX_ROWS
from mtbkd_core.imports.spec import suggest_name
from pages.setup.own_data import checked
from pages.ui.words import plain

_KEY = "own:choice:hub:"
_LOOKED = "own:hub:looked"


def draw() -> None:
    """The form, the check, and the task that it makes."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        data = st.text_input(
            "Data set",
            key=f"{_KEY}data",
            placeholder="stanfordnlp/imdb, or /data/reviews",
            help="A name on the Hugging Face Hub, or a folder on the machine that runs the app: as the library "
            "datasets saves it, or with Parquet, JSON lines, CSV, or a folder of pictures for each class.",
        ).strip()
        subset = st.text_input(
            "Subset",
            key=f"{_KEY}subset",
            placeholder="The only one",
            width=200,
            help="The configuration, where the data set has several.",
        ).strip()
        pressed = st.button("Look at it", icon=":material/search:", key="own:hub:look", disabled=not data)
    seen = _seen(data, subset, pressed)
    if seen is None:
        st.caption("Needs the packages datasets and transformers. What is named by a folder asks no other machine.")
        return
    st.dataframe({"Column": list(seen.columns), "Holds": list(seen.columns.values())}, hide_index=True)
    spec = _draw_choices(data, subset, seen)
    if spec is None:
        return
    st.header("Check", anchor=False)
    mark = repr(spec)
    asked = st.button(
        "Ask the models and check",
        icon=":material/model_training:",
        key="own:hub:check",
        help="Loads the data set, and works out the outputs of each model for its rows. They are kept, so that the "
        "same model is asked once about the same rows.",
    )
    if not asked and not checked.was_checked(mark):
        return
    found = checked.checked_once(mark, lambda show: check_hub(checked.UNNAMED, spec, on_progress=show))
    if found is not None:
        checked.draw_checked(found, data, PurePath(data).name)


def _seen(data: str, subset: str, pressed: bool) -> Look | None:
    """What the data set has, once it was looked at; a problem is one line."""
    mark = f"{data}:{subset}"
    if pressed:
        try:
            with st.spinner("Looking at the data set…"):
                st.session_state[_LOOKED] = (mark, look(data, subset))
        except UserError as error:
            st.session_state.pop(_LOOKED, None)
            st.error(plain(error), icon=":material/error:")
    looked, seen = st.session_state.get(_LOOKED, ("", None))
    return seen if looked == mark else None


def _draw_choices(data: str, subset: str, seen: Look) -> HubSpec | None:
    """What the person says of the data set and the models; None while something is missing or wrong."""
    left, right = st.columns(2, gap="large")
    with left:
        st.header("Examples", anchor=False)
        examples = _draw_examples(seen, f"{data}:{subset}")
    with right:
        st.header("Models", anchor=False)
        models = _draw_models()
    if not examples["label"] or not examples["inputs"] or not models["teachers"] or not models["encoder"]:
        st.info(
            "Choose the label, the texts or pictures, a teacher or several, and an encoder.", icon=":material/edit:"
        )
        return None
    try:
        return HubSpec(data=data, subset=subset, **examples, **models)
    except UserError as error:
        st.error(plain(error), icon=":material/error:")
        return None


def _draw_examples(seen: Look, key: str) -> dict[str, Any]:
    """Which columns and parts are used, as `HubSpec` calls them."""
    columns = list(seen.columns)
    label = st.selectbox(
        "Label",
        columns,
        index=None if seen.label is None else columns.index(seen.label),
        placeholder="Choose a column",
        key=f"{_KEY}label:{key}",
        help="The class of each example.",
    )
    inputs = st.multiselect(
        "Texts or pictures",
        columns,
        [seen.inputs] if seen.inputs is not None else [],
        max_selections=2,
        key=f"{_KEY}inputs:{key}",
        help="What the models read: a column of texts or of pictures, or two of texts that belong together.",
    )
    split = st.selectbox(
        "Learn from", seen.splits, key=f"{_KEY}split:{key}", help="The part that the student learns from."
    )
    tests = ["", *(each for each in seen.splits if each != split)]
    test = st.selectbox(
        "Test on",
        tests,
        index=tests.index("test") if "test" in tests else 0,
        format_func=lambda name: name or "A fifth of the same",
        key=f"{_KEY}test:{key}:{split}",
        help="The part that student and teachers are tested on.",
    )
    rows = st.number_input(
        "Rows of each",
        1,
        MAX_ROWS,
        value=None,
        placeholder="All",
        key=f"{_KEY}rows",
        help="So many are drawn at random, always the same. Each model reads all of them, which takes long "
        "without a GPU.",
    )
    classes = st.text_input(
        "Classes",
        key=f"{_KEY}classes",
        placeholder="From the data set",
        help="Names in order, with commas between them, where the data set has only numbers.",
    )
    names = tuple(split_names(classes)) or None
    return {"label": label, "inputs": tuple(inputs), "split": split, "test": test, "rows": rows, "classes": names}


def _draw_models() -> dict[str, Any]:
    """The teachers and the encoder, as `HubSpec` calls them."""
    named = st.text_area(
        "Teachers, a line each",
        key=f"{_KEY}teachers",
        placeholder="owner/model\n/data/models/mine",
        help="Models with a head for classes of texts or pictures: names on the Hub, or folders. Only safetensors "
        "weights are read, and no code of theirs is run.",
    )
    teachers: dict[str, str] = {}
    for model in filter(None, map(str.strip, named.splitlines())):
        who = suggest_name(PurePath(model).name) or "teacher"
        teachers[who if who not in teachers else f"{who[:36]}-{len(teachers) + 1}"] = model
    outputs = {}
    for who in teachers:
        given = st.text_input(
            f"Outputs of {plain(who)}",
            key=f"{_KEY}outputs:{who}",
            placeholder="As the model names them",
            help="The classes in the order of the model's outputs, with commas between them; needed only where the "
            "model does not name them as the data set does.",
        )
        if given.strip():
            outputs[who] = tuple(split_names(given))
    encoder = st.text_input(
        "Encoder",
        key=f"{_KEY}encoder",
        placeholder="owner/encoder",
        help="A model whose hidden states, averaged over a text or a picture, are what the student sees.",
    ).strip()
    normalise = st.checkbox(
        "Divide answers by their sum",
        key=f"{_KEY}normalise",
        help="For models that answer for each class by itself (multi-label).",
    )
    return {"teachers": teachers, "outputs": outputs, "encoder": encoder, "normalise": normalise}
