"""Figures of the student: what is drawn is what was computed, and nothing is drawn where there is nothing."""

import numpy as np
import pandas as pd
import pytest

from mtbkd_core.evaluation.student_tables import set_table
from mtbkd_core.figures import shifts, uncertainty
from mtbkd_core.figures.coverage import draw_coverage
from mtbkd_core.figures.live import draw_traces
from mtbkd_core.figures.out_of_distribution import draw_score_density
from mtbkd_core.figures.reliability import draw_reliability
from tests.figures import scene
from tests.figures.scene import FIGURES, Run, run


@pytest.fixture
def small() -> Run:
    return run(2, 3)


def test_a_reliability_curve_has_a_band_from_low_to_high_and_the_counts_below() -> None:
    numbers = {"from": 0.8, "to": 0.9, "count": 2, "confidence": 0.85, "accuracy": 0.5, "low": 0.01, "high": 0.99}
    _, curve, counts = draw_reliability(pd.DataFrame([{"series": "student", "title": "Student", **numbers}]), {}).data
    assert (curve.x[0], curve.y[0]) == (0.85, 0.5)
    assert curve.y[0] - curve.error_y.arrayminus[0] == pytest.approx(0.01)
    assert curve.y[0] + curve.error_y.array[0] == pytest.approx(0.99)
    assert (counts.x[0], counts.y[0], counts.width[0]) == pytest.approx((0.85, 2, 0.1))


def test_intervals_are_drawn_from_low_to_high(small: Run) -> None:
    bar, mean, mode, _ = FIGURES["draw_intervals"](small).data
    assert list(mean.y) == list(mode.y) == small.mean[0].tolist()
    np.testing.assert_allclose(np.asarray(bar.base, float), small.mean[0] / 2)
    np.testing.assert_allclose(np.asarray(bar.base, float) + np.asarray(bar.y), (1 + small.mean[0]) / 2)


@pytest.mark.parametrize(("labels", "places"), [(["1"], [0.5]), (["0", "2"], [-0.5, 1.5]), ([], [])])
def test_true_classes_are_shaded_be_they_one_several_or_none(labels: list[str], places: list[float]) -> None:
    table = pd.DataFrame({"class": ["0", "1", "2"], "mean": [0.7, 0.2, 0.1], "low": 0.0, "high": 1.0})
    figure = uncertainty.draw_intervals(table, labels=labels, kind="equal-tailed")
    assert [shape.x0 for shape in figure.layout.shapes] == places
    assert len(figure.data) == 2  # no mode: the table has none


def test_classes_are_ordered_by_their_median_deviance(small: Run) -> None:
    figure = FIGURES["draw_deviance"](small)
    medians = scene.examples(small).groupby("class")["deviance"].median()
    assert list(figure.layout.xaxis.categoryarray) == medians.sort_values().index.tolist()
    assert list(figure.data[1].y) == [small.positive[0, 1]]


def test_correct_and_wrong_predictions_differ_by_more_than_colour(small: Run) -> None:
    correct, wrong, star = FIGURES["draw_entropy_split"](small).data
    right = scene.examples(small)["right"]
    assert (correct.name, wrong.name) == (f"Correct ({right.sum()})", f"Wrong ({(~right).sum()})")
    assert list(correct.x) == small.positive[2][right].tolist()
    assert correct.marker.symbol != wrong.marker.symbol
    assert (star.x[0], star.y[0]) == tuple(small.positive[2:, 1])


def test_examples_on_which_chains_disagree_have_a_ring(small: Run) -> None:
    table = scene.examples(small).assign(apart=lambda table: table["example"] == 1)
    ring = uncertainty.draw_entropy_split(table).data[-1]
    assert (ring.name, ring.marker.symbol) == ("Chains disagree (1)", "circle-open")
    assert list(ring.y) == [small.positive[3, 1]]


def test_both_parts_of_entropy_are_stacked(small: Run) -> None:
    aleatoric, epistemic = FIGURES["draw_entropy_by_class"](small).data
    assert (aleatoric.y[0], epistemic.y[0]) == tuple(small.positive[2:, 0])


def test_sets_that_miss_the_truth_are_set_apart() -> None:
    sets = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 1]], dtype=np.uint8)
    covered, missed = uncertainty.draw_sets(set_table(sets, np.array([0, 1, 2]))).data
    assert (list(covered.y), list(missed.y)) == ([1, 0, 1], [1, 0, 0])


def test_medians_of_the_score_are_marked() -> None:
    groups = {"Test": np.array([0.01, 0.1, 1.0]), "Others": np.array([0.1, 1.0, 10.0]), "Sure": np.array([0, 0, 1e-3])}
    figure = draw_score_density(groups, "Score")
    assert [trace.x[0] for trace in figure.data if trace.mode == "markers"] == pytest.approx([0.1, 1.0, 1e-6])
    assert [trace.name for trace in figure.data if trace.name] == ["Test (3)", "Others (3)", "Sure (3)"]


def test_accuracy_and_deviance_have_axes_of_their_own_and_the_chosen_severity_is_marked() -> None:
    table = pd.DataFrame({"severity": [0.0, 1.0], "accuracy": [0.9, 0.2], "deviance": [0.5, 3.0]})
    table[["accuracy_error", "deviance_error"]] = 0.1
    figure = shifts.draw_severity(table, severity=0.4, unit="degrees")
    assert [(list(trace.y), trace.yaxis) for trace in figure.data] == [([0.9, 0.2], None), ([0.5, 3.0], "y2")]
    assert [trace.error_y.array[0] for trace in figure.data] == pytest.approx([0.196, 0.196])
    assert figure.layout.shapes[0].x0 == figure.layout.shapes[0].x1 == 0.4
    assert figure.layout.yaxis2.range[1] >= 3.0


def test_traces_show_every_chain_and_their_median() -> None:
    chains, median = draw_traces(np.array([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0], [2.0, 9.0, 1.0]])).data
    assert np.isnan(np.asarray(chains.y, dtype=float)).sum() == 3  # a gap after each chain
    assert list(median.y) == [2.0, 4.0, 3.0]


def test_every_setting_is_drawn_at_its_coverage_and_width_and_those_clearly_too_low_apart() -> None:
    study = scene.coverage()
    low, others, width = draw_coverage(study, scene.RULES).data
    assert sorted([*low.x, *others.x]) == pytest.approx(sorted(study["coverage"]))
    assert list(low.x) == list(study[study["high"] < 0.95]["coverage"])
    assert list(width.x) == list(study["width"])
