"""The table: MT-BKD and every rival over seeds, and what MT-BKD gains, paired by seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import ttest_1samp

from mtbkd_core.baselines.registry import methods
from mtbkd_core.config import RunConfig
from mtbkd_core.progress import UserError
from mtbkd_core.tasks import load_task

#: A method's scores with one seed; None where a score is not defined there.
Row = dict[str, float | None]


@dataclass(frozen=True)
class Difference:
    """MT-BKD minus a rival, over paired seeds, with a 95 % interval (Student's t).

    There is no interval for one seed, and no difference where no seed gives both a score.
    """

    difference: float | None
    low: float | None
    high: float | None


def paired_difference(ours: Sequence[float | None], theirs: Sequence[float | None]) -> Difference:
    """The mean of ours minus theirs and its 95 % interval, over the seeds that both have a score for."""
    pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if a is not None and b is not None]
    if not pairs:
        return Difference(None, None, None)
    gap = np.array([a - b for a, b in pairs])
    if len(gap) < 2:
        return Difference(float(gap.mean()), None, None)
    if np.ptp(gap) == 0:
        return Difference(float(gap[0]), float(gap[0]), float(gap[0]))
    interval = ttest_1samp(gap, 0.0).confidence_interval(0.95)
    return Difference(float(gap.mean()), float(interval.low), float(interval.high))


@dataclass(frozen=True)
class Comparison:
    """Scores of every method, one a seed, and what MT-BKD gains over each.

    Attributes:
        methods: method -> score -> one number a seed; None where the score is not defined, as
            auroc_misclassification is for a method without an error.
        paired: rival -> score -> MT-BKD minus the rival.
    """

    task: str
    seeds: tuple[int, ...]
    methods: dict[str, dict[str, list[float | None]]]
    paired: dict[str, dict[str, Difference]]


def compare(
    config: RunConfig, seeds: Sequence[int], *, on_step: Callable[[int, str, Row], None] | None = None
) -> Comparison:
    """Run MT-BKD and every rival with each seed.

    A seed is a whole replication: it draws the split, trains the teachers and starts the chains anew.

    Args:
        config: MT-BKD's settings; its own seeds are replaced.
        seeds: at least one.
        on_step: told each seed, method and its scores as they come.
    Raises:
        UserError: no seed; otherwise as `distill`.
    """
    if not seeds:
        raise UserError("seeds: at least 1 is needed")
    table: dict[str, dict[str, list[float | None]]] = {}
    for seed, name, found in _runs(config, seeds):
        if on_step is not None:
            on_step(seed, name, found)
        for score, value in found.items():
            table.setdefault(name, {}).setdefault(score, []).append(value)
    ours = table["mt_bkd"]
    paired = {
        rival: {score: paired_difference(ours[score], theirs[score]) for score in theirs if score in ours}
        for rival, theirs in table.items()
        if rival != "mt_bkd"
    }
    return Comparison(config.task, tuple(seeds), table, paired)


def _runs(config: RunConfig, seeds: Sequence[int]) -> Iterator[tuple[int, str, Row]]:
    for seed in seeds:
        replicate = config.model_copy(update={"seed": seed, "split_seed": seed})
        task = load_task(config.task, teachers=config.teachers, split_seed=seed, n_train=config.n_train)
        for method in methods(replicate, task).values():
            for name, found in method().items():
                # a score that is not a number keeps its place, so that seeds stay paired
                yield seed, name, {score: _finite(value) for score, value in found.items()}


def _finite(value: object) -> float | None:
    return value if isinstance(value, float) and math.isfinite(value) else None
