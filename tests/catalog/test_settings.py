"""Settings that depend on the task: where a run starts, and how settings follow when the task changes."""

import pytest
import torch

from mtbkd_core import UserError, build_config, default_config, load_task, task_info
from mtbkd_core.catalog.registry import built_in
from mtbkd_core.catalog.settings import change_task, changed_settings


def test_the_programs_default_is_the_digits() -> None:
    assert default_config("digits") == build_config()
    assert default_config("digits", "paper") == build_config(preset="paper")


@pytest.mark.parametrize("task", [name for name in built_in() if task_info(name).presets])
def test_a_tasks_own_preset_wins_over_its_settings(task: str) -> None:
    for preset, settings in task_info(task).presets.items():
        config = default_config(task, preset)
        assert config == build_config(settings.items(), base=default_config(task))
        assert config == build_config([("task", task)], preset=preset) != default_config(task)


def test_another_tasks_preset_is_refused_in_one_line() -> None:
    with pytest.raises(UserError, match=r"preset: got 'thorough', allowed: default, paper$"):
        default_config("digits", "thorough")


def test_a_preset_wins_over_the_tasks_settings() -> None:
    prior = default_config("synthetic", "paper").prior
    assert (prior.strength, prior.concentration, prior.temperature) == (0.02, 5, 2)


def test_there_and_back_again_is_where_one_was() -> None:
    mine = build_config([("sampler.chains", 8), ("seed", 4)])
    there = change_task(mine, "synthetic")
    assert (there.sampler.chains, there.seed, there.prior.concentration) == (8, 4, 6)
    assert change_task(there, "digits") == mine


def test_what_differs_from_the_tasks_own_settings_can_be_named() -> None:
    assert changed_settings(build_config()) == {}
    assert changed_settings(default_config("synthetic")) == {"data.task": "synthetic"}
    changed = build_config([("n_train", 40), ("prior.concentration", 18)], base=default_config("synthetic"))
    assert changed_settings(changed) == {
        "data.task": "synthetic",
        "data.n_labelled": "40",
        "prior.concentration": "18.0",
    }


def test_a_task_is_loaded_from_a_whole_configuration_too() -> None:
    config = default_config("synthetic")
    assert torch.equal(load_task(config).x_train, load_task(config.data).x_train)


def test_a_batch_size_without_a_sampler_picks_one_that_can_use_it() -> None:
    sampler = build_config([("sampler.batch_size", "50")]).sampler
    assert (sampler.algorithm, sampler.batch_size) == ("baoab", 50)
    with pytest.raises(UserError, match=r"sampler.batch_size: got 50, but mclmc needs all examples"):
        build_config([("sampler.batch_size", "50"), ("sampler.algorithm", "mclmc")])
