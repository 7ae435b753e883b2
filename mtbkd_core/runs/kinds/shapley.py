"""Valuations as jobs: what each teacher is worth, from runs with every subset of the teachers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pydantic import model_validator

from mtbkd_core.common.progress import UserError
from mtbkd_core.config.models import RunConfig
from mtbkd_core.evaluation.diagnostics import worst_r_hat
from mtbkd_core.evaluation.scores import R_HAT
from mtbkd_core.runs import folder as files
from mtbkd_core.runs.kinds import grid
from mtbkd_core.runs.kinds.base import Table
from mtbkd_core.runs.kinds.grid import MOST_SEEDS, GridView
from mtbkd_core.runs.rows import Rows
from mtbkd_core.studies.shapley import Subset, Worth, worth
from mtbkd_core.studies.sweep import all_subsets, hearing


class Asked(grid.Asked):
    """What a valuation is of: a point for each subset of the teachers."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        all_subsets(self.config.data.teachers)
        return self

    def points(self) -> Mapping[str, RunConfig]:
        """The settings with each subset, by its names between commas; "" is the run without distillation."""
        return {",".join(subset): hearing(self.config, subset) for subset in all_subsets(self.config.data.teachers)}


@dataclass(frozen=True, kw_only=True)
class ValuationView(GridView[Asked]):
    """A valuation as it was when it was looked at."""

    def worth(self, score: str) -> list[Worth]:
        """One for each seed whose every subset has the score."""
        found = []
        for seed in range(self.asked.seeds):
            each: dict[Subset, float] = {}
            for point, rows in self.scores().items():
                row = rows[seed]
                value = row.get(score) if row is not None else None
                if value is not None:
                    each[frozenset(point.split(",")) if point else frozenset()] = value
            if len(each) == 2 ** len(self.config.data.teachers):
                found.append(worth(each))
        return found

    def worst_r_hat(self) -> float | None:
        """Over all runs that are there, infinite where one has no R-hat; None where there is no run."""
        told = [row.get(R_HAT) for rows in self.scores().values() for row in rows if row is not None]
        return worst_r_hat(told) if told else None


def ask(config: RunConfig, seeds: int = 1) -> Asked:
    """The valuation of the teachers of these settings.

    Raises:
        UserError: too many teachers for all their subsets, no seed or too many; a task or teacher that does not exist.
    """
    all_subsets(config.data.teachers)
    if not 1 <= seeds <= MOST_SEEDS:
        raise UserError(f"seeds: got {seeds}, allowed: 1 to {MOST_SEEDS}")
    asked = Asked(config=config, seeds=seeds)
    grid.check(asked)
    return asked


def _lent(asked: Asked) -> Rows:
    return grid.lent(asked, TABLE)


TABLE: Table[Asked, ValuationView] = Table(files.VALUATION, Asked, ValuationView, grid.compute, _lent)
