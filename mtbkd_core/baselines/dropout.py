"""Monte Carlo dropout: hidden units are dropped at random, in training and in prediction.

Source: Gal and Ghahramani, "Dropout as a Bayesian approximation", ICML 2016.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import silu

from mtbkd_core.baselines.base import Baseline, Problem
from mtbkd_core.baselines.fitting import configured_student, fit_networks, soft_targets
from mtbkd_core.common.progress import stop_if
from mtbkd_core.distillation import find_device
from mtbkd_core.students.base import Pullback, Student
from mtbkd_core.students.cnn import ConvolutionalStudent

#: Chance that a hidden unit is dropped: the lowest of the usual rates, because on validation data scores get worse with
#: the rate; see benchmarks/settle.py.
DROPOUT_RATE = 0.05
#: Stochastic passes that a prediction averages.
PASSES = 100


def dropout_mask(size: tuple[int, ...], rate: float, generator: torch.Generator) -> Tensor:
    """0 with chance `rate`, else 1 / (1 - rate): independent, of mean 1, on the generator's device."""
    kept = torch.rand(size, generator=generator, device=generator.device) >= rate
    return kept / (1 - rate)


@dataclass(frozen=True)
class DropoutStudent(Student):
    """A student that drops hidden units, anew for every network, example and call.

    Attributes:
        rate: chance that a unit is dropped, from 0 (the student itself) to under 1.
        generator: of the masks; needed when the rate is not 0.
    """

    rate: float = 0.0
    generator: torch.Generator | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 1:
            raise ValueError(f"rate must be from 0 to under 1, got {self.rate}")
        if self.rate and self.generator is None:
            raise ValueError("a rate that is not 0 needs a generator")

    def logits(self, theta: Tensor, x: Tensor) -> Tensor:
        """Logits [S, N, C] of parameters [S, P] at inputs [N, F], with masks of their own."""
        layers = self.layers(theta)
        signal = x.t().expand(theta.shape[0], -1, -1)
        for weight, bias in layers[:-1]:
            signal = silu(torch.baddbmm(bias, weight, signal))
            if self.rate and self.generator is not None:
                signal = signal * dropout_mask(tuple(signal.shape), self.rate, self.generator)
        weight, bias = layers[-1]
        return torch.baddbmm(bias, weight, signal).transpose(1, 2)

    def vjp(self, theta: Tensor, x: Tensor) -> tuple[Tensor, Pullback]:
        """As `Student.vjp`, through the same masks both ways."""
        with torch.enable_grad():
            leaf = theta.detach().requires_grad_()
            logits = self.logits(leaf, x)
        return logits.detach(), lambda gradient: torch.autograd.grad(logits, leaf, gradient)[0]


@dataclass(frozen=True)
class DropoutCnn(ConvolutionalStudent):
    """A convolutional student that drops hidden units, anew for every network, example and call.

    Attributes:
        rate, generator: as in `DropoutStudent`.
    """

    rate: float = 0.0
    generator: torch.Generator | None = None

    def dropped(self, units: Tensor) -> Tensor:
        """Hidden units of a layer, some of them dropped."""
        if not self.rate or self.generator is None:
            return units
        return units * dropout_mask(tuple(units.shape), self.rate, self.generator)


def with_dropout(student: Student, rate: float, generator: torch.Generator) -> Student:
    """The student as one that drops hidden units."""
    if isinstance(student, ConvolutionalStudent):
        return DropoutCnn(**vars(student), rate=rate, generator=generator)
    return DropoutStudent(student.sizes, student.weight_scale, rate, generator)


@torch.no_grad()
def dropout_distillation(problem: Problem, *, rate: float = DROPOUT_RATE, passes: int = PASSES) -> Tensor:
    """Classic distillation from the teachers' mean with dropout, by one network per chain.

    A linear student has no hidden unit to drop: this is then `mean_distillation`.

    Args:
        rate: chance that a hidden unit is dropped.
        passes: stochastic passes that are averaged; `should_stop` is asked before each.
    Returns:
        [S, M, C], each network's probabilities on the test examples, mean over its passes.
    """
    config, task = problem.config, problem.task
    generator = torch.Generator(find_device(config.device)).manual_seed(config.seed)
    networks = fit_networks(
        config,
        task,
        soft_targets(problem.teacher_logits, config.prior.temperature),
        weight=problem.soft_weight,
        student=with_dropout(configured_student(config, task), rate, generator),
        generator=generator,
        should_stop=problem.should_stop,
    )
    total = networks.probabilities(task.x_test)
    for _ in range(passes - 1):
        stop_if(problem.should_stop)
        total += networks.probabilities(task.x_test)
    return total / passes


BASELINES = (
    Baseline(
        "mc_dropout",
        "MC dropout",
        "Classic distillation with dropout in prediction too: the mean of 100 passes.",
        dropout_distillation,
        fits=2.0,
    ),
)
