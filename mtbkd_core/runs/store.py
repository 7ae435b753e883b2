"""Jobs of every kind as a person sees them: found by name, listed, queued, cancelled, deleted; from folders alone."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel

from mtbkd_core.common.files import home, write_atomically
from mtbkd_core.common.owners import read_owners, refuse_others, write_owners
from mtbkd_core.common.progress import Progress, UserError
from mtbkd_core.runs import folder as files
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.job import JobKind, S, V
from mtbkd_core.runs.naming import id_of, is_todays, read_spec, write_spec
from mtbkd_core.runs.progress_log import read_last_progress, read_progress
from mtbkd_core.runs.state import look

_ID = re.compile(r"[0-9a-f]{16}")


def find(kind: JobKind[S, V], spec: S) -> V | None:
    """The job of a spec, if there is one; one that another version of this program named differently is found, too.

    Raises:
        UserError: as `id_of` and `read`.
    """
    path = _folder(kind) / id_of(kind, spec)
    if (path / files.CONFIG).exists():  # a folder is there a moment before it, while another process makes the job
        return _view(kind, path, whole=True)
    same = (view for view in list_jobs(kind) if view.spec == spec and is_todays(kind, view))
    return next((_view(kind, view.folder, whole=True) for view in same), None)


def create(kind: JobKind[S, V], spec: S) -> V:
    """The job of a spec; its folder is made where it is missing, and its config.json where that is torn.

    A disk that is full leaves no folder behind.

    Raises:
        UserError: the task or a teacher does not exist, or the home folder cannot be written.
    """
    while kind.again is not None and _is_over(kind, spec):
        spec = kind.again(spec)
    path = _folder(kind) / id_of(kind, spec)
    if not path.is_dir() and kind.again is None:
        known = find(kind, spec)
        if known is not None:
            return known
    try:
        path.mkdir(parents=True, exist_ok=True)
        with files.gate(path):
            try:
                read_spec(kind, path)
            except UserError:
                write_spec(kind, path, spec)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from None
    return _view(kind, path, whole=True)


def _is_over(kind: JobKind[S, V], spec: S) -> bool:
    """Whether a measurement was made already, or is about to stop, so that a new one has to be made."""
    path = _folder(kind) / id_of(kind, spec)
    if not path.is_dir():
        return False
    return look(path, kind)[0].finished or (path / files.CANCEL).exists()


def enqueue(kind: JobKind[S, V], spec: S, *, engine: str, by: str | None = None) -> tuple[V, str | None]:
    """Find or make the job and, unless it is done or under way, note that `engine` is to execute it (again).

    One that is done, but whose result is torn, is executed again, too. `by` becomes an owner in any case.

    Returns:
        The job, and the name of the new submission, or none where there was nothing to submit.

    Raises:
        UserError: as `create`.
    """
    path = create(kind, spec).folder
    submission = None
    try:
        with files.gate(path):
            _add_owner(path, by)
            state, _ = look(path, kind)
            torn = state is State.DONE and _view(kind, path, whole=True).is_torn()
            if torn:  # so that it is not taken for a result; the next attempt replaces it
                (path / kind.result).unlink(missing_ok=True)
            # One that is stopping is queued behind itself: the submission begun here is not cancelled.
            stopping = state is State.RUNNING and (path / files.CANCEL).exists()
            if stopping or torn or (state.finished and state is not State.DONE):
                submission = files.begin(path, engine=engine).submission
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from None
    return _view(kind, path, whole=True), submission


def enqueue_more(
    kind: JobKind[S, V], id: str, more: BaseModel, *, engine: str, by: str | None = None
) -> tuple[V, str | None]:
    """Ask a job that is done to go on, unless it is under way; `by` has to be one of its owners.

    Returns:
        The job, and the name of the new submission, or none where there was nothing to submit.

    Raises:
        UserError: as `read`; a kind that cannot go on, a job without a result or of other people, or a folder that
            cannot be written.
    """
    path = _find(kind, id)
    try:
        with files.gate(path):
            state, _ = look(path, kind)
            if kind.more is None or (state.finished and state is not State.DONE):
                raise UserError(f"{kind.noun} {path.name}: it has no result to go on from, it is {state}")
            if by is not None and by not in read_owners(path / files.OWNERS):
                whose = "it belongs to someone else; launch the same settings to be one of its owners"
                raise UserError(f"{kind.noun} {path.name}: {whose}")
            if not state.finished:
                return _view(kind, path, whole=True), None
            write_atomically(path / kind.more, more.model_dump_json())
            submission = files.begin(path, engine=engine).submission
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from None
    return _view(kind, path, whole=True), submission


def read(kind: JobKind[S, V], id: str) -> V:
    """Look at a job.

    Raises:
        UserError: no such job, a name that is none, a folder whose config.json is torn or another job's, or a result
            that cannot be shown.
    """
    return _view(kind, _find(kind, id), whole=True)


def list_jobs(kind: JobKind[S, V], on_problem: Callable[[str], None] = lambda line: None) -> list[V]:
    """All jobs of a kind, newest first, without their whole progress and what `JobView.contents` reads.

    Args:
        on_problem: called with one line for each folder that cannot be shown.

    Raises:
        UserError: the home folder cannot be used.
    """
    place = _folder(kind)
    try:
        names = [name for name in os.listdir(place) if _ID.fullmatch(name)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{place}: cannot be read ({error.strerror or error})") from None
    found = []
    for name in names:
        try:
            found.append(_view(kind, place / name, whole=False))
        except UserError as error:
            if not files.is_bare(place / name):  # else it is about to be made, or the disk was full then
                on_problem(str(error))
        except Exception as error:  # whatever lies in one folder, the others are shown
            line = " ".join(f"{type(error).__name__}: {error}".split())
            on_problem(f"{kind.noun} {name}: cannot be shown ({line})")
    return sorted(found, key=lambda view: (view.created, view.id), reverse=True)


def reusable(kind: JobKind[S, V]) -> Iterator[V]:
    """The jobs of a kind whose data and teachers are today's, with all that is in their folders."""
    for view in list_jobs(kind):
        if is_todays(kind, view):
            with suppress(UserError):  # deleted meanwhile
                yield read(kind, view.id)


