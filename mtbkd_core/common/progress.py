"""Progress reports of a computation, and how it is stopped."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Phase(StrEnum):
    """The stages of a run, in order; a study of many runs is one stage."""

    TEACHERS = "teachers"
    STRENGTH = "strength"
    WARM_START = "warm_start"
    TUNING = "tuning"
    SAMPLING = "sampling"
    BIAS_CHECK = "bias_check"
    EVALUATION = "evaluation"
    STUDY = "study"


@dataclass(frozen=True)
class Progress:
    """One report of a running distillation.

    Attributes:
        phase: the stage.
        step, steps: done in this stage, and in all.
        fraction: done of the whole run, 0 to 1.
        message: one line for display.
        log_joint: [S] log joint of each chain, in nats, where there is one.
        teacher_share: [K] mean responsibility of each teacher over chains and training examples, where there is one.
        note: how far it is, in words, where `step` of `steps` does not say it.
    """

    phase: Phase
    step: int
    steps: int
    fraction: float
    message: str = ""
    log_joint: tuple[float, ...] | None = None
    teacher_share: tuple[float, ...] | None = None
    note: str = ""


OnProgress = Callable[[Progress], None]
ShouldStop = Callable[[], bool]


class Cancelled(Exception):
    """Raised inside a computation when its `should_stop` returns true."""


def stop_if(should_stop: ShouldStop | None) -> None:
    """Raise `Cancelled` where `should_stop` returns true; None never does."""
    if should_stop is not None and should_stop():
        raise Cancelled


#: Letters of someone's own words that a message repeats, of a message, and of its end, which says what was expected.
_MOST_REPEATED, _MOST_LETTERS, _END = 100, 300, 120
_BREAKS = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+\s*")
_QUOTED = re.compile(rf"""(?<!\w)(['"])((?:\\.|(?!\1)[^\\]){{{_MOST_REPEATED + 1},}})\1(?!\w)""")


def one_line(text: str, most: int = _MOST_LETTERS) -> str:
    """A message without line breaks, with the beginning alone of what is long and stands in quotes, and no middle.

    Args:
        most: letters; of more, what stands before the last `_END` is left out.
    """
    text = text if len(text) <= 100 * most else f"{text[: 50 * most]}…{text[-50 * most :]}"
    text = _QUOTED.sub(lambda found: f"{found[1]}{found[2][:_MOST_REPEATED]}…{found[1]}", _BREAKS.sub(" ", text))
    return text if len(text) <= most else f"{text[: most - _END - 1]}…{text[-_END:]}"


class UserError(ValueError):
    """An error that the user can put right; the message is one line: what is wrong and what is allowed."""

    most_letters: ClassVar[int] = _MOST_LETTERS

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message, self.most_letters))

    @property
    def problems(self) -> tuple[str, ...]:
        """Everything that is wrong, a line each."""
        return (str(self),)


class UserErrors(UserError):
    """Several errors that were found at once; the message has them in one line."""

    def __init__(self, problems: Sequence[str]) -> None:
        self._problems = tuple(map(one_line, problems))
        ValueError.__init__(self, "; ".join(self._problems))

    @property
    def problems(self) -> tuple[str, ...]:
        """As `UserError.problems`."""
        return self._problems
