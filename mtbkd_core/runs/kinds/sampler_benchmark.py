"""Races of samplers as a person sees them, and what a worker does with one: the life of a run, for a race.

    <home>/races/<id>/config.json  standings.json  race.json  and what lies in every run's folder

A race is a measurement of the machine, so the same race held again is another one: the id is a hash of what is asked
for, of its round, and of the data's fingerprint. `standings.json` is replaced while it goes on; `race.json` is the end.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mtbkd_core.catalog.registry import fingerprint, load_task
from mtbkd_core.common.files import content_hash, home, write_atomically
from mtbkd_core.common.progress import OnProgress, Progress, ShouldStop, UserError
from mtbkd_core.config.models import RunConfig
from mtbkd_core.result import describe_environment
from mtbkd_core.runs import folder as files
from mtbkd_core.runs import jobs
from mtbkd_core.runs.execute import carry_out
from mtbkd_core.runs.jobs import JobView
from mtbkd_core.studies import sampler_benchmark
from mtbkd_core.studies.sampler_trace import SamplerTraces

STANDINGS = "standings.json"
SECONDS_LIMITS = (1.0, 60.0)
_WRITE_EVERY = 0.3
#: Of a race's progress, where teachers have to be trained for it.
_TEACHERS_SHARE = 0.1


class Asked(BaseModel):
    """What a race is of: config.json.

    Attributes:
        config: whose posterior; the sampler's settings are not used.
        seconds: of each racer.
        round: tells races apart that are asked for twice.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    config: RunConfig
    seconds: float = Field(ge=SECONDS_LIMITS[0], le=SECONDS_LIMITS[1])
    round: int = Field(0, ge=0)


@dataclass(frozen=True, kw_only=True)
class RaceView(JobView):
    """A race as it was when it was looked at.

    Attributes:
        config: whose posterior.
        seconds: of each racer.
        outcome: as far as it has come; from `list_races` none.
    """

    config: RunConfig
    seconds: float
    outcome: SamplerTraces


def enqueue(
    config: RunConfig, seconds: float, *, engine: str, submitted_by: str | None = None
) -> tuple[RaceView, str | None]:
    """Find the race of that kind that is under way, or make a new one and note that `engine` is to hold it.

    Returns:
        The race, and the name of the new submission, or none where there was nothing to submit.

    Raises:
        UserError: seconds beyond the limits; a task or teacher that does not exist; a home folder that cannot be
            written.
    """
    low, high = SECONDS_LIMITS
    if not low <= seconds <= high:
        raise UserError(f"seconds: got {seconds:g}, allowed: {low:g} to {high:g}")
    same = [view for view in list_races() if (view.config, view.seconds) == (config, seconds)]
    for view in same:
        if not view.finished and not view.stopping:
            return read(view.id), None
    asked = Asked(config=config, seconds=seconds)
    while (home() / files.RACE.place / _id(asked)).exists():
        asked = asked.model_copy(update={"round": asked.round + 1})
    path = jobs.create(files.RACE, _id(asked), asked.model_dump_json(indent=2), _asked)
    submission = jobs.enqueue(path, files.RACE, engine=engine, submitted_by=submitted_by)
    return _view(path, whole=True), submission


def read(id: str) -> RaceView:
    """Look at a race.

    Raises:
        UserError: no such race, a name that is none, a folder whose configuration is torn, or one that is done and
            whose result is torn or another's.
    """
    return _view(jobs.find(files.RACE, id), whole=True)


def list_races(on_problem: Callable[[str], None] | None = None) -> list[RaceView]:
    """All races, newest first, without their outcomes; `on_problem` is told of each folder that cannot be shown.

    Raises:
        UserError: the home folder cannot be used.
    """
    return jobs.views(files.RACE, lambda path: _view(path, whole=False), on_problem)


