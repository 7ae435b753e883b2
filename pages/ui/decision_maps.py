"""Maps of a task whose inputs are points of a plane: kept per run and per task; a click on one chooses a test point."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from mtbkd_core import RunConfig, Task
from mtbkd_core.figures import decision_map as figures
from mtbkd_core.studies.decision_maps import Array, DecisionPlane, PosteriorMaps, TeacherMap
from mtbkd_core.studies.plane_posterior import distance
from pages.ui import charts, chosen_run, link, task_words

#: Test points that a click can choose.
_CHOOSABLE = 600


@st.cache_resource(show_spinner=False, max_entries=16)
def _plane(fingerprint: str, _task: Task) -> DecisionPlane | None:
    return DecisionPlane.of(_task)


def plane(task: Task) -> DecisionPlane | None:
    """The task's plane; None where its inputs are no points of a plane."""
    return _plane(task.fingerprint, task)


@st.cache_resource(show_spinner="Predicting with the students at every point of the plane…", max_entries=8)
def _posterior(version: str, _chosen: chosen_run.Chosen, _seen: DecisionPlane) -> PosteriorMaps:
    return _seen.posterior(_chosen.result)


def posterior(chosen: chosen_run.Chosen, seen: DecisionPlane) -> PosteriorMaps:
    """A run's posterior on the plane, kept for the next page."""
    return _posterior(chosen.version, chosen, seen)


def show_truth(seen: DecisionPlane, *, key: str) -> None:
    """The true probabilities and the labelled points."""
    show_decisions(
        seen,
        seen.truth,
        "truth",
        "The truth",
        "Letters: the labels. Near a border the colour is faint: there even the truth is undecided.",
        key=key,
        points=_labelled(seen),
        help="The most probable class at every point, and its true probability. The star is the chosen point.",
    )


def show_teacher(seen: DecisionPlane, config: RunConfig, *, key: str) -> None:
    """The predictions of one teacher, which is picked here."""
    titles = task_words.titles_by_name(config)
    name = st.selectbox(
        "Teacher",
        list(titles),
        format_func=titles.get,
        key=key,
        width=230,
        help="The teacher whose probabilities the map shows.",
    )
    show_decisions(
        seen,
        seen.teacher(name),
        name,
        f"Predictions of the teacher: {titles[name]}",
        "Faint: the teacher is uncertain. Compare its borders with the truth's. A click chooses a point.",
        key=f"{key}-map",
    )


def show_certainty(seen: DecisionPlane, config: RunConfig, *, key: str) -> None:
    """The most certain teacher at each point."""
    show_teachers(
        seen,
        config,
        seen.certainty(config.data.teachers),
        "Most certain teacher",
        "certainty",
        "Strong colour: that teacher is certain. It may be wrong: compare with the truth.",
        "Certainty: 1 minus the entropy over its highest value.",
        key,
    )


def show_weights(seen: DecisionPlane, config: RunConfig, *, key: str) -> None:
    """The teacher with the most weight in the prior at each point."""
    show_teachers(
        seen,
        config,
        seen.weights(config.data.teachers, config.prior),
        "Teacher with the most weight",
        "weight",
        "The stronger the colour, the more weight that teacher has. A click chooses a point.",
        "The weights of the mixture prior, before the student sees any label.",
        key,
    )


def show_responsibilities(seen: DecisionPlane, chosen: chosen_run.Chosen, *, key: str) -> None:
    """The teacher with the most responsibility at each point."""
    show_teachers(
        seen,
        chosen.view.config,
        posterior(chosen, seen).responsibilities,
        "Teacher with the most responsibility",
        "responsibility",
        "The stronger the colour, the larger that teacher's share of the mixture there.",
        "The largest of the teachers' responsibilities at every point, a posterior mean.",
        key,
    )


def show_student(seen: DecisionPlane, chosen: chosen_run.Chosen) -> None:
    """The student's mean beside the truth."""
    left, right = st.columns(2, gap="large")
    with left:
        show_decisions(
            seen,
            posterior(chosen, seen).mean,
            "mean",
            "Predictions of the student",
            "The posterior mean. Its borders should lie where the truth's do.",
            key="mean-map",
        )
    with right:
        show_truth(seen, key="truth-map")


