"""Sweeps as jobs: one setting over several values, with one seed or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pydantic import Field, model_validator

from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.config.models import RunConfig
from mtbkd_core.runs import folder as files
from mtbkd_core.runs.kinds import grid
from mtbkd_core.runs.kinds.base import Table
from mtbkd_core.runs.kinds.grid import MOST_SEEDS, GridView
from mtbkd_core.runs.rows import Rows, RowsLog
from mtbkd_core.studies.sweep import MOST_VALUES, value_text, with_value

#: A replicate moves these on, so no sweep of them has more than one.
_SEEDS = ("seed", "split_seed")


class Asked(grid.Asked):
    """What a sweep is of.

    Attributes:
        setting: dotted, as in `config.field_names`.
        values: as `sweep_values` writes them.
    """

    setting: str
    values: tuple[str, ...] = Field(min_length=1, max_length=MOST_VALUES)

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
class SweepView(GridView[Asked]):
    """A sweep as it was when it was looked at."""

    @property
    def current(self) -> str:
        """The value that the settings themselves have, which need not be among those swept over."""
        return value_text(self.config, self.asked.setting)


def ask(config: RunConfig, setting: str, values: Sequence[str], seeds: int = 1) -> Asked:
    """The sweep of a setting over values that `sweep_values` gave.

    Raises:
        UserError: a setting, value, task or teacher that there is not; no seed or too many.
    """
    if not 1 <= seeds <= MOST_SEEDS:
        raise UserError(f"seeds: got {seeds}, allowed: 1 to {MOST_SEEDS}")
    if seeds > 1 and setting in _SEEDS:
        raise UserError(f"seeds: got {seeds}, but a sweep of {setting} has 1: it is over seeds already")
    for value in values:
        with_value(config, setting, value)
    asked = Asked(config=config, setting=setting, values=tuple(values), seeds=seeds)
    grid.check(asked)
    return asked


def _compute(
    asked: Asked, kept: Rows, log: RowsLog, on_progress: OnProgress, should_stop: ShouldStop
) -> Mapping[str, Any]:
    return {"setting": asked.setting, **grid.compute(asked, kept, log, on_progress, should_stop)}


def _lent(asked: Asked) -> Rows:
    return grid.lent(asked, TABLE)


TABLE: Table[Asked, SweepView] = Table(files.SWEEP, Asked, SweepView, _compute, _lent)
