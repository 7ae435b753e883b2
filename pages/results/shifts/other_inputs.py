"""One input from elsewhere: what it is, what the student takes it for, and how sure it is of that."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from mtbkd_core import Task
from mtbkd_core.figures.uncertainty import draw_intervals
from mtbkd_core.tasks.source import ShiftInfo
from pages.ui import charts, chosen_run, examples, link

#: Inputs in each of the two galleries.
_SHOWN = 9


def show(task: Task, chosen: chosen_run.Chosen, shifts: Sequence[ShiftInfo]) -> None:
    """Draw it, with those that the student is surest and least sure of to choose from; `shifts` were measured."""
    item = examples.item(task)
    titles = {shift.name: shift.title for shift in shifts}
    left, right = st.columns([1, 3], gap="large")
    with left:
        name = shifts[0].name
        if len(shifts) > 1:
            source = link.bound("from", list(titles), name)

            def move() -> None:
                source["on_change"](*source["args"])
                link.drop("foreign")

            name = st.selectbox(
                "From where",
                list(titles),
                format_func=titles.get,
                key=source["key"],
                on_change=move,
                help=" ".join(f"{shift.title}: {shift.description}" for shift in shifts),
            )
        found = chosen.result.predictions.shifts[name]
        deviance = found.scores["deviance"]
        order = deviance.argsort(stable=True).tolist()
        held = link.bound("foreign", range(len(deviance)), order[0], follow=True)
        index = st.number_input(
            f"{item.capitalize()} from elsewhere",
            0,
            len(deviance) - 1,
            step=1,
            help=f"Its number among the {len(deviance):,} of them. At first the one that the student is surest of.",
            **held,
        )
        taken = [chosen.class_names[best] for best in found.mean.argmax(-1).tolist()]
        examples.show(task, index, part=name, size=144, note=f"taken for **{taken[index]}**")
        lower = float((chosen.result.predictions.test.deviance < deviance[index]).float().mean())
        st.markdown(
            f"Deviance **{deviance[index]:.3g}**, higher than that of **{lower:.0%}** of the test {item}s",
            help=f"Near 100 %: the student is hardly as unsure of any test {item}. Near 0 %: it does not notice that "
            "this comes from elsewhere.",
        )
    with right:
        known = task.shift_labels.get(name)
        true = [] if known is None else [label for label in chosen.class_names if label in known[index]]
        table = pd.DataFrame(
            {
                "class": chosen.class_names,
                **{part: getattr(found, part)[index].numpy() for part in ("mean", "low", "high")},
            }
        )
        charts.show(
            draw_intervals(table, labels=true, kind="equal-tailed"),
            f"What the student takes this {item} for",
            f"Long bars: students that fit the data equally well disagree about this {item}, as they ought to.",
            lambda: table,
            key="foreign",
            help="Posterior mean and 95 % credible interval of each class's probability.",
        )

    def choose(which: int) -> None:
        st.session_state[held["key"]] = which
        held["on_change"](*held["args"])

    for column, title, help_, few in zip(
        st.columns(2, gap="large"),
        ("Surest of", "Least sure of"),
        ("The lowest deviance: here the student is most easily misled.", "The highest deviance: here it notices."),
        (order[:_SHOWN], order[::-1][:_SHOWN]),
        strict=True,
    ):
        with column:
            st.markdown(f"**{title}**", help=help_)
            key = "foreign-" + title.split()[0].lower()
            notes = [taken[which] for which in few]
            examples.gallery(task, few, notes, key=key, part=name, chosen=index, choose=choose)
    st.caption("With each: what the student takes it for.")
