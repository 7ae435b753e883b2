"""What a race of samplers has shown: who was where after how many seconds, how each ended, and what that says."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field

from mtbkd_core.evaluation.race import Standing


@dataclass(frozen=True)
class Reference:
    """What the racers are held against.

    Attributes:
        seconds: that it took, its warm start included.
        error: its own Monte Carlo error, as a total variation distance.
        log_joint: its mean, in nats: where the racers' should be.
    """

    seconds: float
    error: float
    log_joint: float


@dataclass(frozen=True)
class Score:
    """How a racer ended.

    Attributes:
        error: total variation distance of its predictive mean to the reference's.
        ess_median, ess_p5: effective draws a second over the inputs; None where it has fewer than four draws.
        log_joint: mean over its draws, in nats.
        step_size: in whitened coordinates.
        problem: what ended it early, if anything did; all else is then None.
    """

    error: float | None = None
    ess_median: float | None = None
    ess_p5: float | None = None
    log_joint: float | None = None
    step_size: float | None = None
    problem: str | None = None


@dataclass
class Outcome:
    """A race, while it goes on and when it is over.

    Attributes:
        standings: (sampler, standing), in the order in which they came.
        reference: None until it has been run.
        scores: sampler -> score; empty until the race is over.
    """

    standings: list[tuple[str, Standing]] = field(default_factory=list)
    reference: Reference | None = None
    scores: dict[str, Score] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """As `from_json` reads it."""
        return {
            "reference": None if self.reference is None else asdict(self.reference),
            "standings": [[name, *asdict(standing).values()] for name, standing in self.standings],
            "scores": {name: asdict(score) for name, score in self.scores.items()},
        }

    @classmethod
    def from_json(cls, content: dict[str, object]) -> Outcome:
        """The outcome that `to_json` wrote.

        Raises:
            ValueError, TypeError, KeyError: it did not write this.
        """
        reference, standings, scores = content["reference"], content["standings"], content["scores"]
        if not isinstance(standings, list) or not isinstance(scores, dict):
            raise TypeError("standings and scores are a list and a mapping")
        return cls(
            [(str(name), Standing(*numbers)) for name, *numbers in standings],
            Reference(**reference) if isinstance(reference, dict) else None,
            {str(name): Score(**score) for name, score in scores.items()},
        )


@dataclass(frozen=True)
class Verdict:
    """What a finished race says.

    Attributes:
        ranking: samplers that arrived with an error, the nearest to the reference first.
        level: those that cannot be told from the first: nearer to it than the reference's own error, or than a fifth.
        times_farther: the error of the last over that of the first.
        times_effective: median effective draws a second of the first over those of the last; None where unknown.
    """

    ranking: tuple[str, ...]
    level: tuple[str, ...]
    times_farther: float
    times_effective: float | None


def judge(outcome: Outcome) -> Verdict | None:
    """The verdict on a race; None where it is not over or nobody arrived."""
    errors = {name: score.error for name, score in outcome.scores.items() if score.error is not None}
    if outcome.reference is None or not errors:
        return None
    ranking = sorted(errors, key=lambda name: errors[name])
    first, last = ranking[0], ranking[-1]
    close = max(outcome.reference.error, 0.2 * errors[first])
    effective, least = outcome.scores[first].ess_median, outcome.scores[last].ess_median
    return Verdict(
        tuple(ranking),
        tuple(name for name in ranking[1:] if errors[name] - errors[first] <= close),
        errors[last] / errors[first] if errors[first] else math.inf,
        effective / least if effective is not None and least else None,
    )
