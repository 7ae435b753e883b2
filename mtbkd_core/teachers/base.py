"""What is known of a teacher before and after it is made."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Cost:
    """What one prediction of a trained model takes.

    Attributes:
        parameters: numbers that were learned.
        bytes: their size in a file.
        milliseconds: from one input to its probabilities, on one core, in batches of 64.
        alone: the same for an input by itself; None: not measured.
    """

    parameters: int
    bytes: int
    milliseconds: float
    alone: float | None = None

    @property
    def thousand(self) -> float:
        """Milliseconds for a thousand inputs, in batches of 64."""
        return 1000 * self.milliseconds


@dataclass(frozen=True)
class TeacherInfo:
    """A teacher before it is trained or read: enough to offer it.

    Attributes:
        name: short and stable, as in `DataConfig.teachers`.
        title: for display.
        description: one line: what it was trained on.
    """

    name: str
    title: str
    description: str


@dataclass(frozen=True)
class SpecialistRecipe:
    """What a specialist is trained on.

    Attributes:
        classes: it sees all their examples.
        leak_fraction: share of the other classes' examples that it sees too.
    """

    classes: tuple[int, ...]
    leak_fraction: float = 0.06

    def digest_content(self) -> dict[str, Any]:
        """The recipe for a digest, with `leak_fraction` under its first name: so the digests of teachers stay."""
        return {"trickle" if name == "leak_fraction" else name: value for name, value in asdict(self).items()}
