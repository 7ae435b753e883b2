"""Shapley values: numbers worked out by hand, and what defines them."""

from itertools import combinations

import numpy as np
import pytest

from mtbkd_core.studies.shapley import Subset, contribution_errors, contributions, shapley_values


def scores(table: dict[str, float]) -> dict[Subset, float]:
    """Teachers are letters: "ab" is the subset of a and b."""
    return {frozenset(letters): score for letters, score in table.items()}


def test_two_teachers_worked_out_by_hand() -> None:
    """a first gives 3, after b 5: 4. b first gives 1, after a 3: 2."""
    found = shapley_values(scores({"": 0, "a": 3, "b": 1, "ab": 6}))
    assert found == pytest.approx({"a": 4.0, "b": 2.0})


def test_the_glove_game_worked_out_by_hand() -> None:
    """One left glove (a), two right ones: a pair is worth 1. a completes it in four of six orders, b and c in one."""
    found = shapley_values(scores({"": 0, "a": 0, "b": 0, "c": 0, "ab": 1, "ac": 1, "bc": 0, "abc": 1}))
    assert found == pytest.approx({"a": 4 / 6, "b": 1 / 6, "c": 1 / 6})


def test_values_add_up_and_a_teacher_who_changes_nothing_is_worth_nothing() -> None:
    names = "abcd"
    table = {
        "".join(subset): 2.0 + len(set(subset) - {"d"}) ** 2 - 3.0 * ("a" in subset and "c" in subset)
        for size in range(5)
        for subset in combinations(names, size)
    }
    found = shapley_values(scores(table))
    assert sum(found.values()) == pytest.approx(table["abcd"] - table[""])
    assert found["d"] == pytest.approx(0)
    assert found["a"] == pytest.approx(found["c"])
    assert found["b"] > found["a"]


def test_a_single_teacher_is_worth_all_of_the_difference() -> None:
    assert shapley_values(scores({"": 0.5, "a": 0.2})) == pytest.approx({"a": -0.3})


def test_the_error_of_a_contribution_is_its_spread_where_scores_have_independent_errors() -> None:
    names, random = "abc", np.random.default_rng(0)
    subsets = [frozenset(some) for size in range(4) for some in combinations(names, size)]
    error = {subset: 0.1 * (1 + len(subset)) for subset in subsets}
    found = [contributions({subset: random.normal(0, error[subset]) for subset in subsets}) for _ in range(2000)]
    stated = contribution_errors(error)
    for measure in ("shapley", "leave_one_out", "solo"):
        for name in names:
            spread = np.std([getattr(each, measure)[name] for each in found])
            assert getattr(stated, measure)[name] == pytest.approx(spread, rel=0.06), measure


def test_a_missing_subset_is_named() -> None:
    with pytest.raises(ValueError, match=r"none is given for \['b'\]"):
        shapley_values(scores({"": 0, "a": 1, "ab": 2}))
