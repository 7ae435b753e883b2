"""Tables whose parts are runs of one grid: points, each with as many seeds. Sweeps and valuations are such.

A part that any grid or run has computed from the same settings, data and teachers is not computed again.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from mtbkd_core.common.progress import OnProgress, Phase, Progress, ShouldStop, UserError
from mtbkd_core.config.models import RunConfig
from mtbkd_core.evaluation.metrics import Metrics
from mtbkd_core.evaluation.scores import Row
from mtbkd_core.runs import folder as files
from mtbkd_core.runs import jobs, store
from mtbkd_core.runs.kinds import base
from mtbkd_core.runs.kinds.base import Table, TableView
from mtbkd_core.runs.rows import Rows, RowsLog
from mtbkd_core.studies.grid import each_result
from mtbkd_core.studies.sweep import replicates

MOST_SEEDS = 20
_STUDENT = "student"


class Asked(base.Asked):
    """What a grid is of.

    Attributes:
        seeds: how often each point is computed, with both seeds moved on by one each time.
    """

    seeds: int = Field(1, ge=1, le=MOST_SEEDS)

    def points(self) -> Mapping[str, RunConfig]:
        """The settings of each point, by what tells it from the others."""
        raise NotImplementedError

    def parts(self) -> Mapping[int, RunConfig]:
        """The runs, point by point and seed by seed."""
        return dict(enumerate(_runs(self)))


@lru_cache(maxsize=256)
def _runs(asked: Asked) -> tuple[RunConfig, ...]:
    return tuple(chain.from_iterable(replicates(config, asked.seeds) for config in asked.points().values()))


G = TypeVar("G", bound=Asked)


@dataclass(frozen=True, kw_only=True)
class GridView(TableView[G]):
    """A grid as it was when it was looked at."""

    def scores(self) -> dict[str, list[Row | None]]:
        """Point -> the student's scores, one a seed; None where a run has not come to its end."""
        whole, seeds = self.rows.whole, self.asked.seeds
        return {
            point: [whole.get(place * seeds + seed, {}).get(_STUDENT) for seed in range(seeds)]
            for place, point in enumerate(self.asked.points())
        }


def compute(
    asked: Asked, kept: Rows, log: RowsLog, on_progress: OnProgress, should_stop: ShouldStop
) -> Mapping[str, Any]:
    """Run what is missing of a grid; see `tables.Compute`.

    Raises:
        UserError: runs that cannot be made, named by their points, once all others are there.
    """
    parts = asked.parts()
    found = {part: rows[_STUDENT] for part, rows in kept.whole.items() if _STUDENT in rows}
    problems: dict[int, UserError] = {}
    missing = [part for part in parts if part not in found]
    before = len(found)

    def tell(progress: Progress) -> None:
        done = (before + progress.fraction * len(missing)) / len(parts)
        # The grid counts the settings of this attempt; a person counts those of the table.
        what = progress.message.rpartition(": ")[2]
        on_progress(Progress(Phase.GRID, len(found), len(parts), done, what))

    def fail(place: int, error: UserError) -> None:
        problems[missing[place]] = error

    configs = [parts[part].unchecked for part in missing]
    for place, result in each_result(configs, on_progress=tell, should_stop=should_stop, on_problem=fail):
        part = missing[place]
        found[part] = result.metrics.row
        log.write(part, _STUDENT, found[part])
        log.close(part, result.metrics.seconds)
    if problems:
        first = min(problems)
        point = list(asked.points())[first // asked.seeds]
        others = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise UserError(f"{point}{others}: {problems[first]}; {len(found)} of {len(parts)} runs are there")
    scores = [found[part] for part in parts]
    return {
        "seeds": asked.seeds,
        "points": {
            point: scores[place * asked.seeds : (place + 1) * asked.seeds] for place, point in enumerate(asked.points())
        },
    }


def lent(asked: G, table: Table[G, Any]) -> Rows:
    """What runs, and grids of the same kind, have computed already of a grid's parts."""
    parts = asked.parts()
    # a run that was checked for bias has the same draws
    wanted = {store.run_id(each): part for part, config in parts.items() for each in (config, config.unchecked)}
    rows = Rows({}, {})

    def lend(part: int, row: Row, seconds: float) -> None:
        rows.found[part], rows.seconds[part] = {_STUDENT: row}, seconds

    for id, part in wanted.items():
        path = jobs.exists(files.RUN, id)
        saved = files.read_result(path) if path is not None else None
        if saved is not None:
            with suppress(ValidationError):  # another version's, or torn: then it is computed
                metrics = Metrics.model_validate(saved)
                lend(part, metrics.row, metrics.seconds)
    for other, theirs in table.lendable():
        configs = other.parts()
        for place, found in theirs.whole.items():
            name = store.run_id(configs[place].unchecked) if place in configs and _STUDENT in found else None
            if name is not None and name in wanted:
                lend(wanted[name], found[_STUDENT], theirs.seconds[place])
    return rows


def check(asked: Asked) -> None:
    """Refuse what could not be run.

    Raises:
        UserError: a task or teacher that does not exist, or more labelled examples than the task has.
    """
    base.fingerprints(asked)
