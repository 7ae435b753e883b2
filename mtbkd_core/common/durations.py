"""A time as a person reads it."""

from __future__ import annotations


def duration_text(seconds: float, times: int = 1) -> str:
    """Seconds, minutes or hours of something that is done so many times; no line breaks inside."""
    total = times * seconds
    if total < 90:
        return f"{total:.0f}\u00a0s"
    return f"{total / 60:.0f}\u00a0min" if total < 5400 else f"{total / 3600:.1f}\u00a0h"
