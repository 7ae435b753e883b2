"""Changes are drawn where and as large as they are, and those within their errors are grey."""

import numpy as np
import pandas as pd

from mtbkd_core.figures.change import draw_changes, draw_moved, draw_two_answers
from mtbkd_core.figures.theme import INK, MUTED, SEQUENTIAL

AXIS = np.linspace(-1, 1, 21)
#: [21, 21]: falls on the left, rises on the right.
SIDES = np.broadcast_to(np.sign(AXIS), (21, 21)) * 0.1
EVEN = np.full((21, 21, 2), 0.5)


def test_a_change_within_its_error_is_grey() -> None:
    table = pd.DataFrame({"name": ["a", "b"], "title": ["A", "B"], "change": [0.2, 0.1], "low": [0.1, -0.1]})
    figure = draw_changes(table.assign(high=[0.3, 0.3]), title="Share", left="less", right="more", shaded="")
    assert list(figure.data[0].marker.color) == [INK, MUTED]


def test_a_change_without_an_interval_is_grey() -> None:
    table = pd.DataFrame({"name": ["a"], "title": ["A"], "change": [0.2], "low": [np.nan], "high": [np.nan]})
    figure = draw_changes(table, title="Share", left="less", right="more", shaded="")
    assert list(figure.data[0].marker.color) == [MUTED]


def test_a_map_that_can_fall_has_zero_in_the_middle_of_its_scale() -> None:
    shade = draw_moved(AXIS, SIDES, "Change", before=EVEN, after=EVEN, signed=True).data[0]
    assert shade.zmin == -shade.zmax
    assert shade.colorscale[0][1] != shade.colorscale[-1][1]
    assert (0.5, SEQUENTIAL[0]) in [tuple(each) for each in shade.colorscale]
    np.testing.assert_allclose(np.sign(shade.z), np.sign(SIDES))


def test_a_teacher_of_one_run_alone_has_its_share_in_place_of_a_change() -> None:
    nothing = {"low": [np.nan], "high": [np.nan], "change": [np.nan]}
    table = pd.DataFrame({"name": ["a"], "title": ["A"], "before": [0.25], "after": [np.nan]} | nothing)
    figure = draw_changes(table, title="Share", left="less", right="more", shaded="")
    assert [note.text for note in figure.layout.annotations if note.y == "A"] == ["only in the run before: 25%"]


def test_a_map_that_did_not_move_is_empty() -> None:
    shade = draw_moved(AXIS, np.zeros((21, 21)), "Moved", before=EVEN, after=EVEN).data[0]
    assert shade.zmax > 0
    assert not np.any(shade.z)


def test_both_answers_are_drawn_and_the_true_class_is_named() -> None:
    figure = draw_two_answers(np.array([0.2, 0.8]), np.array([0.4, 0.6]), ["x", "y"], label="y")
    assert {trace.name: list(trace.y) for trace in figure.data} == {"Now": [0.4, 0.6], "Before": [0.2, 0.8]}
    assert "y" in figure.layout.xaxis.title.text