def request_cancel(kind: JobKind[S, V], id: str, *, by: str | None = None) -> V:
    """Ask for a stop: in the queue it comes at once, while running at the next step; what is finished stays.

    Raises:
        UserError: as `read`, `by` is not the only owner, or its folder cannot be written.
    """
    path = _find(kind, id)
    try:
        with files.gate(path):
            refuse_others(read_owners(path / files.OWNERS), by, f"{kind.noun} {path.name}")
            if not look(path, kind)[0].finished:
                (path / files.CANCEL).touch()
    except OSError as error:
        raise UserError(f"{path / files.CANCEL}: cannot be written ({error.strerror or error})") from None
    return _view(kind, path, whole=True)


def rename(kind: JobKind[S, V], id: str, name: str, *, by: str | None = None) -> V:
    """Call a job by a name of a person's own; an empty one takes the name away. Its id stays.

    Raises:
        UserError: as `read`, `by` is not the only owner, or as `folder.write_name`.
    """
    path = _find(kind, id)
    refuse_others(read_owners(path / files.OWNERS), by, f"{kind.noun} {path.name}")
    files.write_name(path, name)
    return _view(kind, path, whole=True)


def delete(kind: JobKind[S, V], id: str, *, by: str | None = None) -> None:
    """Delete a job and its result; a torn one as well. Where it has other owners, `by` is one no more, and it stays.

    Raises:
        UserError: no such job, it is queued or running, `by` is no owner, or it cannot be deleted.
    """
    path = _find(kind, id)
    name = f"{kind.noun} {path.name}"
    try:
        with files.gate(path):
            owners = read_owners(path / files.OWNERS)
            if by in owners and len(owners) > 1:
                write_owners(path / files.OWNERS, owners - {by})
                return
            refuse_others(owners, by, name)
            state, _ = look(path, kind)
            if not state.finished:
                raise UserError(f"{name}: it is {state}; cancel it before you delete it")
            if files.is_held(path):  # its result is there, and its worker is about to let go
                raise UserError(f"{name}: it is just ending; delete it in a moment")
            doomed = path.with_name(f".deleted-{path.name}-{uuid.uuid4().hex}")
            path.rename(doomed)  # at once and whole: no reader sees half a folder
        shutil.rmtree(doomed)
    except OSError as error:
        raise UserError(f"{path}: cannot be deleted ({error.strerror or error})") from None


def _add_owner(path: Path, by: str | None) -> None:
    """Note who has launched a job. The gate must be held."""
    if by is not None and by not in (owners := read_owners(path / files.OWNERS)):
        write_owners(path / files.OWNERS, owners | {by})


def _folder(kind: JobKind[S, V]) -> Path:
    return home() / kind.folder


def _find(kind: JobKind[S, V], id: str) -> Path:
    if not isinstance(id, str) or not _ID.fullmatch(id):
        shown = repr(id) if len(repr(id)) <= 40 else repr(id)[:37] + "..."
        raise UserError(f"{kind.noun} {shown}: not a {kind.noun}'s name, which is 16 hexadecimal digits")
    path = _folder(kind) / id
    if not path.is_dir():
        raise UserError(f"{kind.noun} {id}: no such {kind.noun}; it was deleted, or made under another home folder")
    return path


def _view(kind: JobKind[S, V], path: Path, *, whole: bool) -> V:
    """A job; `whole` reads all of its progress, and what its kind adds."""
    spec = read_spec(kind, path)
    state, reason = look(path, kind)
    status, owner = files.read_status(path), files.read_owner(path)
    # A submission that has not begun shows nothing of the one before it.
    begun = owner is not None and (status is None or owner.submission == status.submission or state is State.RUNNING)
    progress: tuple[Progress, ...] = ()
    if owner is not None and begun and (whole or not state.finished):
        reader = read_progress if whole else read_last_progress
        progress = reader(files.progress_file(path, owner.attempt))
    done = _time(path / kind.result) if state is State.DONE else None
    return kind.view(
        id=path.name,
        folder=path,
        spec=spec,
        state=state,
        reason=reason,
        created=status.created if status else _time(path / files.CONFIG),
        attempt=owner.attempt if owner else 0,
        name=files.read_name(path),
        progress=progress,
        owners=read_owners(path / files.OWNERS),
        started=owner.started if owner and begun else None,
        # A result is there a moment before the status says so.
        ended=status.ended if status and status.ended else done,
        stopping=state is State.RUNNING and (path / files.CANCEL).exists(),
        **(kind.view.contents(path, state) if whole else {}),
    )


def _time(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return datetime.fromtimestamp(0, UTC)
