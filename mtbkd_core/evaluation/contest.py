"""Why this sampler: all of them race on one posterior, each for the same time, against a longer exact run.

The reference is Hamiltonian Monte Carlo, exact at any step size, from starts of its own; it has an error of its own,
which is measured, and nobody can be told to be nearer to the truth than that. All racers start from the same warmed-up
chains, whose fitting stands on every clock already. Equal seeds give equal draws; how many there are in a second is the
machine's.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor

from mtbkd_core.config import Algorithm, RunConfig, SamplerConfig
from mtbkd_core.evaluation.diagnostics import convergence
from mtbkd_core.evaluation.race import Racer, Standing, monte_carlo_error, race
from mtbkd_core.posterior import LogPosterior, stack_priors
from mtbkd_core.progress import OnProgress, Phase, Progress, ShouldStop, stop_if
from mtbkd_core.samplers.chains import fit_start
from mtbkd_core.student import Student
from mtbkd_core.tasks.base import Task

CHAINS = 16
RACERS = (Algorithm.BAOAB, Algorithm.MCLMC, Algorithm.HMC, Algorithm.SGLD)
#: The reference works so many times as long as a racer, and not less than so many seconds.
REFERENCE_TIMES, REFERENCE_LEAST = 6.0, 10.0
REFERENCE = "reference"
#: Inputs on which predictions are compared.
_MOST_INPUTS = 600
_BURN_IN = 100
_SLICE = 0.05


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


#: Told what there is so far, after every turn.
OnOutcome = Callable[[Outcome], None]


@torch.no_grad()
def hold_race(
    config: RunConfig,
    task: Task,
    seconds: float,
    *,
    racers: Sequence[Algorithm] = RACERS,
    on_progress: OnProgress | None = None,
    on_outcome: OnOutcome = lambda outcome: None,
    should_stop: ShouldStop | None = None,
) -> Outcome:
    """Run the reference, then the race, on the posterior of a configuration.

    Args:
        config: its sampler's settings are not used, nor is its device: the race is on the processor.
        task: its data.
        seconds: of each racer's own work after the warm start, the choice of its step included.
        racers: who takes part.
        on_progress: told how far it is.
        on_outcome: told what there is, after the reference and after every turn.
        should_stop: asked at every step.
    Raises:
        Cancelled: `should_stop` said so.
        FloatingPointError: the reference's chains leave the posterior.
    """
    outcome = Outcome()
    lasts = reference_seconds(seconds)
    whole = lasts + seconds * len(racers)

    def tell(done: float, what: str) -> None:
        if on_progress is not None:
            on_progress(Progress(Phase.RACE, round(100 * done / whole), 100, min(1.0, done / whole), what))

    student = Student.build(config.student, task.x_train.shape[1], task.n_classes)
    mixture = stack_priors(task.teacher_logits(config.teachers), [config.prior])
    target = LogPosterior(student, task.x_train, task.y_train, mixture)
    x, labels = task.x_test[:_MOST_INPUTS], task.y_test[:_MOST_INPUTS]

    tell(0.0, REFERENCE)
    settings = _settings(Algorithm.HMC)
    position, warmed = _warm_start(target, config.seed + 1, should_stop)
    exact = Racer(target, position, x, settings, seed=config.seed + 1, seconds=warmed)
    while exact.seconds < lasts or exact.mean is None:
        exact.advance(_SLICE, should_stop=should_stop)
        tell(min(exact.seconds, lasts), REFERENCE)
    means, mean, log_joint = exact.chain_means, exact.mean, exact.mean_log_joint
    assert means is not None
    assert log_joint is not None
    outcome.reference = Reference(exact.seconds, monte_carlo_error(means), log_joint)
    on_outcome(outcome)

    position, warmed = _warm_start(target, config.seed, should_stop)
    runners = {name.value: _Runner(target, position, x, labels, name, config.seed, warmed) for name in racers}
    turns = race(
        {name: runner.racer for name, runner in runners.items()},
        mean,
        seconds=seconds,
        slice_seconds=_SLICE,
        should_stop=should_stop,
    )
    for name, standing in turns:
        outcome.standings.append((name, standing))
        on_outcome(outcome)
        done = sum(min(seconds, runner.racer.seconds - warmed) for runner in runners.values())
        tell(lasts + done, name)
    outcome.scores = {name: runner.score(mean) for name, runner in runners.items()}
    on_outcome(outcome)
    return outcome


def reference_seconds(seconds: float) -> float:
    """How long the reference works for a race of so many seconds a sampler."""
    return max(REFERENCE_LEAST, REFERENCE_TIMES * seconds)


class _Runner:
    """A racer, and the draws by which its effective number is reckoned."""

    def __init__(
        self,
        target: LogPosterior,
        position: Tensor,
        x: Tensor,
        labels: Tensor,
        name: Algorithm,
        seed: int,
        warmed: float,
    ) -> None:
        self._labels = labels
        self._log_p: list[Tensor] = []
        self._log_joint: list[Tensor] = []
        self.racer = Racer(target, position, x, _settings(name), seed=seed, seconds=warmed, on_draw=self._keep)

    def _keep(self, p: Tensor, log_joint: Tensor) -> None:
        self._log_p.append(p.gather(-1, self._labels.expand(len(p), -1)[..., None])[..., 0].log())
        self._log_joint.append(log_joint)

    def score(self, reference: Tensor) -> Score:
        racer = self.racer
        if racer.problem is not None:
            return Score(problem=racer.problem, step_size=racer.step_size)
        score = Score(racer.standing(reference).distance, None, None, racer.mean_log_joint, racer.step_size)
        if len(self._log_p) < 4:
            return score
        found = convergence(torch.stack(self._log_p, 1), torch.stack(self._log_joint, 1))
        ess = (found.ess_median, found.ess_p5)
        median, low = (number / racer.seconds if math.isfinite(number) else None for number in ess)
        return Score(score.error, median, low, score.log_joint, score.step_size)


def _settings(algorithm: Algorithm) -> SamplerConfig:
    """The sampler's defaults; a trajectory of HMC counts for the burn-in as the gradients that it takes."""
    plain = SamplerConfig(algorithm=algorithm, chains=CHAINS)
    burn_in = _BURN_IN // plain.leapfrog_steps if algorithm is Algorithm.HMC else _BURN_IN
    return plain.model_copy(update={"burn_in": burn_in})


def _warm_start(target: LogPosterior, seed: int, should_stop: ShouldStop | None) -> tuple[Tensor, float]:
    """Chains to start from [S, P], and the seconds that they took."""
    generator = torch.Generator().manual_seed(seed)
    start = target.student.draw_whitened(CHAINS, generator, generator.device)
    began = time.perf_counter()
    position = fit_start(target, start, SamplerConfig(chains=CHAINS), generator, lambda *_: stop_if(should_stop))
    return position, time.perf_counter() - began


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
