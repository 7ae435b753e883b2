"""Sweeps: one setting over several values, with one seed or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from pydantic import Field, field_validator, model_validator

from mtbkd_core.common.progress import UserError
from mtbkd_core.config.models import RunConfig
from mtbkd_core.config.parse import full_name
from mtbkd_core.runs.job import JobKind
from mtbkd_core.runs.kinds import grid
from mtbkd_core.runs.kinds.grid import GridSpec, GridView
from mtbkd_core.runs.kinds.parts import filled_by
from mtbkd_core.studies.sweep import MOST_VALUES, value_text, with_value

#: A replicate moves these on, so no sweep of them has more than one.
_SEEDS = ("seed", "data.split_seed")


class SweepSpec(GridSpec):
    """What is swept over.

    Attributes:
        setting: dotted, as in `config.settings`; a former name is read, too.
        values: as `sweep_values` writes them.
    """

    setting: str
    values: tuple[str, ...] = Field(min_length=1, max_length=MOST_VALUES)

    @field_validator("setting")
    @classmethod
    def _todays_name(cls, setting: str) -> str:
        return full_name(setting)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        self.points()
        if self.seeds > 1 and self.setting in _SEEDS:
            raise ValueError(f"seeds: got {self.seeds}, but a sweep of {self.setting} has 1")
        return self

    def points(self) -> Mapping[str, RunConfig]:
        """The settings with each value, by value."""
        return {value: with_value(self.config, self.setting, value) for value in self.values}


@dataclass(frozen=True, kw_only=True)
class SweepView(GridView[SweepSpec]):
    """A sweep as it was when it was looked at."""

    @property
    def current(self) -> str:
        """The value that the settings themselves have, which need not be among those swept over."""
        return value_text(self.config, self.spec.setting)


def sweep_spec(config: RunConfig, setting: str, values: Sequence[str], seeds: int = 1) -> SweepSpec:
    """The sweep of a setting over values that `sweep_values` gave.

    Raises:
        UserError: a setting, value, task or teacher that does not exist; no seed or too many.
    """
    grid.check_seeds(seeds)
    if seeds > 1 and full_name(setting) in _SEEDS:
        raise UserError(f"seeds: got {seeds}, but a sweep of {setting} has 1: it is over seeds already")
    for value in values:
        with_value(config, setting, value)
    return grid.checked(KIND, SweepSpec(config=config, setting=setting, values=tuple(values), seeds=seeds))


KIND: JobKind[SweepSpec, SweepView] = JobKind(
    noun="sweep",
    folder="sweeps",
    result="sweep.json",
    spec=SweepSpec,
    view=SweepView,
    compute=filled_by(grid.fill),
    reuse=lambda spec: grid.reuse(spec, KIND),
)
