"""What a worker does with a run's folder: one attempt, and a word about how it ended."""

from __future__ import annotations

import os
import socket
import time
import traceback
from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from mtbkd_core import distillation
from mtbkd_core.common.files import write_atomically
from mtbkd_core.common.progress import Cancelled, OnProgress, ShouldStop, UserError
from mtbkd_core.config.parse import parse_config
from mtbkd_core.result import Result
from mtbkd_core.runs import folder as files
from mtbkd_core.runs.folder import Kind, Owner, State, Status
from mtbkd_core.runs.progress_log import ProgressLog

#: Attempts of one submission that may end without a word (a killed worker) before the run counts as crashed.
MAX_ATTEMPTS = 3

_CANCEL_LOOK_SECONDS = 0.02


#: Computes what a folder asks for; what it returns leaves the result there.
Work = Callable[[Path, OnProgress, ShouldStop], Callable[[], None]]


def execute(folder: str) -> None:
    """Compute the run in `folder` and leave its result, or why there is none, there. Safe to call twice, and at once.

    Waits while another process computes it, and does nothing where the run is over. How the computation ends is told by
    the folder, not by an exception.

    Raises:
        UserError: the folder is not there, or the outcome could not be written into it.
    """
    carry_out(Path(folder), files.RUN, _distil)


def carry_out(path: Path, kind: Kind, work: Work) -> None:
    """What `execute` does, for every kind of work; errors as there."""
    try:
        with files.hold(path):
            _attempt(path, kind, work)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be used by this worker ({error.strerror or error}); do all workers share the home folder?"
        ) from None


def _distil(path: Path, on_progress: OnProgress, should_stop: ShouldStop) -> Callable[[], None]:
    config = parse_config((path / files.CONFIG).read_bytes())
    return partial(_save, distillation.distill(config, on_progress=on_progress, should_stop=should_stop), path)


def _attempt(path: Path, kind: Kind, work: Work) -> None:
    """One attempt, with the folder's lock held."""
    # Looked for only now: whoever held the lock before us may have finished the run.
    if files.read_result(path, kind) is not None:
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
        reason = f"{died} attempts ended without a word: the worker was killed each time (out of memory?)"
        files.finish(path, status.submission, State.CRASHED, reason)
        return
    state, told = _compute(path, status, attempt, work)
    # That a result is there is word enough, should the disk be full by now.
    with suppress(UserError) if state is State.DONE else nullcontext():
        files.finish(path, status.submission, state, told)


def _compute(path: Path, status: Status, attempt: int, work: Work) -> tuple[State, str | None]:
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
        with ProgressLog(files.progress_file(path, attempt)) as log:
            save = work(path, log, _CancelFile(path / files.CANCEL))
        save()
    except Cancelled:
        return State.CANCELLED, None
    except UserError as error:
        return State.FAILED, _one_line(str(error))
    except Exception as error:
        told = _one_line(f"{type(error).__name__}: {error}")
        with suppress(UserError):  # the reason matters more than the trace, and may still fit on the disk
            write_atomically(path / files.FAILURE, traceback.format_exc())
            told += f" (the trace is in {files.FAILURE})"
        return State.FAILED, told
    return State.DONE, None


def _save(result: Result, path: Path) -> None:
    try:
        result.save(path)
    except BaseException:
        # Half a result is none, and on a full disk its room is needed to say so.
        for name in ("posterior.safetensors", "predictions.safetensors"):
            with suppress(OSError):
                (path / name).unlink(missing_ok=True)
        raise


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
