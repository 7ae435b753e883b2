"""What teachers are worth, drawn: each bar is the value, in the teacher's colour, and the helping side is shaded."""

import numpy as np
import pandas as pd
import pytest

from mtbkd_core.figures.shapley import draw_influence, draw_worth, influence_table, worth_table
from mtbkd_core.figures.theme import PALETTE
from mtbkd_core.studies.shapley import worth

TEACHERS = {"b": "Teacher b", "a": "Teacher a"}
COLOURS = {"a": PALETTE[0], "b": PALETTE[1]}
NLL = {frozenset[str](): 1.0, frozenset("a"): 0.7, frozenset("b"): 1.1, frozenset("ab"): 0.6}


@pytest.fixture
def influence() -> pd.DataFrame:
    """Two teachers, two examples, two classes."""
    pulls = np.array([[[0.1, 0.0], [0.0, 0.3]], [[0.5, 0.0], [0.0, -0.1]]])
    return influence_table(np.array([[0.25, 0.5], [0.75, 0.5]]), pulls, np.array([0, 1]), TEACHERS)


def test_responsibility_and_pull_are_means_over_the_examples(influence: pd.DataFrame) -> None:
    assert influence["responsibility"].tolist() == [0.375, 0.625]
    assert influence["pull"].tolist() == pytest.approx([0.2, 0.2])
    assert influence["title"].tolist() == ["Teacher b", "Teacher a"]


def test_values_are_the_mean_over_seeds(influence: pd.DataFrame) -> None:
    other = {subset: value + 0.2 * ("a" in subset) for subset, value in NLL.items()}
    table = worth_table([worth(NLL), worth(other)], influence).set_index("teacher")
    # a: -0.3 joining first, -0.5 joining last; with the other seed 0.2 more
    assert table.loc["a", "shapley"] == pytest.approx(-0.3)
    assert table.loc["a", "shapley_sd"] == pytest.approx(0.1 * 2**0.5)
    assert table.loc["b", ["shapley", "last", "alone"]].tolist() == pytest.approx([0.0, -0.1, 0.1])
    assert worth_table([worth(NLL)], influence)["last_sd"].isna().all()


@pytest.mark.parametrize(("score", "helps", "scale"), [("nll", "left", 1), ("accuracy", "right", 100)])
def test_bars_bear_the_teachers_colours_and_the_helping_side_is_shaded(
    influence: pd.DataFrame, score: str, helps: str, scale: float
) -> None:
    table = worth_table([worth(NLL)], influence)
    figure = draw_worth(table, score, COLOURS)
    bars, last, alone = figure.data
    assert list(bars.marker.color) == [PALETTE[1], PALETTE[0]]
    assert list(bars.x) == pytest.approx([0.0, -0.4 * scale])
    assert list(last.x) == pytest.approx([-0.1 * scale, -0.5 * scale])
    assert list(alone.x) == pytest.approx([0.1 * scale, -0.3 * scale])
    shade = figure.layout.shapes[0]
    assert (shade.x1 == 0) is (helps == "left")
    assert (shade.x0 == 0) is (helps == "right")
    low, high = figure.layout.xaxis.range
    assert low < -0.5 * scale
    assert high > 0.1 * scale


def test_the_cheap_measures_are_drawn_as_they_are(influence: pd.DataFrame) -> None:
    responsibility, pull = draw_influence(influence, COLOURS).data
    assert list(responsibility.x) == [0.375, 0.625]
    assert list(pull.x) == pytest.approx([0.2, 0.2])
    assert list(pull.marker.color) == [PALETTE[1], PALETTE[0]]
