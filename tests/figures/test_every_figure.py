"""What holds for every figure. A new one is tested by standing in `scene.FIGURES`."""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import pkgutil
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
import pytest

from mtbkd_core import figures
from mtbkd_core.figures import theme
from tests.figures.scene import FIGURES, run

#: Tested with data of their own.
OTHERS = {"draw_race", "draw_effective", "draw_errors"}
#: Colours that mean something, other than the teachers'.
NEUTRAL = {theme.INK, theme.MUTED, theme.GRID, theme.BAND, theme.CLEAR, theme.WHITE, theme.BLACK, theme.WARNING}
NEUTRAL |= {*theme.SEQUENTIAL, theme.LESS}


@pytest.fixture(params=[(2, 3), (1, 2)], ids=["two teachers, three classes", "one teacher, two classes"])
def shape(request: pytest.FixtureRequest) -> tuple[int, int]:
    return request.param


@functools.cache
def drawn(name: str, shape: tuple[int, int]) -> go.Figure:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return FIGURES[name](run(*shape))


def without_template(figure: go.Figure) -> str:
    return go.Figure(figure).update_layout(template=None).to_json().lower()


def leaves(part: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a figure with the names that lead to it."""
    if isinstance(part, dict):
        for name, value in part.items():
            yield from leaves(value, f"{path}.{name}")
    elif isinstance(part, list | tuple):
        for value in part:
            yield from leaves(value, path)
    else:
        yield path, part


def functions() -> dict[str, Callable[..., go.Figure]]:
    """Every drawing function of the package by name."""
    found: dict[str, Callable[..., go.Figure]] = {}
    for module in pkgutil.iter_modules(figures.__path__, figures.__name__ + "."):
        found |= {name: f for name, f in vars(importlib.import_module(module.name)).items() if name.startswith("draw_")}
    return found


def test_every_drawing_function_is_tested_here() -> None:
    assert set(functions()) - OTHERS == set(FIGURES)


@pytest.mark.parametrize("name", FIGURES)
class TestEveryFigure:
    def test_has_the_template(self, name: str, shape: tuple[int, int]) -> None:
        assert drawn(name, shape).layout.template == theme.TEMPLATE

    def test_has_no_text_that_is_too_small_to_read(self, name: str, shape: tuple[int, int]) -> None:
        figure = json.loads(drawn(name, shape).to_json())
        sizes = {path: value for path, value in leaves(figure) if re.search(r"font\.size$", path, re.IGNORECASE)}
        assert {path: value for path, value in sizes.items() if value < theme.SMALL_TEXT} == {}

    def test_can_be_saved_and_read_back(self, name: str, shape: tuple[int, int]) -> None:
        text = drawn(name, shape).to_json()
        assert pio.from_json(text).to_json() == text

    def test_names_every_axis_of_numbers(self, name: str, shape: tuple[int, int]) -> None:
        figure = drawn(name, shape)
        for trace in figure.data:
            for letter in "xy":
                axis = figure.layout[(trace[f"{letter}axis"] or letter).replace(letter, f"{letter}axis")]
                numbers = np.asarray(trace[letter]).dtype.kind in "if" and axis.type != "category"
                assert not numbers or axis.visible is False or axis.title.text

    def test_takes_its_colours_from_the_palette(self, name: str, shape: tuple[int, int]) -> None:
        text = without_template(drawn(name, shape))
        colours = {*re.findall(r"#[0-9a-f]{3,8}\b", text), *re.findall(r"rgba?\([^)]*\)", text)}
        hues = {theme.translucent(hue, 1).removesuffix("1)") for hue in theme.PALETTE}
        known = {*NEUTRAL, *theme.PALETTE}
        assert not {colour for colour in colours - known if not colour.startswith(tuple(hues))}

    def test_has_no_small_text(self, name: str, shape: tuple[int, int]) -> None:
        sizes = [size for path, size in leaves(drawn(name, shape).to_dict()) if path.endswith("font.size")]
        assert min(sizes, default=theme.SMALL_TEXT) >= theme.SMALL_TEXT

    def test_draws_a_teacher_in_its_colour_and_nothing_else_in_it(self, name: str, shape: tuple[int, int]) -> None:
        text = without_template(drawn(name, shape))
        has_teachers = "colours" in inspect.signature(functions()[name]).parameters
        for colour in run(*shape).colours.values():
            translucent = theme.translucent(colour, 0).removesuffix("0)")
            assert (colour in text or translucent in text) is has_teachers
