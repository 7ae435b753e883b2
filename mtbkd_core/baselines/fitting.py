"""Networks fitted to labels and soft targets, one a chain: the start of every baseline that gives networks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mtbkd_core.common.progress import ShouldStop, stop_if
from mtbkd_core.config.models import RunConfig
from mtbkd_core.distillation import find_device
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.prior import MixturePrior, prior_logits
from mtbkd_core.samplers.base import watched
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.samplers.warm_start import climb
from mtbkd_core.students.base import Student
from mtbkd_core.students.registry import build_student
from mtbkd_core.tasks.base import Task, TrainingSet

#: The least number of Adam steps of a fitted network.
FIT_STEPS = 600


def fit_steps(config: RunConfig) -> int:
    """Adam steps of a fitted network: no fewer than MT-BKD's own warm start takes."""
    return max(FIT_STEPS, config.sampler.warm_start_steps)


@dataclass(frozen=True)
class Networks:
    """Fitted networks: the student and its parameters [S, P]."""

    student: Student
    theta: Tensor

    def probabilities(self, x: Tensor) -> Tensor:
        """[S, M, C], each network's probabilities at inputs [M, F], on the CPU."""
        return self.student.probabilities(self.theta, x.to(self.theta.device)).cpu()


def soft_targets(teacher_logits: Tensor, temperature: float, weights: Tensor | None = None) -> Tensor:
    """Mean over the teachers of their tempered probabilities.

    Args:
        teacher_logits: [K, N, C].
        temperature: T, that the logits are divided by.
        weights: [K, N], which sum to 1 over K; None: all equal.
    Returns:
        [N, C].
    """
    tempered = (teacher_logits / temperature).softmax(-1)
    return tempered.mean(0) if weights is None else (weights[..., None] * tempered).sum(0)


@torch.no_grad()
def fit_networks(
    config: RunConfig,
    task: Task,
    soft: Tensor,
    *,
    weight: float,
    student: Student | None = None,
    generator: torch.Generator | None = None,
    should_stop: ShouldStop | None = None,
) -> Networks:
    """Fit one network per chain to the labels and to soft targets.

    Each network maximises log likelihood + weight * sum_i sum_c soft_ic log q_ic - ||theta||^2 / (2 sigma^2), with q
    its own probabilities at the distillation temperature: the mode of single-teacher BKD with the soft targets as the
    teacher and the weight as the concentration. Each starts at its own draw of the prior.

    Args:
        soft: [N, C] probabilities on the examples of `training_set_of`.
        weight: of the soft cross-entropy against the labels' own.
        student: the network; None: the configured one.
        generator: of the starts and of a random student; None: a new one with the configured seed.
        should_stop: asked at every step.
    Raises:
        Cancelled: `should_stop` was true.
    """
    device = find_device(config.device)
    temperature = config.prior.temperature
    student = student or configured_student(config, task)
    mean = soft.to(device)[None]
    logits = temperature * mean.clamp_min(torch.finfo(mean.dtype).tiny).log()
    weights = torch.ones(mean.shape[:2], device=device)
    mixture = MixturePrior.build(logits, weights, concentration=weight, temperature=temperature)
    training_set = training_set_of(config, task).to(device)
    target = LogPosterior(student, training_set.x, training_set.labels, mixture)
    size = config.sampler.warm_start_batch_size or config.sampler.batch_size
    random = Randomness(generator or torch.Generator(device).manual_seed(config.seed))
    start = random.normal((config.sampler.chains, student.n_parameters))
    end = watched(climb(target, start, fit_steps(config), size, random), lambda step: stop_if(should_stop))
    return Networks(student, student.weight_scale * end)


def training_set_of(config: RunConfig, task: Task) -> TrainingSet:
    """The training set of every network: examples with and without labels, and the teachers as MT-BKD's prior has them.

    Where the prior has calibrated teachers, so has the training set.
    """
    training_set = task.training_set(config.data.teachers, config.data.n_unlabelled)
    return replace(training_set, teacher_logits=prior_logits(training_set.teacher_logits, config.prior))


def configured_student(config: RunConfig, task: Task) -> Student:
    """The student that a configuration asks for, on a task's inputs and classes."""
    return build_student(config.student, task.x_train.shape[1], task.n_classes, task.image_shape)
