"""Collecting the draws that the loop yields."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.samplers.base import Event, Step
from mtbkd_core.samplers.guard import Mean
from mtbkd_core.samplers.loop import run_chains
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.samplers.schedule import kept_steps


@dataclass(frozen=True)
class Sample:
    """Draws of a group of chains, and how they were made.

    Attributes:
        positions: [S, D, P], whitened.
        log_joint: [S, D], exact at those positions.
        step_size: of the kept draws; of a decaying schedule the first.
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


class Collector:
    """Takes the loop's steps, one after the other, and has the draws so far at any time."""

    def __init__(self, position: Tensor, draws: int, groups: int = 1) -> None:
        """Make room for `draws` of each chain of G groups at positions [G S, P]."""
        # filled in place: all draws at once are most of what a run takes of memory
        self._positions = position.new_empty(groups, len(position) // groups, draws, position.shape[1])
        self._log_joint = position.new_empty(self._positions.shape[:3])
        self._tuning, self._acceptance, self._energy = Mean(groups), Mean(groups), Mean(groups)
        self._going, self._kept = torch.arange(groups), 0
        unknown = torch.full((groups,), torch.nan, dtype=torch.float64)
        self._accepted, self._varied, self._step_sizes = unknown.clone(), unknown.clone(), unknown.clone()
        self._restarts, self._gradients = (torch.zeros(groups, dtype=torch.long) for _ in range(2))

    def add(self, step: Step) -> None:
        """Take a step of the tuning or the sampling."""
        info = step.info
        if step.event is Event.TUNING:
            if info.acceptance is not None and step.number > step.of // 2:
                self._tuning.add(info.acceptance)
            return
        assert step.groups is not None
        assert step.step_sizes is not None
        if step.event is Event.RESTART:
            self._settle()
            self._going, self._kept = step.groups, 0
            self._restarts[self._going] += 1
            self._acceptance, self._energy = Mean(len(step.groups)), Mean(len(step.groups))
            return
        self._step_sizes[step.groups], self._gradients[step.groups] = step.step_sizes, step.gradients
        if step.event is Event.BURN_IN:
            return
        if info.acceptance is not None:
            self._acceptance.add(info.acceptance)
        if info.energy_error is not None:
            self._energy.add(info.energy_error.square() / self._positions.shape[-1])
        if step.event is Event.DRAW:
            shape = (len(step.groups), -1)
            self._positions[step.groups, :, self._kept] = step.state.position.view(*shape, self._positions.shape[-1])
            self._log_joint[step.groups, :, self._kept] = info.log_joint.view(shape)
            self._kept += 1

    def _settle(self) -> None:
        """Note the means of the groups that are under way."""
        for mean, noted in ((self._acceptance, self._accepted), (self._energy, self._varied)):
            if mean.value is not None:
                noted[self._going] = mean.value

    def samples(self) -> list[Sample]:
        """What each group has, after the loop's end."""
        self._settle()
        tuned = self._tuning.value
        accepted = self._accepted if tuned is None else torch.where(self._accepted.isnan(), tuned, self._accepted)
        numbers = (self._step_sizes, accepted, self._varied, self._restarts, self._gradients)
        return [
            Sample(positions, log_joint, step, _known(acceptance), _known(energy), restarts, gradients)
            for positions, log_joint, step, acceptance, energy, restarts, gradients in zip(
                self._positions, self._log_joint, *(each.tolist() for each in numbers), strict=True
            )
        ]


def _known(number: float) -> float | None:
    return None if math.isnan(number) else number


def sample(
    target: LogPosterior,
    position: Tensor,
    settings: SamplerConfig,
    random: Randomness,
    watch: Callable[[Step], object] = lambda step: None,
    *,
    groups: int = 1,
) -> list[Sample]:
    """Sample the target from whitened positions [G S, P] of G groups of chains; see `loop.run_chains`.

    Raises:
        LeftPosterior: a chain leaves the posterior at every step size tried.
    """
    collector = Collector(position, settings.draws, groups)
    for step in run_chains(target, position, settings, random, kept_steps(settings), groups=groups):
        collector.add(step)
        watch(step)
    return collector.samples()
