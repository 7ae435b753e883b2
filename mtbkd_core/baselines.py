"""The methods that MT-BKD is held against, on the same student, data and seeds, and the paired comparison.

* `no_teacher`: the same posterior without the mixture prior;
* `teacher:<name>`: the same posterior with that teacher alone (single-teacher BKD);
* `mean_kd`: one network by classic distillation from the mean of the teachers' tempered probabilities, on the student
  as it is configured, with the weight of the teachers that is best for it on validation data;
* `mean_kd_tuned`: the same, with the prior standard deviation of the weights chosen in its favour as well;
* `mean_kd_ensemble`, `mean_kd_tuned_ensemble`: as many such networks as there are chains, averaged, so that nothing
  wins by averaging alone.

Sources: Hinton, Vinyals and Dean, arXiv 1503.02531 (classic distillation); Fang et al., ICML 2024 (BKD).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import ttest_1samp
from torch import Tensor

from mtbkd_core.config import RunConfig
from mtbkd_core.distillation import distill, find_device
from mtbkd_core.evaluation.calibration import scores
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.prior import MixturePrior
from mtbkd_core.progress import UserError
from mtbkd_core.samplers import warm_start
from mtbkd_core.student import Student
from mtbkd_core.tasks import load_task
from mtbkd_core.tasks.base import Task

Scores = dict[str, float]

#: Adam steps of a classically distilled network.
_FIT_STEPS = 600
#: Weight of the teachers' mean, and of the tuned one with its weight scale; see benchmarks/settle_defaults.py.
MEAN_WEIGHT = 2.0
TUNED_MEAN_WEIGHT, TUNED_WEIGHT_SCALE = 0.25, 1.5


def mean_distillation(config: RunConfig, task: Task, *, weight: float = MEAN_WEIGHT) -> Tensor:
    """Classic distillation from the teachers' mean, by one network per chain.

    Each network maximises log likelihood + weight * sum_i sum_c tbar_ic log q_ic - ||theta||^2 / (2 sigma^2), with
    tbar the mean of the teachers' tempered probabilities: the mode of single-teacher BKD with that teacher. Each starts
    at its own draw of the prior.

    Args:
        weight: of the soft cross-entropy against the labels' own.
    Returns:
        [S, M, C], each network's probabilities on the test examples.
    """
    device = find_device(config.device)
    temperature = config.prior.temperature
    student = Student.build(config.student, task.x_train.shape[1], task.n_classes)
    generator = torch.Generator(device).manual_seed(config.seed)
    with torch.inference_mode():
        mean = (task.teacher_logits(config.teachers).to(device) / temperature).softmax(-1).mean(0, keepdim=True)
        logits = temperature * mean.clamp_min(torch.finfo(mean.dtype).tiny).log()
        mixture = MixturePrior.build(
            logits, torch.ones(mean.shape[:2], device=device), concentration=weight, temperature=temperature
        )
        target = LogPosterior(student, task.x_train.to(device), task.y_train.to(device), mixture)
        sampler = warm_start.build(target, steps=_FIT_STEPS)
        start = student.draw_whitened(config.sampler.chains, generator, device)
        state = sampler.init(start, generator)
        for _ in range(_FIT_STEPS):
            state, _ = sampler.update(state, None, generator)
        return student.probabilities(student.weight_scale * state.position, task.x_test.to(device)).cpu()


def methods(config: RunConfig, task: Task) -> dict[str, Callable[[], dict[str, Scores]]]:
    """Every method by name, each a call that runs it and gives the scores of what it is reported as."""

    def posterior(name: str, changed: RunConfig) -> Callable[[], dict[str, Scores]]:
        return lambda: {name: distill(changed, task=task).metrics["student"]}

    def classic(name: str, changed: RunConfig, weight: float) -> Callable[[], dict[str, Scores]]:
        def run() -> dict[str, Scores]:
            networks = mean_distillation(changed, task, weight=weight)
            return {
                name: scores(networks[0], task.y_test),
                f"{name}_ensemble": scores(networks.mean(0), task.y_test),
            }

        return run

    tuned = config.student.model_copy(update={"weight_scale": TUNED_WEIGHT_SCALE})
    prior = config.prior
    without = config.model_copy(update={"prior": prior.model_copy(update={"strength": 0.0})})
    alone = prior.model_copy(update={"base_weights": None, "entropy_temperatures": None})
    return {
        "mt_bkd": posterior("mt_bkd", config),
        "no_teacher": posterior("no_teacher", without),
        **{
            f"teacher:{name}": posterior(
                f"teacher:{name}", config.model_copy(update={"teachers": (name,), "prior": alone})
            )
            for name in config.teachers
        },
        "mean_kd": classic("mean_kd", config, MEAN_WEIGHT),
        "mean_kd_tuned": classic("mean_kd_tuned", config.model_copy(update={"student": tuned}), TUNED_MEAN_WEIGHT),
    }


@dataclass(frozen=True)
class Difference:
    """MT-BKD minus a rival, over paired seeds, with a 95 % interval (Student's t); no interval for one seed."""

    difference: float
    low: float | None
    high: float | None


def paired_difference(ours: Sequence[float], theirs: Sequence[float]) -> Difference:
    """The mean of ours minus theirs and its 95 % interval."""
    gap = np.subtract(ours, theirs)
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
        methods: method -> score -> one number a seed.
        paired: rival -> score -> MT-BKD minus the rival.
    """

    task: str
    seeds: tuple[int, ...]
    methods: dict[str, dict[str, list[float]]]
    paired: dict[str, dict[str, Difference]]


def compare(
    config: RunConfig, seeds: Sequence[int], *, on_step: Callable[[int, str, Mapping[str, float]], None] | None = None
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
    table: dict[str, dict[str, list[float]]] = {}
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


def _runs(config: RunConfig, seeds: Sequence[int]) -> Iterator[tuple[int, str, Scores]]:
    for seed in seeds:
        replicate = config.model_copy(update={"seed": seed, "split_seed": seed})
        task = load_task(config.task, teachers=config.teachers, split_seed=seed)
        for method in methods(replicate, task).values():
            for name, found in method().items():
                yield seed, name, {score: value for score, value in found.items() if math.isfinite(value)}