def request_cancel(id: str) -> RaceView:
    """Ask a race to stop.

    Raises:
        UserError: as `read`, or its folder cannot be written.
    """
    path = jobs.find(files.RACE, id)
    jobs.request_cancel(path, files.RACE)
    return _view(path, whole=True)


def execute_race(folder: str) -> None:
    """Hold the race in `folder`, as `mtbkd_core.runs.execute.execute` computes a run; errors as there."""
    carry_out(Path(folder), files.RACE, _hold)


def _hold(path: Path, on_progress: OnProgress, should_stop: ShouldStop) -> Callable[[], None]:
    asked = _asked(path)
    config = asked.config
    whole = _Progress(on_progress)
    task = load_task(
        config.data,
        on_progress=whole.teachers,
        should_stop=should_stop,
    )
    written = float("-inf")

    def show(outcome: SamplerTraces) -> None:
        nonlocal written
        if time.monotonic() - written >= _WRITE_EVERY:
            _write(path / STANDINGS, outcome.to_json())
            written = time.monotonic()

    outcome = sampler_benchmark.run_benchmark(
        config, task, asked.seconds, on_progress=whole.race, on_traces=show, should_stop=should_stop
    )
    return partial(
        _write, path / files.RACE.result, outcome.to_json() | {"environment": describe_environment(torch.device("cpu"))}
    )


class _Progress:
    """The whole race's progress, which never falls: the teachers' training, where there is any, is its first part."""

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self._before = self._fraction = 0.0

    def teachers(self, progress: Progress) -> None:
        self._before = _TEACHERS_SHARE
        self._tell(progress, _TEACHERS_SHARE * progress.fraction)

    def race(self, progress: Progress) -> None:
        self._tell(progress, self._before + (1 - self._before) * progress.fraction)

    def _tell(self, progress: Progress, fraction: float) -> None:
        self._fraction = max(self._fraction, fraction)
        self._on_progress(replace(progress, fraction=self._fraction))


def _write(path: Path, content: dict[str, object]) -> None:
    write_atomically(path, json.dumps(content, allow_nan=False))


def _id(asked: Asked) -> str:
    return content_hash(asked.model_dump_json(), fingerprint(asked.config))


def _asked(path: Path) -> Asked:
    """config.json.

    Raises:
        UserError: it is torn.
    """
    try:
        return Asked.model_validate_json((path / files.CONFIG).read_bytes())
    except OSError as error:
        raise UserError(f"race {path.name}: config.json cannot be read ({error.strerror or error})") from None
    except ValidationError as error:
        raise UserError(f"race {path.name}: config.json is torn ({error.error_count()} problems)") from None


def _end(path: Path) -> SamplerTraces:
    """What a race that is done has shown.

    Raises:
        UserError: race.json is torn, another's, or not of a race that is over.
    """
    outcome = _read_outcome(path / files.RACE.result)
    if outcome.reference is None or not outcome.scores:
        raise UserError(f"race {path.name}: {files.RACE.result} holds no race that is over")
    return outcome


def _so_far(path: Path) -> SamplerTraces:
    """How far it has come; nothing where that cannot be read."""
    with suppress(UserError):
        return _read_outcome(path / STANDINGS)
    return SamplerTraces()


def _read_outcome(file: Path) -> SamplerTraces:
    what = f"race {file.parent.name}: {file.name}"
    try:
        return SamplerTraces.from_json(json.loads(file.read_bytes()))
    except OSError as error:
        raise UserError(f"{what} cannot be read ({error.strerror or error})") from None
    except UserError as error:
        raise UserError(f"{what} {error}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{what} is not valid JSON ({error})") from None


def _view(path: Path, *, whole: bool) -> RaceView:
    asked = _asked(path)
    common = jobs.look_at(path, files.RACE, whole=whole)
    outcome = SamplerTraces()
    if whole:
        outcome = _end(path) if common["state"] is files.State.DONE else _so_far(path)
    return RaceView(config=asked.config, seconds=asked.seconds, outcome=outcome, **common)
