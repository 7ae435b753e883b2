"""What the student costs as it is and as it is exported, beside its teachers: a part of the page Review."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from mtbkd_core import Task, UserError
from mtbkd_core.evaluation.scores import SCORES
from mtbkd_core.export.costs import CostRow, Costs, measure_costs
from mtbkd_core.export.draws import bytes_text
from mtbkd_core.export.package import check_task
from pages.ui import charts, chosen_run, task_words
from pages.ui.jobs import task_loading
from pages.ui.words import plain

_SCORED = ("accuracy", "nll")


@st.cache_resource(show_spinner="Measuring size and time…", max_entries=8)
def _measure(version: str, _chosen: chosen_run.Chosen, _task: Task) -> Costs:
    check_task(_chosen.result, _task)
    return measure_costs(_chosen.result, _task)


def find(chosen: chosen_run.Chosen, *, needed: bool) -> Costs | None:
    """The costs of a run that is whole, where they are `needed` or were asked for; None else, or with what is wrong."""
    key = f"costs:{chosen.version}"
    if chosen.moment is not None or not (needed or st.session_state.get(key)):
        return None
    try:
        return _measure(chosen.version, chosen, task_loading.load(chosen.view.config))
    except UserError as error:
        st.warning(plain(error), icon=":material/extension:")
        return None


def draw(chosen: chosen_run.Chosen, costs: Costs | None) -> None:
    """The costs, or the button that measures them."""
    st.markdown("**Size and time**")
    if costs is None:
        st.button(
            "Measure size and time",
            icon=":material/timer:",
            disabled=chosen.moment is not None,
            help="Of the student, of its export with as few draws as will do, and of the teachers. It takes some "
            "seconds.",
            on_click=lambda: st.session_state.update({f"costs:{chosen.version}": True}),
        )
        return
    item = task_words.item(chosen.view.config)
    found = costs.sizes
    error = "" if found.error is None else f" The sampler's error of the NLL is {found.error:.4f}."
    st.caption(
        f"The smallest export that is level with the whole has {found.proposed:,} students of "
        f"{costs.student.parameters:,} parameters each: {bytes_text(costs.exported.bytes or 0)}, and "
        f"{costs.exported.one:.2g} ms for one {item} on one core of this machine.{error}"
    )
    if costs.beside_teachers:
        st.markdown(costs.beside_teachers)
    table = pd.DataFrame([_row(row) for row in costs.rows])
    charts.heading(
        "The student and its teachers", lambda: table, key="costs", file="costs.csv", of="Download the table."
    )
    st.dataframe(table, hide_index=True, column_config={"": st.column_config.TextColumn(width=210, pinned=True)})
    st.caption(
        "Time in milliseconds, with the descriptors where there are some. A thousand inputs go in batches. The ONNX "
        "file works out intervals, uncertainty and sets as well. Teachers: networks of ours; those of proteins were "
        "timed when they were made.",
    )
    sizes = pd.DataFrame(
        [
            {
                "Students": f"{row.draws:,}",
                "ONNX file": bytes_text(costs.file_bytes(row)),
                "Accuracy": SCORES["accuracy"].text(row.accuracy),
                "NLL": f"{row.nll:.4f}",
                "Change of NLL": f"{row.change:+.4f}",
                "Level": "yes" if row.draws >= found.proposed else "no",
            }
            for row in found.rows
        ]
    )
    charts.heading(
        "Exports with fewer students", lambda: sizes, key="sizes", file="sizes.csv", of="Download the table."
    )
    st.dataframe(sizes, hide_index=True)
    st.caption("Level: from here on every change of the NLL is within the sampler's error.")


def _row(row: CostRow) -> dict[str, str]:
    def number(value: float | None, form: str) -> str:
        return "not known" if value is None else format(value, form)

    return {
        "": row.title,
        "Parameters": number(row.parameters, ","),
        "Size": "not known" if row.bytes is None else bytes_text(row.bytes),
        "One input": number(row.one, ".2g"),
        "1,000 inputs": number(row.thousand, ",.4g"),
    } | {SCORES[name].short: row.scores.text(name) for name in _SCORED}
