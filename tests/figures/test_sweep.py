"""A sweep's figure: means over the seeds, the current value, chains that disagree, an axis that fits."""

import pytest

from mtbkd_core.evaluation.scores import Row
from mtbkd_core.figures.sweep import draw_sweep


def row(nll: float, r_hat: float | None = 1.01) -> Row:
    return {"nll": nll, "accuracy": 0.9, "auroc_misclassification": None, "r_hat": r_hat}


def test_the_line_is_the_mean_and_every_seed_stands_beside_it() -> None:
    scores = {"0.5": [row(0.3), row(0.5)], "1.0": [row(0.2), row(0.3, 1.2)], "2.0": [row(0.4), None], "4.0": [None]}
    figure = draw_sweep(scores, "nll", "1.0", x="Strength")
    seeds, mean = figure.data[:2]
    assert list(mean.x) == [0.5, 1.0, 2.0]
    assert list(mean.y) == pytest.approx([0.4, 0.25, 0.4])
    assert list(seeds.y) == [0.3, 0.5, 0.2, 0.3, 0.4]
    # the current value is a diamond, and hollow because its chains disagree with one seed
    assert list(mean.marker.symbol) == ["circle", "diamond-open", "circle"]
    assert [trace.name for trace in figure.data[2:]] == ["Current setting", "Chains disagree (R-hat above 1.05)"]
    assert figure.layout.shapes[0].x0 == 1.0


def test_chains_without_an_r_hat_are_hollow() -> None:
    scores = {"0.5": [row(0.3), row(0.5, r_hat=None)], "1.0": [row(0.2), row(0.3)]}
    mean = draw_sweep(scores, "nll", "1.0", x="Strength").data[1]
    assert list(mean.marker.symbol) == ["circle-open", "diamond"]
    assert mean.customdata[0].tolist() == [2, "none", "0.4000 ± 0.1000"]


def test_a_vertical_line_is_the_interval_of_a_mean_and_one_seed_has_that_of_its_run() -> None:
    one = row(0.4) | {"nll:sampler": 0.03, "nll:test_set": 0.04}
    mean = draw_sweep({"0.5": [row(0.3), row(0.5)], "1.0": [one]}, "nll", "1.0", x="Strength").data[1]
    assert list(mean.error_y.array) == pytest.approx([12.706 * 0.1, 1.96 * 0.05], rel=1e-3)


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
