"""The rows of a comparison as they come: one JSON object a line, kept from one attempt to the next.

A line holds one method's scores with one seed; a line of its own closes a seed that is whole. What a killed worker left
of a seed is dropped by the next attempt, which computes that seed anew.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mtbkd_core.baselines import Row
from mtbkd_core.files import write_atomically
from mtbkd_core.progress import UserError


@dataclass(frozen=True)
class Rows:
    """What a file of rows holds.

    Attributes:
        found: seed -> method -> scores, in the order of the file.
        seconds: seed -> how long it took; only of seeds that are whole.
    """

    found: dict[int, dict[str, Row]]
    seconds: dict[int, float]

    @property
    def whole(self) -> dict[int, dict[str, Row]]:
        """The seeds whose every method is there."""
        return {seed: rows for seed, rows in self.found.items() if seed in self.seconds}


def read_rows(path: Path) -> Rows:
    """All rows in a file; torn and foreign lines are skipped, and no file holds none."""
    rows = Rows({}, {})
    with suppress(OSError):
        # A line without its end is still being written, or will never be.
        for line in path.read_bytes().rpartition(b"\n")[0].splitlines():
            with suppress(ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
                _take(json.loads(line), rows)
    return rows


class RowsLog:
    """Writes rows; those of whole seeds that are there already stay."""

    def __init__(self, path: Path, kept: Rows) -> None:
        """Begin with the whole seeds of `kept`, and with nothing else.

        Raises:
            UserError: the file cannot be written.
        """
        self._path = path
        lines = []
        for seed, found in kept.whole.items():
            lines += [_row(seed, method, row) for method, row in found.items()]
            lines.append(_close(seed, kept.seconds[seed]))
        write_atomically(path, b"".join(lines))
        try:
            # Unbuffered: each line is one write, so a reader sees it at once and whole.
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise self._refused(error) from None

    def write(self, seed: int, method: str, row: Row) -> None:
        """Add one method's scores.

        Raises:
            UserError: the disk is full or the folder is gone.
        """
        self._write(_row(seed, method, row))

    def close_seed(self, seed: int, seconds: float) -> None:
        """Say that a seed is whole, and how long it took; errors as `write`."""
        self._write(_close(seed, seconds))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _write(self, line: bytes) -> None:
        try:
            written = self._file.write(line)
        except OSError as error:
            raise self._refused(error) from None
        if written != len(line):  # a disk that fills up takes a part, and refuses only the next write
            raise UserError(f"{self._path}: cannot be written (the disk is full)")

    def _refused(self, error: OSError) -> UserError:
        return UserError(f"{self._path}: cannot be written ({error.strerror or error})")


def _row(seed: int, method: str, row: Row) -> bytes:
    return _line({"seed": seed, "method": method, "scores": row})


def _close(seed: int, seconds: float) -> bytes:
    return _line({"seed": seed, "seconds": seconds})


def _line(values: Mapping[str, object]) -> bytes:
    return json.dumps(values, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _take(values: dict[str, Any], rows: Rows) -> None:
    seed = values["seed"]
    if not isinstance(seed, int):
        raise TypeError("a seed is a whole number")
    if "method" not in values:
        rows.seconds[seed] = float(values["seconds"])
        return
    scores = {str(name): _number(value) for name, value in values["scores"].items()}
    rows.found.setdefault(seed, {})[str(values["method"])] = scores


def _number(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("a score is a number")
    return float(value)
