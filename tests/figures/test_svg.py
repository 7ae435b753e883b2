"""Figures as SVG: whole, in the page's own colours, within their frame, with every name and number that is shown."""

from __future__ import annotations

import re
import warnings
from xml.etree import ElementTree

import numpy as np
import plotly.graph_objects as go
import pytest

from mtbkd_core.figures import svg, theme
from mtbkd_core.figures.parts import bars, line, marks, trace
from tests.figures.scene import FIGURES, run

#: What a report draws.
DRAWN = (
    "draw_answering",
    "draw_deviance",
    "draw_entropy_split",
    "draw_pulls",
    "draw_reliability",
    "draw_shares_by_class",
    "draw_traces",
)


def drawn(name: str) -> go.Figure:
    return FIGURES[name](run(2, 3))


def numbers(text: str) -> np.ndarray:
    return np.array([float(each) for each in re.findall(r"-?\d+(?:\.\d+)?", text)])


@pytest.mark.parametrize("name", DRAWN)
class TestFiguresOfAReport:
    def test_are_whole_documents_with_a_title(self, name: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = ElementTree.fromstring(svg.as_svg(drawn(name), title="A <title>"))
        assert found.attrib["aria-label"] == "A <title>"

    def test_take_their_neutral_colours_from_the_page(self, name: str) -> None:
        text = svg.as_svg(drawn(name), title="") + svg.legend(drawn(name))
        assert not any(colour in text for colour in (theme.INK, theme.MUTED, *theme.SEQUENTIAL))
        used = set(re.findall(r"var\(--([\w-]+)\)", text))
        assert used <= set(re.findall(r"--([\w-]+):", svg.variables()))

    def test_name_their_axes_and_traces(self, name: str) -> None:
        figure = drawn(name)
        found = ElementTree.fromstring(svg.as_svg(figure, title=""))
        texts = {each.text for each in found.iter("text")}
        axes = (figure.layout.xaxis, figure.layout.yaxis)
        assert {axis.title.text for axis in axes} <= texts
        entries = {each.name for each in figure.data if each.name and each.showlegend is not False}
        said = ElementTree.fromstring(f"<div>{svg.legend(figure)}</div>")
        assert {"".join(each.itertext()) for each in said.iter("span")} == entries

    def test_draw_no_number_that_is_none(self, name: str) -> None:
        assert "nan" not in svg.as_svg(drawn(name), title="").lower()


def paths(figure: go.Figure) -> list[np.ndarray]:
    found = ElementTree.fromstring(svg.as_svg(figure, title=""))
    return [numbers(each.attrib["d"]) for each in found.iter("path") if each.attrib.get("class") != "grid"]


def test_a_line_runs_through_its_points_in_proportion() -> None:
    (path,) = paths(theme.composed([line([0, 1, 4], [0, 10, 5])], x={"range": [0, 4]}, y={"range": [0, 10]}))
    x, y = path[0::2], path[1::2]
    assert (x[1] - x[0]) / (x[2] - x[0]) == pytest.approx(0.25, abs=0.01)
    assert (y[2] - y[0]) / (y[1] - y[0]) == pytest.approx(0.5, abs=0.01)
    assert y[1] < y[0]


def test_a_gap_stays_open() -> None:
    figure = theme.composed([line([0, 1, 2, 3], [0, 1, np.nan, 1])])
    (path,) = re.findall(r'd="(M[^"]*L[^"]*)"', svg.as_svg(figure, title=""))
    assert path.count("M") == 2


def test_stacked_bars_stand_on_each_other_and_negative_ones_below_zero() -> None:
    traces = [bars(["a"], [2.0]), bars(["a"], [1.0]), bars(["a"], [-1.0])]
    first, second, below = paths(theme.composed(traces, barmode="relative"))
    bottom, top = 1, 3  # places of M x y H x V y
    assert second[bottom] == first[top]
    assert second[top] < first[top] < first[bottom]
    assert below[bottom] == first[bottom] < below[top]


def test_a_logarithmic_axis_has_equal_steps_for_equal_ratios() -> None:
    (path,) = paths(theme.composed([line([0, 1, 2], [0.01, 0.1, 1])], y={"type": "log"}))
    assert path[1] - path[3] == pytest.approx(path[3] - path[5], abs=0.2)


def test_a_box_has_its_quartiles_and_outliers() -> None:
    values = [*np.linspace(1, 2, 101), 9.0]
    box = trace("box", ["a"] * 102, values, line={"color": theme.INK}, marker={"color": theme.MUTED}, fillcolor="red")
    outliers, area, _ = paths(theme.composed([box], y={"range": [0, 10]}))
    assert len(outliers) == 3  # of one point: M x y h0
    a_nat = (area[1] - outliers[1]) / (9 - np.percentile(values, 25))
    assert (area[1] - area[3]) / a_nat == pytest.approx(0.5, abs=0.05)


def test_points_on_one_another_are_drawn_once() -> None:
    figure = theme.composed([marks([1.0] * 500 + [2.0], [1.0] * 500 + [2.0])])
    assert svg.as_svg(figure, title="").count("h0") == 2


def test_names_from_outside_stay_text() -> None:
    figure = theme.composed([bars(["<b>", "b"], [1, 2], "<script>")], x="<x>")
    text = svg.as_svg(figure, title="") + svg.legend(figure)
    assert "<b>" not in text
    assert "<script>" not in text
