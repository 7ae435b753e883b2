"""Runs as a person sees them: find, list, cancel, load and delete, all from folders under the home folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic_core import from_json, to_json

from mtbkd_core.catalog.registry import fingerprint
from mtbkd_core.common.files import content_hash
from mtbkd_core.common.progress import UserError
from mtbkd_core.config.models import DataConfig, RunConfig
from mtbkd_core.config.parse import parse_config
from mtbkd_core.result import Result
from mtbkd_core.runs import folder as files
from mtbkd_core.runs import jobs
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.jobs import JobView

__all__ = ["RunView", "State", "create", "delete_run", "list_runs", "load_result", "read", "request_cancel", "run_id"]


@dataclass(frozen=True, kw_only=True)
class RunView(JobView):
    """A run as it was when it was looked at; `config` is what it computes."""

    config: RunConfig


def run_id(config: RunConfig) -> str:
    """The run's name: a hash of the configuration and of the data's and the teachers' fingerprint.

    Raises:
        UserError: the task or a teacher does not exist.
    """
    return content_hash(config.model_dump_json(), _fingerprint_of(config))


def _fingerprint_of(config: RunConfig) -> str:
    return _fingerprint(config.data)


@lru_cache(maxsize=1024)
def _fingerprint(data: DataConfig) -> str:
    # It takes milliseconds, and every run of a list asks for it again; it depends on nothing else.
    return fingerprint(data)


def create(config: RunConfig) -> RunView:
    """Find the run of this configuration, or make its folder.

    Raises:
        UserError: the task or a teacher does not exist, or the home folder cannot be written.
    """
    run = run_id(config)
    return _view(jobs.create(files.RUN, run, config.model_dump_json(indent=2), _config), whole=True)


def enqueue(config: RunConfig, *, engine: str, submitted_by: str | None = None) -> tuple[RunView, str | None]:
    """Find or make the run and, unless it is done or under way, note that `engine` is to execute it (again).

    One that is done, but whose result cannot be loaded, is executed again too. Only here is the result looked into:
    `read` and `list_runs` stay cheap.

    Returns:
        The run, and the name of the new submission, or none where there was nothing to submit.

    Raises:
        UserError: as `create`.
    """
    path = create(config).folder
    submission = jobs.enqueue(path, files.RUN, engine=engine, submitted_by=submitted_by, is_torn=_is_torn)
    return _view(path, whole=True), submission


def read(id: str) -> RunView:
    """Look at a run.

    Raises:
        UserError: no such run, a name that is none, or a folder whose configuration is torn or another run's.
    """
    return _view(_find(id), whole=True)


def list_runs(on_problem: Callable[[str], None] | None = None) -> list[RunView]:
    """All runs, newest first, without their whole progress (see `RunView.progress`).

    Args:
        on_problem: called with one line for each folder that cannot be shown.

    Raises:
        UserError: the home folder cannot be used.
    """
    return jobs.views(files.RUN, lambda path: _view(path, whole=False), on_problem)


def request_cancel(id: str) -> RunView:
    """Ask a run to stop: a queued one is cancelled at once, a running one at its next step, a finished one stays.

    Raises:
        UserError: no such run, or its folder cannot be written.
    """
    path = _find(id)
    jobs.request_cancel(path, files.RUN)
    return _view(path, whole=True)


def load_result(id: str) -> Result:
    """The result of a run that is done.

    Raises:
        UserError: no such run, not done, or a file of the result is torn, or its configuration is another run's.
    """
    path = _find(id)
    state, reason = files.look(path)
    if state is not State.DONE:
        raise UserError(f"run {id}: no result, it is {state}" + (f" ({reason})" if reason else ""))
    _config(path)
    return _load(path)


def delete_run(id: str) -> None:
    """Delete a run and its result; a torn one as well.

    Raises:
        UserError: no such run, it is queued or running, or it cannot be deleted.
    """
    jobs.delete(_find(id), files.RUN)


def _find(id: str) -> Path:
    return jobs.find(files.RUN, id)


class _TornResult(UserError):
    """A result that cannot be loaded, whoever tries."""


def _load(path: Path) -> Result:
    try:
        return Result.load(path)
    except MemoryError:
        raise UserError(f"run {path.name}: there is not enough memory to load its result") from None
    except Exception as error:  # whatever lies in the folder may be anybody's
        line = " ".join(str(error).split()) or type(error).__name__
        raise _TornResult(
            f"run {path.name}: its result cannot be read ({line}); press Distill to compute it again"
        ) from None


def _is_torn(path: Path) -> bool:
    try:
        _load(path)
    except _TornResult:
        return True
    return False


def _config(path: Path) -> RunConfig:
    try:
        raw = (path / files.CONFIG).read_bytes()
        config = parse_config(raw)
        own = _is_own(path, raw, config)
    except OSError as error:
        raise UserError(f"run {path.name}: config.json cannot be read ({error.strerror or error})") from None
    except Exception as error:  # whatever lies in the folder may be anybody's
        line = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"run {path.name}: config.json is torn ({line})") from None
    if not own:
        raise UserError(
            f"run {path.name}: config.json is not this run's; it was changed, or the run was made by another version "
            "of this program and has no result"
        )
    return config


def _is_own(path: Path, raw: bytes, config: RunConfig) -> bool:
    """Whether the folder's name is the hash of what config.json says, field by field, and of a fingerprint.

    The fingerprint is today's or the one that the result was computed with: it holds torch's version, and a finished
    run is not to vanish with the next one.
    """
    said = to_json(from_json(raw))
    with suppress(UserError):  # a task or teacher that is no more
        if content_hash(said, _fingerprint_of(config)) == path.name:
            return True
    try:
        return content_hash(said, json.loads((path / "environment.json").read_bytes())["fingerprint"]) == path.name
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False


def _view(path: Path, *, whole: bool) -> RunView:
    return RunView(config=_config(path), **jobs.look_at(path, files.RUN, whole=whole))
