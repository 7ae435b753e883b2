"""Sweeps and subsets of teachers: which configurations are run."""

import pytest

from mtbkd_core import ConfigError, UserError
from mtbkd_core.studies.sweep import all_subsets, with_some_teachers, with_value
from tests.studies.test_grid import small


def test_a_setting_or_value_that_there_is_not_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"prior\.force: no such setting"):
        with_value(small(), "prior.force", 1)
    with pytest.raises(ConfigError, match=r"prior\.strength: got -1"):
        with_value(small(), "prior.strength", -1)


def test_every_subset_of_the_teachers_comes_once() -> None:
    assert all_subsets(("a", "b")) == [(), ("a",), ("b",), ("a", "b")]


def test_a_subset_keeps_its_teachers_weights_and_temperatures() -> None:
    config = small(
        teachers="digits-0-4,digits-5-9,even-digits",
        prior__base_weights="0,0.3,0.7",
        prior__entropy_temperatures="1,2,3",
    )
    some = with_some_teachers(config, ("digits-0-4", "even-digits"))
    assert (some.prior.base_weights, some.prior.entropy_temperatures) == ((0.0, 0.7), (1.0, 3.0))
    assert with_some_teachers(config, ("digits-0-4",)).prior.base_weights is None
    assert with_some_teachers(config, ()).prior.strength == 0


def test_subsets_of_too_many_teachers_are_refused_in_one_line() -> None:
    with pytest.raises(UserError, match="got 11, at most 10"):
        all_subsets([f"t{place}" for place in range(11)])
