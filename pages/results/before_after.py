"""Before, after and difference: what each results page shows beside its own while a run is pinned.

Every function takes the chosen run, and shows nothing where no other run on its task is pinned.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import pandas as pd
import streamlit as st

from mtbkd_core import Task
from mtbkd_core.evaluation import changes, teacher_tables
from mtbkd_core.evaluation import student_tables as tables
from mtbkd_core.evaluation.scores import OF_ALL
from mtbkd_core.figures import uncertainty as figures
from mtbkd_core.figures.change import draw_changes
from mtbkd_core.figures.weights import draw_shares_by_class
from mtbkd_core.review.requirements import Requirements
from mtbkd_core.review.verdict import review
from mtbkd_core.review.words import WORDS, change_text
from mtbkd_core.studies.plane_posterior import true_at
from mtbkd_core.studies.reweighting import DrawnStudents
from pages.ui import beside, charts, decision_maps, examples, paired_maps, pinned, task_words
from pages.ui.chosen_run import Chosen
from pages.ui.jobs import task_loading
from pages.ui.pinned import AFTER, BEFORE, Pair

_GREY = "Grey: no clear change."


def of_pair(draw: Callable[..., None]) -> Callable[..., None]:
    """Draw a part of a page under its heading, where there is a pair."""

    @wraps(draw)
    def part(chosen: Chosen, *more: object) -> None:
        pair = pinned.pair_with(chosen)
        if pair is None:
            return
        with st.container(border=True):
            st.markdown("**Before and after**")
            beside.draw_names(pair.shown)
            beside.draw_test_sets(pair.shown)
            draw(pair, *more)

    return part


@of_pair
def of_the_run(pair: Pair) -> None:
    """Settings, scores and, on a plane, the student's map."""
    beside.draw_settings(pair.shown)
    beside.draw_scores(pair.shown)
    if pair.after.result.environment["n_features"] != 2:  # no other task has maps, and to load it takes a while
        return
    if seen := decision_maps.plane(task_loading.load(pair.after.view.config)):
        maps = {name: decision_maps.posterior(each, seen) for name, each in pair.shown.items()}
        columns = st.columns(3, gap="small")
        for column, (name, found) in zip(columns, maps.items(), strict=False):
            with column:
                paired_maps.show_predictions(
                    seen,
                    found,
                    f"{name}: predictions",
                    "The posterior mean. Faint: undecided.",
                    key=f"before-mean-{name}",
                )
        with columns[2]:
            paired_maps.show_moved(seen, maps[BEFORE], maps[AFTER], paired_maps.PREDICTIONS, key="before-moved")


@of_pair
def of_reliability(pair: Pair) -> None:
    """Both diagrams in one, the change of each class's accuracy, and all scores."""
    left, right = st.columns([1.6, 1], gap="large")
    with left:
        beside.draw_reliabilities(pair.shown, key="before-reliability")
    before, after = (each.result.predictions.test for each in pair.shown.values())
    if beside.share_test_examples(pair.shown):
        found = changes.accuracy_changes(before.mean, after.mean, after.labels.long(), pair.after.class_names)
        with right:
            show_changes(
                found,
                "Change of accuracy by class",
                "worse",
                "better",
                "Whiskers: 95 % intervals under the error from so many test examples.",
                key="before-classes",
                height=430,  # the diagram beside it has the same
            )
    beside.draw_scores(pair.shown, scores=OF_ALL)


@st.cache_resource(show_spinner="Asking the runs' draws…", max_entries=8)
def _shares(version: str, _chosen: Chosen, _task: Task) -> dict[str, Any]:
    return dict(zip(_chosen.teachers, DrawnStudents.of(_chosen.result, _task).shares().unbind(-1), strict=True))


def _shares_by_chain(chosen: Chosen) -> dict[str, Any]:
    """Each chain's mean responsibility [S] of every teacher over the labelled examples; {} where these are others."""
    task = task_loading.load(chosen.view.config)
    return _shares(chosen.version, chosen, task) if chosen.result.has_labels_of(task) else {}


@of_pair
def of_influence(pair: Pair, task: Task) -> None:
    """Each teacher's share before, after, and its change; on a plane also where each leads."""
    titles: dict[str, str] = {}
    colours: dict[str, str] = {}
    shares, labels = {}, {}
    for name, each in pair.shown.items():
        titles |= each.teachers
        colours |= task_words.colours(each.view.config)
        found = each.result.predictions.train
        shares[name] = dict(zip(each.teachers, found.responsibilities.float(), strict=True))
        labels[name] = found.labels
    columns = st.columns(3, gap="small")
    for column, (name, each) in zip(columns, pair.shown.items(), strict=False):
        table = teacher_tables.shares_by_class(
            each.result.predictions.train.responsibilities.float().numpy(),
            labels[name].numpy(),
            each.class_names,
            each.teachers,
        )
        with column:
            charts.show(
                draw_shares_by_class(table, colours, y="Mean responsibility"),
                f"{name}: responsibility by class",
                "Posterior means over the labelled examples.",
                lambda table=table: table,  # type: ignore[misc]
                key=f"before-shares-{name}",
            )
    paired = len(labels[BEFORE]) == len(labels[AFTER]) and bool((labels[BEFORE] == labels[AFTER]).all())
    with columns[2]:
        show_changes(
            changes.share_changes(
                shares[BEFORE],
                shares[AFTER],
                (_shares_by_chain(pair.before), _shares_by_chain(pair.after)),
                titles,
                paired=paired,
            ),
            "Change of each teacher's share",
            "less",
            "more",
            "Whiskers: 95 % intervals under the errors of both samplers and of so many labelled examples.",
            key="before-share-change",
            colours=colours,
            height=320,
        )
    if seen := decision_maps.plane(task):
        paired_maps.show_leading(seen, *((decision_maps.posterior(each, seen), each) for each in pair.shown.values()))


