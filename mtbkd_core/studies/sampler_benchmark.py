"""Why this sampler: all of them race on one posterior, each for the same time, against a longer exact run.

The reference is Hamiltonian Monte Carlo, exact at any step size, from starts of its own; it has an error of its own,
which is measured, and nobody can be told to be nearer to the truth than that. All racers start from the same warmed-up
chains, whose fitting stands on every clock already. Equal seeds give equal draws; how many there are in a second is the
machine's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from mtbkd_core.common.progress import OnProgress, Phase, Progress, ShouldStop, stop_if
from mtbkd_core.config.choices import Algorithm
from mtbkd_core.config.models import RunConfig, SamplerConfig
from mtbkd_core.evaluation.diagnostics import convergence, monte_carlo_error
from mtbkd_core.posterior import LogPosterior, stack_priors
from mtbkd_core.samplers.chains import fit_start
from mtbkd_core.students.cnn import build_student
from mtbkd_core.studies.sampler_trace import Outcome, Reference, Score
from mtbkd_core.studies.timed_sampler import Racer, race
from mtbkd_core.tasks.base import Task

CHAINS = 16
RACERS = (Algorithm.BAOAB, Algorithm.MCLMC, Algorithm.HMC, Algorithm.SGLD)
#: The reference works so many times as long as a racer, and not less than so many seconds.
REFERENCE_TIMES, REFERENCE_LEAST = 6.0, 10.0
REFERENCE = "reference"
#: Inputs on which predictions are compared.
_MOST_INPUTS = 600
_BURN_IN = 100
#: Of the reference's trajectories: about as long as the posterior is wide, where the app's shorter ones walk at random.
_REFERENCE_LEAPFROG = 24
_SLICE = 0.05


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

    student = build_student(config.student, task.x_train.shape[1], task.n_classes, task.image_shape)
    lesson = task.lesson(config.data.teachers, config.n_unlabelled_used)
    mixture = stack_priors(lesson.teacher_logits, [config.prior])
    target = LogPosterior(student, lesson.x, lesson.labels, mixture)
    x, labels = task.x_test[:_MOST_INPUTS], task.y_test[:_MOST_INPUTS]

    tell(0.0, REFERENCE)
    settings = _settings(Algorithm.HMC, leapfrog_steps=_REFERENCE_LEAPFROG)
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
        self.racer = Racer(
            target,
            position,
            x,
            _settings(name),
            seed=seed,
            seconds=warmed,
            on_draw=self._keep,
            on_restart=self._forget,
        )

    def _keep(self, p: Tensor, log_joint: Tensor) -> None:
        self._log_p.append(p.gather(-1, self._labels.expand(len(p), -1)[..., None])[..., 0].log())
        self._log_joint.append(log_joint)

    def _forget(self) -> None:
        self._log_p.clear()
        self._log_joint.clear()

    def score(self, reference: Tensor) -> Score:
        racer = self.racer
        if racer.problem is not None:
            return Score(problem=racer.problem, step_size=racer.step_size, restarts=racer.restarts)
        score = Score(
            racer.standing(reference).distance,
            log_joint=racer.mean_log_joint,
            step_size=racer.step_size,
            restarts=racer.restarts,
        )
        if len(self._log_p) < 4:
            return score
        found = convergence(torch.stack(self._log_p, 1), torch.stack(self._log_joint, 1))
        ess = (found.ess_median, found.ess_p5)
        median, low = (number / racer.seconds if number is not None else None for number in ess)
        return replace(score, ess_median=median, ess_p5=low)


def _settings(algorithm: Algorithm, **changes: object) -> SamplerConfig:
    """The sampler's defaults; a trajectory of HMC counts for the burn-in as the gradients that it takes."""
    plain = SamplerConfig.model_validate({"algorithm": algorithm, "chains": CHAINS, **changes})
    burn_in = _BURN_IN // plain.leapfrog_steps if algorithm is Algorithm.HMC else _BURN_IN
    return plain.model_copy(update={"burn_in": burn_in})


def _warm_start(target: LogPosterior, seed: int, should_stop: ShouldStop | None) -> tuple[Tensor, float]:
    """Chains to start from [S, P], and the seconds that they took."""
    generator = torch.Generator().manual_seed(seed)
    start = target.student.draw_whitened(CHAINS, generator, generator.device)
    began = time.perf_counter()
    position = fit_start(target, start, SamplerConfig(chains=CHAINS), generator, lambda *_: stop_if(should_stop))
    return position, time.perf_counter() - began