def show_doubt_and_error(seen: DecisionPlane, chosen: chosen_run.Chosen) -> None:
    """What the student does not know beside how far off it is."""
    found = posterior(chosen, seen)
    error = distance(found.mean, seen.truth)
    left, right = st.columns(2, gap="large")
    with left:
        _show_quantity(
            seen,
            found.epistemic,
            "Epistemic (nats)",
            found.mean,
            "What the student does not know",
            "Strong where students that fit the data differ: beyond the labels, and along the student's borders.",
            key="epistemic-map",
            help="Epistemic uncertainty: mutual information of label and student. Circles: the labelled points.",
        )
    with right:
        _show_quantity(
            seen,
            error,
            "Distance",
            seen.truth,
            "How far off it is",
            "Where the error is large, the epistemic uncertainty on the left should be large too.",
            key="distance-map",
            help="Total variation between the posterior mean and the truth: half the sum of the absolute differences.",
        )


def _show_quantity(
    seen: DecisionPlane,
    values: Array,
    unit: str,
    probabilities: Array,
    title: str,
    look_for: str,
    *,
    key: str,
    help: str,
) -> None:
    """A quantity [G, G] with the borders of the probabilities, the labelled points and the chosen one."""
    column = key.removesuffix("-map")
    show(
        figures.draw_quantity(
            seen.axis,
            values,
            unit,
            probabilities=probabilities,
            points=_labelled(seen),
            chosen=chosen_point(seen),
        ),
        seen,
        title,
        look_for,
        lambda: figures.map_table(seen.axis, **{column: values}),
        key=key,
        help=help,
    )


def show_decisions(
    seen: DecisionPlane,
    probabilities: Array,
    column: str,
    title: str,
    look_for: str,
    *,
    key: str,
    points: pd.DataFrame | None = None,
    help: str | None = None,
    height: int = figures.HEIGHT,
) -> None:
    """Class probabilities [G, G, C]; `column` begins their names in the table."""
    names = seen.task.class_names
    show(
        figures.draw_decisions(
            seen.axis, probabilities, names, points=points, chosen=chosen_point(seen), height=height
        ),
        seen,
        title,
        look_for,
        lambda: figures.map_table(seen.axis, **figures.probability_columns(column, probabilities, names)),
        key=key,
        help=help,
    )


def show_teachers(
    seen: DecisionPlane,
    config: RunConfig,
    found: TeacherMap,
    title: str,
    what: str,
    look_for: str,
    help: str,
    key: str,
    *,
    height: int = figures.HEIGHT,
) -> None:
    """One teacher for each point, whose share is `what`."""
    teachers = task_words.titles_by_name(config)
    titles = list(teachers.values())
    show(
        figures.draw_leading_teacher(
            seen.axis,
            found.teacher,
            found.share,
            teachers,
            task_words.colours(config),
            what,
            probabilities=seen.truth,
            chosen=chosen_point(seen),
            height=height,
        ),
        seen,
        title,
        look_for,
        lambda: figures.map_table(seen.axis, teacher=found.named(titles), **{what: found.share}),
        key=key,
        help=f"{help} Lines: where the true class changes.",
    )


def show(
    figure: go.Figure,
    seen: DecisionPlane,
    title: str,
    look_for: str,
    table: Callable[[], pd.DataFrame],
    *,
    key: str,
    help: str | None = None,
) -> None:
    """Draw a map; a click chooses the nearest of the test points that lie under it, for every page."""
    figures.add_choosable(figure, seen.task.x_test[:_CHOOSABLE].numpy())
    charts.show(figure, title, look_for, table, key=key, help=help, on_click=link.choose_example)


def _labelled(seen: DecisionPlane) -> pd.DataFrame:
    task = seen.task
    return figures.point_table(task.x_train.numpy(), task.y_train.numpy(), task.class_names)


def chosen_point(seen: DecisionPlane) -> Array:
    """[2], the chosen test point, for a map to mark."""
    return seen.task.x_test[min(st.session_state.example, len(seen.task.y_test) - 1)].numpy()
