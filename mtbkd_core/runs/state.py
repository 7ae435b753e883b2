"""The state of a job, and what to say about it, from its folder alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mtbkd_core.runs import folder as files
from mtbkd_core.runs.folder import State, Status
from mtbkd_core.runs.job import JobKind


def look(path: Path, kind: JobKind[Any, Any]) -> tuple[State, str | None]:
    """The state of a job, and why, in one line where there is something to say."""
    # The lock first: what its holder wrote before letting go is then seen below.
    held = files.is_held(path)
    status = files.read_status(path)
    again = f"launch the {kind.noun} again"
    if (path / kind.result).exists():
        if files.read_json(path / kind.result) is not None:
            if kind.goes_on(path):
                return _going_on(path, status, held)
            return State.DONE, _deaths(path, status, held, State.DONE)
        if not held and (status is None or status.state is not State.QUEUED):
            return State.FAILED, f"{kind.result} is torn; {again}"
    cancelled = (path / files.CANCEL).exists()
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
    if status.engine is not None and files.engine_lives(path.parent.parent, status.engine):
        return State.QUEUED, _deaths(path, status, held, State.QUEUED)
    started = (owner := files.read_owner(path)) is not None and owner.submission == status.submission
    what = "in the middle of it" if started else "before it began"
    return State.INTERRUPTED, f"the engine ended {what}; {again}"


def _going_on(path: Path, status: Status | None, held: bool) -> tuple[State, str | None]:
    """Of a job with a result that was asked to go on: under way, or done as it was before, and why."""
    cancelled = (path / files.CANCEL).exists()
    if status is not None and status.state is State.QUEUED:
        if held:
            return State.RUNNING, "stopping" if cancelled else _deaths(path, status, held, State.RUNNING)
        if not cancelled and status.engine is not None and files.engine_lives(path.parent.parent, status.engine):
            return State.QUEUED, _deaths(path, status, held, State.QUEUED)
    ended = State.INTERRUPTED if status is None or status.state is State.QUEUED else status.state
    why = f": {status.reason}" if status is not None and status.reason else ""
    return State.DONE, f"going on was {State.CANCELLED if cancelled else ended}{why}; what it had before stays"


def _deaths(path: Path, status: Status | None, held: bool, state: State) -> str | None:
    """What became of this submission's earlier attempts, in words; none where nothing happened to any."""
    owner = files.read_owner(path)
    if owner is None or status is None or owner.submission != status.submission:
        return None
    alive = held or state is State.DONE
    died = owner.attempt - status.first_attempt + (not alive)
    if died < 1:
        return None
    first = status.first_attempt
    which = f"attempt {first}" if died == 1 else f"attempts {first} to {first + died - 1}"
    now = {State.RUNNING: "is running", State.DONE: "finished"}.get(state, "is awaited")
    return f"{which} ended without an error message (worker killed?); attempt {first + died} {now}"
