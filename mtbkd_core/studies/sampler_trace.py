"""What a race of samplers has shown: who was where after how many seconds, how each ended, and what that says."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field

from pydantic import BaseModel, ConfigDict, ValidationError

from mtbkd_core.common.progress import UserError
from mtbkd_core.config.choices import Algorithm
from mtbkd_core.config.parse import describe
from mtbkd_core.studies.timed_sampler import Standing


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
        step_size: in whitened coordinates; None where it was not chosen yet.
        problem: what ended it early, if anything did; all else but the step size and the restarts is then None.
        restarts: how often a chain left the posterior and all began again with a shorter step.
    """

    error: float | None = None
    ess_median: float | None = None
    ess_p5: float | None = None
    log_joint: float | None = None
    step_size: float | None = None
    problem: str | None = None
    restarts: int = 0


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
    def from_json(cls, content: object) -> Outcome:
        """The outcome that `to_json` wrote, as JSON gives it back; what stands beside it is let be.

        Raises:
            UserError: it did not write this: a part or a number is missing or of another type, a sampler is unknown.
        """
        if not isinstance(content, dict):
            raise UserError("holds no outcome of a race")
        parts = {name: content[name] for name in _Saved.model_fields if name in content}
        try:
            saved = _Saved.model_validate_json(json.dumps(parts))
        except ValidationError as error:
            raise UserError(f"holds no outcome of a race ({describe(error)})") from None
        return cls(
            [
                (name.value, Standing(seconds, gradients, log_joint, distance))
                for name, seconds, gradients, log_joint, distance in saved.standings
            ],
            saved.reference,
            {name.value: score for name, score in saved.scores.items()},
        )


class _Saved(BaseModel):
    """What `Outcome.to_json` writes."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    standings: list[tuple[Algorithm, float, int, float, float | None]]
    reference: Reference | None
    scores: dict[Algorithm, Score]


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
