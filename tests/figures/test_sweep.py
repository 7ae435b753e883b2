"""A sweep's figures: means and spreads of the seeds, the current value, chains that disagree, an axis that fits."""

import numpy as np
import pytest

from mtbkd_core.evaluation.scores import Row
from mtbkd_core.figures.sweep import draw_sweep, seed_table, sweep_table


def row(nll: float, r_hat: float | None = 1.01, accuracy: float = 0.9) -> Row:
    return {"nll": nll, "accuracy": accuracy, "auroc_misclassification": None, "r_hat": r_hat}


SCORES = {"0.5": [row(0.3), row(0.5)], "1.0": [row(0.2), row(0.3, r_hat=1.2)], "2.0": [row(0.4), None], "4.0": [None]}


def test_means_and_spreads_by_hand() -> None:
    table = sweep_table(SCORES, "1.0").set_index("value")
    assert list(table.index) == ["0.5", "1.0", "2.0"]
    assert table.loc["0.5", "nll"] == pytest.approx(0.4)
    assert table.loc["0.5", "nll_sd"] == pytest.approx(0.1 * 2**0.5)
    assert table["seeds"].tolist() == [2, 2, 1]
    assert table["current"].tolist() == [False, True, False]
    assert table.loc["1.0", "r_hat"] == 1.2
    assert table["title"].tolist() == ["0.5", "1", "2"]
    assert table["auroc_misclassification"].isna().all()
    assert len(seed_table(SCORES)) == 5


def test_the_line_is_the_mean_and_every_seed_stands_beside_it() -> None:
    figure = draw_sweep(SCORES, "nll", "1.0", x="Strength")
    seeds, mean = figure.data[:2]
    assert list(mean.x) == [0.5, 1.0, 2.0]
    assert list(mean.y) == pytest.approx([0.4, 0.25, 0.4])
    assert list(seeds.y) == [0.3, 0.5, 0.2, 0.3, 0.4]
    # the current value is a diamond, and hollow because its chains disagree with one seed
    assert list(mean.marker.symbol) == ["circle", "diamond-open", "circle"]
    assert {trace.name for trace in figure.data[2:]} == {"Current setting", "R-hat above 1.05, or none"}
    assert figure.layout.shapes[0].x0 == 1.0


def test_chains_without_an_r_hat_are_hollow() -> None:
    scores = {"0.5": [row(0.3), row(0.5, r_hat=None)], "1.0": [row(0.2), row(0.3)]}
    assert sweep_table(scores, "1.0")["r_hat"].tolist() == [np.inf, 1.01]
    figure = draw_sweep(scores, "nll", "1.0", x="Strength")
    assert list(figure.data[1].marker.symbol) == ["circle-open", "diamond"]
    assert figure.data[1].customdata[0].tolist() == [2, "none"]


def test_one_seed_each_draws_no_second_mark() -> None:
    figure = draw_sweep({"0.5": [row(0.3)], "1.0": [row(0.2)]}, "nll", "7.0", x="Strength")
    assert [trace.name for trace in figure.data] == ["NLL"]


@pytest.mark.parametrize(
    ("values", "type", "x"),
    [
        (("1.0", "2.0", "3.0"), None, [1.0, 2.0, 3.0]),
        (("0.1", "1.0", "10.0"), "log", [0.1, 1.0, 10.0]),
        (("0.0", "0.1", "10.0"), "category", ["0", "0.1", "10"]),  # no logarithm of 0, and too far apart for steps
        (("inverse_entropy", "softmin"), "category", ["inverse entropy", "softmin"]),
    ],
)
def test_the_axis_keeps_the_values_apart(values: tuple[str, ...], type: str | None, x: list[object]) -> None:
    figure = draw_sweep({value: [row(0.3)] for value in values}, "nll", values[0], x="Setting")
    assert figure.layout.xaxis.type == type
    assert list(figure.data[0].x) == x
