"""A run that is done goes on: the same chains, from where they stand."""

from __future__ import annotations

from dataclasses import replace

import torch
from pydantic import BaseModel, ConfigDict, Field

from mtbkd_core.catalog.registry import load_task
from mtbkd_core.common.files import content_hash
from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.config.choices import Algorithm, Schedule
from mtbkd_core.course import Goal, Going, OnKeep
from mtbkd_core.distillation import MAX_DRAWS_BYTES, distill_from
from mtbkd_core.result import Result
from mtbkd_core.samplers.chains import Chains, Standing
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.samplers.schedule import kept_steps
from mtbkd_core.snapshot import OnSnapshot
from mtbkd_core.tasks.base import Task


class More(BaseModel):
    """What a run that goes on is asked for; the first that is reached ends it.

    Attributes:
        draws: of a chain in all; None: as many as the others allow.
        until: as `SamplerConfig.until`.
        seconds: of sampling, from when it goes on.
        gradients: of one chain in all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    draws: int | None = Field(None, ge=1)
    until: float | None = Field(None, gt=0)
    seconds: float | None = Field(None, gt=0)
    gradients: int | None = Field(None, ge=1)


def more_of(
    result: Result,
    *,
    draws: int | None = None,
    until: float | None = None,
    seconds: float | None = None,
    gradients: int | None = None,
) -> More:
    """What is asked for beyond a result: more draws of a chain, or until something else is reached.

    None of all: as many draws again. A precision without a budget may take ten times the gradients that the run took.

    Raises:
        UserError: nothing more, draws that need too much memory, or an end that the sampler cannot have.
    """
    named = {"draws": draws, "until": until, "seconds": seconds, "gradients": gradients}
    for name, value in named.items():
        if value is not None and not value > 0:
            raise UserError(f"extend: got {name} {value:g}, needs a number above 0")
    chains, _, parameters = result.draws.shape
    there = draws_of(result)
    sampler, spent = result.config.sampler, result.metrics.diagnostics.gradients or 0
    if until is None and seconds is None and gradients is None:
        whole = there + (there if draws is None else draws)
        needed = 4 * chains * whole * parameters
        if needed > MAX_DRAWS_BYTES:
            raise UserError(
                f"extend: {chains} chains x {whole} draws in all take {needed / 2**30:.1f} GiB, at most "
                f"{MAX_DRAWS_BYTES / 2**30:.0f} GiB are allowed"
            )
        return More(draws=whole)
    if draws is not None:
        raise UserError("extend: got draws and something else that ends it; allowed: one of them")
    if until is not None and chains < 2:
        raise UserError(f"extend: got until {until:g}, but one chain has no error")
    if sampler.algorithm is Algorithm.SGLD and sampler.schedule is Schedule.DECAYING:
        raise UserError("extend: decaying steps go on for a number of draws alone")
    if until is not None and seconds is None and gradients is None:
        gradients = 10 * max(spent, 1)
    return More(until=until, seconds=seconds, gradients=None if gradients is None else spent + gradients)


def extend(
    result: Result,
    *,
    draws: int | None = None,
    until: float | None = None,
    seconds: float | None = None,
    gradients: int | None = None,
    task: Task | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    on_snapshot: OnSnapshot | None = None,
) -> Result:
    """Sample longer: the same chains go on from where they stand, and the draws that are there stay.

    Without a budget in seconds, the draws are those of a run that was asked for as many from the start. A result of a
    former version has no state of its chains: they go on from their last draws with the step size that they had,
    which is exact, too.

    Args:
        draws: more of each chain; None, and nothing else is given: as many again.
        until: until the sampler's error of the predictive mean is at most this, as a total variation distance.
        seconds, gradients: budgets, of sampling from now on, and of one chain.
        task, on_progress, should_stop, on_snapshot: as `distill`.
    Raises:
        UserError: as `more_of` and `distill`; data or teachers that have changed since.
        Cancelled: `should_stop` said so.
    """
    more = more_of(result, draws=draws, until=until, seconds=seconds, gradients=gradients)
    return extend_from(
        None, result, more, task=task, on_progress=on_progress, should_stop=should_stop, on_snapshot=on_snapshot
    )


def extend_from(
    kept: Going | None,
    result: Result,
    more: More,
    *,
    task: Task | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
    on_snapshot: OnSnapshot | None = None,
    on_keep: OnKeep | None = None,
) -> Result:
    """As `extend`; `kept` are draws behind the result's that an earlier attempt has left."""
    config = result.asked or result.config
    if task is None:
        task = load_task(result.config.data, on_progress=on_progress, should_stop=should_stop)
    if task.fingerprint_of(result.config.data.teachers) != result.environment.get("fingerprint"):
        raise UserError("extend: the data or the teachers have changed since this run; distill it again")
    going = _going(result)
    if kept is not None:
        positions, log_joint = (
            torch.cat([mine, new], 1)
            for mine, new in ((going.positions, kept.positions), (going.log_joint, kept.log_joint))
        )
        going = replace(going, positions=positions, log_joint=log_joint, standing=kept.standing)
    draws = None if more.draws is None else max(more.draws, going.positions.shape[1] + 1)
    longer = distill_from(
        going,
        config,
        task=task,
        on_progress=on_progress,
        should_stop=should_stop,
        on_snapshot=on_snapshot,
        on_keep=on_keep,
        goal=Goal(draws, more.until, more.seconds, more.gradients),
    )
    if result.standing is None:  # where its warm start ended is not known, but its scores are
        test = replace(longer.predictions.test, warm_start=result.predictions.test.warm_start)
        longer = replace(
            longer,
            predictions=replace(longer.predictions, test=test),
            metrics=longer.metrics.model_copy(update={"warm_start": result.metrics.warm_start}),
        )
    return replace(longer, sampling=longer.sampling | {"extended": result.sampling.get("extended", 0) + 1})


def draws_of(result: Result) -> int:
    """Draws of a chain that a saved result surely has; fewer than in one file where saving was cut short."""
    return min(result.draws.shape[1], result.predictions.log_joint.shape[1])


def _going(result: Result) -> Going:
    """A result as a run that has draws and goes on.

    Raises:
        UserError: it was saved without the step size of its chains.
    """
    count = draws_of(result)
    positions = result.draws[:, :count] / result.config.student.weight_scale
    log_joint = result.predictions.log_joint[:, :count].float()
    found, settings = result.metrics.diagnostics, result.config.sampler
    standing = result.standing
    if standing is None:
        if found.step_size is None:
            raise UserError("extend: this run was saved without its step size; distill it again")
        number = kept_steps(settings, positions.shape[1])[-1]
        chains = Chains({}, number, found.step_size, found.gradients or 0, found.restarts)
        seed = int(content_hash(str(result.config.seed), str(positions.shape[1]))[:15], 16)
        seconds = (found.seconds_warm_start or 0.0, found.seconds_sampling or 0.0)
        standing = Standing(chains, positions[:, -1], Randomness.seeded(seed).generator.get_state(), seconds)
    return Going(positions, log_joint, standing, result.config, result.strength)
