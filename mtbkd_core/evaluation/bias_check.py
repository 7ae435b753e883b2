"""Whether a sampler's step has biased it: its draws held against Hamiltonian Monte Carlo on the same posterior.

Chains that all take too long a step agree with one another on something else than the posterior: R-hat says nothing.
HMC with Metropolis correction is exact at any step size: begun where the chains ended, it leaves what they sampled if
that was not the posterior, be it for the step or because the chains had yet to arrive. A region that neither finds they
miss alike; that is R-hat's to tell.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mtbkd_core.config.choices import Algorithm
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.evaluation.diagnostics import R_HAT_LIMIT, mean_error, monte_carlo_error, total_variation
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.samplers import hmc
from mtbkd_core.samplers.base import Event, Info, watched
from mtbkd_core.samplers.loop import run_chains
from mtbkd_core.samplers.randomness import Randomness

#: A difference of the log joint is a bias where it is so many standard errors, and so much of the standard deviation
#: that the log joint has over HMC's draws. Where so many errors are more than that, a bias cannot be told from chance.
ERRORS, DEVIATIONS = 3.0, 0.5
_TUNING_LEAPFROG = 8
#: A quarter of the prior's period in whitened coordinates: after it a Gaussian so wide has forgotten where it began.
_DURATION = math.pi / 2
#: Trajectories at least, whatever their length; of them the share that is thrown away.
_FEWEST, _BURN_IN = 50, 0.25
_LEAST_GRADIENTS = 500

#: Told after every trajectory: gradients done, gradients in all, and what it showed.
Watch = Callable[[int, int, Info], None]


@dataclass(frozen=True)
class ExactRun:
    """What HMC found.

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
    """Gradients of a chain that the check takes, its tuning included: as many as the sampling's, or 500."""
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

    A trajectory is as long as makes a Gaussian of the prior's width forget its start, but not longer than leaves room
    for fifty of them.

    Args:
        target: the posterior, of all examples.
        position: [S, P], whitened.
        x: [M, F], what is predicted.
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


def compare(exact: ExactRun, log_joint: Tensor, mean: Tensor) -> dict[str, Any]:
    """What the difference between a sampler and HMC is, as it stands in metrics.json; None where it is not defined.

    Args:
        log_joint: [S, D] of the sampler's draws.
        mean: [M, C], its predictive mean.
    Returns:
        "log_joint_difference": the sampler's mean minus HMC's, in nats; "log_joint_error": its Monte Carlo standard
        error; "log_joint_sd": of HMC's draws; "total_variation": mean distance of the predictive means over inputs;
        "total_variation_error": HMC's own Monte Carlo error, None for a single chain; "acceptance"; "step_size";
        "leapfrog_steps"; "trajectories" that were kept.
    """
    theirs, exact_joint = log_joint.double(), exact.log_joint.double()
    found = {
        "log_joint_difference": float(theirs.mean() - exact_joint.mean()),
        "log_joint_error": math.hypot(mean_error(theirs), mean_error(exact_joint)),
        "log_joint_sd": float(exact_joint.std()),
        "total_variation": total_variation(mean.to(exact.chain_means), exact.chain_means.mean(0)),
        "total_variation_error": monte_carlo_error(exact.chain_means) if len(exact.chain_means) > 1 else math.nan,
        "acceptance": exact.acceptance,
        "step_size": exact.step_size,
    }
    return {name: value if math.isfinite(value) else None for name, value in found.items()} | {
        "leapfrog_steps": exact.leapfrog_steps,
        "trajectories": exact.log_joint.shape[1],
    }


def is_biased(found: Mapping[str, Any]) -> bool | None:
    """Whether what `compare` gave shows a bias that matters; None where Monte Carlo error would hide one."""
    difference, error = found["log_joint_difference"], found["log_joint_error"]
    if difference is None or error is None:
        return None
    chance, matters = ERRORS * error, DEVIATIONS * found["log_joint_sd"]
    if abs(difference) > max(chance, matters):
        return True
    return False if max(chance, abs(difference)) <= matters else None


def sentence(found: Mapping[str, Any]) -> str:
    """The same for a person, in one line."""
    biased = is_biased(found)
    difference, error = found["log_joint_difference"], found["log_joint_error"]
    if difference is None or error is None:
        return "Bias check: undecided, for chains stand still and their error cannot be worked out."
    of_chance = found["total_variation_error"]
    own = "" if of_chance is None else f"; HMC's own error is {of_chance:.4f}"
    measured = (
        f"the log joint of the draws is {abs(difference):.1f} nats {'below' if difference < 0 else 'above'} that of "
        f"exact HMC (standard error {error:.1f}, standard deviation of a draw {found['log_joint_sd']:.1f}), and "
        f"predictions differ by {found['total_variation']:.4f} in total variation{own}"
    )
    if biased:
        return (
            f"The draws miss the posterior: {measured}. The step is too long, a gradient's examples are too few, or, "
            f"where R-hat is above {R_HAT_LIMIT} too, the chains have yet to arrive."
        )
    if biased is None:
        return f"Bias check: undecided, {measured}. Only more draws or chains could tell a bias from chance."
    return f"Bias check: none that matters; {measured}."
