"""Pass, fail or inconclusive: what an interval says about a limit."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Outcome(StrEnum):
    """What an interval says about a requirement."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


def bounded(required: float, low: float, high: float) -> Outcome:
    """Pass where all of the interval reaches what is required, fail where none of it does."""
    if low >= required:
        return Outcome.PASS
    return Outcome.FAIL if high < required else Outcome.INCONCLUSIVE


def whole(verdicts: Iterable[Outcome]) -> Outcome:
    """The verdict on several together."""
    found = set(verdicts)
    return next((outcome for outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE) if outcome in found), Outcome.PASS)
