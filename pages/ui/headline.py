"""The headline of a result: its scores, the verdict on convergence, and how it stands beside its opponents."""

from __future__ import annotations

import streamlit as st

from mtbkd_core import Result
from mtbkd_core.evaluation import opponents
from mtbkd_core.evaluation.calibration import reliability
from mtbkd_core.evaluation.diagnostics import R_HAT_LIMIT, Convergence, Verdict, r_hat_text
from mtbkd_core.evaluation.errors import Difference, Reading
from mtbkd_core.evaluation.metrics import Metrics
from mtbkd_core.evaluation.score_text import TEST_SET_LINE, difference_text
from mtbkd_core.evaluation.scores import HEADLINE, SCORES
from mtbkd_core.evaluation.student_tables import reliability_table
from mtbkd_core.figures.reliability import draw_reliability
from mtbkd_core.figures.run_tables import series_probabilities
from pages.ui import charts, chosen_run, navigation, task_words
from pages.ui.words import plain

#: The networks of the first picture.
_PICTURED = ("student", "teachers_weighted")

#: Colours of what is clear; what is not is grey.
_VERDICTS = {Verdict.CONVERGED: "green", Verdict.NOT_CONVERGED: "orange"}
_READINGS = {Reading.BETTER: "green", Reading.WORSE: "red"}


def draw(result: Result, *, key: str = "headline") -> None:
    """A sentence, the student's reliability beside its scores and the verdict, and by how much it differs from others.

    Args:
        key: of the chart, where a page shows several headlines.
    """
    titles = task_words.titles_by_name(result.config)
    if first := opponents.headline(result.metrics, titles):
        charts.say(f"**{plain(first)}**")
    if known := task_words.remark(result.config):
        chosen_run.flag(known)
    left, right = st.columns([1.5, 1], gap="large")
    with left:
        _draw_picture(result, titles, key)
    with right:
        _draw_scores(result)
        chosen_run.show_verdict(result, worst=False)  # the badge has it
    if more := opponents.standing(result.metrics, titles):
        charts.say(plain(more))
    with charts.more("differences from its teachers and its warm start"):
        _draw_differences(result.metrics, titles)


def _draw_picture(result: Result, titles: dict[str, str], key: str) -> None:
    """The reliability of the student and of the teachers together."""
    shown = {name: title for name, title in result.metrics.titles(titles).items() if name in _PICTURED}
    probabilities, labels = series_probabilities(result), result.predictions.test.labels
    table = reliability_table({name: reliability(probabilities[name], labels) for name in shown}, shown)
    charts.show(
        draw_reliability(table, task_words.colours(result.config), height=310),
        "Reliability diagram",
        "On the dotted line confidence equals accuracy; below it the network is overconfident.",
        lambda: table,
        key=key,
        help="Vertical lines: 95 % bands.",
    )


def _draw_scores(result: Result) -> None:
    """The headline scores with their errors, and the verdict."""
    student = result.metrics.student
    places = [place for _ in range(2) for place in st.columns(2, gap="small")]
    for place, name in zip(places, HEADLINE, strict=False):
        score = SCORES[name]
        place.metric(
            score.with_unit,
            score.text(student[name]),
            score.error_text(student.errors.get(name), student[name], sampler=False) or None,
            delta_color="off",
            delta_arrow="off",
            help=f"{score.help} {TEST_SET_LINE}",
            border=True,
        )
    _draw_verdict(places[len(HEADLINE)], result.metrics.diagnostics)
    errors = {name: student.errors.get(name) for name in HEADLINE}
    known = [
        f"{SCORES[name].short} {SCORES[name].text(error.sampler)}"
        for name, error in errors.items()
        if error is not None and error.sampler is not None
    ]
    if known:
        st.caption(f"Standard errors of the sampler alone: {', '.join(known)}.")


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


def _draw_differences(metrics: Metrics, teachers: dict[str, str]) -> None:
    """By how much the student differs from the best teacher, the weighted teachers and its warm start."""
    names = opponents.opponents(metrics, teachers)
    if not names:
        st.caption("This run was made by a former version: its differences from teachers and warm start are not known.")
        return
    head = ["Student minus", *(SCORES[name].short for name in HEADLINE)]
    rows = [head, ["---" for _ in head]]
    for key, title in names.items():
        found = [metrics.versus[key][name] for name in HEADLINE]
        rows.append([plain(f"{title[:1].upper()}{title[1:]}"), *map(shaded, HEADLINE, found)])
    st.markdown("\n".join(f"| {' | '.join(row)} |" for row in rows))
    st.caption(
        "Differences with 95 % intervals, shares in points. Grey: no clear difference.",
        help="On the same test examples; the intervals are under the errors of the sampler and of a test set of this "
        "size.",
    )


def shaded(score: str, found: Difference) -> str:
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
        navigation.link("review", "Is it good enough?")
