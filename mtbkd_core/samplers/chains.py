"""Running chains: choose a step size, burn in, keep draws, and start again where a chain leaves the posterior."""

from __future__ import annotations

import logging
import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import torch
from torch import Tensor

from mtbkd_core.common.progress import Phase, UserError
from mtbkd_core.config.choices import Algorithm, Schedule
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.samplers import baoab, hmc, mclmc, sgld, warm_start
from mtbkd_core.samplers.base import Info, Number, Source, State, Streams, Transform, per_group, permutation
from mtbkd_core.samplers.tuning import Tuned, step_for_energy, tune_energy_variance, tune_step_size

_log = logging.getLogger(__name__)

#: BAOAB stays accurate at a somewhat longer step than the leapfrog that the tuning measures.
BAOAB_STEP_FACTOR = 1.1
_TRAJECTORIES = 12
MOST_RESTARTS = 5
CHECK_EVERY = 20
#: MCLMC at far too long a step does not leave: it falls into the mode, and the energy alone tells. Twenty times what it
#: is tuned to; judged by as many steps as here, or by all when they are done.
_MOST_ENERGY_VARIANCE, STEPS_TO_JUDGE = 0.01, 100

#: Told after every step: phase, steps done, steps in all, a line for a person, and what the step showed.
Watch = Callable[[Phase, int, int, str, Info], None]


@dataclass(frozen=True)
class Sample:
    """Draws and how they were got.

    Attributes:
        positions: [S, D, P], whitened.
        log_joint: [S, D], exact at those positions.
        step_size: that the kept draws were made with; of a decaying schedule the first.
        acceptance: HMC: mean acceptance after the burn-in. Others: that of the tuning's trajectories; None where there
            were none.
        energy_variance: MCLMC: mean square of a step's energy error after the burn-in, per dimension; else None.
        restarts: how often a chain left the posterior and all began again with a shorter step.
        gradients: of one chain, restarts included, tuning not.
    """

    positions: Tensor
    log_joint: Tensor
    step_size: float
    acceptance: float | None
    energy_variance: float | None
    restarts: int
    gradients: int


@dataclass(frozen=True)
class _Kept:
    """What one group kept, and with which step size; the last two are means over the steps after the burn-in."""

    positions: Tensor
    log_joint: Tensor
    step_size: float
    acceptance: float | None
    energy_variance: float | None


@dataclass(frozen=True)
class _Left:
    """A group of which a chain left the posterior: after how many steps, and where its random numbers stood."""

    steps: int
    generator: torch.Generator


def fit_start(target: LogPosterior, start: Tensor, settings: SamplerConfig, generator: Source, watch: Watch) -> Tensor:
    """The anchored warm start of every chain from its own whitened draw of the prior, [S, P] -> [S, P].

    It is that of temperature 1 whatever the posterior's is; tuning and burn-in cool or heat the chains from there.
    """
    steps = settings.warm_start_steps
    if not steps:
        return start
    if settings.warm_start_batch_size is not None:
        settings = settings.model_copy(update={"batch_size": settings.warm_start_batch_size})
    sampler = warm_start.build(target.anchored(start), steps=steps)
    state: State = sampler.init(start, generator)
    for step in range(steps):
        position = state.position
        state, info = sampler.update(state, minibatch(settings, target, generator), generator)
        # what is shown is the log joint that is sampled next, not the anchored one that is climbed
        moved = 0.5 * ((position - start).square().sum(-1) - position.square().sum(-1))
        shown = info._replace(log_joint=info.log_joint + moved)
        watch(Phase.WARM_START, step + 1, steps, "Fitting each student near its start", shown)
    return state.position


class _Mean:
    """The means of what was added, on its device until they are asked for; None where nothing was."""

    def __init__(self) -> None:
        self._sum: Tensor | None = None
        self._count = 0

    def add(self, value: Tensor) -> None:
        self._sum = value if self._sum is None else self._sum + value
        self._count += 1

    def values(self, groups: int) -> list[float] | list[None]:
        return [None] * groups if self._sum is None else [each / self._count for each in self._sum.tolist()]


