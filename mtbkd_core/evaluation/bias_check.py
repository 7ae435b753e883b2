"""Bias check: a sampler's draws compared with those of Hamiltonian Monte Carlo on the same posterior.

Chains that all take too long a step agree with each other on a density that is not the posterior, and R-hat does not
show it. HMC with Metropolis correction is exact at any step size. It starts where the chains ended, and leaves the
region that they sampled if that is not the posterior, because of their step or because they have not arrived yet. A
region that neither of them finds is missed by both; R-hat may show that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.config.choices import Algorithm
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.evaluation.diagnostics import R_HAT_LIMIT, mean_error, predictive_error, total_variation
from mtbkd_core.evaluation.records import Number, Record
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.samplers import hmc
from mtbkd_core.samplers.base import Event, Info, watched
from mtbkd_core.samplers.loop import run_chains
from mtbkd_core.samplers.randomness import Randomness

#: A difference of the log joint is a bias if it is at least this many standard errors, and at least this share of the
#: standard deviation of the log joint over HMC's draws. Where that many errors exceed that share, chance hides a bias.
ERRORS, DEVIATIONS = 3.0, 0.5
_TUNING_LEAPFROG = 8
#: A quarter of the prior's period in whitened coordinates: after it a Gaussian of that width has forgotten its start.
_DURATION = math.pi / 2
#: The least number of trajectories, and the share of them that is burn-in.
_FEWEST, _BURN_IN = 50, 0.25
_LEAST_GRADIENTS = 500

#: Called after every trajectory with gradients done, gradients in all, and the sampler's info.
Watch = Callable[[int, int, Info], None]


@dataclass(frozen=True)
class ExactRun:
    """Draws of HMC.

    Attributes:
        log_joint: [S, D].
        chain_means: [S, M, C], each chain's mean of the predictive probabilities.
        acceptance: mean of the D trajectories'.
        step_size: of the leapfrog, in whitened coordinates.
        leapfrog_steps: of a trajectory.
    """

    log_joint: Tensor
    chain_means: Tensor
    acceptance: float
    step_size: float
    leapfrog_steps: int


def check_gradients(sampling: float) -> int:
    """Gradients of a chain that the check takes, tuning included: as many as sampling took, at least 500."""
    return max(_LEAST_GRADIENTS, round(sampling))


def run_exact(
    target: LogPosterior,
    position: Tensor,
    x: Tensor,
    *,
    gradients: int,
    temperature: float,
    random: Randomness,
    watch: Watch,
) -> ExactRun:
    """Run HMC from where chains ended; its step size is tuned, and a quarter of its trajectories is burn-in.

    A trajectory is long enough for a Gaussian of the prior's width to forget its start, and short enough that there is
    room for fifty of them.

    Args:
        target: the posterior, of all examples.
        position: [S, P], whitened.
        x: [M, F], the inputs that are predicted.
        gradients: of a chain, from `check_gradients`.
        temperature: of the stationary density.
        watch: see `Watch`; it may raise to stop.
    """
    settings = SamplerConfig(algorithm=Algorithm.HMC, leapfrog_steps=_TUNING_LEAPFROG, temperature=temperature)
    tuned = watched(
        hmc.tune(target, position, settings, random),
        lambda step: watch(step.number * _TUNING_LEAPFROG, gradients, step.info),
    )
    tuning, step_size = hmc.SPEC.tuning_gradients(settings), float(tuned.step_sizes)
    steps = max(1, min(round(_DURATION / step_size), (gradients - tuning) // _FEWEST))
    trajectories = (gradients - tuning) // steps
    settings = settings.model_copy(update={"step_size": step_size, "leapfrog_steps": steps, "burn_in": 0})
    first = math.floor(_BURN_IN * trajectories) + 1
    student = target.student
    sums = position.new_zeros(len(position), len(x), student.sizes[-1])
    log_joint, acceptance = list[Tensor](), list[Tensor]()
    # not guarded: leaving what biased chains took for the posterior is what it is for
    for step in run_chains(target, tuned.position, settings, random, range(first, trajectories + 1), guarded=False):
        if step.event is Event.DRAW:
            assert step.info.acceptance is not None
            sums += student.probabilities(student.weight_scale * step.state.position, x)
            log_joint.append(step.info.log_joint)
            acceptance.append(step.info.acceptance)
        watch(gradients if step.number == trajectories else tuning + step.gradients, gradients, step.info)
    return ExactRun(
        torch.stack(log_joint, 1), sums / len(log_joint), float(torch.stack(acceptance).mean()), step_size, steps
    )


class BiasCheck(Record):
    """Difference between a sampler and HMC on the same posterior.

    Attributes:
        log_joint_difference: the sampler's mean minus that of HMC, in nats.
        log_joint_error: its Monte Carlo standard error.
        log_joint_sd: of HMC's draws.
        total_variation: mean distance of the predictive means over inputs.
        total_variation_error: Monte Carlo error of HMC itself; None for a single chain.
        acceptance, step_size, leapfrog_steps: of HMC.
        trajectories: that were kept.
    """

    log_joint_difference: Number = None
    log_joint_error: Number = None
    log_joint_sd: Number = None
    total_variation: Number = None
    total_variation_error: Number = None
    acceptance: Number = None
    step_size: Number = None
    leapfrog_steps: int | None = None
    trajectories: int | None = None

    @property
    def is_biased(self) -> bool | None:
        """Whether there is a bias that matters; None where Monte Carlo error would hide one."""
        difference, error, deviation = self.log_joint_difference, self.log_joint_error, self.log_joint_sd
        if difference is None or error is None or deviation is None:
            return None
        chance, matters = ERRORS * error, DEVIATIONS * deviation
        if abs(difference) > max(chance, matters):
            return True
        return False if max(chance, abs(difference)) <= matters else None

    @property
    def sentence(self) -> str:
        """The result in one line."""
        difference, error = self.log_joint_difference, self.log_joint_error
        if difference is None or error is None:
            return "Bias check: undecided, because chains stand still and their error cannot be worked out."
        of_hmc = self.total_variation_error
        measured = (
            f"the log joint of the draws is {abs(difference):.1f} nats {'below' if difference < 0 else 'above'} that "
            f"of exact HMC (standard error {error:.1f}, standard deviation of a draw {self.log_joint_sd:.1f}), and "
            f"predictions differ by {self.total_variation:.4f} in total variation"
            + ("" if of_hmc is None else f"; HMC's own error is {of_hmc:.4f}")
        )
        if self.is_biased:
            return (
                f"The draws are biased: {measured}. The step is too long, a gradient has too few examples, or, "
                f"where R-hat is above {R_HAT_LIMIT} too, the chains have not arrived yet."
            )
        if self.is_biased is None:
            return f"Bias check: undecided, {measured}. Only more draws or chains could tell a bias from chance."
        return f"Bias check: no relevant bias; {measured}."


def compare(exact: ExactRun, log_joint: Tensor, mean: Tensor) -> BiasCheck:
    """Compare a sampler with HMC.

    Args:
        log_joint: [S, D] of the sampler's draws.
        mean: [M, C], its predictive mean.
    """
    sampled, exact_joint = log_joint.double(), exact.log_joint.double()
    return BiasCheck(
        log_joint_difference=float(sampled.mean() - exact_joint.mean()),
        log_joint_error=math.hypot(mean_error(sampled), mean_error(exact_joint)),
        log_joint_sd=float(exact_joint.std()),
        total_variation=total_variation(mean.to(exact.chain_means), exact.chain_means.mean(0)),
        total_variation_error=predictive_error(exact.chain_means),
        acceptance=exact.acceptance,
        step_size=exact.step_size,
        leapfrog_steps=exact.leapfrog_steps,
        trajectories=exact.log_joint.shape[1],
    )
