"""A path of numbers of labels that the teachers' statements may be worth: its scores, and which of them is chosen.

The best cross-validated score alone picks too many labels: it cannot tell a bias of the teachers that is smaller than
its error, and that bias then makes intervals too narrow. So the smallest number of labels is chosen that is within one
standard error of the best (Breiman, Friedman, Olshen and Stone, "Classification and Regression Trees", 1984, section
3.4.3); benchmarks/log/strength.md has what other tolerances do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mtbkd_core.config.models import PriorConfig, RunConfig
from mtbkd_core.evaluation.records import Record

#: The path, in labels: 0 is no teacher.
LABELS = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
#: Of a standard error: how far below the best score a smaller number of labels may be.
TOLERANCE = 1.0


class Point(Record):
    """A setting on the path.

    Attributes:
        labels, concentration, strength: the setting.
        score: mean log probability of a held-out label, in nats.
        gap: by how much that is below the best setting's.
        error: standard error of the gap, from the differences at each example.
    """

    labels: float
    concentration: float
    strength: float
    score: float
    gap: float
    error: float


class StrengthChoice(Record):
    """The path and what was chosen on it.

    Attributes:
        points: every setting.
        labels, strength, concentration, temperature: what was chosen.
        examples: whose labels were held out in turn.
        folds, scored, chains, steps, batch_size: how; see `Plan`.
    """

    points: tuple[Point, ...]
    labels: float
    strength: float
    concentration: float
    temperature: float
    examples: int
    folds: int
    scored: int
    chains: int
    steps: int
    batch_size: int | None = None

    @property
    def best(self) -> Point:
        """The setting with the highest score."""
        return max(self.points, key=lambda point: point.score)

    @property
    def sentence(self) -> str:
        """What was chosen, and why."""
        worth = "no teacher" if self.labels == 0 else f"{self.labels:g} labels a statement"
        best = "no teacher" if self.best.labels == 0 else f"{self.best.labels:g} labels"
        return (
            f"Chosen: {worth}, the smallest number with a log score within one standard error of the best one "
            f"(at {best}), at a concentration of {self.concentration:g}."
        )

    @property
    def how(self) -> str:
        """What was computed."""
        folds = f"{self.folds} folds" if self.scored == self.folds else f"{self.scored} of {self.folds} folds"
        batch = "all examples" if self.batch_size is None else f"{self.batch_size} examples"
        return (
            f"{len(self.points)} settings, {folds} of {self.examples:,} held-out labels, {self.chains} fits each, "
            f"{self.steps} steps of {batch}."
        )

    def applied(self, config: RunConfig) -> RunConfig:
        """A configuration with what was chosen."""
        chosen = {"strength": self.strength, "concentration": self.concentration}
        return config.model_copy(update={"prior": config.prior.model_copy(update=chosen)})


def compared(settings: Sequence[PriorConfig], scores: Tensor) -> tuple[Point, ...]:
    """Each setting's score beside the best one's, paired by example.

    Args:
        settings: P settings with a number as strength.
        scores: [P, n], log probabilities of held-out labels.
    """
    best = scores[scores.mean(1).argmax()]
    gaps = best - scores
    errors = gaps.std(1) / math.sqrt(scores.shape[1]) if scores.shape[1] > 1 else torch.zeros(len(scores))
    return tuple(
        Point(
            labels=float(f"{each.labels:.6g}"),
            concentration=each.concentration,
            strength=each.known_strength,
            score=float(own.mean()),
            gap=float(gap.mean()),
            error=float(error),
        )
        for each, own, gap, error in zip(settings, scores, gaps, errors, strict=True)
    )


def smallest_good(points: Sequence[Point]) -> Point:
    """The point of the smallest number of labels that is within the tolerance of the best score.

    At an equal number of labels, the concentration with the best score stands for it.
    """
    by_labels: dict[float, Point] = {}
    for point in sorted(points, key=lambda each: (each.labels, -each.score)):
        by_labels.setdefault(point.labels, point)
    return next(point for point in by_labels.values() if point.gap <= TOLERANCE * point.error)
