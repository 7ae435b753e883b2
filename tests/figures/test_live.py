"""Drawings in SVG: the live curves and the method in one picture."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from mtbkd_core.figures.live import svg_lines, thinned
from mtbkd_core.figures.overview import method_picture


def lines_of(svg: str) -> list[list[tuple[float, float]]]:
    root = ElementTree.fromstring(svg)
    return [
        [(float(x), float(y)) for x, y in (point.split(",") for point in line.get("points", "").split())]
        for line in root.iter("polyline")
    ]


@pytest.mark.parametrize("count", [0, 1, 2, 100, 101, 5000])
def test_thinning_keeps_the_first_and_the_last(count: int) -> None:
    kept = thinned(count, 100)
    assert len(kept) == min(count, 100)
    assert kept == sorted(set(kept))
    assert not kept or (kept[0], kept[-1]) == (0, count - 1)


def test_a_long_run_is_drawn_with_a_hundred_points() -> None:
    svg = svg_lines({"0": list(range(1000))}, np.linspace(0, 1, 1000), {"0": "currentColor"}, title="Log joint", low=0)
    assert 'data-points="100"' in svg
    assert len(lines_of(svg)[0]) == 100


@pytest.mark.parametrize(("lines", "drawn"), [(1, 1), (64, 64), (65, 64), (1024, 64)])
def test_of_many_lines_64_are_drawn_the_first_and_the_last_among_them(lines: int, drawn: int) -> None:
    colours = {str(number): f"#{number:06x}" for number in range(lines)}
    svg = svg_lines({name: [0.0, 1.0] for name in colours}, [0, 1], colours, title="Log joint")
    strokes = [line.get("stroke") for line in ElementTree.fromstring(svg).iter("polyline")]
    assert len(strokes) == len(set(strokes)) == drawn
    assert (strokes[0], strokes[-1]) == (colours["0"], colours[str(lines - 1)])


def test_nothing_yet_is_an_empty_picture() -> None:
    assert lines_of(svg_lines({}, [], {}, title="Log joint")) == []


def test_values_that_are_not_finite_are_left_out() -> None:
    svg = svg_lines({"0": [0.0, float("nan"), 1.0]}, [0, 0.5, 1], {"0": "red"}, title="Share", low=0, high=1)
    assert len(lines_of(svg)[0]) == 2


def test_a_steep_start_does_not_flatten_what_follows() -> None:
    values = [-100_000.0, *np.linspace(90, 100, 49)]
    (line,) = lines_of(svg_lines({"0": values}, np.linspace(0, 1, 50), {"0": "red"}, title="Log joint"))
    assert len(line) == 49
    assert max(y for _, y in line) - min(y for _, y in line) > 50


def test_higher_is_higher_up() -> None:
    (line,) = lines_of(svg_lines({"0": [0.2, 0.8]}, [0, 1], {"0": "red"}, title="Share", low=0, high=1))
    assert line[0][1] > line[1][1]


def test_a_title_cannot_smuggle_in_markup() -> None:
    assert "<script>" not in svg_lines({}, [], {}, title="<script>")


def test_the_picture_of_the_method_is_well_formed() -> None:
    root = ElementTree.fromstring(method_picture())
    assert [picture.get("aria-label", "").split(":")[0] for picture in root.iter("svg")] == [
        "Teachers",
        "Prior",
        "Posterior",
        "Uncertainty",
    ]


@pytest.mark.parametrize(("low", "high"), [(-96.9, -6.37), (0, 1), (-12_345.6, -12_001.2), (0.0012, 0.0019)])
def test_the_axis_of_a_live_curve_has_two_to_six_round_numbers(low: float, high: float) -> None:
    values = [low, high] * 50
    svg = svg_lines({"0": values}, [index / 99 for index in range(100)], {"0": "red"}, title="t", low=low, high=high)
    ticks = [float(text.replace(",", "")) for text in re.findall(r">(-?[\d.,]+)</text>", svg)]
    assert 2 <= len(ticks) <= 6
    assert all(low <= tick <= high for tick in ticks)
    assert all(len(f"{abs(tick):.10g}".replace(".", "").strip("0")) <= 3 for tick in ticks)
