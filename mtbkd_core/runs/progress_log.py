"""The progress of one attempt at a run: one JSON object a line, written by the worker and read by any page."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import OrderedDict
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mtbkd_core.common.files import LineLog
from mtbkd_core.common.progress import Phase, Progress, UserError

#: Seconds between two lines, at least: 10 lines a second are more than an eye follows.
INTERVAL = 0.1

_KEPT_LOGS = 32
_TAIL_BYTES = 1 << 16


class ProgressLog:
    """Writes reports, at most ten a second; a change of phase and the newest report are never lost."""

    def __init__(self, path: Path) -> None:
        """Start the file anew.

        Raises:
            UserError: it cannot be written.
        """
        self._log = LineLog(path, "wb")
        self._waiting: Progress | None = None
        self._phase: Phase | None = None
        self._written = float("-inf")

    def __call__(self, progress: Progress) -> None:
        """Write the report, or keep it until the next one is due.

        Raises:
            UserError: the disk is full or the folder is gone.
        """
        changed = progress.phase != self._phase
        if not changed and time.monotonic() - self._written < INTERVAL:
            self._waiting = progress
            return
        if changed:
            self.flush()
        self._write(progress)

    def flush(self) -> None:
        """Write the report that was kept, if any; errors as `__call__`."""
        if self._waiting is not None:
            self._write(self._waiting)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.flush()
        except UserError:
            if error is None:
                raise
        finally:
            self._log.close()

    def _write(self, progress: Progress) -> None:
        line = json.dumps(asdict(progress) | {"time": time.time()}, separators=(",", ":")).encode() + b"\n"
        self._log.write(line)
        self._waiting, self._phase, self._written = None, progress.phase, time.monotonic()


@dataclass
class _Read:
    """What is known of a log already, so that a page that looks five times a second reads only what is new."""

    inode: int
    offset: int
    reports: list[Progress]


_known: OrderedDict[Path, _Read] = OrderedDict()
_known_guard = threading.Lock()


def read_progress(path: Path) -> tuple[Progress, ...]:
    """All reports in a log, oldest first; () where there is no log. Torn and foreign lines are skipped."""
    try:
        with _known_guard, path.open("rb") as file:
            stat = os.fstat(file.fileno())
            known = _known.pop(path, None)
            if known is None or known.inode != stat.st_ino or known.offset > stat.st_size:
                known = _Read(stat.st_ino, 0, [])
            file.seek(known.offset)
            whole, newline, _ = file.read().rpartition(b"\n")
            known.offset += len(whole) + len(newline)
            known.reports += _parse(whole)
            _known[path] = known
            if len(_known) > _KEPT_LOGS:
                _known.popitem(last=False)
            return tuple(known.reports)
    except OSError:
        return ()


def read_last_progress(path: Path) -> tuple[Progress, ...]:
    """The newest report alone, or (); reads the end of the log only."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            return tuple(_parse(file.read().rpartition(b"\n")[0])[-1:])
    except OSError:
        return ()


def _parse(lines: bytes) -> list[Progress]:
    reports = []
    for line in lines.splitlines():
        try:
            reports.append(_report(json.loads(line)))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            continue
    return reports


def _report(values: dict[str, Any]) -> Progress:
    def numbers(name: str) -> tuple[float, ...] | None:
        listed = values.get(name)
        return None if listed is None else tuple(float(number) for number in listed)

    return Progress(
        phase=Phase(values["phase"]),
        step=int(values["step"]),
        steps=int(values["steps"]),
        fraction=float(values["fraction"]),
        message=str(values.get("message", "")),
        log_joint=numbers("log_joint"),
        teacher_share=numbers("teacher_share"),
        note=str(values.get("note", "")),
    )
