"""One shape for a run's settings: defaults, presets, overrides, JSON both ways, and messages a person can use."""

import json
from enum import StrEnum
from typing import Any

import pytest
from pydantic import ValidationError

from mtbkd_core import default_config
from mtbkd_core.catalog.settings import build_config
from mtbkd_core.common.progress import UserError
from mtbkd_core.config.choices import Algorithm, Device, FeatureKind, Schedule, StudentKind, WeightRule
from mtbkd_core.config.models import PriorConfig, RunConfig
from mtbkd_core.config.parse import PRESETS, ConfigError, flatten, parse_config, renamed, settings

ODD = {
    "data.teachers": "generalist,noisy-labels",
    "prior.rule": "softmin",
    "prior.base_weights": "0.1,0.30000000000000004",
    "prior.entropy_temperatures": "0.5,2",
    "prior.calibrated_teachers": "True",
    "prior.softmin_temperature": "0.05",
    "student.hidden": "16,8",
    "sampler.step_size": "0.015625",
    "sampler.batch_size": "50",
    "sampler.algorithm": "sgld",
    "sampler.bias_check": "false",
    "seed": "7",
    "device": "cpu",
}


def test_the_default_preset_is_the_default_configuration() -> None:
    assert build_config() == build_config(preset="default") == default_config("digits")
    prior = RunConfig().prior
    assert (prior.strength, prior.temperature, prior.rule) == (1.0, 2.0, WeightRule.INVERSE_ENTROPY)
    assert len(build_config().data.teachers) == 3


@pytest.mark.parametrize(("rule", "calibrated", "heeds"), [("fixed", 0, 0), ("fixed", 1, 1), ("softmin", 0, 1)])
def test_fixed_weights_heed_entropy_temperatures_only_to_calibrate(rule: str, calibrated: int, heeds: int) -> None:
    prior = PriorConfig(rule=WeightRule(rule), calibrated_teachers=bool(calibrated))
    assert prior.uses_entropy_temperatures is bool(heeds)


def test_the_paper_preset_is_what_the_published_code_uses() -> None:
    prior = build_config(preset="paper").prior
    assert (prior.strength, prior.concentration, prior.temperature) == (0.02, 5.0, 2.0)
    calibrated = build_config([("prior.calibrated_teachers", "True")])
    assert not build_config(base=calibrated, preset="paper").prior.calibrated_teachers


@pytest.mark.parametrize("preset", PRESETS)
def test_overrides_outrank_the_preset_and_the_preset_outranks_the_base(preset: str) -> None:
    base = build_config([("seed", 3), ("prior.strength", 0.7)])
    config = build_config([("prior.temperature", "4")], base=base, preset=preset)
    assert (config.seed, config.prior.temperature) == (3, 4.0)
    assert config.prior.strength == float(PRESETS[preset].get("prior.strength", 0.7))


def test_text_becomes_numbers_lists_choices_and_nothing() -> None:
    config = build_config(ODD.items())
    assert config.data.teachers == ("generalist", "noisy-labels")
    assert config.prior.rule is WeightRule.SOFTMIN
    assert config.prior.base_weights == (0.1, 0.30000000000000004)
    assert config.student.hidden == (16, 8)
    assert config.sampler.step_size == 0.015625
    nothing = build_config(
        [(name, "none") for name in ("prior.base_weights", "sampler.step_size", "sampler.batch_size")]
    )
    assert nothing == build_config()


def test_auto_is_a_step_size_that_is_tuned() -> None:
    assert build_config([("sampler.step_size", "auto")], base=build_config(ODD.items())).sampler.step_size is None


@pytest.mark.parametrize("config", [build_config(), build_config(ODD.items()), build_config(preset="paper")])
def test_json_and_flat_text_give_the_same_configuration_back(config: RunConfig) -> None:
    assert parse_config(config.model_dump_json()) == config
    assert parse_config(config.model_dump_json().encode()) == config
    assert parse_config(config.model_dump()) == config
    assert build_config(flatten(config).items()) == config
    assert build_config(flatten(config, base=build_config()).items()) == config


