"""Collecting the draws that the loop yields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.samplers.base import Event, Mean, Step
from mtbkd_core.samplers.loop import run_chains
from mtbkd_core.samplers.preconditioner import Preconditioned
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
        self._kept, self._last = 0, dict[int, tuple[Step, int]]()

    def add(self, step: Step) -> None:
        """Take a step of the tuning or the sampling."""
        if step.event is Event.RESTART:
            self._kept = 0
        elif step.event is Event.DRAW:
            shape = (len(step.groups), *self._positions.shape[1::2])
            self._positions[step.groups, :, self._kept] = step.state.position.view(shape)
            self._log_joint[step.groups, :, self._kept] = step.info.log_joint.view(shape[:2])
            self._kept += 1
            self._last |= {group: (step, place) for place, group in enumerate(step.groups.tolist())}

    def samples(self) -> list[Sample]:
        """What each group has, after the loop's end."""

        def of(mean: Mean, place: int) -> float | None:
            return None if mean.value is None else float(mean.value[place])

        return [
            Sample(
                self._positions[group],
                self._log_joint[group],
                float(step.step_sizes[place]),
                of(step.acceptance, place),
                of(step.energy_variance, place),
                step.restarts,
                step.gradients,
            )
            for group, (step, place) in sorted(self._last.items())
        ]


def sample(
    target: LogPosterior | Preconditioned,
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
