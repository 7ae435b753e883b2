"""Influence: each teacher's share of the student, what less of it would change, and which way it pulls."""

import pandas as pd
import streamlit as st

from mtbkd_core.evaluation import readings
from mtbkd_core.evaluation import teacher_tables as tables
from mtbkd_core.evaluation.teacher_tables import influence_table
from mtbkd_core.figures import influence, weights
from pages.results import before_after
from pages.results.influence import sensitivity, shapley
from pages.ui import charts, chosen_run, decision_maps, examples, link, task_words, teacher_predictions
from pages.ui.jobs import task_loading

PULLED = "Class of the logit"


def show_pulls(table: pd.DataFrame, x: str, title: str, look_for: str, key: str) -> None:
    charts.show(influence.draw_pulls(table, shades, x=x), title, look_for, lambda: table, key=key)


def draw_by_class() -> None:
    shares = tables.shares_by_class(arrays["responsibilities"], labels, class_names, teachers)
    charts.show(
        weights.draw_shares_by_class(shares, shades, y="Mean responsibility", height=360),
        "Responsibility by class",
        "A tall part: that teacher's component is the densest where the student predicts in this class.",
        lambda: shares,
        key="responsibilities",
        help="r_k: the share of teacher k's component in the mixture at the student's own prediction, a posterior "
        f"mean, over the labelled {item}s of each class. Thin lines: 10th to 90th percentile.",
    )


def draw_both() -> None:
    both = tables.weights_and_responsibilities(
        arrays["weights"], arrays["responsibilities"], labels, class_names, teachers
    )
    charts.show(
        influence.draw_weights_and_responsibilities(both, shades),
        "Weight against responsibility",
        "Above the line: at the student's predictions that teacher's share is larger than its weight in the prior.",
        lambda: both,
        key="both",
        help=f"A point for each teacher and labelled {item}: the teacher's weight in the prior, and its responsibility "
        "once the student has learned.",
    )


def draw_all_pulls() -> None:
    with_examples = [class_names[label] for label in sorted(set(labels.tolist()))]
    of = st.selectbox(
        f"{item.capitalize()}s of class",
        with_examples,
        **link.bound("class", with_examples, with_examples[0]),
        width=170,
        help=f"The labelled {item}s over which the pulls on the right are averaged.",
    )
    st.caption(
        "Which way the label and each teacher push the student's predictions.",
        help="Parts of the gradient of the log joint on the student's logits: alpha (lambda / T) r_k (t_k - q) from "
        "teacher k, and onehot(y) - p from the label. Posterior means, in nats per unit of logit, on labelled "
        f"{item}s.",
    )
    own = tables.own_pulls(arrays["pulls"], arrays["label_pull"], labels, class_names, teachers)
    here = labels == class_names.index(of)
    mean = tables.pulls_of(arrays["pulls"][:, here], arrays["label_pull"][here], class_names, teachers)
    left, right = st.columns(2, gap="large")
    with left:
        look_for = "Up: towards the truth. Down: away from it."
        show_pulls(own, "Class", "Every class: pull on its own logit", look_for, "own")
    with right:
        look_for = "Bars up raise a class's logit, bars down lower it; the diamond is their sum."
        show_pulls(mean, PULLED, f"Class {of}: pull on every logit", look_for, "class-pulls")


def draw_one() -> None:
    part = st.segmented_control(
        f"{item.capitalize()} from",
        ["test", "train"],
        required=True,
        format_func={"test": f"Test {item}s", "train": f"Labelled {item}s"}.get,
        **link.bound("part", ["test", "train"], "test"),
        help=f"Pulls are shown for the labelled {item}s that the student learned from.",
    )
    left, right = st.columns([1, 3], gap="large")
    with left:
        if part == "test":
            index = examples.chooser(task)
        else:
            index = st.number_input(
                f"Labelled {item}",
                0,
                len(labels) - 1,
                **link.bound("train", range(len(labels)), 0),
                help="Its number among those that the student learned from.",
            )
        examples.show(task, index, part=part, size=144)
    with right:
        here = found.test if part == "test" else found.train
        here_weights = here.weights[:, index].tolist()
        here_shares = here.responsibilities[:, index].tolist()
        charts.show(
            weights.draw_shares_of_one(here_weights, here_shares, teachers, shades),
            "Weight and responsibility of each teacher",
            "Outline: before the student has learned. Filled: after.",
            lambda: pd.DataFrame(
                {"teacher": list(teachers.values()), "weight": here_weights, "responsibility": here_shares}
            ),
            key="sides",
        )
    teacher_predictions.show(chosen, index, item, part=part)
    if part == "test":
        sensitivity.draw_example(chosen, moved, index, item)
    else:
        single = tables.pulls_of(arrays["pulls"][:, index], arrays["label_pull"][index], class_names, teachers)
        look_for = "Teachers that pull in opposite directions disagree about the class."
        show_pulls(single, PULLED, f"Pulls on the logits at this {item}", look_for, "image-pulls")


chosen = chosen_run.chosen()
config, found = chosen.result.config, chosen.result.predictions
chosen_run.banner(chosen)
shades = task_words.colours(config)
class_names = chosen.class_names
teachers = chosen.teachers
arrays = {
    name: getattr(found.train, name).float().numpy() for name in ("weights", "responsibilities", "pulls", "label_pull")
}
labels = found.train.labels.numpy()
task, item = task_loading.load_for(chosen), task_words.item(config)
chosen_run.say(readings.of_influence(found.train.weights, found.train.responsibilities, list(teachers.values()), item))
before_after.of_influence(chosen, task)

left, right = st.columns(2, gap="large")
if seen := decision_maps.plane(task):
    with left:
        decision_maps.show_responsibilities(seen, chosen, key="rule-map")
    with right:
        decision_maps.show_weights(seen, config, key="weight-map")
    with charts.more("responsibility by class, weight against responsibility"):
        left, right = st.columns(2, gap="large")
with left:
    draw_by_class()
with right:
    draw_both()
with charts.more("what would change if a teacher counted less"):
    moved = sensitivity.draw(chosen, task)
with charts.more("pulls of the label and of each teacher"):
    draw_all_pulls()
with charts.more("what each teacher contributes (Shapley values)"):
    shapley.draw(chosen, lambda: influence_table(arrays["responsibilities"], arrays["pulls"], labels, teachers))
with charts.more(f"one {item}"):
    draw_one()
