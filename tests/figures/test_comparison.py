"""The comparison's figures: every interval where it was computed, and a mark that tells which is better."""

from __future__ import annotations

import pandas as pd
import pytest

from mtbkd_core.evaluation.errors import Reading
from mtbkd_core.figures.comparison import draw_forest, draw_verdicts
from mtbkd_core.figures.theme import INK, MUTED
from mtbkd_core.studies.tables import gap_table
from tests.figures.scene import comparison, run


@pytest.fixture
def gaps() -> pd.DataFrame:
    small = run(1, 2)
    return gap_table(comparison(small), small.titles)


def test_a_forest_draws_each_interval_from_low_to_high(gaps: pd.DataFrame) -> None:
    figure = draw_forest(gaps, "nll")
    drawn = {}
    for trace in figure.data:
        for title, x, up, down in zip(trace.y, trace.x, trace.error_x.array, trace.error_x.arrayminus, strict=True):
            drawn[title] = (x - down, x + up, trace.marker.color)
    rows = gaps[gaps["score"] == "nll"].set_index("title")
    assert set(drawn) == set(rows.index)
    for title, (low, high, colour) in drawn.items():
        assert (low, high) == pytest.approx((rows.loc[title, "low"], rows.loc[title, "high"]))
        assert colour == (MUTED if rows.loc[title, "verdict"] == Reading.UNCLEAR else INK)
    left, right = figure.layout.xaxis.range
    assert left < rows["low"].min()
    assert right > max(0.0, rows["high"].max())


@pytest.mark.parametrize(
    ("score", "left", "right"),
    [("nll", "← MT-BKD better", "baseline better →"), ("accuracy", "← baseline better", "MT-BKD better →")],
)
def test_the_axis_names_the_better_side_and_it_is_shaded(gaps: pd.DataFrame, score: str, left: str, right: str) -> None:
    figure = draw_forest(gaps, score)
    assert [note.text for note in figure.layout.annotations] == [left, right]
    (band,) = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    low, high = figure.layout.xaxis.range
    assert (band.x0, band.x1) == ((0, high) if score == "accuracy" else (low, 0))


def test_every_baseline_has_one_mark_for_each_score_that_is_known(gaps: pd.DataFrame) -> None:
    figure = draw_verdicts(gaps)
    marks = {(title, score): trace for trace in figure.data for title, score in zip(trace.y, trace.x, strict=True)}
    known = gaps.groupby("score")["difference"].transform("count") > 0
    assert not known.all()
    assert len(marks) == known.sum()  # a score that no method has takes no column
    assert marks["No teacher", "NLL"].name == "MT-BKD is better"
    assert marks["EBKD", "Accuracy"].name == "No clear difference"
    assert len({trace.marker.symbol for trace in figure.data}) == len(figure.data)


def test_accuracy_differs_by_percentage_points(gaps: pd.DataFrame) -> None:
    gaps.loc[gaps["score"] == "accuracy", ["difference", "low", "high"]] = 0.025
    figure = draw_forest(gaps, "accuracy")
    assert {x for trace in figure.data for x in trace.x} == {2.5}
    assert figure.layout.xaxis.title.text == "MT-BKD minus the baseline (points)"


def test_a_score_that_is_never_defined_is_an_empty_forest(gaps: pd.DataFrame) -> None:
    assert not draw_forest(gaps, "auroc_misclassification").data
