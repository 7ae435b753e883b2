"""What lies in a job's folder, and how it is read and changed.

Two locks guard a folder. `lock` is held by the one process that computes, as long as it computes: it tells the living
from the dead. `gate` is held for the milliseconds in which a submission begins, ends, is cancelled or is deleted, so
that each of these sees the others whole.
"""

from __future__ import annotations

import os
import re
import uuid
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from mtbkd_core.common import files as common
from mtbkd_core.common import lock
from mtbkd_core.common.files import write_atomically
from mtbkd_core.common.progress import UserError

CONFIG, STATUS, OWNER, CANCEL, FAILURE = "config.json", "status.json", "owner.json", "cancel", "failure.txt"
#: Whose the job is: see `common.owners`. (The file before says which process computes it.)
OWNERS = "owners.txt"
NAME = "name.txt"
#: "fingerprints" of the data and the teachers that the job's name is made of.
INPUTS = "inputs.json"
#: Letters of a name that a person gives.
_LONGEST_NAME = 60
_LOCK, _GATE = "lock", "gate"
_TEMPORARY = re.compile(r"\..+\.\d+\.[0-9a-f]{8}")  # as `write_atomically` names them


class State(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    CRASHED = "crashed"
    INTERRUPTED = "interrupted"

    @property
    def finished(self) -> bool:
        """Nothing happens any more unless the job is launched again."""
        return self not in (State.QUEUED, State.RUNNING)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


R = TypeVar("R", bound=_Record)


class Status(_Record):
    """status.json: the newest submission, and how it ended once it has.

    Attributes:
        state: QUEUED until the submission ends; that it is running shows in the lock, not here.
        submission: names one submission of the job.
        created: when the job was first submitted.
        engine: name of the engine that it waits for; none where it was executed directly.
        first_attempt: number of this submission's first attempt; those before belong to earlier submissions.
        ended: when the submission ended.
    """

    state: State
    submission: str
    created: AwareDatetime
    first_attempt: int
    engine: str | None = None
    reason: str | None = None
    ended: AwareDatetime | None = None


class Owner(_Record):
    """owner.json: who computes, or did last."""

    host: str
    pid: int
    started: AwareDatetime
    attempt: int
    submission: str


def hold(path: Path) -> AbstractContextManager[None]:
    """Be the one that computes in the folder; waits for whoever is. Errors as `lock.hold`."""
    return lock.hold(path / _LOCK)


def gate(path: Path) -> AbstractContextManager[None]:
    """Keep others from changing the submission; errors as `lock.hold`."""
    return lock.hold(path / _GATE)


def is_held(path: Path) -> bool:
    """Whether a living process computes in the folder."""
    return lock.is_held(path / _LOCK)


def engine_folder(home: Path, engine: str) -> Path:
    """An engine's own folder: it is locked while the engine lives, and a job that waits for a dead one is interrupted.

    `owner_watch` waits for the file `lock` in it to fall.
    """
    return home / "engines" / engine


def hold_engine(home: Path, engine: str) -> AbstractContextManager[None]:
    """Be the living engine of that name, whose folder is there; errors as `lock.hold`."""
    return lock.hold(engine_folder(home, engine) / _LOCK)


def engine_lives(home: Path, engine: str) -> bool:
    """Whether the engine of that name is alive."""
    return lock.is_held(engine_folder(home, engine) / _LOCK)


def progress_file(path: Path, attempt: int) -> Path:
    """The log of one attempt."""
    return path / f"progress.{attempt}.jsonl"


def read_status(path: Path) -> Status | None:
    """status.json; none where it is missing or torn."""
    return _read(path / STATUS, Status)


def read_owner(path: Path) -> Owner | None:
    """owner.json; none where it is missing or torn."""
    return _read(path / OWNER, Owner)


def read_name(path: Path) -> str | None:
    """What a person called the job; none where that is nothing."""
    try:
        return (path / NAME).read_text(encoding="utf-8") or None
    except (OSError, ValueError):
        return None


def write_name(path: Path, name: str) -> None:
    """Call the job by a name, as one line; an empty one takes the name away.

    Raises:
        UserError: it is too long, or cannot be written.
    """
    plain = " ".join("".join(each if each.isprintable() else " " for each in name).split())
    if len(plain) > _LONGEST_NAME:
        raise UserError(f"name: {len(plain)} letters, allowed: at most {_LONGEST_NAME}")
    write_atomically(path / NAME, plain)


def read_json(file: Path) -> dict[str, Any] | None:
    """The object that a file holds; none where it is missing, torn or something else."""
    try:
        return common.read_json(file)
    except UserError:
        return None


def last_attempt(path: Path) -> int:
    """The highest attempt so far, 0 if none; a torn owner.json does not make a number come twice."""
    numbers = [file.name.split(".")[1] for file in path.glob("progress.*.jsonl")]
    owner = read_owner(path)
    return max([int(number) for number in numbers if number.isdecimal()] + [owner.attempt if owner else 0], default=0)


def remove_temporaries(path: Path) -> None:
    """Remove what a killed process had not written to its end. Lock and gate must be held."""
    for file in path.glob(".*"):
        if _TEMPORARY.fullmatch(file.name):
            with suppress(OSError):  # it costs room, and no job shall fail for it
                file.unlink()


def is_bare(path: Path) -> bool:
    """Whether nothing in a job's folder says yet what it is, or the folder is gone."""
    try:
        return all(name in (_LOCK, _GATE, INPUTS) or _TEMPORARY.fullmatch(name) for name in os.listdir(path))
    except OSError:
        return True


def begin(path: Path, *, engine: str | None = None) -> Status:
    """Write that the job was submitted anew. The gate must be held.

    Raises:
        UserError: the folder cannot be written.
    """
    before = read_status(path)
    status = Status(
        state=State.QUEUED,
        submission=uuid.uuid4().hex,
        created=before.created if before else datetime.now(UTC),
        engine=engine,
        first_attempt=last_attempt(path) + 1,
    )
    try:
        (path / CANCEL).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{path / CANCEL}: cannot be removed ({error.strerror or error})") from None
    write_atomically(path / STATUS, status.model_dump_json())
    return status


def finish(path: Path, submission: str, state: State, reason: str | None = None) -> None:
    """Write how a submission ended, unless a newer one has begun. A cancel that was asked for outranks a failure.

    Raises:
        UserError: it cannot be written. Then no status is left either, and the job does not look as if it waited.
        OSError: the folder is gone.
    """
    with gate(path):
        status = read_status(path)
        if status is None or status.submission != submission or status.state is not State.QUEUED:
            return
        if state in (State.FAILED, State.CRASHED) and (path / CANCEL).exists():
            state, reason = State.CANCELLED, None
        ended = status.model_copy(update={"state": state, "reason": reason, "ended": datetime.now(UTC)})
        try:
            write_atomically(path / STATUS, ended.model_dump_json())
        except UserError:
            (path / STATUS).unlink(missing_ok=True)  # needs no space, even on a full disk
            raise


def _read(file: Path, kind: type[R]) -> R | None:
    try:
        return kind.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None
