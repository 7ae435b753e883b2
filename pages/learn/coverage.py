"""Coverage: do the intervals hold the truth, and what a teacher that is sure and wrong does to them."""

from typing import Literal

import pandas as pd
import streamlit as st

from mtbkd_core.config.choices import WeightRule
from mtbkd_core.evaluation.diagnostics import R_HAT_LIMIT
from mtbkd_core.evaluation.predictive import LEVEL
from mtbkd_core.figures.coverage import draw_coverage, setting_titles
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds.coverage import FACTORS, TESTS, Change, CoverageSpec, CoverageView
from mtbkd_core.studies.coverage import BLIND, BLIND_AUTOMATIC, NO_TEACHER, WRONG_ALONE
from mtbkd_core.studies.tables import coverage_table
from pages.ui import charts, link, navigation
from pages.ui.jobs import follow
from pages.ui.jobs.kinds import COVERAGE_STUDIES
from pages.ui.jobs.launch import launch

RULES = {rule: rule.title for rule in WeightRule}
POINTS = range(10, 301, 10)


def too_low(table: pd.DataFrame) -> str:
    """Which settings clearly hold the truth too seldom, and why those with teachers do."""
    low = table[table["high"] < LEVEL]
    if not len(low):
        return f"**No setting is clearly under the {LEVEL:.0%} that its intervals promise.**"
    titles = dict(zip(table["setting"], setting_titles(table, RULES), strict=True))
    named = "; ".join(
        f"{titles[row.setting].replace('+', 'experts +')} ({row.coverage:.1%})" for row in low.itertuples()
    )
    line = f"**Clearly under the {LEVEL:.0%} that the intervals promise: {named}.**"
    line += "" if len(low) == len(table) else " The other settings are not clearly under it."
    worth = low.loc[low["rule"] != "", "labels"].median()
    if low["rule"].any():
        counts = "counts" if pd.isna(worth) else f"counts as {worth:g} labels,"
        line += (
            " Teachers are not quite right, and that error stays however many points there are; here each statement "
            f"{counts} once for every point, so intervals get narrower than that error. A smaller number of labels "
            "widens them, and the program can choose it."
        )
    return line


def launcher() -> None:
    points = st.slider(
        "Labelled points",
        POINTS[0],
        POINTS[-1],
        **link.bound("points", POINTS, 150),
        step=POINTS.step,
        help="Of each data set. More of them do not outvote the teachers: a statement is worth as many labels at every "
        "point, so the intervals narrow around the teachers' predictions.",
    )
    factor = st.slider(
        "Certainty of the wrong teacher",
        FACTORS[0],
        FACTORS[-1],
        **link.bound("factor", FACTORS, 2.0),
        step=FACTORS[1],
        help="Its logits are the truth's, each class taken for the next one, times this number. "
        "0: it gives all classes the same probability. 1: it is as sure as the truth allows.",
    )
    spec = CoverageSpec(points=points, wrong_factor=factor)
    st.button(
        "Measure",
        type="primary",
        icon=":material/play_arrow:",
        help=f"Draw {spec.replications} data sets, and sample a student's posterior from each in every setting: "
        f"{spec.replications} x {len(spec.settings)} posteriors, side by side.",
        on_click=launch,
        args=(COVERAGE_STUDIES, spec),
    )
    st.caption(
        f"{spec.replications} times: draw labels from a known truth, sample a linear student, and look whether its "
        f"95 % intervals hold the true probabilities at {TESTS} points."
    )


def draw_chart(view: CoverageView, table: pd.DataFrame) -> None:
    spec = view.spec
    charts.say(too_low(table))
    charts.show(
        draw_coverage(table, RULES),
        "Coverage beside width",
        "On the dotted line intervals hold the truth as often as they promise. Narrow and left of it: sure and wrong. "
        "Rows with +: the wrong teacher beside the experts.",
        lambda: table,
        key="coverage",
        help=f"{spec.replications} data sets. Horizontal lines: 95 % intervals of the coverage over data sets.",
    )
    st.caption(
        f"Measured with {spec.points} labelled points; the wrong teacher's logits times {spec.wrong_factor:g}. With "
        f"about {table['effective'].median():.0f} effective draws a posterior, coverage is up to a point too low, and "
        "widths are 1 to 2 % too large."
    )
    if table["apart"].any():
        st.caption(
            f":material/warning: In {table['apart'].sum()} of {view.posteriors} posteriors the chains "
            f"disagree (R-hat above {R_HAT_LIMIT}): there the intervals are less certain."
        )


def _points(found: Change) -> str:
    text = f"{found.value:+z.1%}"
    if not pd.isna(found.low):
        text += f" ({found.low:+z.1%} to {found.high:+z.1%})"
    return text


def _colour(found: Change) -> Literal["red", "gray"]:
    return "red" if found.high < 0 else "gray"


def _nll(found: Change) -> str:
    """A change of the NLL with its interval, and what it says."""
    if pd.isna(found.low):
        return f"{found.value:+.3f}"
    word = "worse" if found.low > 0 else "better" if found.high < 0 else "no clear difference"
    return f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}], {word},"


