"""Networks fitted to whatever pulls on their logits, side by side: the start of every baseline and of all tuning.

Each network of the chain axis may have a weight scale and settings of its own, so that a grid is one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from mtbkd_core.common.parallel import together
from mtbkd_core.common.progress import ShouldStop, stop_if
from mtbkd_core.config.models import RunConfig
from mtbkd_core.posterior import Density
from mtbkd_core.prior import mean_of_teachers, prior_logits, probabilities
from mtbkd_core.samplers import warm_start
from mtbkd_core.samplers.base import minibatch
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.students.base import Student, element_budget, softmax
from mtbkd_core.students.registry import build_student
from mtbkd_core.tasks.base import Task, TrainingSet

#: The least number of Adam steps of a fitted network.
FIT_STEPS = 600
#: What the data say: logits [S, B, C] and the examples [B] that they are of (None: all) -> the gradient of the log
#: joint's data term on these logits [S, B, C].
Pull = Callable[[Tensor, Tensor | slice], Tensor]
#: A network's own settings by name; see `base.SETTINGS`.
Settings = Mapping[str, float]


def fit_steps(config: RunConfig) -> int:
    """Adam steps of a fitted network: no fewer than MT-BKD's own warm start takes."""
    return max(FIT_STEPS, config.sampler.warm_start_steps)


def column(settings: Sequence[Settings], name: str, like: Tensor) -> Tensor:
    """[S, 1, 1], a setting of each network."""
    return torch.tensor([each[name] for each in settings], dtype=like.dtype, device=like.device)[:, None, None]


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
        teacher_logits: [K, N, C]; -inf: a class that the teacher does not know.
        temperature: T, that the logits are divided by.
        weights: [K, N], which sum to 1 over K; None: all equal.
    Returns:
        [N, C]; see `mean_of_teachers`.
    """
    return mean_of_teachers(probabilities(teacher_logits / temperature), weights)


def among(logits: Tensor, known: Tensor | None) -> Tensor:
    """Softmax [..., C] over the classes that are known; 0 at others. None: all are."""
    if known is None:
        return softmax(logits)
    return logits.masked_fill(~known, -torch.inf).softmax(-1).masked_fill(~known, 0.0)


def examples_last(values: Tensor) -> Tensor:
    """The same [..., N, C] with examples contiguous in memory, as the student's logits are."""
    return values.transpose(-1, -2).contiguous().transpose(-1, -2)


def label_pull(labels: Tensor, classes: int) -> Pull:
    """The gradient of the log likelihood of labels [N], -1 where there is none: onehot(y) - p on labelled examples."""
    known = (labels >= 0)[:, None].float()
    truth, whole = examples_last(one_hot(labels.clamp_min(0), classes) * known), bool(known.all())

    def pull(logits: Tensor, rows: Tensor | slice) -> Tensor:
        p = softmax(logits)
        return truth[rows] - (p if whole else known[rows] * p)

    return pull


@dataclass(frozen=True)
class Fit:
    """The log joint of networks, as far as its gradient: a data term by its pull, and a Gaussian prior.

    Attributes:
        student: its own weight scale does not count.
        x: [N, F].
        pull: see `Pull`.
        scale: [S, 1], each network's weight scale.
        anchor: [S, P] whitened centre of the Gaussian prior; None: zero.
    """

    student: Student
    x: Tensor
    pull: Pull
    scale: Tensor
    anchor: Tensor | None = None

    def __call__(self, position: Tensor, batch: Tensor | None = None) -> Density:
        """The gradient at whitened positions [S, P]; a minibatch's is rescaled. The log joint is not worked out: 0."""
        theta, count = self.scale * position, len(self.x) if batch is None else len(batch)
        rows = max(1, element_budget(theta.device) // (len(theta) * max(self.student.sizes[1:])))

        def of(start: int) -> Tensor:
            part: Tensor | slice = slice(start, start + rows) if batch is None else batch[start : start + rows]
            logits, pullback = self.student.vjp(theta, self.x[part])
            return pullback(self.pull(logits, part))

        pieces = [partial(of, start) for start in range(0, count, rows)]
        # dropped units are drawn in order, so that they are the same again
        found = together(pieces) if self.student.drop is None else [piece() for piece in pieces]
        gradient = sum(found[1:], found[0])
        offset = position if self.anchor is None else position - self.anchor
        gradient = gradient.mul_(len(self.x) / count * self.scale).sub_(offset)
        return Density(gradient.new_zeros(len(gradient)), gradient)

    def climb(
        self, start: Tensor, steps: int, size: int | None, random: Randomness, should_stop: ShouldStop | None
    ) -> Tensor:
        """Where `steps` steps of Adam lead from whitened positions [S, P].

        Args:
            size: examples of a gradient; None: all.
            should_stop: asked at every step.
        Raises:
            Cancelled: `should_stop` was true.
        """
        adam = warm_start.build(self, steps=steps)
        state = adam.init(start, random)
        for _ in range(steps):
            stop_if(should_stop)
            state, _ = adam.update(state, minibatch(self.x, size, random), random)
        position: Tensor = state.position
        return position


def training_set_of(config: RunConfig, task: Task) -> TrainingSet:
    """The training set of every network: examples with and without labels, and the teachers as MT-BKD's prior has them.

    Where the prior has calibrated teachers, so has the training set.
    """
    training_set = task.training_set(config.data.teachers, config.data.n_unlabelled)
    return replace(training_set, teacher_logits=prior_logits(training_set.teacher_logits, config.prior))


def configured_student(config: RunConfig, task: Task) -> Student:
    """The student that a configuration asks for, on a task's inputs and classes."""
    return build_student(config.student, task.x_train.shape[1], task.n_classes, task.image_shape)
