"""The comparison's figures: every interval where it was computed, and a mark that says who is better."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mtbkd_core.evaluation.scores import COMPARED
from mtbkd_core.figures.comparison import draw_forest, draw_verdicts, gap_table, score_table
from mtbkd_core.figures.theme import INK, MUTED
from mtbkd_core.studies.comparison import Comparison, Verdict, tabulate

TEACHERS = {"digits-0-4": "Digits 0 to 4"}
NLL = {"mt_bkd": (0.2, 0.3), "no_teacher": (0.5, 0.61), "teacher:digits-0-4": (0.1, 0.41), "ebkd": (0.1, 0.19)}


@pytest.fixture
def comparison() -> Comparison:
    """Two seeds: no_teacher is clearly worse, ebkd clearly better, the lone teacher neither; nobody has an AUROC."""
    rows = {
        seed: {
            name: {"accuracy": 0.9, "nll": values[seed], "auroc_misclassification": None}
            for name, values in NLL.items()
        }
        for seed in (0, 1)
    }
    rows[1]["mt_bkd"]["r_hat"] = 1.2
    rows[0]["mt_bkd"]["r_hat"] = 1.1
    return tabulate("digits", rows)


@pytest.fixture
def gaps(comparison: Comparison) -> pd.DataFrame:
    return gap_table(comparison, TEACHERS)


def test_the_table_of_differences_is_the_comparisons_own(comparison: Comparison, gaps: pd.DataFrame) -> None:
    for row in gaps[gaps["score"] == "nll"].itertuples():
        gap = comparison.paired[row.method]["nll"]
        assert (row.difference, row.low, row.high, row.seeds) == (gap.difference, gap.low, gap.high, 2)
    found = gaps.set_index(["title", "score"])["verdict"]
    assert found["No teacher", "nll"] == Verdict.BETTER
    assert found["EBKD", "nll"] == Verdict.WORSE
    assert found["Only Digits 0 to 4", "nll"] == Verdict.UNCLEAR
    assert found["EBKD", "auroc_misclassification"] == Verdict.UNKNOWN
    assert set(gaps["score"]) == {"accuracy", "nll", "auroc_misclassification"} < set(COMPARED)


def test_means_and_spreads_by_hand(comparison: Comparison) -> None:
    table = score_table(comparison, TEACHERS).set_index("method")
    assert table.loc["mt_bkd", "nll"] == pytest.approx(0.25)
    assert table.loc["mt_bkd", "nll_sd"] == pytest.approx(0.1 / np.sqrt(2))
    assert table.loc["mt_bkd", "r_hat"] == 1.2
    assert np.isnan(table.loc["ebkd", "r_hat"])
    assert np.isnan(table.loc["ebkd", "auroc_misclassification"])
    assert table["seeds"].tolist() == [2] * 4


def test_a_posterior_without_an_r_hat_is_the_worst_and_a_seed_to_come_is_not() -> None:
    one = {"accuracy": 0.9, "nll": 0.2, "auroc_misclassification": None}
    rows = {
        0: {"mt_bkd": one | {"r_hat": 1.1}, "no_teacher": one | {"r_hat": None}},
        1: {"mt_bkd": one | {"r_hat": 1.2}},
    }
    table = score_table(tabulate("digits", rows), TEACHERS).set_index("method")
    assert table["r_hat"].to_dict() == {"mt_bkd": 1.2, "no_teacher": np.inf}
    rows[1]["no_teacher"] = one | {"r_hat": 1.0}
    del rows[1]["mt_bkd"]
    assert score_table(tabulate("digits", rows), TEACHERS)["r_hat"].tolist() == [1.1, np.inf]


def test_a_forest_draws_each_interval_from_low_to_high(gaps: pd.DataFrame) -> None:
    figure = draw_forest(gaps, "nll")
    drawn = {}
    for trace in figure.data:
        for title, x, up, down in zip(trace.y, trace.x, trace.error_x.array, trace.error_x.arrayminus, strict=True):
            drawn[title] = (x - down, x + up, trace.marker.color)
    rows = gaps[gaps["score"] == "nll"].set_index("title")
    assert set(drawn) == set(rows.index)
    for title, (low, high, colour) in drawn.items():
        assert low == pytest.approx(rows.loc[title, "low"])
        assert high == pytest.approx(rows.loc[title, "high"])
        assert colour == (MUTED if rows.loc[title, "verdict"] == Verdict.UNCLEAR else INK)
    left, right = figure.layout.xaxis.range
    assert left < rows["low"].min()
    assert right > max(0.0, rows["high"].max())


@pytest.mark.parametrize(("score", "left", "right"), [("nll", "← MT-BKD better", "rival better →"),
                                                      ("accuracy", "← rival better", "MT-BKD better →")])  # fmt: skip
def test_the_axis_says_which_side_is_better_and_that_side_is_shaded(
    gaps: pd.DataFrame, score: str, left: str, right: str
) -> None:
    figure = draw_forest(gaps, score)
    assert [note.text for note in figure.layout.annotations] == [left, right]
    (band,) = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    low, high = figure.layout.xaxis.range
    assert (band.x0, band.x1) == ((0, high) if score == "accuracy" else (low, 0))


def test_every_rival_and_score_has_one_mark(gaps: pd.DataFrame) -> None:
    figure = draw_verdicts(gaps)
    marks = {(title, score): trace.name for trace in figure.data for title, score in zip(trace.y, trace.x, strict=True)}
    assert len(marks) == len(gaps)
    assert marks["No teacher", "NLL"] == "MT-BKD is better"
    assert marks["EBKD", "NLL"] == "The baseline is better"
    assert marks["EBKD", "Accuracy"] == "No clear difference"
    assert len({trace.marker.symbol for trace in figure.data}) == len(figure.data)


def test_accuracy_is_told_in_points(comparison: Comparison) -> None:
    comparison.methods["mt_bkd"]["accuracy"][:] = [0.92, 0.93]
    rows = {
        seed: {name: {"accuracy": columns["accuracy"][seed]} for name, columns in comparison.methods.items()}
        for seed in (0, 1)
    }
    figure = draw_forest(gap_table(tabulate("digits", rows), TEACHERS), "accuracy")
    assert [x for trace in figure.data for x in trace.x] == pytest.approx([2.5, 2.5, 2.5])
    assert figure.layout.xaxis.title.text == "MT-BKD minus the rival (points)"


def test_a_score_that_nobody_has_is_an_empty_forest(gaps: pd.DataFrame) -> None:
    assert not draw_forest(gaps, "auroc_misclassification").data
