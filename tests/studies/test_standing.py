"""Sentences on where MT-BKD stands: who is first, the warm start, and the teachers' mean with its cost."""

import json
from pathlib import Path

import pytest

from mtbkd_core.studies import standing as module
from mtbkd_core.studies.comparison import Comparison, tabulate
from mtbkd_core.studies.standing import doubt, shipped_comparisons, shipped_content, shipped_lines, standing, tally
from mtbkd_core.studies.tables import gap_table

TEACHERS = {"a": "Teacher A", "b": "Teacher B"}


def compared(**nll: float) -> Comparison:
    """Three seeds around each method's NLL, with hardly any noise."""
    shifts = (0.0, 0.001, -0.001)
    return tabulate(
        "digits",
        {
            seed: {name: {"nll": value + shift * (1 + 0.01 * place)} for place, (name, value) in enumerate(nll.items())}
            for seed, shift in enumerate(shifts)
        },
    )


def test_where_it_is_first_among_students_this_is_said_even_if_the_teachers_are_ahead() -> None:
    first, start, means, cost = standing(
        compared(mt_bkd=0.2, warm_start=0.3, ebkd=0.25, teachers_mean=0.4, teachers_weighted=0.1), TEACHERS
    )
    assert first == "NLL: of 3 ways to make a student, MT-BKD has the lowest mean (0.2000 ± 0.0006)."
    assert start == "It is clearly better than its own warm start (0.3000 ± 0.0006)."
    assert means == "It is clearly worse than the teachers' mean under its own weights (0.1000 ± 0.0006)."
    assert "all 2 teachers have to be run" in cost


def test_another_student_that_is_first_is_named_with_whether_the_difference_is_clear() -> None:
    (first, _) = standing(compared(mt_bkd=0.2, warm_start=0.3, ebkd=0.1), TEACHERS)
    assert first.endswith("EBKD has the lowest mean (0.1000 ± 0.0006); MT-BKD has 0.2000 ± 0.0006, a clear difference.")
    noisy = {0: {"mt_bkd": {"nll": 0.2}, "ebkd": {"nll": 0.1}}, 1: {"mt_bkd": {"nll": 0.2}, "ebkd": {"nll": 0.29}}}
    (first,) = standing(tabulate("digits", noisy), TEACHERS)
    assert first.endswith("no clear difference.")


def test_a_warm_start_that_is_first_is_said_once() -> None:
    (first,) = standing(compared(mt_bkd=0.2, warm_start=0.1, ebkd=0.3), TEACHERS)
    assert "MT-BKD's own warm start has the lowest mean (0.1000 ± 0.0006)" in first


def test_a_score_of_which_higher_is_better_has_a_highest_mean() -> None:
    rows = {seed: {"mt_bkd": {"accuracy": 0.9}, "ebkd": {"accuracy": 0.8 + seed / 1000}} for seed in range(3)}
    (first,) = standing(tabulate("digits", rows), TEACHERS, "accuracy")
    assert "MT-BKD has the highest mean (90.0% ± 0.0%)" in first


def test_one_seed_says_nothing() -> None:
    assert standing(tabulate("digits", {0: {"mt_bkd": {"nll": 0.2}, "ebkd": {"nll": 0.1}}}), TEACHERS) == []


def test_the_shipped_file_says_what_the_comparison_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    comparison = compared(mt_bkd=0.2, warm_start=0.3, teachers_weighted=0.1)
    file = tmp_path / "comparisons.json"
    file.write_text(json.dumps({"digits": shipped_content(comparison, ("nll",))}))
    monkeypatch.setattr(module, "SHIPPED", file)
    shipped_comparisons.cache_clear()
    found = shipped_comparisons()["digits"]
    shipped_comparisons.cache_clear()
    assert standing(found, TEACHERS) == standing(comparison, TEACHERS)


@pytest.mark.parametrize(("worst", "said"), [(1.142, "worst R-hat 1.142"), (None, "worst R-hat none"), (1.05, "")])
def test_chains_that_disagree_in_a_shipped_comparison_are_named(
    worst: float | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparison = compared(mt_bkd=0.2, ebkd=0.3)
    comparison.methods["mt_bkd"]["r_hat"] = [1.01, worst, 1.02]
    file = tmp_path / "comparisons.json"
    file.write_text(json.dumps({"digits": shipped_content(comparison, ("nll",))}))
    monkeypatch.setattr(module, "SHIPPED", file)
    shipped_comparisons.cache_clear()
    (text,) = shipped_lines().values()
    shipped_comparisons.cache_clear()
    assert said in text
    assert ("R-hat" in text) == bool(said)


def test_every_shipped_comparison_has_a_line_with_its_seeds() -> None:
    lines = shipped_lines()
    assert len(lines) == len(shipped_comparisons()) > 0
    for title, text in lines.items():
        assert title.endswith(" seeds")
        assert text.startswith("NLL: of ")


def test_what_is_clearly_better_than_mt_bkd_is_named_with_its_scores() -> None:
    found = compared(mt_bkd=0.2, warm_start=0.3, ebkd=0.1, teachers_tuned=0.05)
    said = tally(gap_table(found, TEACHERS))
    assert "Against 2 other ways to make a student and 1 means of the teachers by 1 scores" in said
    assert "better in **1** of 3 differences and worse in **2**" in said
    assert "Clearly better than it: " in said
    assert "EBKD (NLL)" in said
    assert "Clearly better" not in tally(gap_table(compared(mt_bkd=0.1, ebkd=0.2), TEACHERS))


def test_chains_that_disagree_are_counted() -> None:
    rows = {seed: {"mt_bkd": {"nll": 0.1, "r_hat": 1.0 + seed}, "ebkd": {"nll": 0.2}} for seed in range(2)}
    assert doubt(tabulate("digits", rows)) == (
        "The chains of MT-BKD's runs do not agree for 1 of 2 seeds (worst R-hat 2.000)."
    )
