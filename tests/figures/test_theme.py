import itertools
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from mtbkd_core.figures import theme
from pages.shell import brand

ROOT = Path(__file__).parents[2]
#: Machado, Oliveira and Fernandes (2009), full severity, on linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopic": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopic": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    lights = sorted(float(linear(colour) @ [0.2126, 0.7152, 0.0722]) + 0.05 for colour in (one, other))
    return lights[1] / lights[0]


def oklab(rgb: np.ndarray) -> np.ndarray:
    """Ottosson (2020): distances in it follow what people see."""
    to_lms = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    to_lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return to_lab @ np.cbrt(to_lms @ rgb.clip(0, 1))


@pytest.mark.parametrize("background", ["#ffffff", "#14171c"])
def test_every_teacher_stands_out_from_light_and_dark(background: str) -> None:
    assert min(contrast(colour, background) for colour in theme.PALETTE) >= 2.7


@pytest.mark.parametrize("sight", SIGHT)
def test_any_two_teachers_stay_apart_for_colour_blind_readers(sight: str) -> None:
    seen = [oklab(SIGHT[sight] @ linear(colour)) for colour in theme.PALETTE]
    # 0.02 is about the smallest difference that people see side by side.
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 0.08


def test_a_teacher_keeps_its_colour_whoever_else_is_chosen() -> None:
    colours = theme.teacher_colours(["a", "b", "c"])
    assert colours == dict(zip("abc", theme.PALETTE, strict=False))
    assert theme.series_style("teacher:c", colours)[0] == theme.PALETTE[2]


def test_the_student_and_its_kin_differ_without_hues() -> None:
    styles = [
        theme.series_style(name, {})
        for name in ("student", "student_mode", "warm_start", "teachers_mean", "teachers_weighted")
    ]
    assert {colour for colour, _, _ in styles} == {theme.INK, theme.MUTED}
    assert len({symbol for _, _, symbol in styles}) == len({style[:2] for style in styles}) == 5


def test_a_ninth_teacher_has_a_colour() -> None:
    assert set(theme.teacher_colours([str(number) for number in range(9)]).values()) == set(theme.PALETTE)


@pytest.mark.parametrize(("name", "colours"), [("light", theme.LIGHT), ("dark", theme.DARK)])
def test_the_app_has_the_colours_of_figures_outside_it(name: str, colours: dict[str, str]) -> None:
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"][name]
    assert config["chartCategoricalColors"] == [colours[theme.INK], colours[theme.MUTED]]
    assert config["chartSequentialColors"] == [colours[placeholder] for placeholder in theme.SEQUENTIAL]
    for background in (config["backgroundColor"], config["secondaryBackgroundColor"]):
        assert contrast(config["textColor"], background) > 7
        for text in (config["grayTextColor"], config["linkColor"], colours[theme.INK], colours[theme.MUTED]):
            assert contrast(text, background) >= 4.5
    assert contrast(config["primaryColor"], config["backgroundColor"]) > 3
    assert contrast(config["primaryColor"], "#ffffff") >= 4.5  # the words on a button


def bare(**more: Any) -> go.Figure:
    traces = [{"type": "scatter", "x": [0], "y": [0], "name": name} for name in ("one", "two")]
    return theme.composed(traces, **more)


def test_the_room_of_known_texts_is_given_and_the_browser_need_not_find_it() -> None:
    layout = bare(room=(62, 50)).layout
    assert (layout.margin.l, layout.margin.b) == (62, 50)
    assert (layout.xaxis.automargin, layout.yaxis.automargin) == (False, False)
    assert (bare().layout.xaxis.automargin, bare().layout.yaxis.automargin) == (None, None)


def test_the_browser_finds_the_room_of_every_legend() -> None:
    for room in (None, (62, 50)):
        assert bare(room=room).layout.margin.autoexpand is not False


def test_the_layouts_style_holds_nothing_that_looks_like_a_tag() -> None:
    # Streamlit's sanitizer then drops the whole of it.
    inside = brand.STYLE.removeprefix("<style>").removesuffix("</style>")
    assert "<" not in inside


_HALF = """
import importlib, sys, threading, time

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "pandas.core.api":
            begun.set()
            time.sleep(0.5)

begun = threading.Event()
sys.meta_path.insert(0, Slow())
threading.Thread(target=importlib.import_module, args=("pandas",)).start()
begun.wait()
from mtbkd_core.figures import theme
import plotly.graph_objects as go
go.Figure(go.Scatter(x=[1, 2], y=[1, 2]))
"""


def test_a_figure_is_drawn_while_another_thread_imports_pandas() -> None:
    done = subprocess.run([sys.executable, "-c", _HALF], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_name_that_a_person_gave_is_text_in_a_figure_and_no_tag() -> None:
    name = "<b>A & B</b>"
    trace = {
        "type": "bar",
        "name": name,
        "x": [name],
        "y": np.array([1.0]),
        "customdata": np.array([[name, 1]], object),
    }
    figure = theme.composed([trace], x={"categoryarray": [name]})
    (shown,) = figure.data
    written = "&lt;b>A &amp; B&lt;/b>"
    assert (shown.name, list(shown.x), shown.customdata[0][0]) == (written, [written], written)
    assert list(figure.layout.xaxis.categoryarray) == [written]
    assert list(shown.y) == [1.0]
