"""Maps of the plane and of the triangle: every region bears its class, and each mark lies where its numbers put it."""

import numpy as np
import plotly.graph_objects as go
import pytest

from mtbkd_core.evaluation.prior_density import TOP
from mtbkd_core.figures import decision_map, simplex
from tests.figures.scene import FIGURES, run

AXIS = np.linspace(-1, 1, 21)
LEFT = np.broadcast_to(AXIS < 0, (21, 21))
#: [21, 21, 3]: class 0 on the left, class 2 on the right, class 1 nowhere.
HALVES = np.stack([np.where(LEFT, 0.7, 0.2), np.full((21, 21), 0.1), np.where(LEFT, 0.2, 0.7)], -1)


def test_every_region_bears_its_class() -> None:
    (left, _, first), (right, _, second) = decision_map.region_names(AXIS, HALVES.argmax(-1))
    assert (first, second) == (0, 2)
    assert left < 0 < right


def test_a_region_bears_its_class_away_from_the_chosen_point() -> None:
    (x, y, _), _ = decision_map.region_names(AXIS, HALVES.argmax(-1))
    (other, up, _), _ = decision_map.region_names(AXIS, HALVES.argmax(-1), np.array([x, y]))
    assert np.hypot(other - x, up - y) > 0.3
    assert other < 0


def test_a_region_of_a_few_cells_bears_no_name() -> None:
    best = np.zeros((21, 21), int)
    best[3, 3] = 1
    assert [index for _, _, index in decision_map.region_names(AXIS, best)] == [0]


def test_labelled_points_and_regions_are_written() -> None:
    points = decision_map.point_table(np.array([[0.1, 0.2]]), np.array([2]), "ABC")
    figure = decision_map.draw_decisions(AXIS, HALVES, "ABC", points=points)
    assert [list(trace.text) for trace in figure.data if trace.type == "scatter"] == [["C"], ["<b>A</b>", "<b>C</b>"]]


def test_a_teachers_colour_covers_the_inputs_at_which_it_leads() -> None:
    small, who = run(2, 3), LEFT.astype(int)
    figure = decision_map.draw_leading_teacher(
        AXIS, who, np.full((21, 21), 0.6), small.titles, small.colours, "weight", probabilities=HALVES
    )
    for index, trace in enumerate(trace for trace in figure.data if isinstance(trace, go.Heatmap)):
        np.testing.assert_array_equal(~np.isnan(trace.z), who == index)
        assert np.nanmax(trace.z) == pytest.approx(0.6)


def test_a_table_holds_every_grid_point_with_its_inputs() -> None:
    table = decision_map.map_table(AXIS, value=AXIS[:, None] * 10 + AXIS[None, :])
    assert len(table) == 441
    np.testing.assert_allclose(table["value"], table["x2"] * 10 + table["x1"])


def test_points_to_choose_bear_their_numbers() -> None:
    figure = decision_map.add_choosable(go.Figure(), np.zeros((4, 2)))
    assert list(figure.data[0].customdata) == [0, 1, 2, 3]
    assert figure.data[0].marker.opacity == 0


def test_the_triangle_marks_the_truth_and_the_draws_where_they_are() -> None:
    traces = {trace.name: trace for trace in FIGURES["draw_simplex"](run(2, 3)).data}
    assert (traces["Truth"].x[0], traces["Truth"].y[0]) == pytest.approx((0.5, TOP))
    np.testing.assert_allclose(traces["Student draws (3)"].x, [0, 1, 0.5])


def test_teachers_lie_where_their_shares_put_them() -> None:
    small, targets = run(2, 3), np.array([[0.0, 0.0, 1.0], [0.5, 0.5, 0.0]])
    _, *points, _ = simplex.draw_draws(np.eye(3), targets, "ABC", small.titles, small.colours).data
    np.testing.assert_allclose([[*point.x, *point.y] for point in points], [[0.5, TOP], [0.5, 0]])
