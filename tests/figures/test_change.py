"""Changes are drawn where and as large as they are, and those within their errors are grey."""

import numpy as np
import pandas as pd

from mtbkd_core.figures.change import draw_changes, draw_moved, draw_two_answers
from mtbkd_core.figures.theme import INK, MUTED

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


def test_where_a_map_falls_and_where_it_rises_bears_a_sign() -> None:
    figure = draw_moved(AXIS, SIDES, "Change", before=EVEN, after=EVEN)
    (signs,) = [trace for trace in figure.data if trace.type == "scatter" and trace.mode == "text"]
    assert [(x < 0, text) for x, text in zip(signs.x, signs.text, strict=True)] == [(True, "−"), (False, "+")]


def test_a_map_that_is_nowhere_lower_has_no_signs() -> None:
    figure = draw_moved(AXIS, np.abs(SIDES), "Moved", before=EVEN, after=EVEN)
    assert not [trace for trace in figure.data if trace.type == "scatter" and trace.mode == "text"]


def test_a_map_that_did_not_move_is_empty() -> None:
    shade = draw_moved(AXIS, np.zeros((21, 21)), "Moved", before=EVEN, after=EVEN).data[0]
    assert shade.zmax > 0
    assert not np.any(shade.z)


def test_both_answers_are_drawn_and_the_true_class_is_named() -> None:
    figure = draw_two_answers(np.array([0.2, 0.8]), np.array([0.4, 0.6]), ["x", "y"], label="y")
    assert {trace.name: list(trace.y) for trace in figure.data} == {"Now": [0.4, 0.6], "Before": [0.2, 0.8]}
    assert "y" in figure.layout.xaxis.title.text
