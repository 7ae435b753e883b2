"""Parts of the page on shifts: how well scores detect them, an input and what became of it, a curve over severities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from mtbkd_core import Result, Task
from mtbkd_core.evaluation.corruptions import Corruption, corrupt, corruptions_of, severity_at
from mtbkd_core.evaluation.score_text import ERRORS_LINE
from mtbkd_core.evaluation.severities import (
    AtSeverity,
    of_severities,
    severities,
    severity_table,
)
from mtbkd_core.evaluation.shift import MEASURES, Separation
from mtbkd_core.evaluation.student_tables import separation_table, separations_shown
from mtbkd_core.figures.decision_map import draw_quantity, map_table, point_table
from mtbkd_core.figures.shifts import draw_severity
from pages.results.shifts import pair
from pages.ui import charts, chosen_run, decision_maps, examples, link, pinned
from pages.ui.words import plain

#: From no corruption to the most severe.
STEPS = 20
#: Test examples that are corrupted, and students that predict them: few enough that a curve takes about a second.
CORRUPTED, DRAWS = 200, 160
_MADE_OF = f"On the first {CORRUPTED} test {{item}}s, by {DRAWS} students spread over the chains."


def show(task: Task, chosen: chosen_run.Chosen) -> None:
    """The controls beside the curve over severities, with what it says; beside the pinned run's, where there is one."""
    item = examples.item(task)
    left, right = st.columns([1, 3], gap="large")
    with left:
        name, kind, severity = _choose(task, item)
        index = examples.chooser(task)
        plain_input = task.x_test[index : index + 1]
        _show_input(task, index, plain_input, corrupt(plain_input, task.image_shape, name, severity), chosen)
    with right:
        if chosen.moment is not None:
            st.info("The curve over severities comes when the run is done.", icon=":material/hourglass_top:")
            return
        curve = pd.DataFrame(severity_table(_severities(chosen.version, name, chosen.result, task)))
        chosen_run.say(of_severities(curve.to_dict("records")))
        if pinned.pair_with(chosen) is not None:
            pair.of_corruption(
                chosen,
                lambda each: _severities(each.version, name, each.result, task),
                kind,
                severity,
                _MADE_OF.format(item=item),
            )
        else:
            _draw_curve(curve, kind, severity, item)
    if seen := decision_maps.plane(task):
        _where_they_went(seen, chosen, name, severity)


def _draw_curve(curve: pd.DataFrame, kind: Corruption, severity: float, item: str) -> None:
    charts.show(
        draw_severity(curve, severity=severity, unit=kind.unit),
        f"{kind.title}: accuracy and deviance",
        "As accuracy falls, deviance should rise. A flat deviance: the student does not notice the change.",
        lambda: curve,
        key="severity",
        help="Vertical lines: 95 % intervals under the error from a test set of this size. The dotted line is the "
        f"chosen severity. {_MADE_OF.format(item=item)}",
    )


def _choose(task: Task, item: str) -> tuple[str, Corruption, float]:
    """The corruption by name, and its severity."""
    kinds = corruptions_of(task.image_shape)
    name = st.selectbox(
        "Corruption",
        list(kinds),
        format_func=lambda key: kinds[key].title,
        **link.bound("corruption", list(kinds), next(iter(kinds))),
        help=f"How the test {item}s are changed, while their labels stay. The student has not seen changed {item}s.",
    )
    kind = kinds[name]
    step = st.select_slider(
        f"Severity ({kind.unit})",
        range(STEPS + 1),
        # a step, so that it stays where it is when another corruption, with another unit, is chosen
        format_func=lambda step: f"{severity_at(kind, step, STEPS):g}",
        **link.bound("severity", range(STEPS + 1), 10),
        help=f"0 leaves the {item}s unchanged. The link holds the step of the slider, from 0 to {STEPS}.",
    )
    return name, kind, severity_at(kind, step, STEPS)


def _where_they_went(seen: decision_maps.DecisionPlane, chosen: chosen_run.Chosen, name: str, severity: float) -> None:
    """The changed points on the map of what the student does not know."""
    task, found = seen.task, decision_maps.posterior(chosen, seen)
    moved = corrupt(task.x_test[:CORRUPTED], None, name, severity).numpy()
    points = point_table(moved, task.y_test[:CORRUPTED].numpy(), task.class_names)
    charts.show(
        draw_quantity(seen.axis, found.epistemic, "Epistemic (nats)", probabilities=found.mean, points=points),
        "Changed points on the epistemic uncertainty of the student",
        "Where the ground is near 0, the student takes the points for familiar ones.",
        lambda: map_table(seen.axis, epistemic=found.epistemic),
        key="changed-points",
        help="Circles: changed test points; those beyond the map are not drawn. Lines: the student's borders.",
    )


def draw_separation(measured: Mapping[str, Mapping[str, Separation]], titles: Mapping[str, str], item: str) -> None:
    """How well each score separates shifted inputs from the test examples; arguments as `separation_table`."""
    table = separation_table(measured, titles)
    charts.heading(
        "Detection of out-of-distribution inputs",
        lambda: table,
        key="separation",
        file="shifts.csv",
        help=f"Each score should be higher for out-of-distribution inputs than for test {item}s.",
        of="Download the table as numbers.",
    )
    st.caption(f"AUROC and AUPR near 1 and a small false positive rate: the score detects them well. {ERRORS_LINE}")
    st.dataframe(
        separations_shown(measured, titles),
        hide_index=True,
        key="separation",
        column_config={each.title: st.column_config.TextColumn(help=f"{each.line}.") for each in MEASURES.values()},
    )


def _show_input(task: Task, index: int, unchanged: Any, changed: Any, chosen: chosen_run.Chosen) -> None:
    """The chosen input as it is and corrupted, each with the student's prediction and its deviance."""
    inputs = {"Unchanged": unchanged, "Changed": changed}
    for column, (title, x) in zip(st.columns(2, gap="small"), inputs.items(), strict=True):
        found = chosen.result.predict(x, max_draws=DRAWS)
        named = plain(task.class_names[int(found.mean[0].argmax())])
        said = f"{title}: **{named}**, deviance {float(found.deviance[0]):.2f}"
        image = examples.picture(task, x[0], 144)
        if image is not None:
            column.image(image, width=120, caption=said, alt=f"Example {index}, {title.lower()}")
        else:
            column.caption(said)
    st.caption(f"Label: **{plain(task.class_names[int(task.y_test[index])])}**")


@st.cache_resource(show_spinner="Changing the examples…", max_entries=32)
def _severities(version: str, name: str, _result: Result, _task: Task) -> list[AtSeverity]:
    """The student at the severities of a corruption; kept for that run."""
    return severities(
        lambda x: _result.predict_by_chain(x, max_draws=DRAWS),
        _task.x_test[:CORRUPTED],
        _task.y_test[:CORRUPTED],
        _task.image_shape,
        name,
    )
