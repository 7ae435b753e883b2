"""One out-of-distribution input: what it is, the student's prediction, and how certain it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from mtbkd_core import Task
from mtbkd_core.evaluation.one_example import ShiftedInputs, share_below, shifted_inputs
from mtbkd_core.figures import uncertainty as figures
from mtbkd_core.tasks.source import ShiftInfo
from pages.ui import charts, chosen_run, examples, link
from pages.ui.words import plain

#: Inputs in each of the two galleries.
_SHOWN = 9


@dataclass(frozen=True)
class _Source:
    """The inputs of one shift, and the student's predictions for them; `predicted` by the classes' names."""

    name: str
    inputs: ShiftedInputs
    predicted: list[str]


def show(task: Task, chosen: chosen_run.Chosen, shifts: Sequence[ShiftInfo]) -> None:
    """Draw it, with the most and the least certain inputs to choose from; `shifts` were measured."""
    left, right = st.columns([1, 3], gap="large")
    with left:
        source = _choose_source(chosen, shifts)
        bound = link.bound("foreign", range(len(source.predicted)), source.inputs.order[0], follow=True)
        index = _choose_input(task, source, bound)
        _describe(task, chosen, source, index)
    with right:
        _draw_prediction(task, chosen, source, index)

    def choose(which: int) -> None:
        st.session_state[bound["key"]] = which
        bound["on_change"](*bound["args"])

    _draw_galleries(task, source, index, choose)


def _choose_source(chosen: chosen_run.Chosen, shifts: Sequence[ShiftInfo]) -> _Source:
    name = shifts[0].name
    if len(shifts) > 1:
        titles = {shift.name: shift.title for shift in shifts}
        bound = link.bound("from", list(titles), name)

        def move() -> None:
            bound["on_change"](*bound["args"])
            link.drop("foreign")

        name = st.selectbox(
            "Source",
            list(titles),
            format_func=titles.get,
            key=bound["key"],
            on_change=move,
            help=" ".join(plain(f"{shift.title}: {shift.description}") for shift in shifts),
        )
    found = shifted_inputs(chosen.result.predictions, name)
    return _Source(name, found, [chosen.class_names[best] for best in found.named])


def _choose_input(task: Task, source: _Source, bound: dict[str, Any]) -> int:
    count = len(source.predicted)
    return int(
        st.number_input(
            f"Out-of-distribution {examples.item(task)}",
            0,
            count - 1,
            step=1,
            help=f"Its number among the {count:,} of them. At first the one with the least epistemic uncertainty.",
            **bound,
        )
    )


def _describe(task: Task, chosen: chosen_run.Chosen, source: _Source, index: int) -> None:
    item, score = examples.item(task), source.inputs.score[index]
    examples.show(task, index, part=source.name, size=144, note=f"predicted **{plain(source.predicted[index])}**")
    lower = share_below(chosen.result.predictions.test.epistemic, score)
    st.markdown(
        f"Epistemic uncertainty **{score:.3g}** nats, higher than that of **{lower:.0%}** of the test {item}s",
        help=f"Near 100 %: the student is more certain of nearly every test {item}. Near 0 %: it does not notice "
        "that this input is out of distribution.",
    )


def _draw_prediction(task: Task, chosen: chosen_run.Chosen, source: _Source, index: int) -> None:
    item, found = examples.item(task), source.inputs
    known = task.shift_labels.get(source.name)
    true = [] if known is None else [label for label in chosen.class_names if label in known[index]]
    table = pd.DataFrame(
        {
            "class": chosen.class_names,
            "mean": found.mean[index],
            "low": found.low[index],
            "high": found.high[index],
        }
    )
    charts.show(
        figures.draw_intervals(table, labels=true, kind="equal-tailed"),
        f"Prediction of the student for this {item}",
        f"Long bars: students that fit the data equally well disagree about this {item}, as they should.",
        lambda: table,
        key="one-input",
        help="Posterior mean and 95 % credible interval of each class's probability.",
    )


def _draw_galleries(task: Task, source: _Source, index: int, choose: Callable[[int], None]) -> None:
    order = source.inputs.order
    for column, title, help_, few in zip(
        st.columns(2, gap="large"),
        ("Most certain", "Least certain"),
        ("The least epistemic uncertainty: the student does not notice these.", "The most: it notices these."),
        (order[:_SHOWN], order[::-1][:_SHOWN]),
        strict=True,
    ):
        with column:
            st.markdown(f"**{title}**", help=help_)
            key = "gallery-" + title.split()[0].lower()
            notes = [plain(source.predicted[which]) for which in few]
            examples.gallery(task, few, notes, key=key, part=source.name, chosen=index, choose=choose)
    st.caption("Each with the student's prediction.")