def test_only_what_was_changed_goes_into_a_link() -> None:
    assert flatten(build_config(), base=build_config()) == {}
    assert flatten(build_config(ODD.items()), base=build_config()) == ODD | {"prior.entropy_temperatures": "0.5,2.0"}


def test_a_configuration_cannot_be_changed() -> None:
    config = RunConfig()
    with pytest.raises(ValidationError):
        config.seed = 1  # type: ignore[misc]
    with pytest.raises(ValidationError):
        config.prior.strength = 2.0  # type: ignore[misc]


def test_equal_configurations_have_equal_json() -> None:
    one = build_config([("prior.strength", "0.50"), ("seed", "1")])
    other = build_config([("seed", 1), ("prior.strength", 0.5)])
    assert one == other
    assert one.model_dump_json() == other.model_dump_json()


def test_every_setting_has_a_line_of_help_and_is_in_the_json_schema() -> None:
    definitions = json.dumps(RunConfig.model_json_schema())
    names = settings()
    assert len(names) > 20
    for name in names:
        assert len(settings()[name].help) > 5
        assert settings()[name].help.endswith(".")
        assert f'"{name.split(".")[-1]}"' in definitions


@pytest.mark.parametrize("choice", [*WeightRule, *StudentKind, *FeatureKind, *Algorithm, *Schedule, *Device])
def test_every_choice_has_a_line_of_help(choice: StrEnum) -> None:
    assert choice.help.endswith(".")  # type: ignore[attr-defined]
    assert type(choice)(str(choice)) is choice


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("prior.strength", "-1", ["prior.strength", "-1", "greater than or equal to 0"]),
        ("prior.strength", "nan", ["prior.strength", "nan"]),
        ("sampler.batch_size", "auto", ["sampler.batch_size", "auto"]),
        ("sampler.warm_start_batch_size", "auto", ["sampler.warm_start_batch_size", "auto"]),
        ("n_train", "auto", ["data.n_labelled", "auto"]),
        ("prior.strength", "inf", ["prior.strength", "inf"]),
        ("prior.strength", "much", ["prior.strength", "much", "number"]),
        ("prior.temperature", "0", ["prior.temperature", "0", "0.01"]),
        ("prior.temperature", "1e-30", ["prior.temperature", "1e-30", "0.01"]),
        ("prior.concentration", "0", ["prior.concentration", "0", "greater than or equal to 0.001"]),
        ("prior.concentration", "1e-300", ["prior.concentration", "1e-300"]),
        ("prior.base_weights", "1e39,1,1", ["prior.base_weights.0", "1e39"]),
        ("prior.base_weights", "1e-320,1e-320,1e-320", ["prior.base_weights", "at least 1e-6"]),
        ("prior.softmin_temperature", "0", ["prior.softmin_temperature", "0"]),
        ("prior.softmin_temperature", "nan", ["prior.softmin_temperature", "nan"]),
        ("prior.rule", "loudest", ["prior.rule", "loudest", "inverse_entropy", "softmin", "fixed"]),
        ("prior.base_weights", "0,0,0", ["prior.base_weights", "0,0,0", "positive"]),
        ("prior.base_weights", "1,-1,1", ["prior.base_weights.1", "-1"]),
        ("prior.base_weights", "1,1", ["prior.base_weights", "3", "2"]),
        ("prior.base_weights", "1,nan,1", ["prior.base_weights.1", "nan"]),
        ("prior.entropy_temperatures", "1,1,0", ["prior.entropy_temperatures.2", "0"]),
        ("prior.entropy_temperatures", "1", ["prior.entropy_temperatures", "3", "1"]),
        ("teachers", "", ["teachers", "at least 1"]),
        ("teachers", "generalist,generalist", ["teachers", "generalist", "differ"]),
        ("student.kind", "forest", ["student.kind", "forest", "linear", "mlp"]),
        ("student.hidden", "32,0", ["student.hidden.1", "0"]),
        ("student.hidden", "32,x", ["student.hidden.1", "x", "integer"]),
        ("student.weight_scale", "0", ["student.weight_scale", "0"]),
        ("sampler.algorithm", "gibbs", ["sampler.algorithm", "gibbs", "baoab", "sgld", "mclmc", "hmc"]),
        ("sampler.chains", "0", ["sampler.chains", "0", "1"]),
        ("sampler.draws", "3", ["sampler.draws", "3", "4"]),
        ("sampler.draws", "1.5", ["sampler.draws", "1.5", "integer"]),
        ("sampler.step_size", "0", ["sampler.step_size", "0"]),
        ("sampler.batch_size", "0", ["sampler.batch_size", "0"]),
        ("sampler.schedule", "sudden", ["sampler.schedule", "sudden", "constant", "decaying"]),
        ("sampler.leapfrog_steps", "0", ["sampler.leapfrog_steps", "0", "1"]),
        ("sampler.temperature", "0", ["sampler.temperature", "0", "0.01"]),
        ("sampler.temperature", "nan", ["sampler.temperature", "nan"]),
        ("seed", "-1", ["seed", "-1"]),
        ("n_train", "3", ["data.n_labelled", "3", "greater than or equal to 4"]),
        ("n_train", "20001", ["data.n_labelled", "20001", "less than or equal to 20000"]),
        ("seed", "99999999999999999999", ["seed", "99999999999999999999"]),
        ("device", "abacus", ["device", "abacus", "cpu"]),
        ("prior.loudness", "1", ["prior.loudness", "no such setting", "prior.strength"]),
        ("prior", "1", ["prior", "no such setting"]),
        ("", "1", ["no such setting"]),
    ],
)
def test_a_bad_value_ends_in_one_line_with_field_value_and_what_is_allowed(
    name: str, value: str, words: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        build_config([(name, value)])
    message = str(caught.value)
    assert isinstance(caught.value, UserError)
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize("algorithm", ["mclmc", "hmc"])
def test_a_minibatch_is_refused_where_all_examples_are_needed(algorithm: str) -> None:
    for order in (1, -1):
        with pytest.raises(ConfigError) as caught:
            build_config([("sampler.algorithm", algorithm), ("sampler.batch_size", "50")][::order])
        assert str(caught.value) == f"sampler.batch_size: got 50, but {algorithm} needs all examples; allowed: none"
    assert build_config([("sampler.algorithm", algorithm)]).sampler.batch_size is None


def test_a_check_for_bias_is_refused_where_the_sampler_is_exact() -> None:
    for order in (1, -1):
        with pytest.raises(ConfigError, match=r"^sampler.bias_check: got true, but hmc is exact.*; allowed: false$"):
            build_config([("sampler.algorithm", "hmc"), ("sampler.bias_check", "true")][::order])
    assert not build_config([("sampler.algorithm", "hmc")]).sampler.checks_bias


def test_the_check_for_bias_is_on_for_sgld_unless_it_is_turned_off() -> None:
    found = {
        name: build_config([("sampler.algorithm", name)]).sampler.checks_bias for name in ("sgld", "baoab", "mclmc")
    }
    assert found == {"sgld": True, "baoab": False, "mclmc": False}
    for off in (False, "False", "false"):
        assert not build_config([("sampler.algorithm", "sgld"), ("sampler.bias_check", off)]).sampler.checks_bias
    for on in (True, "True", "true"):
        assert build_config([("sampler.bias_check", on)]).sampler.checks_bias


def test_settings_of_before_there_was_a_temperature_are_those_of_bayes() -> None:
    old = RunConfig().model_dump(mode="json")
    for name in ("schedule", "leapfrog_steps", "temperature"):
        del old["sampler"][name]
    assert parse_config(old) == RunConfig()
    assert RunConfig().sampler.temperature == 1.0


def test_former_names_are_read_wherever_settings_come_in_and_the_new_name_is_told() -> None:
    wanted = build_config(
        [("data.split_seed", 3), ("data.n_labelled", 50), ("prior.softmin_temperature", 0.4), ("data.n_unlabelled", 0)]
    )
    flat = wanted.data.model_dump() | {"n_train": 50}
    del flat["n_labelled"]
    prior = wanted.prior.model_dump() | {"sharpness": 0.4}
    del prior["softmin_temperature"]
    found = parse_config({**flat, "prior": prior})
    assert (found.data, found.prior) == (wanted.data, wanted.prior)
    assert build_config([("split_seed", "3"), ("n_train", "50"), ("prior.sharpness", "0.4")]) == wanted
    with pytest.warns(FutureWarning, match="n_train is now called data.n_labelled"):
        assert RunConfig(n_train=50, prior={"strength": 2}).data.n_labelled == 50  # type: ignore[call-arg]
    assert renamed(["task", "prior.sharpness"]) == ["prior.sharpness is now called prior.softmin_temperature."]


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"n_train": 50, "data": {"n_labelled": 60}}, ("n_train", "data.n_labelled")),
        ({"prior": {"sharpness": 1, "softmin_temperature": 2}}, ("prior.sharpness", "prior.softmin_temperature")),
    ],
)
def test_a_setting_given_by_both_of_its_names_is_refused(values: dict[str, Any], names: tuple[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(values)
    assert all(name in str(caught.value) for name in names)
    with pytest.raises(ValidationError):
        RunConfig.model_validate(values)


def test_a_task_that_is_named_brings_its_own_settings_and_teachers() -> None:
    assert build_config([("task", "proteins")]) == default_config("proteins")


def test_an_unknown_preset_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match=r"preset: got 'best', allowed: default, paper"):
        build_config(preset="best")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "3",
        b"\xff\xfe",
        '{"seeds": 1}',
        '{"prior": 1}',
        '{"prior": {"strength": NaN}}',
        '{"prior": {"strength": 1e999}}',
        '{"teachers": [["generalist"]]}',
    ],
)
def test_a_malformed_file_ends_in_one_line(text: str | bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_long_value_is_not_repeated_in_full() -> None:
    with pytest.raises(ConfigError) as caught:
        build_config([("prior.rule", "x" * 5000)])
    assert len(str(caught.value)) < 300


def test_the_message_says_how_many_problems_there_are() -> None:
    with pytest.raises(ConfigError, match=r"\(and 1 more\)$"):
        build_config([("prior.strength", "-1"), ("prior.temperature", "0")])


def test_a_part_alone_is_checked_too() -> None:
    with pytest.raises(ValidationError, match="positive"):
        PriorConfig(base_weights=(0.0,))


def test_nothing_unknown_gets_in_from_code() -> None:
    arguments: dict[str, Any] = {"prior": {"strenght": 1}}
    with pytest.raises(ValidationError, match="strenght"):
        RunConfig(**arguments)


@pytest.mark.parametrize(
    ("teachers", "weights"), [("c,a", (4.0, 1.0)), (["b", "d"], (2.0, 1.0)), ("a,b,c", (1.0, 2.0, 4.0))]
)
def test_teachers_that_stay_keep_their_numbers_and_a_new_one_gets_1(teachers: object, weights: tuple[float, ...]):
    base = build_config([("teachers", "a,b,c"), ("prior.base_weights", "1,2,4")])
    assert build_config([("teachers", teachers)], base=base).prior.base_weights == weights
    assert build_config([("teachers", teachers)], base=base).prior.entropy_temperatures is None


def test_numbers_that_are_given_with_the_teachers_stand_and_weights_that_are_all_0_are_none():
    base = build_config([("teachers", "a,b"), ("prior.base_weights", "1,0")])
    assert build_config([("teachers", "b")], base=base).prior.base_weights is None
    assert build_config([("teachers", "b,a"), ("prior.base_weights", "5,6")], base=base).prior.base_weights == (5, 6)
    with pytest.raises(ConfigError, match="one number for each of the 1 teachers, got 2"):
        build_config([("teachers", "b"), ("prior.base_weights", "5,6")], base=base)
    with pytest.raises(ConfigError, match="teachers: got 7"):
        build_config([("teachers", 7)], base=base)
