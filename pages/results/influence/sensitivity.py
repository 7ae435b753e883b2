"""What would change if a teacher counted 10 % less: a score, a class, and one example."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from mtbkd_core import Task
from mtbkd_core.evaluation.reweighting import Reweighted
from mtbkd_core.evaluation.scores import COMPARED, SCORES
from mtbkd_core.figures.sensitivity import draw_sensitivity
from mtbkd_core.studies import sensitivity
from pages.ui import charts, link, task_words
from pages.ui.chosen_run import Chosen
from pages.ui.words import plain

_HELP = (
    "Each teacher's base weight is multiplied by 0.9, the weights are renormalised at every example, and the run's "
    "own draws are reweighted by importance (power-scaling, Kallioinen et al., 2024): no student is sampled anew. "
    "Whiskers: 95 % intervals, from the sampler's error and, of a score or a class, that of a test set of this size. "
    "**Pareto k** says whether the draws at hand can tell: above 0.7 "
    "they cannot."
)
_LESS = 0.9
_CLASS = "class: "


@st.cache_resource(show_spinner="Reweighting the draws…", max_entries=4)
def _found(version: str, _chosen: Chosen, _task: Task) -> dict[str, Reweighted]:
    return sensitivity.run_sensitivity(_chosen.result, _task)


@st.cache_resource(show_spinner=False, max_entries=32)
def _changes(version: str, answer: str, _chosen: Chosen, _found: Mapping[str, Reweighted]) -> pd.DataFrame:
    labels = _chosen.result.predictions.test.labels.long()
    if answer in SCORES:
        return sensitivity.score_changes(_found, labels, answer)
    return sensitivity.class_changes(_found, labels, _chosen.class_names.index(answer.removeprefix(_CLASS)))


def draw(chosen: Chosen, task: Task) -> Mapping[str, Reweighted]:
    """The part of the page on scores and classes; what was found is used for single examples, too."""
    st.caption("From the run's own draws, reweighted: no student is sampled anew.", help=_HELP)
    if not chosen.whole:
        st.caption("These draws are too few to be reweighted: this comes when a run of yours is done.")
        return {}
    found = _found(chosen.version, chosen, task)
    if not found:
        st.caption("One teacher alone, or a strength of 0: the teachers' weights change nothing.")
        return found
    offered = [*COMPARED, *(f"{_CLASS}{name}" for name in chosen.class_names)]
    answer = st.selectbox(
        "Change of",
        offered,
        format_func=lambda name: SCORES[name].title if name in SCORES else f"Probability of {name}",
        **link.bound("answer", offered, "nll"),
        width=320,
        help="A score of the test examples, or the mean probability of a class on the test examples that have it.",
    )
    table = _changes(chosen.version, answer, chosen, found)
    if answer in SCORES:
        info = SCORES[answer]
        sides = ("worse", "better") if info.higher_is_better else ("better", "worse")
        what = info.short
    else:
        name = answer.removeprefix(_CLASS)
        sides, what = ("less probable", "more probable"), f"probability of {name}"
    if all(own.chains_agree for own in found.values()):
        words = _in_words(chosen, sensitivity.harms(_changes(chosen.version, "nll", chosen, found)))
    else:
        words = (
            "This run's chains do not agree, so its draws cannot tell what less of a teacher would change: all is grey."
        )
    st.markdown(f"{words} A responsibility is a share of a density, not a cause; these bars are about causes.")
    _chart(chosen, table, sides, what, "sensitivity")
    return found


def draw_example(chosen: Chosen, found: Mapping[str, Reweighted], index: int, item: str) -> None:
    """The chart for one test example."""
    if not found:
        return
    label = int(chosen.result.predictions.test.labels[index])
    table = sensitivity.example_changes(found, index, label)
    _chart(
        chosen,
        table,
        ("less probable", "more probable"),
        f"probability of the true class at this {item}",
        "sensitivity-of-one",
    )


def _chart(chosen: Chosen, table: pd.DataFrame, sides: tuple[str, str], what: str, key: str) -> None:
    less = table[table["factor"] == _LESS]
    charts.show(
        draw_sensitivity(
            less,
            chosen.teachers,
            task_words.colours(chosen.view.config),
            left=sides[0],
            right=sides[1],
            shaded="left" if sides[0] == "better" else "right",
            title=f"Change of the {what}",
        ),
        f"With 10 % less of a teacher: {what}",
        "A long bar: this answer depends on that teacher. Grey: within its errors, or the draws cannot tell.",
        lambda: table,
        key=key,
        help=_HELP,
    )


def _in_words(chosen: Chosen, harmful: Mapping[str, bool]) -> str:
    """Which teachers the student would be better with less of."""
    worse = [plain(chosen.teachers[name]) for name in harmful]
    first = (
        f"With a little less of **{'**, or of **'.join(worse)}** the student's NLL on these test examples would be "
        "lower."
        if worse
        else "With less of any teacher the student's NLL on the test examples would not be clearly lower."
    )
    if unclear := [plain(chosen.teachers[name]) for name, clear in harmful.items() if not clear]:
        first += f" Of {', '.join(unclear)} that is within the error of a test set of this size."
    return first
