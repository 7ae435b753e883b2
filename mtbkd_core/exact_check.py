"""The exact reference of a run's check for bias: HMC from where its chains ended."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtbkd_core.common.progress import Phase
from mtbkd_core.config.models import RunConfig
from mtbkd_core.evaluation.bias_check import ExactRun, run_exact
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.run_progress import Reporter, run_work
from mtbkd_core.samplers.base import Info
from mtbkd_core.samplers.randomness import Randomness

#: A configuration's seed is below it.
_CHECK_SEEDS = 2**31


def run_exactly(
    configs: Sequence[RunConfig], target: LogPosterior, ends: Sequence[Tensor], x: Tensor, report: Reporter
) -> list[ExactRun]:
    """Exact HMC from each configuration's chains' ends [S, P], one after the other; nothing where it is not asked for.

    Their predictions at x [M, F] are what is compared. Each has random numbers that no run of the configuration has
    used.
    """
    settings = configs[0].sampler
    if not settings.checks_bias:
        return []
    device, gradients = ends[0].device, int(run_work(settings, report.examples)[Phase.BIAS_CHECK])
    x, found = x.to(device), list[ExactRun]()
    for number, (config, position) in enumerate(zip(configs, ends, strict=True)):
        chains = torch.arange(number * settings.chains, (number + 1) * settings.chains, device=device)

        def watch(done: int, of: int, info: Info, number: int = number) -> None:
            message = "Comparing the draws with exact HMC"
            report(Phase.BIAS_CHECK, number * of + done, len(configs) * of, message, info)

        found.append(
            run_exact(
                target if len(configs) == 1 else target.of_chains(chains),
                position,
                x,
                gradients=gradients,
                temperature=settings.temperature,
                random=Randomness.seeded(_CHECK_SEEDS + config.seed, device),
                watch=watch,
            )
        )
    return found
