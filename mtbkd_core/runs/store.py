"""Runs as a person sees them: find, list, cancel, load and delete, all from folders under the home folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from pydantic_core import from_json, to_json

from mtbkd_core.config import RunConfig, parse_config
from mtbkd_core.files import content_hash, home, write_atomically
from mtbkd_core.progress import Progress, UserError
from mtbkd_core.result import Result
from mtbkd_core.runs import folder as files
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.progress_log import read_last_progress, read_progress
from mtbkd_core.tasks import fingerprint

__all__ = ["RunView", "State", "create", "delete_run", "list_runs", "load_result", "read", "request_cancel", "run_id"]

_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class RunView:
    """A run as it was when it was looked at.

    Attributes:
        id: 16 hexadecimal digits.
        reason: one line: why it ended as it did, or what happened on the way; none where there is nothing to tell.
        created: when it was first submitted.
        attempt: number of the newest attempt, 0 before the first.
        progress: reports of the newest attempt, oldest first. From `list_runs` the newest alone, and only of live runs.
        started, ended: of the newest attempt; none where it has not come to that.
        stopping: a cancel was asked for, and the worker has not stopped yet.
    """

    id: str
    folder: Path
    config: RunConfig
    state: State
    reason: str | None
    created: datetime
    attempt: int
    progress: tuple[Progress, ...] = ()
    submitted_by: str | None = None
    started: datetime | None = None
    ended: datetime | None = None
    stopping: bool = False

    @property
    def finished(self) -> bool:
        """Nothing happens any more unless the run is launched again."""
        return self.state.finished


def run_id(config: RunConfig) -> str:
    """The run's name: a hash of the configuration and of the data's and the teachers' fingerprint.

    Raises:
        UserError: the task or a teacher does not exist.
    """
    return content_hash(config.model_dump_json(), _fingerprint_of(config))


def _fingerprint_of(config: RunConfig) -> str:
    return _fingerprint(config.task, config.teachers, config.split_seed, config.n_train)


@lru_cache(maxsize=1024)
def _fingerprint(task: str, teachers: tuple[str, ...], split_seed: int, n_train: int | None) -> str:
    # It takes milliseconds, and every run of a list asks for it again; it depends on nothing else.
    return fingerprint(RunConfig(task=task, teachers=teachers, split_seed=split_seed, n_train=n_train))


def create(config: RunConfig) -> RunView:
    """Find the run of this configuration, or make its folder.

    Raises:
        UserError: the task or a teacher does not exist, or the home folder cannot be written.
    """
    run = run_id(config)
    path = _runs() / run
    try:
        path.mkdir(parents=True, exist_ok=True)
        with files.gate(path):
            try:
                _config(path)
            except (
                UserError
            ):  # missing, torn or another run's: the name is a hash of what it held, so it can be written again
                write_atomically(path / files.CONFIG, config.model_dump_json(indent=2))
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from None
    return _view(path, whole=True)


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
    submission = None
    try:
        with files.gate(path):
            state, _ = files.look(path)
            torn = state is State.DONE and _is_torn(path)
            if torn:  # nobody takes what is left for a result; the next attempt replaces it
                (path / files.METRICS).unlink(missing_ok=True)
            # One that is stopping is queued behind itself: the submission begun here is not cancelled.
            stopping = state is State.RUNNING and (path / files.CANCEL).exists()
            if stopping or torn or (state.finished and state is not State.DONE):
                submission = files.begin(path, engine=engine, submitted_by=submitted_by).submission
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from None
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
    runs = _runs()
    try:
        names = [name for name in os.listdir(runs) if _ID.fullmatch(name)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{runs}: cannot be read ({error.strerror or error})") from None
    views = []
    for name in names:
        try:
            views.append(_view(runs / name, whole=False))
        except Exception as error:  # whatever lies in one folder, the others are shown
            line = " ".join(f"{type(error).__name__}: {error}".split())
            if on_problem is not None:
                on_problem(str(error) if isinstance(error, UserError) else f"run {name}: cannot be shown ({line})")
    return sorted(views, key=lambda view: (view.created, view.id), reverse=True)


def request_cancel(id: str) -> RunView:
    """Ask a run to stop: a queued one is cancelled at once, a running one at its next step, a finished one stays.

    Raises:
        UserError: no such run, or its folder cannot be written.
    """
    path = _find(id)
    try:
        with files.gate(path):
            if not files.look(path)[0].finished:
                (path / files.CANCEL).touch()
    except OSError as error:
        raise UserError(f"{path / files.CANCEL}: cannot be written ({error.strerror or error})") from None
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
    path = _find(id)
    try:
        with files.gate(path):
            state, _ = files.look(path)
            if not state.finished:
                raise UserError(f"run {id}: it is {state}; cancel it before you delete it")
            if files.is_held(path):  # its result is there, and its worker is about to let go
                raise UserError(f"run {id}: it is just ending; delete it in a moment")
            doomed = path.with_name(f".deleted-{id}-{uuid.uuid4().hex}")
            path.rename(doomed)  # at once and whole: no reader sees half a folder
        shutil.rmtree(doomed)
    except OSError as error:
        raise UserError(f"{path}: cannot be deleted ({error.strerror or error})") from None


def _runs() -> Path:
    return home() / "runs"


def _find(id: str) -> Path:
    if not isinstance(id, str) or not _ID.fullmatch(id):
        shown = repr(id) if len(repr(id)) <= 40 else repr(id)[:37] + "..."
        raise UserError(f"run {shown}: not a run's name, which is 16 hexadecimal digits")
    path = _runs() / id
    if not path.is_dir():
        raise UserError(f"run {id}: no such run; it was deleted, or made under another home folder")
    return path


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
    config = _config(path)
    state, reason = files.look(path)
    status, owner = files.read_status(path), files.read_owner(path)
    # A submission that has not begun shows nothing of the one before it.
    begun = owner is not None and (status is None or owner.submission == status.submission or state is State.RUNNING)
    progress: tuple[Progress, ...] = ()
    if owner is not None and begun and (whole or not state.finished):
        reader = read_progress if whole else read_last_progress
        progress = reader(files.progress_file(path, owner.attempt))
    return RunView(
        id=path.name,
        folder=path,
        config=config,
        state=state,
        reason=reason,
        created=status.created if status else _time(path / files.CONFIG),
        attempt=owner.attempt if owner else 0,
        progress=progress,
        submitted_by=status.submitted_by if status else None,
        started=owner.started if owner and begun else None,
        # A result is there a moment before the status says so.
        ended=status.ended if status and status.ended else _time(path / files.METRICS) if state is State.DONE else None,
        stopping=state is State.RUNNING and (path / files.CANCEL).exists(),
    )


def _time(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return datetime.fromtimestamp(0, UTC)
