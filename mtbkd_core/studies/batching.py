"""All examples or a minibatch at every step, by the measured cost of a gradient.

A measurement is not the same twice, so a run never takes one by itself: what is suggested goes into the configuration
before the run begins, and the run is as reproducible as any.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from mtbkd_core.config.models import RunConfig
from mtbkd_core.distillation import find_device, target_of
from mtbkd_core.samplers.base import minibatch
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.tasks.base import Task

#: Seconds of one gradient of all chains: a run of 2,000 longer ones keeps people waiting. Minibatches are quicker and
#: biased: their noise adds to the sampler's own (SGHMC in benchmarks/log/samplers.md), so they are for then alone.
LONGEST_GRADIENT = 0.02
#: A minibatch that costs more than this share of all examples gains too little for its noise.
_MOST_COST = 0.5
_SMALLEST, _MOST_SIZES, _REPEATS = 64, 5, 3


@dataclass(frozen=True)
class BatchSuggestion:
    """What was measured, and what follows from it.

    Attributes:
        batch_size: as `RunConfig.sampler.batch_size`; None: all examples.
        seconds: of one gradient of all chains, by the number of examples; the last is all of them.
        chains: how many there are.
    """

    batch_size: int | None
    seconds: Mapping[int, float]
    chains: int

    @property
    def reason(self) -> str:
        """Why, in one sentence or two."""
        count = max(self.seconds)
        limit = f"{1000 * LONGEST_GRADIENT:g} ms"
        measured = f"One gradient of all {count:,} examples takes {_ms(self.seconds[count])} for {self.chains} chains"
        if self.batch_size is not None:
            within = "" if self.seconds[self.batch_size] <= LONGEST_GRADIENT else f", though not within {limit}"
            return (
                f"{measured}, more than {limit}; of {self.batch_size:,} it takes {_ms(self.seconds[self.batch_size])}"
                f"{within}. Minibatches are quicker, and their noise makes the posterior too wide: "
                "a shorter step size lessens it."
            )
        if self.seconds[count] <= LONGEST_GRADIENT:
            return f"{measured}, not more than {limit}: all examples at every step."
        cheapest = min(self.seconds, key=lambda size: self.seconds[size])
        if cheapest == count:
            return f"{measured}, and no minibatch is quicker: all examples at every step."
        return f"{measured}; even of {cheapest:,} it takes {_ms(self.seconds[cheapest])}: all examples at every step."


def suggest_batch_size(
    config: RunConfig, task: Task, *, clock: Callable[[], float] = time.perf_counter
) -> BatchSuggestion:
    """Time one gradient of all examples and of a few minibatches, and choose; a few times as long as that takes.

    HMC and MCLMC need all examples; for them nothing else is measured.

    Args:
        config: of any batch size.
        task: the configuration's, loaded.
        clock: seconds from anywhere.
    Raises:
        UserError: as `distill`: a device that is not there, or draws that need too much memory.
    """
    free = config.model_copy(update={"sampler": config.sampler.model_copy(update={"batch_size": None})})
    if free.prior.strength is None:  # a gradient costs the same at every strength
        free = free.model_copy(update={"prior": free.prior.model_copy(update={"strength": 1.0})})
    device = find_device(free.device)
    target = target_of([free], task, device)
    random = Randomness.seeded(free.seed, device)
    position = random.normal((free.sampler.chains, target.student.n_parameters))
    count = len(target.labels)

    def measured(size: int) -> float:
        batch = minibatch(target.labels, size, random)
        took = []
        for _ in range(1 + _REPEATS):  # the first also pays for what is set up once
            began = clock()
            target(position, batch).log_joint.sum().item()
            took.append(clock() - began)
        return min(took[1:])

    sizes = [] if "sampler.batch_size" not in free.sampler.algorithm.uses else minibatch_sizes(count)
    with torch.no_grad():
        seconds = {size: measured(size) for size in [*sizes, count]}
    return BatchSuggestion(choose_batch_size(seconds), seconds, free.sampler.chains)


def minibatch_sizes(count: int) -> list[int]:
    """A few powers of two from 64 on, of at most half the examples."""
    sizes = [_SMALLEST * 2**power for power in range(_MOST_SIZES)]
    return [size for size in sizes if size <= count / 2]


def choose_batch_size(seconds: Mapping[int, float]) -> int | None:
    """The minibatch to use, or None for all examples.

    All examples where their gradient is quick, or where no minibatch takes half as long or less; else the largest
    minibatch that is quick, or the quickest where none is.

    Args:
        seconds: of one gradient, by the number of examples; the largest number is all of them.
    """
    count = max(seconds)
    if seconds[count] <= LONGEST_GRADIENT:
        return None
    worthwhile = [size for size in seconds if size < count and seconds[size] <= _MOST_COST * seconds[count]]
    quick = [size for size in worthwhile if seconds[size] <= LONGEST_GRADIENT]
    return max(quick) if quick else min(worthwhile, key=lambda size: seconds[size], default=None)


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.2g} ms" if seconds < 0.1 else f"{1000 * seconds:.0f} ms"
