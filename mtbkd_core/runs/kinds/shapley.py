"""Shapley studies: what each teacher contributes to a score, from runs with every subset of the teachers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from pydantic import model_validator

from mtbkd_core.config.models import RunConfig
from mtbkd_core.evaluation.diagnostics import worst_r_hat
from mtbkd_core.evaluation.errors import ScoreError
from mtbkd_core.evaluation.means import errors_of
from mtbkd_core.evaluation.scores import R_HAT, Row
from mtbkd_core.runs.job import JobKind
from mtbkd_core.runs.kinds import grid
from mtbkd_core.runs.kinds.grid import GridSpec, GridView
from mtbkd_core.runs.kinds.parts import filled_by
from mtbkd_core.studies.shapley import Contributions, Subset, contribution_errors, contributions
from mtbkd_core.studies.sweep import all_subsets, with_some_teachers


class ShapleySpec(GridSpec):
    """What a Shapley study computes: a point for each subset of the teachers."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        all_subsets(self.config.data.teachers)
        return self

    def points(self) -> Mapping[str, RunConfig]:
        """The settings with each subset, by its names between commas; "" is the run without distillation."""
        return {
            ",".join(subset): with_some_teachers(self.config, subset)
            for subset in all_subsets(self.config.data.teachers)
        }


@dataclass(frozen=True, kw_only=True)
class ShapleyView(GridView[ShapleySpec]):
    """A Shapley study as it was when it was looked at."""

    def contributions(self, score: str) -> list[Contributions]:
        """What each teacher contributes: one for each seed in which every subset has the score."""
        return [contributions(each) for each in self._whole(lambda row: row.get(score))]

    def sampler_errors(self, score: str) -> Contributions | None:
        """The sampler's errors of the contributions of the only seed; None of several, or where one is not known."""
        found = self._whole(lambda row: errors_of(row).get(score, ScoreError()).sampler)
        return contribution_errors(found[0]) if self.spec.seeds == 1 and found else None

    def _whole(self, value_of: Callable[[Row], float | None]) -> list[dict[Subset, float]]:
        """A number of every subset's row, for each seed in which every subset has it."""
        found = []
        for seed in range(self.spec.seeds):
            each: dict[Subset, float] = {}
            for point, rows in self.scores().items():
                row = rows[seed]
                value = value_of(row) if row is not None else None
                if value is not None:
                    each[frozenset(point.split(",")) if point else frozenset()] = value
            if len(each) == 2 ** len(self.config.data.teachers):
                found.append(each)
        return found

    def worst_r_hat(self) -> float | None:
        """Over all runs that are there, infinite where one has no R-hat; None where there is no run."""
        found = [row.get(R_HAT) for rows in self.scores().values() for row in rows if row is not None]
        return worst_r_hat(found) if found else None


def shapley_spec(config: RunConfig, seeds: int = 1) -> ShapleySpec:
    """The Shapley study of the teachers of these settings.

    Raises:
        UserError: too many teachers for all their subsets, no seed or too many; a task or teacher that does not exist.
    """
    all_subsets(config.data.teachers)
    grid.check_seeds(seeds)
    return grid.checked(KIND, ShapleySpec(config=config, seeds=seeds))


KIND: JobKind[ShapleySpec, ShapleyView] = JobKind(
    noun="Shapley study",
    folder="valuations",
    result="valuation.json",
    spec=ShapleySpec,
    view=ShapleyView,
    compute=filled_by(grid.fill),
    reuse=lambda spec: grid.reuse(spec, KIND),
)
