"""What is known of a teacher before and after it is made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """What it takes to ask somebody who has learned.

    Attributes:
        parameters: numbers that were learned.
        bytes: what they take in a file.
        milliseconds: from one input to its probabilities, on one core, in batches of 64.
    """

    parameters: int
    bytes: int
    milliseconds: float


@dataclass(frozen=True)
class TeacherInfo:
    """A teacher before it is trained or read: enough to offer it."""

    name: str
    title: str
    description: str
