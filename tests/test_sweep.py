"""Sweeps and subsets of teachers: which configurations are run, and that their scores are those of separate runs."""

import pytest

from mtbkd_core import ConfigError, Task, UserError, distill
from mtbkd_core.evaluation.shapley import shapley_values
from mtbkd_core.sweep import hearing, leave_one_out, sweep, teacher_subsets, teacher_values
from tests.test_grid import few, small

__all__ = ["few"]

TEACHERS = ("digits-0-4", "even-digits")


def test_a_sweep_gives_each_value_the_scores_of_its_own_run(few: Task) -> None:
    rows = sweep(small(), "prior.strength", [0, 0.5], task=few)
    assert [row.label for row in rows] == ["0", "0.5"]
    assert [row.config.prior.strength for row in rows] == [0, 0.5]
    assert rows[1].metrics["student"] == pytest.approx(distill(rows[1].config, task=few).metrics["student"])
    assert rows[0].metrics["student"]["nll"] != rows[1].metrics["student"]["nll"]


def test_a_setting_or_value_that_there_is_not_is_refused_before_anything_runs() -> None:
    with pytest.raises(ConfigError, match=r"prior\.force: no such setting"):
        sweep(small(), "prior.force", [1])
    with pytest.raises(ConfigError, match=r"prior\.strength: got -1"):
        sweep(small(), "prior.strength", [1, -1])


def test_every_subset_of_the_teachers_is_run_once_and_their_values_add_up(few: Task) -> None:
    config = small(teachers=TEACHERS)
    rows = teacher_subsets(config, task=few)
    assert {tuple(sorted(subset)) for subset in rows} == {(), ("digits-0-4",), ("even-digits",), TEACHERS}
    assert rows[frozenset()].config.prior.strength == 0
    values = teacher_values(rows)
    gained = rows[frozenset(TEACHERS)].metrics["student"]["nll"] - rows[frozenset()].metrics["student"]["nll"]
    assert sum(values.values()) == pytest.approx(gained)
    assert values == shapley_values({subset: row.metrics["student"]["nll"] for subset, row in rows.items()})


def test_leaving_one_out_leaves_that_one_out(few: Task) -> None:
    rows = leave_one_out(small(teachers=TEACHERS), task=few)
    assert {name: row.config.teachers for name, row in rows.items()} == {
        "": TEACHERS,
        "digits-0-4": ("even-digits",),
        "even-digits": ("digits-0-4",),
    }


def test_a_subset_keeps_its_teachers_weights_and_temperatures() -> None:
    config = small(
        teachers="digits-0-4,digits-5-9,even-digits",
        prior__base_weights="0,0.3,0.7",
        prior__entropy_temperatures="1,2,3",
    )
    some = hearing(config, ("digits-0-4", "even-digits"))
    assert (some.prior.base_weights, some.prior.entropy_temperatures) == ((0.0, 0.7), (1.0, 3.0))
    assert hearing(config, ("digits-0-4",)).prior.base_weights is None
    assert hearing(config, ()).prior.strength == 0


def test_subsets_that_cannot_be_run_are_refused_in_one_line() -> None:
    with pytest.raises(UserError, match="needs at least 2"):
        leave_one_out(small(teachers="digits-0-4"))
    with pytest.raises(UserError, match="got 11, at most 10"):
        teacher_subsets(small(teachers=",".join(f"t{place}" for place in range(11))))