def exceeds_limit(energy: float | None) -> bool:
    """As an energy variance; one that is not a number does."""
    return energy is not None and not energy <= _MOST_ENERGY_VARIANCE


def log_joint_floor(log_joint: Tensor, dimensions: int, temperature: float) -> Tensor:
    """Under what a chain has left the posterior, as `sample_groups` tells, by where its group begins.

    Args:
        log_joint: [..., S] of each group's chains before the first step, the tuning's aside.
    Returns:
        [...], in nats.
    """
    hot = max(1.0, temperature)
    return log_joint.amin(-1) - (hot * 20 * math.sqrt(dimensions / 2) + (hot - 1) * dimensions)


def shorter_step(algorithm: Algorithm, step_size: float) -> float:
    """What to begin again with after a chain left the posterior."""
    # SGLD's step is a square; MCLMC's energy variance says that it is far too long, not just too long
    return step_size * (0.5 if algorithm in (Algorithm.SGLD, Algorithm.MCLMC) else 0.7)


def sample(
    target: LogPosterior, position: Tensor, settings: SamplerConfig, generator: torch.Generator, watch: Watch
) -> Sample:
    """Sample the target from whitened positions [S, P]; one step size for all chains. See `sample_groups`."""
    return sample_groups(target, position, settings, [generator], watch)[0]


def sample_groups(
    target: LogPosterior,
    position: Tensor,
    settings: SamplerConfig,
    generators: Sequence[torch.Generator],
    watch: Watch,
) -> list[Sample]:
    """Sample the target from whitened positions [G S, P] of G groups of chains, each as it would be alone.

    A step size that is not given is tuned first, for each group. A chain has left the posterior when its log joint is
    not finite, or lies 20 standard deviations of a Gaussian's of the same dimension under where the worst chain of its
    group began; at a temperature above 1 the limit is lower still by twice as much as a Gaussian's falls when it warms
    up from 1. MCLMC has left as well when its energy variance after the burn-in is twenty times what it is tuned to. Of
    several groups, those that left go on alone, with random numbers of their own.

    Args:
        generators: one for each group; groups may share one, and then have the same random numbers.
    Raises:
        UserError: a chain leaves the posterior at every step size tried.
    """
    groups = len(generators)
    chains = len(position) // groups
    source: Source = generators[0] if groups == 1 else Streams(generators)
    step_sizes = [settings.step_size or math.nan] * groups
    acceptances: list[float | None] = [None] * groups
    if settings.step_size is None:
        tuned = tune(target, position, settings, source, groups, watch)
        position, acceptances, step_sizes = tuned.position, list(tuned.acceptances), list(tuned.step_sizes)
    floor = log_joint_floor(target(position).log_joint.view(groups, chains), position.shape[1], settings.temperature)

    first = _run(target, position, step_sizes, floor, settings, source, watch)
    samples = []
    for group, outcome in enumerate(first):
        alone = slice(None) if groups == 1 else torch.arange(group * chains, (group + 1) * chains)
        step_size, gradients, restart = step_sizes[group], 0, 0
        while isinstance(outcome, _Left):
            gradients += outcome.steps * gradients_per_step(settings)
            if restart == MOST_RESTARTS:
                raise UserError(
                    f"sampler.step_size: a chain leaves the posterior even at {step_size:.2g}; give a smaller one"
                )
            _log.warning("a chain left the posterior at step size %.4g; starting again with a shorter one", step_size)
            step_size = shorter_step(settings.algorithm, step_size)
            restart += 1
            own = target if isinstance(alone, slice) else target.of_chains(alone.to(position.device))
            (outcome,) = _run(
                own, position[alone], [step_size], floor[group : group + 1], settings, outcome.generator, watch
            )
        samples.append(
            Sample(
                outcome.positions,
                outcome.log_joint,
                outcome.step_size,
                acceptances[group] if outcome.acceptance is None else outcome.acceptance,
                outcome.energy_variance,
                restart,
                gradients + _steps(settings) * gradients_per_step(settings),
            )
        )
    return samples


