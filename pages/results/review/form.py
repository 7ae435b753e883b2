"""The requirements as controls, as a file and in the link."""

from __future__ import annotations

import streamlit as st

from mtbkd_core import UserError
from mtbkd_core.review.requirements import Answered, ClassAccuracy, Requirements, from_link, read_requirements
from mtbkd_core.review.words import OF_DEFAULTS
from pages.ui import link
from pages.ui.words import plain

#: Requirement -> label, limits and step of its control, and what it is for.
_NUMBERS = {
    "accuracy": ("Accuracy, at least", 0.0, 1.0, 0.01, "Share of cases that it has right."),
    "ece": (
        "ECE, at most",
        0.0,
        1.0,
        0.005,
        "Expected calibration error: how far confidence and truth lie apart, on average.",
    ),
    "coverage": ("Coverage of 95 % sets, at least", 0.0, 1.0, 0.01, "Share of credible sets that hold the true class."),
    "ood_auroc": (
        "Foreign inputs found, AUROC",
        0.5,
        1.0,
        0.01,
        "By epistemic uncertainty, for each shift of the task.",
    ),
    "r_hat": ("R-hat, at most", 1.001, 2.0, 0.01, "Do the chains agree: the worst of three R-hats."),
    "max_bytes": ("Size in bytes, at most", 1.0, 1e12, 1e5, "Of the smallest export that is level with the whole."),
    "latency_ms": (
        "Time in ms, at most",
        0.001,
        1e6,
        1.0,
        "Of that export for one input, on one core of this machine.",
    ),
}
#: Limits that stand there once one is asked for that is not by default.
_PROPOSED = {"ood_auroc": 0.8, "max_bytes": 5e6, "latency_ms": 10.0}


def _asked(start: Requirements) -> Requirements:
    """The requirements that the controls hold."""
    values: dict[str, object] = {}
    columns = st.columns(3)
    for place, (name, (label, low, high, step, help)) in enumerate(_NUMBERS.items()):
        own = getattr(start, name)
        with columns[place % 3]:
            if st.checkbox(label, own is not None, key=f"ask:{name}", help=help):
                shown = own if own is not None else _PROPOSED.get(name, low)
                values[name] = st.number_input(
                    label,
                    low,
                    high,
                    shown,
                    step,
                    format="%g",
                    key=f"limit:{name}",
                    label_visibility="collapsed",
                    help=f"The limit. {help}",
                )
    values |= _pairs_asked(start)
    return Requirements.model_validate({name: values.get(name) for name in Requirements.model_fields})


def _pairs_asked(start: Requirements) -> dict[str, object]:
    """Those of two numbers each: of every class, and of the answers that are given without a person."""
    values: dict[str, object] = {}
    left, right = st.columns(2)
    with left:
        own = start.class_accuracy or ClassAccuracy()
        if st.checkbox("Accuracy of every class, at least", start.class_accuracy is not None, key="ask:class"):
            least = st.number_input(
                "Accuracy of every class",
                0.0,
                1.0,
                own.at_least,
                0.05,
                key="class:least",
                label_visibility="collapsed",
                help="The share of its cases that each class has right, at least.",
            )
            few = st.number_input(
                "Classes with fewer test examples are not judged",
                1,
                10_000,
                own.min_examples,
                help="Of few examples no accuracy can be told.",
            )
            values["class_accuracy"] = ClassAccuracy(at_least=least, min_examples=few)
    with right:
        answers = start.answered or Answered()
        if st.checkbox("Share of cases answered by itself, at least", start.answered is not None, key="ask:answered"):
            share = st.number_input(
                "Share answered",
                0.0,
                1.0,
                answers.share,
                0.05,
                key="answered:share",
                label_visibility="collapsed",
                help="The share of cases that the student answers without a person, at least.",
            )
            risk = st.number_input(
                "Wrong among those answered, at most",
                0.0,
                1.0,
                answers.max_risk,
                0.01,
                help="The share of its answers that may be wrong.",
            )
            values["answered"] = Answered(share=share, max_risk=risk)
    return values


def _take() -> None:
    """Requirements from a file: the controls start from them."""
    file = st.session_state.requirements_file
    if file is None:
        return
    try:
        st.session_state.requirements = read_requirements(file.getvalue())
    except UserError as error:
        st.session_state.requirements_problem = str(error)
        return
    _forget_controls()


def _forget_controls() -> None:
    for key in [key for key in st.session_state if str(key).startswith(("ask:", "limit:", "class:", "answered:"))]:
        del st.session_state[key]


def open_link() -> None:
    """Take a verdict's requirements from the link: where a page is loaded anew, or in another session."""
    asked = st.query_params.get("asked")
    if asked is None or asked == st.session_state.get("kept:asked"):
        return
    try:
        found = from_link(asked)
    except UserError as error:
        link.keep("asked", None)
        st.warning(plain(error), icon=":material/link_off:")
        return
    late = bool(st.query_params.get("late"))
    _forget_controls()
    run = st.session_state.run
    st.session_state.update(
        requirements=found, judged=True, requirements_since=(found, frozenset({run} if late and run else ()))
    )


def write_link(asked: Requirements, *, late: bool) -> None:
    """Put what a verdict is by into the link."""
    link.keep("asked", asked.as_link())
    link.keep("late", "1" if late else None)


def draw() -> Requirements:
    """The controls; returns what they ask."""
    if problem := st.session_state.pop("requirements_problem", None):
        st.error(plain(problem), icon=":material/error:")
    if "ask:accuracy" not in st.session_state:  # the page is new, or a file was opened
        st.session_state.requirements_start = st.session_state.get("requirements", Requirements())
    asked = st.session_state.requirements = _asked(st.session_state.requirements_start)
    if asked == Requirements():
        st.caption(OF_DEFAULTS)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.download_button(
            "Requirements as a file",
            asked.as_yaml(),
            "requirements.yaml",
            "application/yaml",
            icon=":material/download:",
            on_click="ignore",
            help="To hand over before the student is made. The command `review` takes it, too.",
        )
        st.file_uploader("Open a file of requirements", "yaml", key="requirements_file", on_change=_take)
    return asked
