"""Figures of teachers and of their influence: each mark stands where its number is."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from mtbkd_core.evaluation import teacher_tables as tables
from mtbkd_core.figures import sensitivity, shapley, teachers, theme, weights
from tests.figures import scene
from tests.figures.scene import FIGURES, Run, run

Expected = Callable[[Run], np.ndarray]


@pytest.fixture
def small() -> Run:
    return run(2, 3)


def test_a_table_is_drawn_as_it_reads_with_the_interval_of_each_share() -> None:
    shares = [
        ("A", "0", 1.0, 0.9, 1.0),
        ("A", "1", 0.5, 0.25, 0.75),
        ("B", "0", 0.0, 0.0, 0.1),
        ("B", "1", math.nan, 0, 0),
    ]
    table = pd.DataFrame(shares, columns=["teacher", "class", "share", "low", "high"])
    (cells,) = teachers.draw_table(table, x="Class", hover="").data
    assert (list(cells.y), list(cells.x)) == (["A", "B"], ["0", "1"])
    np.testing.assert_array_equal(np.asarray(cells.z), [[1, 0.5], [0, math.nan]])
    assert np.asarray(cells.text).tolist() == [["100%<br>90–100", "50%<br>25–75"], ["0%<br>0–10", ""]]


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("draw_probabilities", None, lambda r: r.teachers[:, 0]),
        ("draw_shares_of_one", lambda r: r.shares[:, :2].T, None),
        ("draw_influence", lambda r: scene.shapley(r)[["responsibility", "pull"]].to_numpy().T, None),
        ("draw_sensitivity", lambda r: [scene.sensitivity(r)["change"]], None),
        ("draw_pulls", None, lambda r: np.vstack([r.pulls.mean(1), r.label_pull.mean(0)])),
        ("draw_weights_and_responsibilities", lambda r: r.shares, lambda r: r.shares[::-1]),
    ],
)
def test_each_mark_stands_at_its_number(small: Run, name: str, x: Expected | None, y: Expected | None) -> None:
    traces = [trace for trace in FIGURES[name](small).data if trace.hovertemplate and trace.name != "Sum"]
    for letter, expected in (("x", x), ("y", y)):
        if expected is not None:
            drawn = [np.asarray(trace[letter]) for trace in traces]
            np.testing.assert_allclose(drawn, expected(small))


def test_a_change_within_its_error_is_grey_and_an_unreliable_one_is_crossed(small: Run) -> None:
    table = scene.sensitivity(small).assign(clear=[True, False])
    words = {"left": "better", "right": "worse", "shaded": "left", "title": "NLL"}
    bars, crosses = sensitivity.draw_sensitivity(table, small.titles, small.colours, **words).data
    assert list(bars.marker.color) == [small.colours["a"], theme.MUTED]
    assert list(crosses.y) == [small.titles["b"]]


def test_shares_by_class_stack_up_to_1(small: Run) -> None:
    below, above = FIGURES["draw_shares_by_class"](small).data
    np.testing.assert_allclose(np.asarray(above.base, float), np.asarray(below.y))
    np.testing.assert_allclose(np.asarray(above.base, float) + np.asarray(above.y), 1)


def test_the_thin_line_spans_the_10th_to_the_90th_percentile(small: Run) -> None:
    table = tables.shares_by_class(np.array([[0.1, 0.2, 0.9]]), np.array([0, 0, 0]), ["0"], {"a": "Teacher A"})
    (bar,) = weights.draw_shares_by_class(table, small.colours, y="Mean weight").data
    assert bar.y[0] - bar.error_y.arrayminus[0] == pytest.approx(0.12)
    assert bar.y[0] + bar.error_y.array[0] == pytest.approx(0.76)


@pytest.mark.parametrize(("logarithmic", "place"), [(False, 10.0), (True, 1.0)])
def test_the_present_value_of_a_setting_is_marked(small: Run, logarithmic: bool, place: float) -> None:
    table = pd.DataFrame({"value": [1.0, 100.0], "a": [0.0, 1.0], "b": [1.0, 0.0], "label": [0.9, 0.9]})
    figure = weights.draw_effect(table, small.titles, small.colours, now=10.0, x="Setting", logarithmic=logarithmic)
    assert [list(trace.y) for trace in figure.data] == [[0.0, 1.0], [1.0, 0.0], [0.9, 0.9]]
    assert figure.layout.annotations[0].x == pytest.approx(place)  # plotly places notes by exponent on a log axis
    assert figure.layout.shapes[0].x0 == 10.0


def test_the_diamond_is_the_sum_of_all_pulls(small: Run) -> None:
    *bars, total = FIGURES["draw_pulls"](small).data
    np.testing.assert_allclose(np.asarray(total.y), np.sum([np.asarray(bar.y) for bar in bars], axis=0))


@pytest.mark.parametrize(("score", "helps", "scale"), [("nll", "left", 1), ("accuracy", "right", 100)])
def test_shapley_values_are_bars_and_the_helping_side_is_shaded(
    small: Run, score: str, helps: str, scale: float
) -> None:
    table = scene.shapley(small)
    figure = shapley.draw_shapley(table, score, small.colours)
    for trace, column in zip(figure.data, ("shapley", "leave_one_out", "solo"), strict=True):
        np.testing.assert_allclose(np.asarray(trace.x), scale * table[column])
    shade = figure.layout.shapes[0]
    assert (shade.x1 == 0, shade.x0 == 0) == (helps == "left", helps == "right")
    low, high = figure.layout.xaxis.range
    assert low < scale * table["leave_one_out"].min()
    assert high > max(0, scale * table["solo"].max())
