"""Review: requirements set beforehand, and a verdict on the chosen run."""

from __future__ import annotations

import json

import pandas as pd
import streamlit as st

from mtbkd_core import Task
from mtbkd_core.figures.review import draw_answering
from mtbkd_core.review.causes import Cause, causes
from mtbkd_core.review.outcome import Outcome
from mtbkd_core.review.record import record
from mtbkd_core.review.requirements import Requirements
from mtbkd_core.review.verdict import Judged, Review, review
from mtbkd_core.review.words import WORDS, grouped, headline, settling
from pages.results import before_after, costs, report
from pages.results.review import form
from pages.ui import charts, chosen_run, navigation, offered
from pages.ui.jobs import task_loading
from pages.ui.words import plain

_LOOK = {
    Outcome.PASS: ("Pass", ":material/check_circle:", "green"),
    Outcome.FAIL: ("Fail", ":material/cancel:", "red"),
    Outcome.INCONCLUSIVE: ("Inconclusive", ":material/help:", "gray"),
}


def _show(found: Review, shown: chosen_run.Chosen) -> None:
    title, icon, colour = _LOOK[found.verdict]
    st.markdown(f"## {icon} :{colour}[{title}]")
    st.markdown(headline(found))
    whose = "By the program's default limits. " if found.asked == Requirements() else ""
    st.caption(f"{whose}Each verdict is by a 95 % interval that holds the errors of the test set and of the sampler.")
    for _, those in grouped(found):
        for each in those:
            _line(each)
    if found.answering is not None and (limits := found.asked.answered) is not None:
        charts.show(
            draw_answering(found.answering, share=limits.share, max_risk=limits.max_risk),
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
    if not shown.whole:
        return
    why = _causes(shown.version, found, shown, task_loading.load_for(shown))
    for each in why:
        st.markdown(
            f":material/arrow_right: With 10 % less of **{plain(shown.teachers[each.teacher])}** the class "
            f"**{plain(each.class_name)}** would be more probable where it is true, by {each.change:.2%} "
            f"± {each.error:.2%}."
        )
    if not why:
        st.caption("With less of any teacher no failing class would be clearly more probable where it is true.")


@st.cache_data(show_spinner="Reweighting the draws…", max_entries=8)
def _causes(version: str, found: Review, _shown: chosen_run.Chosen, _task: Task) -> tuple[Cause, ...]:
    return causes(_shown.result, _task, found.classes)


def _line(each: Judged) -> None:
    title, limit, _ = WORDS[each.name]
    word, icon, colour = _LOOK[each.verdict]
    text = each.line[:1].upper() + each.line[1:]
    st.markdown(f"{icon} :{colour}[**{word}**] · **{title}**, {limit(each.required)}. {plain(text)}.{settling(each)}")


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
    form.write_link(requirements, late=late)
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
    _show(verdict, chosen)
    kept = record(chosen.view.id, requirements, verdict, late=late) | {"costs": found and found.dump()}
    offered.offer(
        chosen,
        "Verdict as a file",
        json.dumps(kept, indent=1),
        "-verdict.json",
        "application/json",
        key="verdict",
        icon=":material/download:",
        help="What was asked, what was found, and whether the requirements came first, as JSON.",
    )
    if chosen.moment is None:
        report.offer(chosen, requirements, late=late, costs=found)
    costs.draw(chosen, found)
    navigation.link("watch", "Watch new inputs")


form.open_link()
with st.expander("Requirements", expanded="judged" not in st.session_state, icon=":material/rule:"):
    requirements = form.draw()
chosen = chosen_run.chosen(example=False)
if "judged" in st.session_state:
    about = "The verdict follows the requirements and the run."
elif requirements == Requirements():
    about = "By the defaults above; requirements of your own have to be set first."
else:
    about = "By the requirements above."
if st.button("Judge the run", type="primary", icon=":material/gavel:", help=about):
    st.session_state.judged = True
if "judged" in st.session_state:
    _judge(chosen, requirements)
    before_after.of_review(chosen, requirements)
else:
    st.caption("The verdict appears once you judge: requirements that are set before the results are seen mean more.")
