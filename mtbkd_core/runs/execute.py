"""What a worker does with a job's folder: one attempt, and a record of how it ended."""

from __future__ import annotations

import os
import socket
import time
import traceback
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mtbkd_core.common.files import write_atomically
from mtbkd_core.common.progress import Cancelled, UserError
from mtbkd_core.distillation import find_device
from mtbkd_core.result import describe_environment
from mtbkd_core.runs import folder as files
from mtbkd_core.runs.folder import Owner, State, Status
from mtbkd_core.runs.job import JobKind, Work, save_json
from mtbkd_core.runs.kinds.registry import kind_of
from mtbkd_core.runs.naming import fingerprints, read_inputs, read_spec
from mtbkd_core.runs.progress_log import ProgressLog

#: Attempts of one submission that may end without an error message (a killed worker) before the job counts as crashed.
MAX_ATTEMPTS = 3

_CANCEL_LOOK_SECONDS = 0.02


def execute(folder: str) -> None:
    """Compute the job in `folder` and leave its result, or why there is none, there. Safe to call twice, and at once.

    Waits while another process computes it, and does nothing where the job is over. How the computation ends is
    written into the folder; no exception says it.

    Raises:
        UserError: the folder is not there, or the outcome could not be written into it.
    """
    path = Path(folder)
    try:
        with files.hold(path):
            _attempt(path, kind_of(path))
    except OSError as error:
        raise UserError(
            f"{path}: cannot be used by this worker ({error.strerror or error}); do all workers share the home folder?"
        ) from None


def _attempt(path: Path, kind: JobKind[Any, Any]) -> None:
    """One attempt, with the folder's lock held."""
    # Looked for only now: whoever held the lock before us may have finished the job.
    if files.read_json(path / kind.result) is not None and not kind.goes_on(path):
        return
    with files.gate(path):
        files.remove_temporaries(path)
        status = files.read_status(path) or files.begin(path)
    if status.state is not State.QUEUED:
        return
    if (path / files.CANCEL).exists():
        files.finish(path, status.submission, State.CANCELLED)
        return
    attempt = files.last_attempt(path) + 1
    died = attempt - status.first_attempt
    if died >= MAX_ATTEMPTS:
        reason = f"{died} attempts ended without an error message: the worker was killed each time (out of memory?)"
        files.finish(path, status.submission, State.CRASHED, reason)
        return
    state, said = _compute(path, kind, status, attempt)
    # That a result is there is enough, should the disk be full by now.
    with suppress(UserError) if state is State.DONE else nullcontext():
        files.finish(path, status.submission, state, said)


def _compute(path: Path, kind: JobKind[Any, Any], status: Status, attempt: int) -> tuple[State, str | None]:
    """Do the work and save its result; every way to end becomes a state and a reason."""
    try:
        owner = Owner(
            host=socket.gethostname(),
            pid=os.getpid(),
            started=datetime.now(UTC),
            attempt=attempt,
            submission=status.submission,
        )
        write_atomically(path / files.OWNER, owner.model_dump_json())
        spec = read_spec(kind, path)
        inputs = read_inputs(path) or fingerprints(kind, spec)

        def check_inputs() -> None:
            if fingerprints(kind, spec) != inputs:
                raise UserError("its data or its teachers were replaced since it was launched; launch it again")

        check_inputs()
        with ProgressLog(files.progress_file(path, attempt)) as log:
            stop = _CancelFile(path / files.CANCEL)
            result = kind.compute(spec, Work(path, kind.reuse(spec), log, stop, check_inputs))
        if kind.save is not None:
            kind.save(path, result)
        else:
            check_inputs()
            kept = {
                "fingerprints": inputs,
                "environment": describe_environment(find_device(kind.device(spec))),
            }
            save_json(path / kind.result, {**spec.model_dump(mode="json"), **result, **kept})
    except Cancelled:
        return State.CANCELLED, None
    except UserError as error:
        return State.FAILED, _one_line(str(error))
    except Exception as error:
        reason = _one_line(f"{type(error).__name__}: {error}")
        with suppress(UserError):  # the reason matters more than the trace, and may still fit on the disk
            write_atomically(path / files.FAILURE, traceback.format_exc())
            reason += f" (the trace is in {files.FAILURE})"
        return State.FAILED, reason
    return State.DONE, None


class _CancelFile:
    """Whether a cancel was asked for; asked at every step, it looks at the disk fifty times a second at most."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._looked = float("-inf")
        self._seen = False

    def __call__(self) -> bool:
        now = time.monotonic()
        if not self._seen and now - self._looked >= _CANCEL_LOOK_SECONDS:
            self._looked = now
            self._seen = self._path.exists()
        return self._seen


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 300 else line[:297] + "..."
