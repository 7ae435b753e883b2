"""The rows of a table as they come: one JSON object a line, kept from one attempt to the next.

A table has numbered parts: a comparison's seeds, a grid's settings. A line holds the scores of one row of a part (a
method, or the student); a line of its own closes a part that is whole. What a killed worker left of a part is dropped
by the next attempt, which computes that part anew.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mtbkd_core.common.files import LineLog, write_atomically
from mtbkd_core.evaluation.scores import Row


@dataclass(frozen=True)
class Rows:
    """What a file of rows holds.

    Attributes:
        found: part -> name -> scores, in the order of the file.
        seconds: part -> how long it took; only of parts that are whole.
    """

    found: dict[int, dict[str, Row]]
    seconds: dict[int, float]

    @property
    def whole(self) -> dict[int, dict[str, Row]]:
        """The parts whose every row is there."""
        return {part: rows for part, rows in self.found.items() if part in self.seconds}

    def of(self, parts: Iterable[int]) -> Rows:
        """What is whole of some parts, in their order."""
        whole = self.whole
        kept = {part: whole[part] for part in parts if part in whole}
        return Rows(kept, {part: self.seconds[part] for part in kept})


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
    """Writes rows; those of whole parts that are there already stay."""

    def __init__(self, path: Path, kept: Rows, check: Callable[[], None] = lambda: None) -> None:
        """Begin with the whole parts of `kept`, and with nothing else.

        Args:
            check: called before a part is said to be whole; raises where it must not be kept.
        Raises:
            UserError: the file cannot be written.
        """
        lines = []
        for part, found in kept.whole.items():
            lines += [_row(part, name, row) for name, row in found.items()]
            lines.append(_close(part, kept.seconds[part]))
        write_atomically(path, b"".join(lines))
        self._check = check
        self._log = LineLog(path, "ab")

    def write(self, part: int, name: str, row: Row) -> None:
        """Add one row.

        Raises:
            UserError: the disk is full or the folder is gone.
        """
        self._log.write(_row(part, name, row))

    def close(self, part: int, seconds: float) -> None:
        """Say that a part is whole, and how long it took; errors as `write`, and of `check`."""
        self._check()
        self._log.write(_close(part, seconds))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._log.close()


def _row(part: int, name: str, row: Row) -> bytes:
    return _line({"part": part, "name": name, "scores": row})


def _close(part: int, seconds: float) -> bytes:
    return _line({"part": part, "seconds": seconds})


def _line(values: Mapping[str, object]) -> bytes:
    return json.dumps(values, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _take(values: dict[str, Any], rows: Rows) -> None:
    if "seed" in values:  # a comparison's rows, as they were written before other tables had any
        values = {**values, "part": values["seed"], **({"name": values["method"]} if "method" in values else {})}
    part = values["part"]
    if not isinstance(part, int):
        raise TypeError("a part is a whole number")
    if "name" not in values:
        seconds = _number(values["seconds"])
        if seconds is None:
            raise TypeError("how long a part took is a number")
        rows.seconds[part] = seconds
        return
    scores = {str(score): _number(value) for score, value in values["scores"].items()}
    rows.found.setdefault(part, {})[str(values["name"])] = scores


def _number(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("neither a number nor none")
    return float(value)
