import numpy as np
import pandas as pd
import pytest

from mtbkd_core.figures import theme
from mtbkd_core.figures.weights import draw_effect, draw_shares_by_class, draw_shares_of_one, shares_by_class

TEACHERS = {"a": "Teacher A", "b": "Teacher B"}
COLOURS = theme.teacher_colours(list(TEACHERS))
SHARES = np.array([[0.2, 0.4, 0.9], [0.8, 0.6, 0.1]])
LABELS = np.array([0, 0, 2])


@pytest.fixture
def table() -> pd.DataFrame:
    return shares_by_class(SHARES, LABELS, ["0", "1", "2"], TEACHERS)


def test_means_are_by_class_and_teacher(table: pd.DataFrame) -> None:
    assert table[["class", "teacher", "mean", "examples"]].values.tolist() == [
        ["0", "a", pytest.approx(0.3), 2],
        ["0", "b", pytest.approx(0.7), 2],
        ["2", "a", pytest.approx(0.9), 1],
        ["2", "b", pytest.approx(0.1), 1],
    ]


def test_the_spread_is_from_the_10th_to_the_90th_percentile(table: pd.DataFrame) -> None:
    first = table.iloc[0]
    assert (first["low"], first["high"]) == (pytest.approx(0.22), pytest.approx(0.38))


def test_bars_stack_up_to_one_in_the_teachers_colours(table: pd.DataFrame) -> None:
    below, above = draw_shares_by_class(table, COLOURS, y="Mean weight").data
    assert (below.marker.color, above.marker.color) == (COLOURS["a"], COLOURS["b"])
    np.testing.assert_allclose(np.asarray(above.base, dtype=float), np.asarray(below.y))
    np.testing.assert_allclose(np.asarray(above.base, dtype=float) + np.asarray(above.y), 1)


def test_the_thin_line_spans_the_spread() -> None:
    table = shares_by_class(np.array([[0.1, 0.2, 0.9]]), np.array([0, 0, 0]), ["0"], {"a": "Teacher A"})
    (bar,) = draw_shares_by_class(table, COLOURS, y="Mean weight").data
    assert bar.y[0] - bar.error_y.arrayminus[0] == pytest.approx(0.12)
    assert bar.y[0] + bar.error_y.array[0] == pytest.approx(0.76)


def test_one_example_shows_what_was_asked_for_beside_what_was_settled_on() -> None:
    alone = draw_shares_of_one([0.25, 0.75], None, TEACHERS, COLOURS)
    both = draw_shares_of_one([0.25, 0.75], [0.4, 0.6], TEACHERS, COLOURS)
    assert [list(bar.x) for bar in alone.data] == [[0.25, 0.75]]
    assert [list(bar.x) for bar in both.data] == [[0.25, 0.75], [0.4, 0.6]]
    assert list(both.data[1].marker.color) == [COLOURS["a"], COLOURS["b"]]


@pytest.mark.parametrize(("logarithmic", "place"), [(False, 10.0), (True, 1.0)])
def test_the_present_value_is_marked_where_it_stands(logarithmic: bool, place: float) -> None:
    table = pd.DataFrame({"value": [1.0, 100.0], "a": [0.0, 1.0], "b": [1.0, 0.0], "label": [0.9, 0.9]})
    figure = draw_effect(table, TEACHERS, COLOURS, now=10.0, x="Concentration", logarithmic=logarithmic)
    assert [trace.name for trace in figure.data] == ["Teacher A", "Teacher B", "Label"]
    assert [list(trace.y) for trace in figure.data] == [[0.0, 1.0], [1.0, 0.0], [0.9, 0.9]]
    assert figure.layout.annotations[0].x == pytest.approx(place)  # plotly places notes by exponent on a log axis
    assert figure.layout.shapes[0].x0 == 10.0