@of_pair
def of_uncertainty(pair: Pair, task: Task) -> None:
    """The chosen example's intervals before, after, and their change; on a plane the epistemic maps; scores."""
    if seen := decision_maps.plane(task):
        maps = {name: decision_maps.posterior(each, seen) for name, each in pair.shown.items()}
        top = max(float(found.epistemic.max()) for found in maps.values())
        columns = st.columns(3, gap="small")
        for column, (name, found) in zip(columns, maps.items(), strict=False):
            with column:
                paired_maps.show_uncertainty(
                    seen,
                    found,
                    f"{name}: epistemic uncertainty",
                    "Strong where students that fit the data differ.",
                    top=top,
                    key=f"before-epistemic-{name}",
                )
        with columns[2]:
            paired_maps.show_moved(
                seen, maps[BEFORE], maps[AFTER], paired_maps.UNCERTAINTY, key="before-epistemic-moved"
            )
    _draw_example(pair, task)
    beside.draw_scores(pair.shown, scores=("epistemic", "deviance", "coverage", "set_size"))


def _draw_example(pair: Pair, task: Task) -> None:
    index, item, names = examples.chosen(task), examples.item(task), pair.after.class_names
    found = {name: each.result.predictions.test for name, each in pair.shown.items()}
    if not beside.share_test_examples(pair.shown):
        return
    truth = true_at(task, index, 1.0)
    columns = st.columns(3, gap="small")
    for column, (name, each) in zip(columns, found.items(), strict=False):
        table = tables.interval_table(
            *(getattr(each, part)[index].float().numpy() for part in ("mean", "mode", "low", "high", "prediction_set")),
            names,
        )
        with column:
            charts.show(
                figures.draw_intervals(
                    table.drop(columns="mode"),
                    labels=[names[int(each.labels[index])]],
                    kind="equal-tailed",
                    truth=None if truth is None else truth.numpy(),
                ),
                f"{name}: {item} {index}",
                "Bars: 95 % credible intervals.",
                lambda table=table: table,  # type: ignore[misc]
                key=f"before-intervals-{name}",
            )
    with columns[2]:
        show_changes(
            changes.example_changes(found[BEFORE].draws[:, :, index], found[AFTER].draws[:, :, index], names),
            f"Change of the probabilities at {item} {index}",
            "less probable",
            "more probable",
            "Whiskers: 95 % intervals of both samplers' errors.",
            key="before-example",
            shaded="",
            height=330,
        )


@of_pair
def of_review(pair: Pair, requirements: Requirements) -> None:
    """The verdict on each requirement but size and time, which would have to be measured of both."""
    asked = requirements.model_copy(update={"max_bytes": None, "latency_ms": None})
    judged = {name: review(each.result, asked).requirements for name, each in pair.shown.items()}
    gaps = beside.differences(pair.before, pair.after)
    rows = []
    for one, other in zip(judged[BEFORE], judged[AFTER], strict=True):
        title, limit, _ = WORDS[one.name]
        gap = beside.gap_text(one.name, gaps[one.name]) if one.name in gaps else change_text(one, other)
        said = (f"{each.verdict.title()}: {each.line}" for each in (one, other))
        rows.append([f"{title}, {limit(one.required)}", *said, gap])
    columns = ["Requirement", BEFORE, AFTER, f"{AFTER} minus {BEFORE}"]
    st.table(pd.DataFrame(rows, columns=columns).set_index("Requirement"))  # which wraps its words
    st.caption(
        "Each number with its 95 % interval. Differences, shares in points: with intervals of both errors, or without "
        "one where their error was not measured."
    )


def show_changes(
    table: pd.DataFrame,
    title: str,
    left: str,
    right: str,
    look_for: str,
    *,
    key: str,
    colours: dict[str, str] | None = None,
    shaded: str = "right",
    height: int | None = None,
) -> None:
    """A table of changes as bars, named by their ends; the arguments are those of `draw_changes`."""
    charts.show(
        draw_changes(
            table, title="After minus before", left=left, right=right, shaded=shaded, colours=colours, height=height
        ),
        title,
        f"{look_for} {_GREY}",
        lambda: table,
        key=key,
    )
