"""What a run's settings are called: only what differs from its task's defaults, as people name it."""

import pytest

from mtbkd_core import RunConfig, build_config, default_config
from pages.ui import setting_words

PLANE = default_config("synthetic")


def on_plane(**changes: object) -> RunConfig:
    return build_config([(name.replace("__", "."), value) for name, value in changes.items()], base=PLANE)


LIAR = on_plane(
    teachers=("north", "south-west", "south-east", "confidently-wrong"), n_train=150, prior__labels=2, seed=3
)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "default settings"),
        ({"prior.strength": "0.5"}, "strength 0.75 labels"),
        ({"prior.strength": "auto"}, "strength chosen from the data"),
        ({"prior.calibrated_teachers": "True", "prior.entropy_temperatures": "1,1,2"}, "calibrated teachers"),
        ({"teachers": "generalist"}, "only Generalist"),
        ({"teachers": "digits-0-4,digits-5-9"}, "Even digits left out"),
        ({"prior.base_weights": "1,0.5,1", "seed": "3"}, "base weight of Digits 5 to 9 0.5, seed 3"),
        ({"prior.base_weights": "1,0.5,0.2"}, "base weights 1, 0.5, 0.2"),
        ({"prior.base_weights": "2,2,2", "prior.softmin_temperature": "3"}, "default settings"),
        ({"seed": "1", "split_seed": "2", "student.kind": "linear", "device": "cpu"}, "and 1 more"),
    ],
)
def test_settings_are_described_by_what_differs_from_the_defaults(changes: dict[str, str], said: str) -> None:
    assert said in setting_words.describe(build_config(changes.items()))


def test_what_teachers_count_for_is_said_first_and_seeds_last() -> None:
    assert setting_words.describe(LIAR) == "strength 2 labels, Confidently wrong added, seed 3"


def test_among_other_tasks_the_task_is_named_in_short() -> None:
    assert setting_words.described(PLANE) == "Plane: default settings"


def test_calibration_is_described_where_it_differs_from_the_tasks_own() -> None:
    own = default_config("proteins")
    assert setting_words.describe(own) == "default settings"
    plain = build_config([("prior.calibrated_teachers", "False")], base=own)
    assert setting_words.describe(plain) == "without calibrated teachers"


def test_changes_by_hand_name_the_teachers_by_their_titles() -> None:
    assert setting_words.describe(on_plane(data__changes="p78eg1_t0*45*0.5")) == "1 point added, North expert changed"


def test_what_is_not_set_differs_from_no_number_that_the_task_has() -> None:
    found = setting_words.differing({"Before": PLANE, "After": LIAR})
    assert list(found) == ["Strength (in labels)", "Teachers", "Seed"]
    assert found["Strength (in labels)"] == ["6", "2"]


def test_numbers_of_teachers_differ_only_in_those_that_both_runs_have() -> None:
    fewer = on_plane(teachers=("south-east", "north"), prior__base_weights=(1, 1))
    assert list(setting_words.differing({"A": PLANE, "B": fewer})) == ["Teachers"]
    lighter = on_plane(teachers=("south-east", "north"), prior__base_weights=(1, 0.5))
    found = setting_words.differing({"A": PLANE, "B": lighter})
    assert found["Base weight"] == ["North expert 1, South-east expert 1", "North expert 0.5, South-east expert 1"]