def step_from_leapfrog(algorithm: Algorithm, leapfrog_step: float) -> float:
    """The sampler's own step from the leapfrog step that HMC accepts; SGLD's is in squared coordinates."""
    if algorithm is Algorithm.SGLD:
        return leapfrog_step**2 / 2
    return BAOAB_STEP_FACTOR * leapfrog_step if algorithm is Algorithm.BAOAB else leapfrog_step


def gradients_per_step(settings: SamplerConfig) -> int:
    """What a sampler step costs: HMC's is a whole trajectory."""
    return settings.leapfrog_steps if settings.algorithm is Algorithm.HMC else 1


def tuning_gradients(settings: SamplerConfig) -> int:
    """What choosing the step size costs a chain; nothing where it is given."""
    return _TRAJECTORIES * _tuning_steps(settings) if settings.step_size is None else 0


def _tuning_steps(settings: SamplerConfig) -> int:
    return settings.leapfrog_steps if settings.algorithm is Algorithm.HMC else 8


def kept_steps(settings: SamplerConfig) -> list[int]:
    """[D], the numbers (from 1, burn-in included) of the steps after which a draw is kept.

    Every draw is to stand for the same share of the sampler's time. Constant steps make that every `thinning` steps;
    decaying ones end a D-th of their sum after the burn-in sooner at first, later at last, and with little thinning
    one step may be kept twice, as its weight in Welling and Teh's average says.
    """
    burn_in, draws, thinning = settings.burn_in, settings.draws, settings.thinning
    if not _is_decaying(settings):
        return [burn_in + thinning * (draw + 1) for draw in range(draws)]
    steps = range(burn_in, burn_in + draws * thinning)
    times = list(accumulate(step_share(settings, step) for step in steps))
    return [burn_in + 1 + bisect_left(times, times[-1] * ((draw + 1) / draws)) for draw in range(draws)]


def step_share(settings: SamplerConfig, step: int) -> float:
    """The sampler's time that a step, counted from 0, stands for, over that of the first."""
    return sgld.step_share(step, _decay_steps(settings)) if _is_decaying(settings) else 1.0


def tune(
    target: LogPosterior, position: Tensor, settings: SamplerConfig, generator: Source, groups: int, watch: Watch
) -> Tuned:
    """The groups' step sizes of the sampler itself, by its own rule."""

    def show(count: int, info: Info) -> None:
        watch(Phase.TUNING, count + 1, _TRAJECTORIES, "Choosing a step size", info)

    temperature = settings.temperature
    if settings.algorithm is Algorithm.MCLMC:
        return tune_energy_variance(
            target,
            position,
            generator,
            rounds=_TRAJECTORIES,
            steps=_tuning_steps(settings),
            friction=settings.friction,
            temperature=temperature,
            groups=groups,
            watch=show,
        )
    tuned = tune_step_size(
        target,
        position,
        generator,
        trajectories=_TRAJECTORIES,
        leapfrog_steps=_tuning_steps(settings),
        temperature=temperature,
        groups=groups,
        watch=show,
    )
    return replace(tuned, step_sizes=tuple(step_from_leapfrog(settings.algorithm, step) for step in tuned.step_sizes))


def _steps(settings: SamplerConfig) -> int:
    return settings.burn_in + settings.draws * settings.thinning


