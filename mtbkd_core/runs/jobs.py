"""What all kinds of work have in common as a person sees them: found by name, listed, queued, cancelled, deleted."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from mtbkd_core.common.files import home, write_atomically
from mtbkd_core.common.progress import Progress, UserError
from mtbkd_core.runs import folder as files
from mtbkd_core.runs.folder import Kind, State
from mtbkd_core.runs.progress_log import read_last_progress, read_progress

_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, kw_only=True)
class JobView:
    """A piece of work as it was when it was looked at.

    Attributes:
        id: 16 hexadecimal digits.
        reason: one line: why it ended as it did, or what happened on the way; none where there is nothing to tell.
        created: when it was first submitted.
        attempt: number of the newest attempt, 0 before the first.
        progress: reports of the newest attempt, oldest first. From a list the newest alone, and only of live work.
        started, ended: of the newest attempt; none where it has not come to that.
        stopping: a cancel was asked for, and the worker has not stopped yet.
    """

    id: str
    folder: Path
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
        """Nothing happens any more unless it is launched again."""
        return self.state.finished


V = TypeVar("V", bound=JobView)


def look_at(path: Path, kind: Kind, *, whole: bool) -> dict[str, Any]:
    """The fields of a `JobView`; `whole` reads all of the progress."""
    state, reason = files.look(path, kind)
    status, owner = files.read_status(path), files.read_owner(path)
    # A submission that has not begun shows nothing of the one before it.
    begun = owner is not None and (status is None or owner.submission == status.submission or state is State.RUNNING)
    progress: tuple[Progress, ...] = ()
    if owner is not None and begun and (whole or not state.finished):
        reader = read_progress if whole else read_last_progress
        progress = reader(files.progress_file(path, owner.attempt))
    done = _time(path / kind.result) if state is State.DONE else None
    return {
        "id": path.name,
        "folder": path,
        "state": state,
        "reason": reason,
        "created": status.created if status else _time(path / files.CONFIG),
        "attempt": owner.attempt if owner else 0,
        "progress": progress,
        "submitted_by": status.submitted_by if status else None,
        "started": owner.started if owner and begun else None,
        # A result is there a moment before the status says so.
        "ended": status.ended if status and status.ended else done,
        "stopping": state is State.RUNNING and (path / files.CANCEL).exists(),
    }


def find(kind: Kind, id: str) -> Path:
    """The folder of that name.

    Raises:
        UserError: there is none, or it is no name.
    """
    if not isinstance(id, str) or not _ID.fullmatch(id):
        shown = repr(id) if len(repr(id)) <= 40 else repr(id)[:37] + "..."
        raise UserError(f"{kind.noun} {shown}: not a {kind.noun}'s name, which is 16 hexadecimal digits")
    path = home() / kind.place / id
    if not path.is_dir():
        raise UserError(f"{kind.noun} {id}: no such {kind.noun}; it was deleted, or made under another home folder")
    return path


def exists(kind: Kind, id: str) -> Path | None:
    """The folder of that name, if it is there."""
    path = home() / kind.place / id
    return path if path.is_dir() else None


def create(kind: Kind, id: str, config: str, is_own: Callable[[Path], object]) -> Path:
    """The folder of that name, made where it is missing.

    Args:
        kind: what it is.
        id: a hash of `config` and of the data: what is missing, torn or another's can be written again.
        config: config.json.
        is_own: looks at config.json; it raises UserError where that is to be written anew.

    Raises:
        UserError: the home folder cannot be written.
    """
    path = home() / kind.place / id
    try:
        path.mkdir(parents=True, exist_ok=True)
        with files.gate(path):
            try:
                is_own(path)
            except UserError:
                write_atomically(path / files.CONFIG, config)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from None
    return path


def enqueue(
    path: Path,
    kind: Kind,
    *,
    engine: str,
    submitted_by: str | None = None,
    is_torn: Callable[[Path], bool] = lambda path: False,
) -> str | None:
    """Unless it is done or under way, note that `engine` is to execute it (again); the submission's name, or none.

    One that is done, but whose result `is_torn`, is executed again too.

    Raises:
        UserError: the folder cannot be written.
    """
    try:
        with files.gate(path):
            state, _ = files.look(path, kind)
            torn = state is State.DONE and is_torn(path)
            if torn:  # nobody takes what is left for a result; the next attempt replaces it
                (path / kind.result).unlink(missing_ok=True)
            # One that is stopping is queued behind itself: the submission begun here is not cancelled.
            stopping = state is State.RUNNING and (path / files.CANCEL).exists()
            if stopping or torn or (state.finished and state is not State.DONE):
                return files.begin(path, engine=engine, submitted_by=submitted_by).submission
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from None
    return None


def views(kind: Kind, view: Callable[[Path], V], on_problem: Callable[[str], None] | None) -> list[V]:
    """All of a kind, newest first; `on_problem` is told of each folder that cannot be shown, in one line.

    Raises:
        UserError: the home folder cannot be used.
    """
    place = home() / kind.place
    try:
        names = [name for name in os.listdir(place) if _ID.fullmatch(name)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{place}: cannot be read ({error.strerror or error})") from None
    found = []
    for name in names:
        try:
            found.append(view(place / name))
        except Exception as error:  # whatever lies in one folder, the others are shown
            line = " ".join(f"{type(error).__name__}: {error}".split())
            said = str(error) if isinstance(error, UserError) else f"{kind.noun} {name}: cannot be shown ({line})"
            if on_problem is not None:
                on_problem(said)
    return sorted(found, key=lambda view: (view.created, view.id), reverse=True)


def request_cancel(path: Path, kind: Kind) -> None:
    """Ask for a stop: in the queue it comes at once, while running at the next step; what is finished stays.

    Raises:
        UserError: the folder cannot be written.
    """
    try:
        with files.gate(path):
            if not files.look(path, kind)[0].finished:
                (path / files.CANCEL).touch()
    except OSError as error:
        raise UserError(f"{path / files.CANCEL}: cannot be written ({error.strerror or error})") from None


def delete(path: Path, kind: Kind) -> None:
    """Delete it and its result; a torn one as well.

    Raises:
        UserError: it is queued or running, or it cannot be deleted.
    """
    name = f"{kind.noun} {path.name}"
    try:
        with files.gate(path):
            state, _ = files.look(path, kind)
            if not state.finished:
                raise UserError(f"{name}: it is {state}; cancel it before you delete it")
            if files.is_held(path):  # its result is there, and its worker is about to let go
                raise UserError(f"{name}: it is just ending; delete it in a moment")
            doomed = path.with_name(f".deleted-{path.name}-{uuid.uuid4().hex}")
            path.rename(doomed)  # at once and whole: no reader sees half a folder
        shutil.rmtree(doomed)
    except OSError as error:
        raise UserError(f"{path}: cannot be deleted ({error.strerror or error})") from None


def _time(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return datetime.fromtimestamp(0, UTC)
