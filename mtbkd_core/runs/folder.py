"""What lies in a run's folder, how it is read and changed, and the state that follows from it.

Comparisons, sweeps, valuations, trainings and races have folders of the same kind; what differs is a `Kind`.

Two locks guard a folder. `lock` is held by the one process that computes, as long as it computes: it tells the living
from the dead. `gate` is held for the milliseconds in which a submission begins, ends, is cancelled or is deleted, so
that each of these sees the others whole.
"""

from __future__ import annotations

import json
import re
import uuid
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from mtbkd_core.common import lock
from mtbkd_core.common.files import write_atomically
from mtbkd_core.common.progress import UserError

CONFIG, STATUS, OWNER, METRICS, CANCEL = "config.json", "status.json", "owner.json", "metrics.json", "cancel"
FAILURE = "failure.txt"
_LOCK, _GATE = "lock", "gate"
_TEMPORARY = re.compile(r"\..+\.\d+\.[0-9a-f]{8}")  # as `write_atomically` names them


@dataclass(frozen=True)
class Kind:
    """What the life of one kind of work needs to know of it.

    Attributes:
        noun: what a person calls one of them.
        place: the folder under the home folder that holds theirs.
        result: the last file of a result to be written.
    """

    noun: str
    place: str
    result: str


RUN = Kind("run", "runs", METRICS)
COMPARISON = Kind("comparison", "comparisons", "comparison.json")
RACE = Kind("race", "races", "race.json")
SWEEP = Kind("sweep", "sweeps", "sweep.json")
VALUATION = Kind("valuation", "valuations", "valuation.json")
TRAINING = Kind("training", "trainings", "training.json")


class State(StrEnum):
    """Where a run is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    CRASHED = "crashed"
    INTERRUPTED = "interrupted"

    @property
    def finished(self) -> bool:
        """Nothing happens any more unless the run is launched again."""
        return self not in (State.QUEUED, State.RUNNING)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


R = TypeVar("R", bound=_Record)


class Status(_Record):
    """status.json: the newest submission, and how it ended once it has.

    Attributes:
        state: QUEUED until the submission ends; that it is running is told by the lock, not here.
        submission: tells one submission of the run from the next.
        created: when the run was first submitted.
        engine: name of the engine that it waits for; none where it was executed directly.
        first_attempt: number of this submission's first attempt; those before belong to earlier submissions.
        ended: when the submission ended.
    """

    state: State
    submission: str
    created: AwareDatetime
    first_attempt: int
    engine: str | None = None
    submitted_by: str | None = None
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


def engine_lock(home: Path, engine: str) -> Path:
    """The file that an engine locks while it lives: a run that waits for one that is gone is interrupted."""
    return home / "engines" / engine / "lock"


def progress_file(path: Path, attempt: int) -> Path:
    """The log of one attempt."""
    return path / f"progress.{attempt}.jsonl"


def read_status(path: Path) -> Status | None:
    """status.json; none where it is missing or torn."""
    return _read(path / STATUS, Status)


def read_owner(path: Path) -> Owner | None:
    """owner.json; none where it is missing or torn."""
    return _read(path / OWNER, Owner)


def read_result(path: Path, kind: Kind = RUN) -> dict[str, Any] | None:
    """The last file of a result to be written: where it is whole, a result is there. None otherwise."""
    try:
        content = json.loads((path / kind.result).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def last_attempt(path: Path) -> int:
    """The highest attempt so far, 0 if none; a torn owner.json does not make a number come twice."""
    numbers = [file.name.split(".")[1] for file in path.glob("progress.*.jsonl")]
    owner = read_owner(path)
    return max([int(number) for number in numbers if number.isdecimal()] + [owner.attempt if owner else 0], default=0)


def remove_temporaries(path: Path) -> None:
    """Remove what a killed process had not written to its end. Lock and gate must be held: nobody else writes then."""
    for file in path.glob(".*"):
        if _TEMPORARY.fullmatch(file.name):
            with suppress(OSError):  # it costs room, and no run shall fail for it
                file.unlink()


def begin(path: Path, *, engine: str | None = None, submitted_by: str | None = None) -> Status:
    """Write that the run was submitted anew. The gate must be held.

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
        submitted_by=submitted_by,
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
        UserError: it cannot be written. Then no status is left either, so that nobody waits for the run.
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


def look(path: Path, kind: Kind = RUN) -> tuple[State, str | None]:
    """The state of the run, and why, from the folder alone."""
    # The lock first: what its holder wrote before letting go is then seen below.
    held = is_held(path)
    status = read_status(path)
    again = f"launch the {kind.noun} again"
    if (path / kind.result).exists():
        if read_result(path, kind) is not None:
            return State.DONE, _deaths(path, status, held, State.DONE)
        if not held and (status is None or status.state is not State.QUEUED):
            return State.FAILED, f"{kind.result} is torn; {again}"
    cancelled = (path / CANCEL).exists()
    if status is not None and status.state is not State.QUEUED:
        if cancelled and status.state in (State.FAILED, State.CRASHED):
            return State.CANCELLED, None
        if status.state is State.DONE:
            return State.FAILED, f"the result is gone; {again}"
        return status.state, status.reason
    if held:
        return State.RUNNING, "stopping" if cancelled else _deaths(path, status, held, State.RUNNING)
    if cancelled:
        return State.CANCELLED, None
    if status is None:
        return State.INTERRUPTED, "no outcome is recorded (never launched, or the disk was full); launch it"
    if status.engine is not None and lock.is_held(engine_lock(path.parent.parent, status.engine)):
        return State.QUEUED, _deaths(path, status, held, State.QUEUED)
    started = (owner := read_owner(path)) is not None and owner.submission == status.submission
    what = "in the middle of it" if started else "before it began"
    return State.INTERRUPTED, f"the engine ended {what}; {again}"


def _deaths(path: Path, status: Status | None, held: bool, state: State) -> str | None:
    """What became of this submission's earlier attempts, in words; none where nothing happened to any."""
    owner = read_owner(path)
    if owner is None or status is None or owner.submission != status.submission:
        return None
    alive = held or state is State.DONE
    died = owner.attempt - status.first_attempt + (not alive)
    if died < 1:
        return None
    first = status.first_attempt
    which = f"attempt {first}" if died == 1 else f"attempts {first} to {first + died - 1}"
    now = {State.RUNNING: "is running", State.DONE: "finished"}.get(state, "is awaited")
    return f"{which} ended without a word (worker killed?); attempt {first + died} {now}"


def _read(file: Path, kind: type[R]) -> R | None:
    try:
        return kind.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None
