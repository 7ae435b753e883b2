"""Values that a sweep proposes follow from the settings' descriptions and from the task."""

import pytest

from mtbkd_core import build_config, default_config
from mtbkd_core.studies.sweep import proposed_values, sweep_title, sweepable


@pytest.mark.parametrize(
    ("task", "name", "values"),
    [
        ("digits", "prior.strength", "0, 0.3, 0.9, 3, 9"),
        ("proteins", "prior.strength", "0, 0.9, 2.7, 9, 27"),
        ("digits", "data.n_labelled", "50, 100, 150, 200"),
        ("digits", "prior.rule", "inverse_entropy, softmin, fixed"),
        ("digits", "student.hidden", "8, 16, 32, 64"),
        ("synthetic", "prior.concentration", "0.75, 1.5, 3, 6, 12, 24"),
    ],
)
def test_values_are_relative_to_the_task(task: str, name: str, values: str) -> None:
    assert ", ".join(proposed_values(default_config(task), name)) == values


def test_the_configurations_own_value_is_among_them() -> None:
    assert "0.7" in proposed_values(build_config([("prior.strength", "0.7")]), "prior.strength")


def test_a_setting_that_changes_nothing_is_not_offered() -> None:
    assert not {"prior.softmin_temperature", "data.n_unlabelled"} & set(sweepable(default_config("digits")))
    assert "prior.softmin_temperature" in sweepable(build_config([("prior.rule", "softmin")]))
    assert "data.n_unlabelled" in sweepable(default_config("proteins"))


def test_a_sweep_bears_the_settings_title_and_an_unknown_setting_its_name() -> None:
    assert sweep_title("prior.strength") == "Strength"
    assert sweep_title("student.hidden") == "Hidden units, one layer"
    assert sweep_title("n_train") == "Labelled examples"
    assert sweep_title("colour") == "colour"