def _run(
    target: LogPosterior,
    position: Tensor,
    step_sizes: Sequence[float],
    floor: Tensor,
    settings: SamplerConfig,
    generator: Source,
    watch: Watch,
) -> list[_Kept | _Left]:
    """What each group kept, or when a chain of it left; it ends as soon as every group has left.

    MCLMC's tuned step is set right once more after the burn-in, by the energy errors of its second half: the tuning's
    few steps begin where the warm start ended, and the errors grow until the chains have spread.
    """
    groups = len(step_sizes)
    step_sizes, left = list(step_sizes), dict[int, _Left]()
    sampler = build(target, settings, per_group(step_sizes, position))
    state: State = sampler.init(position, generator)
    steps = _steps(settings)
    copies = Counter(kept_steps(settings))
    kept = 0
    # filled in place: all draws at once are most of what a run takes of memory
    positions = position.new_empty(len(position), settings.draws, position.shape[1])
    log_joint = position.new_empty(len(position), settings.draws)
    acceptance, energy = _Mean(), _Mean()
    stochastic = _is_minibatch(settings, target)
    # where a step shows the log joint of its start, or an estimate of it, a kept draw's own is worked out anew
    inexact = stochastic or settings.algorithm is Algorithm.SGLD

    def by_group(values: Tensor) -> Tensor:
        return values.view(groups, -1)

    def take_out(fine: Tensor, step: int) -> None:
        exceeded = step >= settings.burn_in + STEPS_TO_JUDGE or step == steps
        energies = energy.values(groups) if exceeded else [None] * groups
        for group, (inside, variance) in enumerate(zip(fine.all(1).tolist(), energies, strict=True)):
            if group not in left and (not inside or exceeds_limit(variance)):
                own = generator.generators[group] if isinstance(generator, Streams) else generator
                left[group] = _Left(step, own if groups == 1 else own.clone_state())

    for step in range(1, steps + 1):
        state, info = sampler.update(state, minibatch(settings, target, generator), generator)
        if step % CHECK_EVERY == 0:
            shown = by_group(info.log_joint)
            take_out(torch.isfinite(shown) if stochastic else shown > floor[:, None], step)
            if len(left) == groups:
                break
        burning_in = step <= settings.burn_in
        for _ in range(copies[step]):
            positions[:, kept] = state.position
            log_joint[:, kept] = target(state.position).log_joint if inexact else info.log_joint
            kept += 1
        if info.acceptance is not None and not burning_in:
            acceptance.add(by_group(info.acceptance.double()).mean(1))
        if info.energy_error is not None and step > settings.burn_in // 2:
            energy.add(by_group(info.energy_error.double().square()).mean(1) / position.shape[1])
        if step == settings.burn_in and info.energy_error is not None:
            if settings.step_size is None:
                step_sizes = [
                    step_for_energy(step_size, found) if found is not None and math.isfinite(found) else step_size
                    for step_size, found in zip(step_sizes, energy.values(groups), strict=True)
                ]
                sampler = build(target, settings, per_group(step_sizes, position))
            energy = _Mean()
        message = "Burning in" if burning_in else "Sampling students"
        watch(Phase.SAMPLING, step, steps, message, info)
    else:
        take_out((log_joint > floor.repeat_interleave(len(position) // groups)[:, None]).view(groups, -1), steps)
    each = zip(
        positions.chunk(groups),
        log_joint.chunk(groups),
        step_sizes,
        acceptance.values(groups),
        energy.values(groups),
        strict=True,
    )
    return [left[group] if group in left else _Kept(*what) for group, what in enumerate(each)]


def build(target: LogPosterior, settings: SamplerConfig, step_size: Number) -> Transform:
    """The sampler that the settings ask for."""
    friction, temperature = settings.friction, settings.temperature
    match settings.algorithm:
        case Algorithm.SGLD:
            decay_steps = _decay_steps(settings) if _is_decaying(settings) else math.inf
            return sgld.build(target, step_size=step_size, temperature=temperature, decay_steps=decay_steps)
        case Algorithm.HMC:
            steps = settings.leapfrog_steps
            return hmc.build(target, step_size=step_size, leapfrog_steps=steps, temperature=temperature)
        case Algorithm.MCLMC:
            return mclmc.build(target, step_size=step_size, friction=friction, temperature=temperature)
        case Algorithm.BAOAB:
            return baoab.build(target, step_size=step_size, friction=friction, temperature=temperature)


def _is_decaying(settings: SamplerConfig) -> bool:
    return settings.algorithm is Algorithm.SGLD and settings.schedule is Schedule.DECAYING


def _decay_steps(settings: SamplerConfig) -> int:
    return max(1, settings.burn_in)


def _is_minibatch(settings: SamplerConfig, target: LogPosterior) -> bool:
    return settings.batch_size is not None and settings.batch_size < len(target.labels)


def minibatch(settings: SamplerConfig, target: LogPosterior, generator: Source) -> Tensor | None:
    """The examples [B] of the next gradient, drawn anew; None: all of them."""
    if not _is_minibatch(settings, target):
        return None
    return permutation(len(target.labels), generator)[: settings.batch_size]
