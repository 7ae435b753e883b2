"""Prior: how the teachers are mixed; every control is answered at once, without training."""

import pandas as pd
import streamlit as st

from mtbkd_core import RunConfig, Task
from mtbkd_core.evaluation.prior_alone import pull_scale, score_alone
from mtbkd_core.evaluation.scores import HEADLINE, SCORES, Scores
from mtbkd_core.evaluation.teacher_tables import shares_by_class
from mtbkd_core.figures import weights
from pages.setup.prior import controls, effect, example
from pages.ui import charts, link, navigation, task_words
from pages.ui.jobs import task_loading


@st.cache_data(show_spinner=False, max_entries=256)
def score_mixture(fingerprint: str, prior: str, _config: RunConfig, _task: Task) -> tuple[Scores, pd.DataFrame]:
    """Scores and weights of the teachers' mixture; `prior` is what they depend on, so that no other change lags."""
    names = _config.data.teachers
    found, shares = score_alone(_task.teacher_logits(names), _task.y_train, _config.prior, _task.together(names))
    teachers = task_words.titles_by_name(_config)
    return found, shares_by_class(shares, _task.y_train.numpy(), _task.class_names, teachers)


def draw_alone(config: RunConfig, task: Task) -> None:
    decisive = config.prior.model_dump_json(exclude={"strength", "concentration"})
    prior_scores, by_class = score_mixture(task.fingerprint_of(config.data.teachers), decisive, config, task)
    item = task_words.item(config)
    about = (
        "Scores of the weighted mean of the teachers' tempered predictions, sum over k of w_k softmax(z_k / T), where "
        "the logits z_k of calibrated teachers are divided by their entropy temperatures, on the student's "
        f"{len(task.y_train)} labelled {item}s. No student is involved, and no test {item}."
    )
    st.caption("Scores of the teachers' weighted mean, before any student.", help=about)
    columns = st.columns(4, gap="small")
    values = (f"{prior_scores.accuracy:.1%}", f"{prior_scores.nll:.3f}", f"{prior_scores.ece:.3f}")
    for column, name, value in zip(columns, HEADLINE, values, strict=False):
        column.metric(
            SCORES[name].with_unit,
            value,
            SCORES[name].error_text(prior_scores.errors.get(name), prior_scores[name]) or None,
            delta_color="off",
            delta_arrow="off",
            help=f"{SCORES[name].help} Here of the labelled {item}s. After ±: the standard error from so many of them.",
        )
    columns[3].metric(
        "Pull scale",
        "auto" if config.prior.strength is None else f"{pull_scale(config.prior):.3g}",
        help="alpha lambda / T, in nats per unit of logit: the largest pull of a teacher on the student's logits. "
        "The largest pull of a label is 1.",
    )
    charts.show(
        weights.draw_shares_by_class(by_class, task_words.colours(config), y="Mean weight", height=290),
        "Weights by class",
        "A teacher with low entropy in a class has a larger weight there. Thin lines: 10th to 90th percentile.",
        lambda: by_class,
        key="weights",
    )


@st.fragment
def page() -> None:
    if st.session_state.pop("to_distill", False):
        st.switch_page(navigation.page("distill"))
    config = link.draft()
    link.write_link()
    link.show_notices()
    with st.container():  # its progress bar, at a first load, must not move what comes after it
        task = task_loading.load(config)
    left, right = st.container(key="beside").columns([1, 1.75], gap="large")  # side by side where there is any room
    with left:
        controls.draw(config, task)
    with right:
        example.draw(config, task)
    with charts.more("predictions of the prior alone, weights by class"):
        draw_alone(config, task)
    with charts.more("effect of one setting on an untrained student"):
        effect.draw(config, task)


page()
st.space("small")
with st.container(horizontal=True, gap="medium"):
    navigation.link("distill", "Next: distill")
    navigation.link("method", "Try it with two teachers and two classes")
