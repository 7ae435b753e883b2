"""The headline of a result: its scores, the verdict on convergence, and how it stands beside its opponents."""

from __future__ import annotations

import streamlit as st

from mtbkd_core import Result
from mtbkd_core.evaluation.diagnostics import R_HAT_LIMIT, Convergence, Verdict, r_hat_text
from mtbkd_core.evaluation.errors import Difference, Reading
from mtbkd_core.evaluation.metrics import Metrics
from mtbkd_core.evaluation.opponents import opponents, standing
from mtbkd_core.evaluation.score_text import TEST_SET_LINE, difference_text
from mtbkd_core.evaluation.scores import HEADLINE, SCORES
from pages.ui import chosen_run, navigation, task_words

#: Colours of what is clear; what is not is grey.
_VERDICTS = {Verdict.CONVERGED: "green", Verdict.NOT_CONVERGED: "orange"}
_READINGS = {Reading.BETTER: "green", Reading.WORSE: "red"}


def draw(result: Result) -> None:
    """The headline scores with their errors, the verdict, and the student beside its opponents."""
    student = result.metrics.student
    *columns, last = st.columns(len(HEADLINE) + 1, gap="small")
    for column, name in zip(columns, HEADLINE, strict=True):
        score = SCORES[name]
        column.metric(
            score.with_unit,
            score.text(student[name]),
            score.error_text(student.errors.get(name), sampler=False) or None,
            delta_color="off",
            delta_arrow="off",
            help=f"{score.help} {TEST_SET_LINE}",
            border=True,
        )
    _draw_verdict(last, result.metrics.diagnostics)
    chosen_run.show_verdict(result, worst=False)  # the badge has it
    _draw_standing(result.metrics, task_words.titles_by_name(result.config))


def _draw_verdict(place: st.delta_generator.DeltaGenerator, found: Convergence) -> None:
    """Whether the chains agree, with the worst of the three R-hats."""
    three = {
        "the mean log probability of the test labels": found.r_hat,
        "95 % of the examples, at most": found.r_hat_p95,
        "the log joint": found.r_hat_log_joint,
    }
    known = [f"{title}: {r_hat_text(value)}" for title, value in three.items() if value is not None]
    place.metric(
        "Worst R-hat",
        r_hat_text(found.r_hat if found.worst is None else found.worst),
        None if found.judged is None else found.judged.words.lower(),
        delta_color=_VERDICTS.get(found.judged, "gray"),
        delta_arrow="off",
        help=f"Do the chains agree? R-hat compares them; 1 is perfect, and each may be at most {R_HAT_LIMIT}. "
        f"{'; '.join(known).capitalize()}.",
        border=True,
    )


def _draw_standing(metrics: Metrics, teachers: dict[str, str]) -> None:
    """The student beside the best teacher, the weighted teachers and its warm start: a sentence, and by how much."""
    names = opponents(metrics, teachers)
    if not names:
        st.caption("This run was made by a former version: its differences from teachers and warm start are not known.")
        return
    st.markdown(standing(metrics, teachers))
    head = ["Student minus", *(SCORES[name].short for name in HEADLINE)]
    rows = [head, ["---" for _ in head]]
    for key, title in names.items():
        found = [metrics.versus[key][name] for name in HEADLINE]
        rows.append([f"{title[:1].upper()}{title[1:]}", *map(_shaded, HEADLINE, found)])
    st.markdown("\n".join(f"| {' | '.join(row)} |" for row in rows))
    st.caption(
        "Differences with 95 % intervals, shares in points. Grey: no clear difference.",
        help="On the same test examples; the intervals are under the errors of the sampler and of a test set of this "
        "size.",
    )


def _shaded(score: str, found: Difference) -> str:
    """A difference in the colour of what it says; the word beside it where it is clear."""
    text = difference_text(score, found)
    if colour := _READINGS.get(found.verdict):
        return f":{colour}[{text}]"
    return f":gray[{text.removesuffix(f', {found.verdict}')}]"


def links() -> None:
    """Where to look next."""
    with st.container(horizontal=True, gap="medium"):
        navigation.link("reliability", "Are its probabilities right?")
        navigation.link("influence", "What does each teacher change?")
        navigation.link("uncertainty", "Where is it uncertain?")
        navigation.link("compare", "Is it better than the baselines?")
