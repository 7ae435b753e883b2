"""What a sampler benchmark has found: each sampler's trace, its scores at the end, and what follows from them."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field

from pydantic import BaseModel, ConfigDict, ValidationError

from mtbkd_core.common.progress import UserError
from mtbkd_core.config.choices import Algorithm
from mtbkd_core.config.parse import describe
from mtbkd_core.studies.timed_sampler import TracePoint


@dataclass(frozen=True)
class Reference:
    """The exact run that the samplers are compared with.

    Attributes:
        seconds: that it took, its warm start included.
        error: its own Monte Carlo error, as a total variation distance.
        log_joint: its mean, in nats: what the samplers' should be.
    """

    seconds: float
    error: float
    log_joint: float


@dataclass(frozen=True)
class Score:
    """What a sampler had at the end.

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
class SamplerTraces:
    """A sampler benchmark, while it goes on and when it is over.

    Attributes:
        points: (sampler, point of its trace), in the order in which they came.
        reference: None until it has been run.
        scores: sampler -> score; empty until the end.
    """

    points: list[tuple[str, TracePoint]] = field(default_factory=list)
    reference: Reference | None = None
    scores: dict[str, Score] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """As `from_json` reads it."""
        return {
            "reference": None if self.reference is None else asdict(self.reference),
            "standings": [[name, *asdict(point).values()] for name, point in self.points],
            "scores": {name: asdict(score) for name, score in self.scores.items()},
        }

    @classmethod
    def from_json(cls, content: object) -> SamplerTraces:
        """The traces that `to_json` wrote, as JSON gives it back; other keys beside them are ignored.

        Raises:
            UserError: it did not write this: a part or a number is missing or of another type, a sampler is unknown.
        """
        if not isinstance(content, dict):
            raise UserError("holds no sampler benchmark")
        parts = {name: content[name] for name in _Saved.model_fields if name in content}
        try:
            saved = _Saved.model_validate_json(json.dumps(parts))
        except ValidationError as error:
            raise UserError(f"holds no sampler benchmark ({describe(error)})") from None
        return cls(
            [
                (name.value, TracePoint(seconds, gradients, log_joint, distance))
                for name, seconds, gradients, log_joint, distance in saved.standings
            ],
            saved.reference,
            {name.value: score for name, score in saved.scores.items()},
        )


class _Saved(BaseModel):
    """What `SamplerTraces.to_json` writes."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    standings: list[tuple[Algorithm, float, int, float, float | None]]
    reference: Reference | None
    scores: dict[Algorithm, Score]


@dataclass(frozen=True)
class Verdict:
    """What a finished benchmark says.

    Attributes:
        ranking: samplers that have an error, the nearest to the reference first.
        level: those that cannot be distinguished from the first: within the reference's own error of it, or a fifth.
        times_farther: the error of the last over that of the first.
        times_effective: median effective draws a second of the first over those of the last; None where unknown.
    """

    ranking: tuple[str, ...]
    level: tuple[str, ...]
    times_farther: float
    times_effective: float | None


def judge(traces: SamplerTraces) -> Verdict | None:
    """The verdict; None where the benchmark is not over or no sampler has an error."""
    errors = {name: score.error for name, score in traces.scores.items() if score.error is not None}
    if traces.reference is None or not errors:
        return None
    ranking = sorted(errors, key=lambda name: errors[name])
    first, last = ranking[0], ranking[-1]
    close = max(traces.reference.error, 0.2 * errors[first])
    effective, least = traces.scores[first].ess_median, traces.scores[last].ess_median
    return Verdict(
        tuple(ranking),
        tuple(name for name in ranking[1:] if errors[name] - errors[first] <= close),
        errors[last] / errors[first] if errors[first] else math.inf,
        effective / least if effective is not None and least else None,
    )
