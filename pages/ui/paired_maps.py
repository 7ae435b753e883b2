"""Maps of a plane before and after, and where they moved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from mtbkd_core.figures import change, decision_map
from mtbkd_core.studies.decision_maps import DecisionPlane, PosteriorMaps, StudentMaps, TeacherMap
from mtbkd_core.studies.plane_posterior import distance
from pages.ui import decision_maps
from pages.ui.chosen_run import Chosen

#: Three maps side by side.
HEIGHT = 350


@dataclass(frozen=True)
class Moved:
    """A difference of two maps [G, G], whether it can fall, and words: of its scale, title, what to look for, help."""

    of: Callable[[StudentMaps, StudentMaps], Any]
    signed: bool
    scale: str
    title: str
    look_for: str
    help: str | None = None


PREDICTIONS = Moved(
    lambda before, after: distance(before.mean, after.mean),
    False,
    "Moved",
    "Where the predictions moved",
    "Strong: they changed most. Dashed: the borders before; solid: after.",
    "Total variation between the two predictive means: half the sum of the absolute differences.",
)
UNCERTAINTY = Moved(
    lambda before, after: after.epistemic - before.epistemic,
    True,
    "Change (nats)",
    "Where the uncertainty changed",
    "Blue: more uncertain after. Brown: less. Dashed: the borders before; solid: after.",
)


def show_predictions(seen: DecisionPlane, maps: StudentMaps, title: str, look_for: str, *, key: str) -> None:
    """The most probable class at every point."""
    decision_maps.show_decisions(seen, maps.mean, "mean", title, look_for, key=key, height=HEIGHT)


def show_uncertainty(
    seen: DecisionPlane, maps: StudentMaps, title: str, look_for: str, *, top: float, key: str
) -> None:
    """The epistemic uncertainty at every point, on a scale from 0 to `top`."""
    decision_maps.show(
        decision_map.draw_quantity(
            seen.axis,
            maps.epistemic,
            "Epistemic (nats)",
            probabilities=maps.mean,
            chosen=decision_maps.chosen_point(seen),
            height=HEIGHT,
            top=top,
        ),
        seen,
        title,
        look_for,
        lambda: decision_map.map_table(seen.axis, epistemic=maps.epistemic),
        key=key,
    )


def show_moved(seen: DecisionPlane, before: StudentMaps, after: StudentMaps, what: Moved, *, key: str) -> None:
    """How far the predictions moved, or how much the epistemic uncertainty changed, at every point."""
    moved = what.of(before, after)
    decision_maps.show(
        change.draw_moved(
            seen.axis,
            moved,
            what.scale,
            before=before.mean,
            after=after.mean,
            signed=what.signed,
            chosen=decision_maps.chosen_point(seen),
            height=HEIGHT,
        ),
        seen,
        what.title,
        what.look_for,
        lambda: decision_map.map_table(seen.axis, change=moved),
        key=key,
        help=what.help,
    )


def show_leading(
    seen: DecisionPlane, before: tuple[PosteriorMaps, Chosen], after: tuple[PosteriorMaps, Chosen]
) -> None:
    """The teacher with the most responsibility in two runs, and where it clearly is another one."""
    (one, first), (other, second) = before, after
    moved = other.clearly_led_otherwise(second.view.config.data.teachers, one, first.view.config.data.teachers)
    strong = "The stronger the colour, the larger its share."
    shown = (
        (one.responsibilities, first, "Before: most responsibility", strong),
        (other.responsibilities, second, "After: most responsibility", strong),
        (
            moved,
            second,
            "Where another teacher leads",
            "Coloured: the teacher that leads after and did not before, each beyond its sampler's error.",
        ),
    )
    columns = st.columns(3, gap="small")
    for place, (column, (found, run, title, look_for)) in enumerate(zip(columns, shown, strict=True)):
        with column:
            _show_teachers(seen, found, run, title, look_for, key=f"before-leading-{place}")


def _show_teachers(seen: DecisionPlane, found: TeacherMap, run: Chosen, title: str, look_for: str, *, key: str) -> None:
    decision_maps.show_teachers(
        seen,
        run.view.config,
        found,
        title,
        "responsibility",
        look_for,
        "The largest of the teachers' responsibilities at every point, a posterior mean.",
        key,
        height=HEIGHT,
    )
