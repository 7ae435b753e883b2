"""Jobs whose parts are the runs of a grid: points, each with as many seeds. Sweeps and Shapley studies are such.

A part that any grid or run has computed from the same settings, data and teachers is not computed again.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, TypeVar

from pydantic import Field

from mtbkd_core.common.progress import Phase, Progress, UserError
from mtbkd_core.config.models import RunConfig
from mtbkd_core.evaluation.scores import Row
from mtbkd_core.result import read_metrics
from mtbkd_core.runs import store
from mtbkd_core.runs.job import JobKind, Work
from mtbkd_core.runs.kinds import run
from mtbkd_core.runs.kinds.parts import PartsSpec, PartsView
from mtbkd_core.runs.naming import fingerprints, is_todays
from mtbkd_core.runs.rows import Rows, RowsLog
from mtbkd_core.studies.grid import each_result
from mtbkd_core.studies.sweep import replicates

MOST_SEEDS = 20
_STUDENT = "student"


class GridSpec(PartsSpec):
    """What a grid computes.

    Attributes:
        seeds: how often each point is computed, with both seeds moved on by one each time.
    """

    seeds: int = Field(1, ge=1, le=MOST_SEEDS)

    def points(self) -> Mapping[str, RunConfig]:
        """The settings of each point, by what distinguishes it from the others."""
        raise NotImplementedError

    def parts(self) -> Mapping[int, RunConfig]:
        """The runs, point by point and seed by seed."""
        return dict(enumerate(_runs(self)))


@lru_cache(maxsize=256)
def _runs(spec: GridSpec) -> tuple[RunConfig, ...]:
    return tuple(chain.from_iterable(replicates(config, spec.seeds) for config in spec.points().values()))


G = TypeVar("G", bound=GridSpec)


@dataclass(frozen=True, kw_only=True)
class GridView(PartsView[G]):
    """A grid as it was when it was looked at."""

    def scores(self) -> dict[str, list[Row | None]]:
        """Point -> the student's scores, one a seed; None where a run has not come to its end."""
        whole, seeds = self.rows.whole, self.spec.seeds
        return {
            point: [whole.get(place * seeds + seed, {}).get(_STUDENT) for seed in range(seeds)]
            for place, point in enumerate(self.spec.points())
        }


def check_seeds(seeds: int) -> None:
    """Refuse a number of seeds that there cannot be.

    Raises:
        UserError: none, or too many.
    """
    if not 1 <= seeds <= MOST_SEEDS:
        raise UserError(f"seeds: got {seeds}, allowed: 1 to {MOST_SEEDS}")


def checked(kind: JobKind[G, Any], spec: G) -> G:
    """The spec, if its runs can be made.

    Raises:
        UserError: a task or teacher that does not exist, or more labelled examples than the task has.
    """
    fingerprints(kind, spec)
    return spec


def fill(spec: GridSpec, kept: Rows, log: RowsLog, work: Work) -> Mapping[str, Any]:
    """Run what is missing of a grid; see `parts.Fill`.

    Raises:
        UserError: runs that cannot be made, named by their points, once all others are there.
    """
    parts = spec.parts()
    found = {part: rows[_STUDENT] for part, rows in kept.whole.items() if _STUDENT in rows}
    problems: dict[int, UserError] = {}
    missing = [part for part in parts if part not in found]
    before = len(found)

    def report(progress: Progress) -> None:
        done = (before + progress.fraction * len(missing)) / len(parts)
        # The grid counts the settings of this attempt; a person counts those of the job.
        what = progress.message.rpartition(": ")[2]
        work.on_progress(Progress(Phase.STUDY, len(found), len(parts), done, what))

    def fail(place: int, error: UserError) -> None:
        problems[missing[place]] = error

    wanted = [parts[part].unchecked for part in missing]
    for place, result in each_result(wanted, on_progress=report, should_stop=work.should_stop, on_problem=fail):
        part = missing[place]
        found[part] = result.metrics.row
        log.write(part, _STUDENT, found[part])
        log.close(part, result.metrics.seconds)
    if problems:
        first = min(problems)
        point = list(spec.points())[first // spec.seeds]
        others = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise UserError(f"{point}{others}: {problems[first]}; {len(found)} of {len(parts)} runs are there")
    scores = [found[part] for part in parts]
    return {
        "points": {
            point: scores[place * spec.seeds : (place + 1) * spec.seeds] for place, point in enumerate(spec.points())
        },
    }


def reuse(spec: G, kind: JobKind[G, Any]) -> Rows:
    """What runs, and grids of the same kind, have computed already of a grid's parts."""
    # a run that was checked for bias has the same draws
    wanted = {each: part for part, config in spec.parts().items() for each in (config, config.unchecked)}
    rows = Rows({}, {})

    def lend(part: int, row: Row, seconds: float) -> None:
        rows.found[part], rows.seconds[part] = {_STUDENT: row}, seconds

    for known in store.list_jobs(run.KIND):  # one list: a run of another version has another name
        part = wanted.get(known.config)
        if part is not None and is_todays(run.KIND, known):
            with suppress(UserError):  # not there, torn or of another format: then it is computed
                saved = read_metrics(known.folder)
                lend(part, saved.row, saved.seconds)
    for other in store.reusable(kind):
        parts = other.spec.parts()
        for place, found in other.rows.whole.items():
            part = wanted.get(parts[place].unchecked) if place in parts and _STUDENT in found else None
            if part is not None:
                lend(part, found[_STUDENT], other.rows.seconds[place])
    return rows
