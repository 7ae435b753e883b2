"""Posteriors that the sampler benchmarks run on, and timing with the sides in turn, so that load affects all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from mtbkd_core import RunConfig, Task, load_task
from mtbkd_core.config.models import PriorConfig, SamplerConfig
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.prior import stack_priors
from mtbkd_core.samplers import warm_start as start_of_chains
from mtbkd_core.samplers.base import watched
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.students.mlp import DenseStudent
from mtbkd_core.students.registry import build_student

#: Widths from inputs to classes, and examples in a minibatch.
STUDENTS: dict[str, tuple[tuple[int, ...], int]] = {
    "64-32-10": ((64, 32, 10), 64),
    "320-128-10": ((320, 128, 10), 64),
    "647-128-10": ((647, 128, 10), 128),
}


def random_target(sizes: tuple[int, ...], *, examples: int = 1000, teachers: int = 3, seed: int = 0) -> LogPosterior:
    """The posterior of a student on random inputs, labels and teachers: times do not depend on their values."""
    generator = torch.Generator().manual_seed(seed)
    classes = sizes[-1]
    logits = 2 * torch.randn(teachers, examples, classes, generator=generator)
    return LogPosterior(
        DenseStudent(sizes, weight_scale=0.6),
        torch.rand(examples, sizes[0], generator=generator),
        torch.randint(classes, (examples,), generator=generator),
        stack_priors(logits, [PriorConfig()]),
    )


def digits_target(config: RunConfig) -> tuple[Task, LogPosterior]:
    """The digits, and the posterior on them under a configuration."""
    task = load_task("digits", teachers=config.data.teachers, split_seed=config.data.split_seed)
    student = build_student(config.student, task.x_train.shape[1], task.n_classes)
    mixture = stack_priors(task.teacher_logits(config.data.teachers), [config.prior])
    return task, LogPosterior(student, task.x_train, task.y_train, mixture)


def warm_start(target: LogPosterior, settings: SamplerConfig, seed: int) -> tuple[Tensor, float]:
    """The chains' starting positions, [S, P] whitened, and the seconds that fitting them took."""
    random = Randomness.seeded(seed)
    start = random.normal((settings.chains, target.student.n_parameters))
    started = time.perf_counter()
    position = watched(start_of_chains.warm_start(target, start, settings, random), lambda step: None)
    return position, time.perf_counter() - started


def seconds_per_call(
    sides: Mapping[str, Callable[[], object]], *, budget: float = 1.0, rounds: int = 7
) -> dict[str, float]:
    """Median over rounds of each side's seconds a call; sides take turns, each `budget` seconds in all."""
    counts = {}
    for name, call in sides.items():
        call()
        start = time.perf_counter()
        call()
        counts[name] = max(1, round(budget / rounds / (time.perf_counter() - start)))
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, call in sides.items():
            start = time.perf_counter()
            for _ in range(counts[name]):
                call()
            times[name].append((time.perf_counter() - start) / counts[name])
    return {name: statistics.median(found) for name, found in times.items()}
