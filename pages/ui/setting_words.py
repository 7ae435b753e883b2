"""The settings that can be swept over: what a person calls each, and values that are worth a look to begin with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mtbkd_core import RunConfig, UserError, default_config
from mtbkd_core.config.choices import StudentKind, WeightRule
from mtbkd_core.studies.sweep import sweep_values, value_text
from pages.ui import task_words


@dataclass(frozen=True)
class Setting:
    """A setting that can be swept over; `values` for a configuration, and whether the setting matters in it."""

    title: str
    values: Callable[[RunConfig], tuple[object, ...]]
    matters: Callable[[RunConfig], bool] = lambda config: True


def _strengths(config: RunConfig) -> tuple[object, ...]:
    try:
        usual = default_config(config.data.task).prior.strength
    except UserError:  # a run's task that was forgotten
        usual = 1.0
    return tuple(f"{factor * usual:g}" for factor in (0, 0.1, 0.3, 1, 3))


def _concentrations(config: RunConfig) -> tuple[object, ...]:
    count = task_words.info(config).n_classes
    return tuple(f"{factor * count:g}" for factor in (0.25, 0.5, 1, 2, 4, 8))


def _labelled(config: RunConfig) -> tuple[object, ...]:
    count = task_words.info(config).n_train
    return tuple(max(4, round(share * count)) for share in (0.25, 0.5, 0.75, 1))


def _unlabelled(config: RunConfig) -> tuple[object, ...]:
    info = task_words.info(config)
    most = info.most_train - info.check_n_train(config.data.n_labelled)
    return tuple(round(share * most) for share in (0, 0.1, 0.3, 1))


def _has_spare(config: RunConfig) -> bool:
    try:
        return task_words.info(config).spare
    except UserError:  # a run's task that was forgotten
        return False


SETTINGS: Mapping[str, Setting] = {
    "prior.strength": Setting("Prior strength", _strengths),
    "prior.concentration": Setting("Concentration", _concentrations),
    "prior.temperature": Setting("Distillation temperature", lambda config: (0.5, 1, 2, 4, 8)),
    "prior.rule": Setting("Weight rule", lambda config: tuple(WeightRule)),
    "prior.softmin_temperature": Setting(
        "Sharpness", lambda config: (0.03, 0.1, 0.3, 1, 3), lambda config: config.prior.rule is WeightRule.SOFTMIN
    ),
    "prior.entropy_temperatures": Setting(
        "Entropy temperature, all teachers",
        lambda config: (0.5, 1, 2, 4),
        lambda config: config.prior.uses_entropy_temperatures,
    ),
    "prior.calibrated_teachers": Setting(
        "Calibrated teachers",
        lambda config: (False, True),
        lambda config: config.prior.entropy_temperatures is not None,
    ),
    "student.weight_scale": Setting("Weight scale", lambda config: (0.2, 0.4, 0.6, 0.8, 1.2)),
    "student.hidden": Setting(
        "Hidden units, one layer",
        lambda config: (8, 16, 32, 64),
        lambda config: config.student.kind is StudentKind.MLP,
    ),
    "data.n_labelled": Setting("Labelled examples", _labelled),
    "data.n_unlabelled": Setting("Unlabelled examples", _unlabelled, _has_spare),
    "sampler.temperature": Setting("Posterior temperature", lambda config: (0.1, 0.3, 1, 3)),
    "seed": Setting("Seed of the chains", lambda config: (0, 1, 2, 3, 4)),
}


def title(name: str) -> str:
    """What a person calls a setting; one that is offered no more keeps its own name."""
    return SETTINGS[name].title if name in SETTINGS else name


def offered(config: RunConfig) -> list[str]:
    """The settings that matter under a configuration."""
    return [name for name, setting in SETTINGS.items() if setting.matters(config)]


def values_text(config: RunConfig, name: str) -> str:
    """Values to begin with, the configuration's own among them, as they are written into a field."""
    own = value_text(config, name)
    # several layers, or a number for each teacher, are no single value
    first = [*map(str, SETTINGS[name].values(config)), *([] if "," in own else [own])]
    return ", ".join(value.removesuffix(".0") for value in sweep_values(config, name, ",".join(first)))
