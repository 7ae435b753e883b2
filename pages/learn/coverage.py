"""Coverage: do the intervals hold the truth, and what a teacher that is sure and wrong does to them."""

import pandas as pd
import streamlit as st

from mtbkd_core.config.choices import WeightRule
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.evaluation.diagnostics import R_HAT_LIMIT
from mtbkd_core.figures.coverage import draw_coverage
from mtbkd_core.studies.coverage import NO_TEACHER, SETTINGS, WRONG_ALONE, coverage_study
from mtbkd_core.studies.tables import coverage_table
from pages.ui import charts, navigation

RULES = {WeightRule.INVERSE_ENTROPY: "Inverse entropy", WeightRule.SOFTMIN: "Softmin", WeightRule.FIXED: "Fixed"}
REPLICATIONS = 24
TESTS = 60
#: Some seconds for everything; benchmarks/coverage.py takes more replications and longer chains.
SAMPLER = SamplerConfig(chains=6, draws=40, thinning=8, warm_start_steps=80, burn_in=100, friction=1.0)
#: What the experts may lose by narrower intervals, and no more.
WANTED = 0.9


def measure(points: int, sharpness: float) -> None:
    bar = st.progress(0.0, text="Drawing data sets…")
    found = coverage_study(
        REPLICATIONS,
        points,
        tests=TESTS,
        wrong_sharpness=sharpness,
        sampler=SAMPLER,
        watch=lambda fraction, what: bar.progress(fraction, text=f"Sampling: {what.replace('_', ' ')}"),
    )
    bar.empty()
    st.session_state.coverage = (points, sharpness, coverage_table(found))


def fallen(table: pd.DataFrame) -> str:
    """Which settings of the chart hold the truth too seldom, and why those with teachers do."""
    low = table[(table["coverage"] < WANTED) & (table["setting"] != WRONG_ALONE)]
    if not len(low):
        return f"**Every setting in the chart covers {100 * WANTED:.0f} % and more.**"
    named = "; ".join(f"{row.setting.replace('_', ' ')} ({row.coverage:.1%})" for row in low.itertuples())
    line = f"**Under {100 * WANTED:.0f} %:** {named}."
    if low["rule"].any():
        line += (
            " Teachers are not quite right, and that error stays however many points there are; at strength 1 they "
            "count once for every point, so intervals get narrower than that error. A smaller strength widens them."
        )
    return line


@st.fragment
def study() -> None:
    left, right = st.columns([1, 2.2], gap="large")
    with left:
        points = st.slider(
            "Labelled points",
            10,
            300,
            150,
            10,
            help="Of each data set. More of them do not outvote the teachers: at strength 1 the prior counts once for "
            "every labelled point too, so the intervals narrow around what the teachers say.",
        )
        sharpness = st.slider(
            "How sure the wrong teacher is",
            0.0,
            4.0,
            2.0,
            0.25,
            help="Its logits are the truth's, each class taken for the next one, times this number. "
            "0: it says that it does not know. 1: it is as sure as the truth allows.",
        )
        pressed = st.button(
            "Measure",
            type="primary",
            icon=":material/play_arrow:",
            help=f"Draw {REPLICATIONS} data sets, and sample a student's posterior from each in every setting: "
            f"{REPLICATIONS} x {len(SETTINGS)} posteriors, side by side.",
        )
        st.caption(
            f"{REPLICATIONS} times: draw labels from a known truth, sample a linear student, and look whether its 95 % "
            f"intervals hold the true probabilities at {TESTS} points."
        )
    with right:
        if pressed:
            measure(points, sharpness)
        if "coverage" not in st.session_state:
            st.info("Nothing has been measured yet. Press Measure: it takes a few seconds.", icon=":material/science:")
            return
        of_points, of_sharpness, table = st.session_state.coverage
        charts.show(
            draw_coverage(table, RULES),
            "Coverage against width",
            "Left is tighter; on the dotted line intervals are honest. An arrow that falls: the wrong teacher's doing.",
            lambda: table,
            key="coverage",
            help=f"Measured with {of_points} labelled points, the wrong teacher's logits times {of_sharpness:g}, and "
            f"{REPLICATIONS} data sets. Vertical lines: 95 % intervals of the coverage over data sets.",
        )
        st.markdown(fallen(table))
        st.caption(
            f"Measured with {of_points} labelled points; the wrong teacher's logits times {of_sharpness:g}. With about "
            f"{table['effective'].median():.0f} effective draws a posterior, coverage is up to a point too low, and "
            "widths are 1 to 2 % too large."
        )
        if table["apart"].any():
            st.caption(
                f":material/warning: In {table['apart'].sum()} of {REPLICATIONS * len(table)} posteriors the chains "
                f"disagree (R-hat above {R_HAT_LIMIT}): there the intervals are less certain."
            )
    said = table.set_index("setting")
    columns = st.columns(4, gap="small")
    for column, (rule, title) in zip(columns, RULES.items(), strict=False):
        good, bad = said.loc[f"experts, {rule}"], said.loc[f"experts and wrong, {rule}"]
        column.metric(
            title,
            f"{bad['coverage']:.1%}",
            f"{100 * (bad['coverage'] - good['coverage']):+z.1f} points",
            delta_description="vs experts alone",
            help="Coverage with the experts and the wrong teacher under this weight rule.",
            border=True,
        )
    alone, none = said.loc[WRONG_ALONE], said.loc[NO_TEACHER]
    columns[3].metric(
        "The wrong one alone",
        f"{alone['coverage']:.1%}",
        f"{100 * (alone['coverage'] - none['coverage']):+z.1f} points",
        delta_description="vs no teacher",
        help=f"Coverage where nobody else teaches; the intervals are {alone['width']:.3f} wide on average. It is "
        "not in the chart, whose scale it would take.",
        border=True,
    )


study()
st.space("small")
left, right = st.columns(2, gap="large")
left.markdown(
    "**What they can**  \nA teacher that knows that it does not know has a high entropy, and gets less weight: "
    "experts narrow the intervals where they are at home, and step back elsewhere."
)
right.markdown(
    "**What they can't**  \nEntropy is about being sure, not about being right: a sure and wrong teacher gets the most "
    "weight of all. What contradicts it is the labels, and experts who agree with them: the mixture lets the student "
    "side with whoever fits. Left alone with it, a student is narrowly wrong."
)
st.space("small")
navigation.link("prior", "See the weights on the plane")
