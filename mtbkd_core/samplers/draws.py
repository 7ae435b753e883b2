"""Collecting the draws that the loop yields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.config.choices import Preconditioning
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.samplers.base import Event, Mean, Step
from mtbkd_core.samplers.chains import Chains
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
        preconditioner: of the coordinates that the sampler ran in.
        seconds_preconditioner: that it took to make; None where there is none.
        chains: where they stand after the last step; None before the first.
    """

    positions: Tensor
    log_joint: Tensor
    step_size: float
    acceptance: float | None
    energy_variance: float | None
    restarts: int
    gradients: int
    preconditioner: Preconditioning = Preconditioning.NONE
    seconds_preconditioner: float | None = None
    chains: Chains | None = None


@dataclass(frozen=True)
class Begun:
    """Draws that are there already, and where the chains stand that made them.

    Attributes:
        positions: [S, D, P], whitened.
        log_joint: [S, D].
        chains: after the last of these draws or later.
    """

    positions: Tensor
    log_joint: Tensor
    chains: Chains


class Collector:
    """Takes the loop's steps, one after the other, and has the draws so far at any time.

    Attributes:
        count: of the draws so far, in the groups that are under way.
        last: the newest draw's step.
    """

    def __init__(
        self,
        target: LogPosterior | Preconditioned,
        position: Tensor,
        random: Randomness,
        draws: int,
        groups: int = 1,
        begun: Begun | None = None,
    ) -> None:
        """Make room for `draws` of each chain of G groups at positions [G S, P], behind those that are there."""
        # filled in place: all draws at once are most of what a run takes of memory
        self._positions = position.new_empty(groups, len(position) // groups, draws, position.shape[1])
        self._log_joint = position.new_empty(self._positions.shape[:3])
        self._target, self._random, self._last = target, random, dict[int, tuple[Step, int]]()
        self._first = 0 if begun is None else begun.positions.shape[1]
        if begun is not None:
            self._positions[0, :, : self._first] = begun.positions
            self._log_joint[0, :, : self._first] = begun.log_joint
        self.count = self._first
        self.last: Step | None = None

    def add(self, step: Step) -> None:
        """Take a step of the tuning or the sampling."""
        if step.event is Event.RESTART:
            self.count = self._first
        elif step.event is Event.DRAW:
            shape = (len(step.groups), *self._positions.shape[1::2])
            self._positions[step.groups, :, self.count] = self._whitened(step).view(shape)
            self._log_joint[step.groups, :, self.count] = step.info.log_joint.view(shape[:2])
            self.count, self.last = self.count + 1, step
            self._last |= {group: (step, place) for place, group in enumerate(step.groups.tolist())}

    def _whitened(self, step: Step) -> Tensor:
        """The step's positions in whitened coordinates, whatever the sampler runs in."""
        if not isinstance(self._target, Preconditioned):
            return step.state.position
        groups, chains = self._positions.shape[:2]
        of = torch.arange(groups * chains, device=step.state.position.device).view(groups, chains)
        own = self._target.map if len(step.groups) == groups else self._target.map.of_chains(of[step.groups].flatten())
        return own.apply(step.state.position)

    @property
    def positions(self) -> Tensor:
        """[S, D, P], the first group's draws so far, whitened; a view."""
        return self._positions[0, :, : self.count]

    @property
    def log_joint(self) -> Tensor:
        """[S, D], theirs."""
        return self._log_joint[0, :, : self.count]

    def samples(self) -> list[Sample]:
        """What each group has, after the loop's end."""

        def of(mean: Mean, place: int) -> float | None:
            return None if mean.value is None else float(mean.value[place])

        white = self._target if isinstance(self._target, Preconditioned) else None
        return [
            Sample(
                self._positions[group, :, : self.count],
                self._log_joint[group, :, : self.count],
                float(step.step_sizes[place]),
                of(step.acceptance, place),
                of(step.energy_variance, place),
                step.restarts,
                step.gradients,
                Preconditioning.NONE if white is None else Preconditioning.CURVATURE,
                None if white is None else white.seconds,
                Chains.of(step, place, self._random),
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
    draws: int | None = None,
    begun: Begun | None = None,
    enough: Callable[[Collector], bool] = lambda collector: False,
) -> list[Sample]:
    """Sample the target from whitened positions [G S, P] of G groups of chains; see `loop.run_chains`.

    Args:
        draws: of a chain at most, with those that are there; None: the settings'.
        begun: draws of the one group that are there, which goes on from where it stands.
        enough: asked after each draw; where it says so, these are all. Of several groups it is not asked.
    Raises:
        LeftPosterior: a chain leaves the posterior at every step size tried.
    """
    draws = settings.draws if draws is None else draws
    kept, chains = kept_steps(settings, draws), None if begun is None else begun.chains
    if begun is not None:
        begun.chains.resume(random)
        position, kept = begun.chains.position, kept[begun.positions.shape[1] :]
        if kept and kept[0] <= begun.chains.number:  # of a step that is kept twice, the second time is the next step
            kept = [max(step, begun.chains.number + 1) for step in kept]
    elif isinstance(target, Preconditioned):
        position = target.whiten(position)
    collector = Collector(target, position, random, draws, groups, begun)
    for step in run_chains(target, position, settings, random, kept, groups=groups, begin=chains):
        collector.add(step)
        watch(step)
        if step.event is Event.DRAW and groups == 1 and enough(collector):
            break
    return collector.samples()
