"""The strength as a number of labels, and as a value that is chosen from the data."""

import json
from pathlib import Path

import pytest

from mtbkd_core.catalog.settings import build_config, changed_settings
from mtbkd_core.cli.settings import read_config
from mtbkd_core.config.models import PriorConfig, RunConfig
from mtbkd_core.config.parse import ConfigError, flatten, parse_config

LABELS = ("prior.labels", "4")


def test_labels_become_a_strength_by_the_concentration_and_the_temperature_beside_them() -> None:
    for order in (1, -1):
        given = [LABELS, ("prior.concentration", "8"), ("prior.temperature", "2")][::order]
        assert build_config(given).prior.strength == 2
    assert parse_config({"prior": {"labels": 3, "concentration": 12, "temperature": 2}}).prior.strength == 1
    assert RunConfig.model_validate({"prior": {"labels": 4.5}}).prior.labels == pytest.approx(4.5)


def test_labels_outrank_a_presets_strength_and_that_of_the_base() -> None:
    assert build_config([LABELS], preset="paper").prior.labels == pytest.approx(4)
    assert build_config([LABELS], base=build_config([("prior.strength", "0.3")])).prior.labels == pytest.approx(4)


def test_labels_are_read_from_files_and_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"prior": {"labels": 4}}))
    assert read_config(None, [], file, "default").prior.labels == pytest.approx(4)
    assert read_config("digits", ["prior.labels=2"], None, "default").prior.labels == pytest.approx(2)


@pytest.mark.parametrize("value", ["4", "auto"])
def test_both_names_of_the_strength_are_refused(value: str) -> None:
    line = f"^prior.labels: got '{value}', given as prior.strength, too; allowed: one of the two$"
    with pytest.raises(ConfigError, match=line):
        build_config([("prior.labels", value), ("prior.strength", "1")])
    with pytest.raises(ConfigError, match=line):
        parse_config({"prior": {"labels": value, "strength": 1}})


@pytest.mark.parametrize("value", ["-1", "much", "nan", "1e9", "inf", None, "none"])
def test_a_number_of_labels_that_there_cannot_be_is_refused_in_one_line(value: str | None) -> None:
    with pytest.raises(ConfigError, match=r"^prior.labels: got .*, allowed: a number from 0 on"):
        build_config([("prior.labels", value)])


def test_a_bad_concentration_beside_labels_is_the_one_that_is_named() -> None:
    with pytest.raises(ConfigError, match=r"prior\.concentration: got 'x'"):
        build_config([LABELS, ("prior.concentration", "x")])


def test_auto_stays_auto_in_every_kind_of_text() -> None:
    config = build_config([("prior.strength", "Auto")])
    assert config.prior.strength is None
    assert build_config([("prior.labels", "auto")]) == config
    assert json.loads(config.model_dump_json())["prior"]["strength"] == "auto"
    assert flatten(config)["prior.strength"] == "auto"
    assert parse_config(config.model_dump_json()) == config
    assert build_config(changed_settings(config).items()) == config


def test_a_strength_that_is_not_chosen_is_no_number() -> None:
    for name in ("labels", "known_strength"):
        with pytest.raises(ValueError, match="auto is not chosen yet"):
            getattr(PriorConfig(strength=None), name)
