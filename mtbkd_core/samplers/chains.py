"""Running chains: choose a step size, burn in, keep draws, and start again where a chain leaves the posterior."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.config import Algorithm, SamplerConfig
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.progress import Phase, UserError
from mtbkd_core.samplers import baoab, sgld, warm_start
from mtbkd_core.samplers.base import Info, State, Transform
from mtbkd_core.samplers.tuning import tune_step_size

_log = logging.getLogger(__name__)

#: BAOAB stays accurate at a somewhat longer step than the leapfrog that the tuning measures.
BAOAB_STEP_FACTOR = 1.1
_TRAJECTORIES = 12
_MOST_RESTARTS = 5
_CHECK_EVERY = 20

#: Told after every step: phase, steps done, steps in all, a line for a person, and what the step showed.
Watch = Callable[[Phase, int, int, str, Info], None]


@dataclass(frozen=True)
class Sample:
    """Draws and how they were got.

    Attributes:
        positions: [S, D, P], whitened.
        log_joint: [S, D], exact at those positions.
        step_size: that the kept draws were made with.
        acceptance: mean acceptance of the tuning's trajectories; None where the step size was given.
        restarts: how often a chain left the posterior and all began again with a shorter step.
        gradients: of one chain, restarts included, tuning not.
    """

    positions: Tensor
    log_joint: Tensor
    step_size: float
    acceptance: float | None
    restarts: int
    gradients: int


def fit_start(
    target: LogPosterior, start: Tensor, settings: SamplerConfig, generator: torch.Generator, watch: Watch
) -> Tensor:
    """The anchored warm start of every chain from its own whitened draw of the prior, [S, P] -> [S, P]."""
    steps = settings.warm_start_steps
    if not steps:
        return start
    sampler = warm_start.build(target.anchored(start), steps=steps)
    state: State = sampler.init(start, generator)
    for step in range(steps):
        position = state.position
        state, info = sampler.update(state, _batch(settings, target, generator), generator)
        # what is shown is the log joint that is sampled next, not the anchored one that is climbed
        moved = 0.5 * ((position - start).square().sum(-1) - position.square().sum(-1))
        shown = info._replace(log_joint=info.log_joint + moved)
        watch(Phase.WARM_START, step + 1, steps, "Fitting each student near its start", shown)
    return state.position


def sample(
    target: LogPosterior, position: Tensor, settings: SamplerConfig, generator: torch.Generator, watch: Watch
) -> Sample:
    """Sample the target from whitened positions [S, P].

    A step size that is not given is tuned first. A chain has left the posterior when its log joint is not finite, or
    lies 20 standard deviations of a Gaussian's of the same dimension under where the worst chain began.

    Raises:
        UserError: a chain leaves the posterior at every step size tried.
    """
    step_size, acceptance = settings.step_size, None
    if step_size is None:
        tuned = tune_step_size(
            target,
            position,
            generator,
            trajectories=_TRAJECTORIES,
            watch=lambda count, info: watch(Phase.TUNING, count + 1, _TRAJECTORIES, "Choosing a step size", info),
        )
        position, acceptance = tuned.position, tuned.acceptance
        step_size = step_from_leapfrog(settings.algorithm, tuned.step_size)
    floor = float(target(position).log_joint.min()) - 20 * math.sqrt(position.shape[1] / 2)
    gradients = 0
    for restart in range(_MOST_RESTARTS + 1):
        kept, done = _run(target, position, step_size, floor, settings, generator, watch)
        gradients += done
        if kept is not None:
            return Sample(*kept, step_size, acceptance, restart, gradients)
        if restart < _MOST_RESTARTS:
            _log.warning("a chain left the posterior at step size %.4g; starting again with a shorter one", step_size)
            step_size *= 0.5 if settings.algorithm is Algorithm.SGLD else 0.7
    raise UserError(f"sampler.step_size: a chain leaves the posterior even at {step_size:.2g}; give a smaller one")


def step_from_leapfrog(algorithm: Algorithm, leapfrog_step: float) -> float:
    """The sampler's own step from the leapfrog step that HMC accepts; SGLD's is in squared coordinates."""
    return leapfrog_step**2 / 2 if algorithm is Algorithm.SGLD else BAOAB_STEP_FACTOR * leapfrog_step


def _run(
    target: LogPosterior,
    position: Tensor,
    step_size: float,
    floor: float,
    settings: SamplerConfig,
    generator: torch.Generator,
    watch: Watch,
) -> tuple[tuple[Tensor, Tensor] | None, int]:
    """Positions and log joints of the kept draws, or None as soon as a chain leaves; and the gradients taken."""
    sampler = build(target, settings, step_size)
    state: State = sampler.init(position, generator)
    steps = settings.burn_in + settings.draws * settings.thinning
    positions: list[Tensor] = []
    log_joints: list[Tensor] = []
    stochastic = _is_minibatch(settings, target)
    # where a step shows the log joint of its start, or an estimate of it, a kept draw's own is worked out anew
    inexact = stochastic or settings.algorithm is Algorithm.SGLD
    for step in range(1, steps + 1):
        state, info = sampler.update(state, _batch(settings, target, generator), generator)
        if step % _CHECK_EVERY == 0:
            fine = torch.isfinite(info.log_joint) if stochastic else info.log_joint > floor
            if not bool(fine.all()):
                return None, step
        kept = step - settings.burn_in
        if kept > 0 and kept % settings.thinning == 0:
            positions.append(state.position)
            log_joints.append(target(state.position).log_joint if inexact else info.log_joint)
        message = "Burning in" if kept <= 0 else "Sampling students"
        watch(Phase.SAMPLING, step, steps, message, info)
    log_joint = torch.stack(log_joints, 1)
    if not bool((log_joint > floor).all()):
        return None, steps
    return (torch.stack(positions, 1), log_joint), steps


def build(target: LogPosterior, settings: SamplerConfig, step_size: float) -> Transform:
    """The sampler that the settings ask for."""
    if settings.algorithm is Algorithm.SGLD:
        return sgld.build(target, step_size=step_size)
    return baoab.build(target, step_size=step_size, friction=settings.friction)


def _is_minibatch(settings: SamplerConfig, target: LogPosterior) -> bool:
    return settings.batch_size is not None and settings.batch_size < len(target.labels)


def _batch(settings: SamplerConfig, target: LogPosterior, generator: torch.Generator) -> Tensor | None:
    if not _is_minibatch(settings, target):
        return None
    order = torch.randperm(len(target.labels), generator=generator, device=generator.device)
    return order[: settings.batch_size]
