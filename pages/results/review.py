"""Review: requirements set beforehand, and a verdict on the chosen run."""

from __future__ import annotations

import json

import pandas as pd
import streamlit as st

from mtbkd_core import Task, UserError
from mtbkd_core.figures.review import draw_answering
from mtbkd_core.review.causes import Cause, causes
from mtbkd_core.review.record import record
from mtbkd_core.review.requirements import Answered, ClassAccuracy, Requirements, read_requirements
from mtbkd_core.review.verdict import TITLES, Judged, Outcome, Review, review
from pages.results import before_after, costs, report
from pages.ui import charts, chosen_run, navigation
from pages.ui.jobs import task_loading
from pages.ui.words import plain

_LOOK = {
    Outcome.PASS: ("Pass", ":material/check_circle:", "green"),
    Outcome.FAIL: ("Fail", ":material/cancel:", "red"),
    Outcome.INCONCLUSIVE: ("Inconclusive", ":material/help:", "gray"),
}
#: Requirement -> label, limits and step of its control, and what it is for.
_NUMBERS = {
    "accuracy": ("Accuracy, at least", 0.0, 1.0, 0.01, "Share of cases that it has right."),
    "ece": ("Calibration error, at most", 0.0, 1.0, 0.005, "How far confidence and truth lie apart, on average."),
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
    for key in [key for key in st.session_state if str(key).startswith(("ask:", "limit:", "class:", "answered:"))]:
        del st.session_state[key]


def _form() -> Requirements:
    if problem := st.session_state.pop("requirements_problem", None):
        st.error(problem, icon=":material/error:")
    if "ask:accuracy" not in st.session_state:  # the page is new, or a file was opened
        st.session_state.requirements_start = st.session_state.get("requirements", Requirements())
    asked = st.session_state.requirements = _asked(st.session_state.requirements_start)
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


def _show(found: Review, asked: Requirements, shown: chosen_run.Chosen) -> None:
    title, icon, colour = _LOOK[found.verdict]
    st.markdown(f"## {icon} :{colour}[{title}]")
    st.caption("Each verdict is by a 95 % interval that holds the errors of the test set and of the sampler.")
    for each in found.requirements:
        _line(each)
    if found.answering is not None and asked.answered is not None:
        charts.show(
            draw_answering(found.answering, share=asked.answered.share, max_risk=asked.answered.max_risk),
            "What answering more cases costs",
            "The surest cases are answered first, by their deviance. Dashed: the limits. Dotted: the threshold.",
            lambda: pd.DataFrame(found.answering.curve if found.answering else (), columns=["answered", "wrong"]),
            key="answering",
            help="The threshold is set on one half of the test set, so that the share of wrong answers is below the "
            "limit with 95 % confidence; the curve and the numbers are of the other half.",
        )
    if found.classes:
        table = pd.DataFrame(
            {
                "Class": [each.name for each in found.classes],
                "Right": [f"{each.right} of {each.count}" for each in found.classes],
                "Between": [f"{each.low:.0%} and {each.high:.0%}" for each in found.classes],
                "Verdict": [_LOOK[each.verdict][0] for each in found.classes],
                "Most responsible for its errors": [
                    shown.teachers.get(each.responsible, "–") if each.responsible else "–" for each in found.classes
                ],
            }
        )
        charts.heading("Classes, the worst first", lambda: table, key="classes", file="classes.csv")
        st.dataframe(table, hide_index=True)
        st.caption(
            "Most responsible: the teacher with the largest share of the mixture at the errors. A share is not a cause."
        )
        if any(each.verdict is Outcome.FAIL for each in found.classes):
            _why(found, shown)
        navigation.link("influence", "What would change if a teacher counted less?")


def _why(found: Review, shown: chosen_run.Chosen) -> None:
    """Teachers that hold failing classes down."""
    if shown.moment is not None:
        return
    why = _causes(shown.version, found, shown, task_loading.load_for(shown))
    for each in why:
        st.markdown(
            f":material/arrow_right: With 10 % less of **{shown.teachers[each.teacher]}** the class "
            f"**{each.class_name}** would be more probable where it is true, by {each.change:.2%} ± {each.error:.2%}."
        )
    if not why:
        st.caption("With less of any teacher no failing class would be clearly more probable where it is true.")


@st.cache_data(show_spinner="Reweighting the draws…", max_entries=8)
def _causes(version: str, found: Review, _shown: chosen_run.Chosen, _task: Task) -> tuple[Cause, ...]:
    return causes(_shown.result, _task, found.classes)


def _line(each: Judged) -> None:
    title, limit = TITLES[each.name]
    word, icon, colour = _LOOK[each.verdict]
    more = f" About {each.needed:,} test examples would settle it." if each.needed else ""
    text = each.line[:1].upper() + each.line[1:]
    st.markdown(f"{icon} :{colour}[**{word}**] · **{title}**, {limit(each.required)}. {plain(text)}.{more}")


def _late(requirements: Requirements, run: str) -> bool:
    """Whether the requirements were set after results of the run had been shown in this session."""
    since = st.session_state.get("requirements_since")
    if since is None or since[0] != requirements:
        untouched = since is None and requirements == Requirements()
        since = (requirements, frozenset() if untouched else frozenset(navigation.results_seen()))
        st.session_state.requirements_since = since
    return run in since[1]


def _judge(chosen: chosen_run.Chosen, requirements: Requirements) -> None:
    """The verdict, and the button that keeps it."""
    late = _late(requirements, chosen.view.id)
    if late:
        st.warning(
            "These requirements were set after results of this run had been seen, and the verdict says so.",
            icon=":material/visibility:",
        )
    found = costs.find(chosen, needed=requirements.needs_costs)
    export = None if found is None else found.exported
    verdict = review(
        chosen.result,
        requirements,
        file_bytes=export.bytes if export else None,
        latency_ms=export.one if export else None,
    )
    navigation.results_seen().add(chosen.view.id)
    _show(verdict, requirements, chosen)
    kept = record(chosen.view.id, requirements, verdict, late=late) | {"costs": found and found.dump()}
    st.download_button(
        "Verdict as a file",
        json.dumps(kept, indent=1),
        f"verdict-{chosen.view.id}.json",
        "application/json",
        icon=":material/download:",
        on_click="ignore",
        help="What was asked, what was found, and whether the requirements came first, as JSON.",
    )
    if chosen.moment is None:
        report.offer(chosen, requirements, late=late, costs=found)
    costs.draw(chosen, found)
    navigation.link("watch", "Is it still asked what it was tested on? Watch new inputs")


with st.expander("Requirements", expanded="judged" not in st.session_state, icon=":material/rule:"):
    requirements = _form()
chosen = chosen_run.chosen(example=False)
if st.button("Judge the run", type="primary", icon=":material/gavel:", help="Set the requirements first."):
    st.session_state.judged = True
if "judged" in st.session_state:
    _judge(chosen, requirements)
    before_after.of_review(chosen, requirements)
else:
    st.caption("The verdict appears once you judge: requirements that are set before the results are seen mean more.")