def draw_metrics(view: CoverageView, table: pd.DataFrame) -> None:
    rows = table.set_index("setting")
    measured = {rule: title for rule, title in RULES.items() if (table["rule"] == rule).any()}
    columns = st.columns(len(measured) + 1, gap="small")
    for column, (rule, title) in zip(columns, measured.items(), strict=False):
        experts, both = f"experts, {rule}", f"experts and wrong, {rule}"
        column.metric(
            title,
            f"{rows.loc[both, 'coverage']:.1%}",
            _points(view.change("coverage", both, experts)),
            delta_color=_colour(view.change("coverage", both, experts)),
            delta_description="vs experts only",
            help="Coverage with the experts and the wrong teacher under this weight rule, and the change that the "
            "wrong one makes, with its 95 % interval over data sets; grey where that holds 0.",
            border=True,
        )
    columns[-1].metric(
        "The wrong teacher only",
        f"{rows.loc[WRONG_ALONE, 'coverage']:.1%}",
        _points(view.change("coverage", WRONG_ALONE, NO_TEACHER)),
        delta_color=_colour(view.change("coverage", WRONG_ALONE, NO_TEACHER)),
        delta_description="vs no teacher",
        help="Coverage where it is the only teacher; the intervals are "
        f"{rows.loc[WRONG_ALONE, 'width']:.3f} wide on average.",
        border=True,
    )


def draw_blind(view: CoverageView, table: pd.DataFrame) -> None:
    """What a teacher does that is calibrated and blind to an input, and what becomes of it by an automatic strength."""
    rows = table.set_index("setting")
    if not {BLIND, BLIND_AUTOMATIC} <= set(rows.index):  # a study of before it was measured
        return
    fixed, automatic = (_nll(view.change("nll", name, NO_TEACHER)) for name in (BLIND, BLIND_AUTOMATIC))
    st.markdown(
        "**Calibrated is not enough**  \nThis teacher is exactly calibrated: of what it says with 80 %, 80 % are "
        "right. But it does not see one of the two inputs, and at a fixed strength the student follows it. Against no "
        f"teacher the student's NLL changes by {fixed} at a fixed strength, and by {automatic} at an automatic one. "
        "Calibration cannot tell; held-out labels can, the better the more there are."
    )
    columns = st.columns(3, gap="small")
    for column, name, title in zip(
        columns,
        (NO_TEACHER, BLIND, BLIND_AUTOMATIC),
        ("No teacher", "Blind to an input, fixed strength", "Blind to an input, automatic strength"),
        strict=True,
    ):
        row = rows.loc[name]
        column.metric(
            title,
            f"{row['coverage']:.1%}",
            f"{row['low']:.1%} to {row['high']:.1%}",
            delta_color="off",
            delta_arrow="off",
            help="Coverage, with its 95 % interval over data sets. Intervals are "
            f"{row['width']:.3f} wide on average; a statement is worth {row['labels']:g} labels, the median over data "
            "sets.",
            border=True,
        )
        column.caption(f"NLL {row['nll']:.3f} under the true probabilities")


def draw_what_weights_do() -> None:
    left, right = st.columns(2, gap="large")
    left.markdown(
        "**What the weights can do**  \nA teacher that is unsure has a high entropy, and gets less weight: experts "
        "narrow the intervals where they know the answer, and count less elsewhere."
    )
    right.markdown(
        "**What they can't do**  \nEntropy measures how sure a teacher is, not how right it is: a sure and wrong "
        "teacher gets the most weight of all. The labels contradict it, and so do experts who agree with them: in the "
        "mixture the student can follow the teacher that fits. With the wrong teacher only, a student is narrowly "
        "wrong."
    )


left, right = st.columns([1, 2.2], gap="large")
with left:
    launcher()
with right:
    shown = follow.pick(COVERAGE_STUDIES, help="Newest first.") or follow.example(COVERAGE_STUDIES)
    gone = shown is not None and shown.state is State.DONE and shown.is_torn()
    if shown is None:
        st.info("Nothing has been measured yet. Press Measure: it takes a few seconds.", icon=":material/science:")
    elif gone:
        st.error("The rows of this coverage study are gone.", icon=":material/broken_image:")
        st.button(
            "Measure again",
            icon=":material/refresh:",
            help="Compute the settings that are missing.",
            on_click=launch,
            args=(COVERAGE_STUDIES, shown.spec),
        )
    elif shown.state is State.DONE:
        draw_chart(shown, coverage_table(shown.found()))
    else:
        follow.follow(COVERAGE_STUDIES, shown)
if shown is not None and shown.state is State.DONE and not gone:
    measured_table = coverage_table(shown.found())
    with charts.more("what the wrong teacher changes under each weight rule"):
        draw_metrics(shown, measured_table)
        draw_what_weights_do()
    with charts.more("a teacher that is calibrated and blind to an input"):
        draw_blind(shown, measured_table)
st.space("small")
navigation.link("prior", "See the weights on the plane")
