"""Tables of studies: differences, means and spreads by hand."""

import numpy as np
import pandas as pd
import pytest

from mtbkd_core.evaluation.errors import Reading
from mtbkd_core.evaluation.scores import COMPARED, Row
from mtbkd_core.studies import tables
from mtbkd_core.studies.comparison import Comparison, tabulate
from mtbkd_core.studies.coverage import NO_TEACHER, WRONG_ALONE
from mtbkd_core.studies.shapley import contribution_errors, contributions
from tests.figures import scene


@pytest.fixture
def comparison() -> Comparison:
    return scene.comparison(scene.run(1, 2))


class TestComparison:
    def test_differences_are_the_comparisons_own(self, comparison: Comparison) -> None:
        gaps = tables.gap_table(comparison, {"a": "Digits 0 to 4"})
        for row in gaps[gaps["score"] == "nll"].itertuples():
            gap = comparison.paired[row.method]["nll"]
            assert (row.difference, row.low, row.high, row.seeds) == (gap.difference, gap.low, gap.high, 2)
        verdicts = gaps.set_index(["title", "score"])["verdict"]
        assert verdicts["No teacher", "nll"] == Reading.BETTER
        assert verdicts["EBKD", "nll"] == Reading.WORSE
        assert verdicts["Only Digits 0 to 4", "nll"] == Reading.UNCLEAR
        assert verdicts["EBKD", "auroc_misclassification"] == Reading.UNKNOWN
        assert set(gaps["score"]) == {"accuracy", "nll", "auroc_misclassification"} < set(COMPARED)

    def test_scores_are_means_over_seeds_with_their_standard_errors(self, comparison: Comparison) -> None:
        table = tables.score_table(comparison, {"a": "Digits 0 to 4"}).set_index("method")
        assert table.loc["mt_bkd", "nll"] == pytest.approx(0.25)
        assert table.loc["mt_bkd", "nll_error"] == pytest.approx(0.1 / 2)
        assert np.isnan(table.loc["ebkd", "auroc_misclassification"])
        assert table["seeds"].tolist() == [2] * 4

    def test_r_hat_is_the_worst_over_the_seeds_that_ended_and_infinite_where_one_has_none(self) -> None:
        one = {"accuracy": 0.9, "nll": 0.2, "auroc_misclassification": None}
        rows = {
            0: {"mt_bkd": one | {"r_hat": 1.1}, "no_teacher": one | {"r_hat": None}, "ebkd": one},
            1: {"mt_bkd": one | {"r_hat": 1.2}, "ebkd": one},
        }
        table = tables.score_table(tabulate("digits", rows), {}).set_index("method")
        np.testing.assert_array_equal(table.loc[["mt_bkd", "no_teacher", "ebkd"], "r_hat"], [1.2, np.inf, np.nan])
        del rows[1]["mt_bkd"]
        assert tables.score_table(tabulate("digits", rows), {})["r_hat"].tolist()[:2] == [1.1, np.inf]


class TestSweep:
    def row(self, nll: float, r_hat: float | None = 1.01) -> Row:
        return {"nll": nll, "accuracy": 0.9, "auroc_misclassification": None, "r_hat": r_hat}

    def test_values_have_means_and_errors_over_the_seeds_that_are_there(self) -> None:
        scores = {"0.5": [self.row(0.3), self.row(0.5)], "1.0": [self.row(0.2), self.row(0.3, 1.2)]}
        scores |= {"2.0": [self.row(0.4), None], "4.0": [None]}
        table = tables.sweep_table(scores, "1.0").set_index("value")
        assert list(table.index) == ["0.5", "1.0", "2.0"]
        assert table.loc["0.5", "nll"] == pytest.approx(0.4)
        assert table.loc["0.5", "nll_error"] == pytest.approx(0.1)
        assert table["seeds"].tolist() == [2, 2, 1]
        assert table["current"].tolist() == [False, True, False]
        assert table["r_hat"].tolist() == [1.01, 1.2, 1.01]
        assert table["title"].tolist() == ["0.5", "1", "2"]
        assert table["auroc_misclassification"].isna().all()
        assert len(tables.seed_table(scores)) == 5


def test_shapley_values_are_the_mean_over_seeds() -> None:
    nll = {frozenset[str](): 1.0, frozenset("a"): 0.7, frozenset("b"): 1.1, frozenset("ab"): 0.6}
    other = {subset: value + 0.2 * ("a" in subset) for subset, value in nll.items()}
    influence = pd.DataFrame({"teacher": ["b", "a"]})
    table = tables.shapley_table([contributions(nll), contributions(other)], influence).set_index("teacher")
    # a: -0.3 joining first, -0.5 joining last; with the other seed 0.2 more
    assert table.loc["a", "shapley"] == pytest.approx(-0.3)
    assert table.loc["a", "shapley_error"] == pytest.approx(0.1)
    assert table.loc["b", ["shapley", "leave_one_out", "solo"]].tolist() == pytest.approx([0.0, -0.1, 0.1])


def test_of_one_seed_a_contribution_has_the_samplers_error_where_that_is_known() -> None:
    nll = {frozenset[str](): 1.0, frozenset("a"): 0.7, frozenset("b"): 1.1, frozenset("ab"): 0.6}
    influence = pd.DataFrame({"teacher": ["b", "a"]})
    assert tables.shapley_table([contributions(nll)], influence)["leave_one_out_error"].isna().all()
    sampler = contribution_errors(dict.fromkeys(nll, 0.1))
    table = tables.shapley_table([contributions(nll)], influence, sampler).set_index("teacher")
    assert table.loc["a", ["shapley_error", "solo_error"]].tolist() == pytest.approx([0.1, 0.1 * 2**0.5])


@pytest.mark.parametrize(("error", "first"), [(0.001, "A"), (0.2, None)])
def test_a_teacher_contributes_most_only_where_that_is_clear(error: float, first: str | None) -> None:
    nll = {frozenset[str](): 1.0, frozenset("a"): 0.7, frozenset("b"): 1.1, frozenset("ab"): 0.6}
    influence = pd.DataFrame({"teacher": ["b", "a"], "title": ["B", "A"]})
    table = tables.shapley_table([contributions(nll)], influence, contribution_errors(dict.fromkeys(nll, error)))
    assert tables.contributes_most(table, "nll") == first


def test_a_setting_of_the_coverage_study_has_its_mean_and_interval() -> None:
    table = scene.coverage()
    row = table.set_index("setting").loc[NO_TEACHER]
    assert row["coverage"] == pytest.approx(0.92)
    assert row["high"] - row["coverage"] == pytest.approx(1.96 * 0.02)  # sd 0.02 sqrt 2 over sqrt 2
    assert row["apart"] == 1  # of two posteriors
    assert set(table["teachers"]) >= {NO_TEACHER, "experts", "experts and wrong", WRONG_ALONE}
