"""Maps: hues are the teachers' alone, every region bears its class, and what is drawn is what came in."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
import torch

from mtbkd_core.figures import decision_map as plane
from mtbkd_core.figures import simplex
from mtbkd_core.figures.coverage import coverage_table, draw_coverage
from mtbkd_core.figures.theme import PALETTE
from mtbkd_core.studies.coverage import NO_TEACHER, SETTINGS, WRONG_ALONE, Coverage

AXIS = np.linspace(-1, 1, 21)
TEACHERS = {"north": "North", "south": "South"}
COLOURS = dict(zip(TEACHERS, PALETTE, strict=False))
RULES = {"inverse_entropy": "Inverse entropy", "softmin": "Softmin", "fixed": "Fixed"}


@pytest.fixture
def halves() -> np.ndarray:
    """[21, 21, 3]: class 0 on the left, class 2 on the right, class 1 nowhere."""
    left = AXIS[None, :].repeat(21, 0) < 0
    return np.stack([np.where(left, 0.7, 0.2), np.full((21, 21), 0.1), np.where(left, 0.2, 0.7)], -1)


def test_every_region_bears_its_class(halves: np.ndarray) -> None:
    names = plane.region_names(AXIS, halves.argmax(-1))
    assert [index for _, _, index in names] == [0, 2]
    (left, _, _), (right, _, _) = names
    assert left < 0 < right


def test_a_region_of_a_few_cells_bears_no_name() -> None:
    named = np.zeros((21, 21), int)
    named[3, 3] = 1
    assert [index for _, _, index in plane.region_names(AXIS, named)] == [0]


def test_classes_carry_no_hue(halves: np.ndarray) -> None:
    points = plane.point_table(np.array([[0.1, 0.2]]), np.array([2]), "ABC")
    drawn = [
        plane.draw_decisions(AXIS, halves, "ABC", points=points, chosen=np.array([0.5, 0.5])),
        plane.draw_quantity(AXIS, halves[..., 0], "Epistemic", probabilities=halves, points=points),
    ]
    for figure in drawn:
        text = figure.to_json()
        assert not any(colour in text.replace('"colorway":["' + '","'.join(PALETTE), "") for colour in PALETTE)
    texts = [list(trace.text) for trace in drawn[0].data if isinstance(trace, go.Scatter) and trace.mode == "text"]
    assert texts == [["C"], ["<b>A</b>", "<b>C</b>"]]


def test_the_ruling_teachers_colour_covers_what_it_rules() -> None:
    who = (AXIS[:, None] < 0).repeat(21, 1).astype(int)
    share = np.full((21, 21), 0.6)
    figure = plane.draw_rule(AXIS, who, share, TEACHERS, COLOURS, "weight")
    maps = [trace for trace in figure.data if isinstance(trace, go.Heatmap)]
    assert len(maps) == 2
    for index, trace in enumerate(maps):
        np.testing.assert_array_equal(~np.isnan(trace.z), who == index)
        assert np.nanmax(trace.z) == pytest.approx(0.6)
    legend = [(t.name, t.marker.color) for t in figure.data if isinstance(t, go.Scatter)]
    assert legend == [("North", PALETTE[0]), ("South", PALETTE[1])]


def test_a_table_holds_every_grid_point_with_its_inputs() -> None:
    values = AXIS[:, None] * 10 + AXIS[None, :]
    table = plane.map_table(AXIS, value=values)
    assert len(table) == 441
    np.testing.assert_allclose(table["value"], table["x2"] * 10 + table["x1"])


def test_points_to_choose_bear_their_numbers() -> None:
    figure = plane.add_choosable(go.Figure(), np.zeros((4, 2)))
    assert list(figure.data[0].customdata) == [0, 1, 2, 3]
    assert figure.data[0].marker.opacity == 0


def test_the_simplex_marks_the_truth_and_the_draws_where_they_are() -> None:
    grid = simplex.simplex_density(np.full((1, 3), 1 / 3), np.ones(1), 6.0, points=11)
    draws = np.array([[1.0, 0, 0], [0, 1, 0]])
    figure = simplex.draw_simplex(
        grid, "ABC", {"north": "North"}, COLOURS, [1.0], draws=draws, truth=np.array([0.0, 0, 1])
    )
    by_name = {trace.name: trace for trace in figure.data}
    assert (by_name["Truth"].x[0], by_name["Truth"].y[0]) == pytest.approx((0.5, simplex.TOP))
    np.testing.assert_allclose(by_name["Student draws (2)"].x, [0, 1])


@pytest.fixture
def study() -> pd.DataFrame:
    found = [
        Coverage(
            name,
            torch.tensor([0.9, 0.94]) - 0.01 * place,
            width=torch.full((2,), 0.1),
            bias=torch.zeros(2),
            r_hat=torch.tensor([1.01, 1.2]),
            effective=torch.tensor([200.0, 240.0]),
        )
        for place, name in enumerate(SETTINGS)
    ]
    return coverage_table(found)


def test_a_setting_is_a_row_with_its_mean_and_interval(study: pd.DataFrame) -> None:
    row = study.set_index("setting").loc[NO_TEACHER]
    assert row["coverage"] == pytest.approx(0.92)
    assert row["high"] - row["coverage"] == pytest.approx(1.96 * 0.02)  # sd 0.02 sqrt 2 over sqrt 2
    assert row["apart"] == 1  # of two posteriors
    assert set(study["teachers"]) == {NO_TEACHER, "experts", "experts and wrong", WRONG_ALONE}


def test_every_setting_but_the_wrong_one_alone_is_drawn_at_its_numbers(study: pd.DataFrame) -> None:
    figure = draw_coverage(study, RULES)
    drawn = sorted(float(y) for trace in figure.data for y in trace.y)
    assert drawn == pytest.approx(sorted(study[study["setting"] != WRONG_ALONE]["coverage"]))
    assert sum(bool(note.showarrow) for note in figure.layout.annotations) == 3
