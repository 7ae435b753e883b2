"""Classic distillation from several teachers: their mean, or a mean weighted at each training example.

All of it fits one network per chain (see `fitting`) and differs in the soft targets alone. The teachers' weights sum to
1 at every example, so the weighted sum of the teachers' own distillation losses is, up to a constant, the loss from the
weighted mean of their probabilities.

Sources: Hinton, Vinyals and Dean, arXiv 1503.02531 (classic distillation); Kwon, Na, Lee and Kim, "Adaptive knowledge
distillation based on entropy", ICASSP 2020 (EBKD); Zhang, Chen and Wang, "Confidence-aware multi-teacher knowledge
distillation", ICASSP 2022 (CA-MKD).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.baselines.fitting import fit_networks, lesson_of, soft_targets
from mtbkd_core.common.progress import ShouldStop
from mtbkd_core.config.models import RunConfig
from mtbkd_core.prior import entropy_weights
from mtbkd_core.tasks.base import Task

#: Weight of the soft targets, for MT-BKD's own student; see benchmarks/log/defaults.md. Found on the digits' validation
#: examples, with the teachers' mean.
MEAN_WEIGHT = 2.0
#: Task -> the same, where it was looked for on the task's own validation examples: the best for the three kinds of soft
#: targets in the mean.
WEIGHTS: Mapping[str, float] = {"synthetic": 1.0, "synthetic-linear": 0.02}


@dataclass(frozen=True)
class Tuned:
    """What classic distillation was best with on a task's validation examples.

    Attributes:
        weight: of the teachers' mean.
        settings: in place of MT-BKD's own, as for `build_config`.
    """

    weight: float
    settings: Mapping[str, str]


_AS_THEY_COME = {"prior.temperature": "2", "prior.calibrated_teachers": "False"}
#: Task -> what was found there; nobody looked on other tasks.
TUNED: Mapping[str, Tuned] = {
    "digits": Tuned(0.5, {"student.weight_scale": "1.5"}),
    "synthetic": Tuned(0.25, {"student.weight_scale": "2.5"}),
    "synthetic-linear": Tuned(0.02, {"student.weight_scale": "1.5"}),
    "proteins": Tuned(5.0, {"student.weight_scale": "0.14", **_AS_THEY_COME}),
    "fashion": Tuned(18.0, {"student.weight_scale": "0.3", **_AS_THEY_COME}),
    "fashion-left-out": Tuned(18.0, {"student.weight_scale": "0.3", **_AS_THEY_COME}),
}


def mean_distillation(
    config: RunConfig, task: Task, *, weight: float = MEAN_WEIGHT, should_stop: ShouldStop | None = None
) -> Tensor:
    """Classic distillation from the mean of the teachers' tempered probabilities, by one network per chain.

    Args:
        weight: of the soft cross-entropy against the labels' own.
        should_stop: asked at every step; when true, the call ends with `Cancelled`.
    Returns:
        [S, M, C], each network's probabilities on the test examples.
    """
    return _distilled(config, task, None, weight, should_stop)


def entropy_weighted_distillation(
    config: RunConfig, task: Task, *, weight: float = MEAN_WEIGHT, should_stop: ShouldStop | None = None
) -> Tensor:
    """Classic distillation in which a teacher counts the more, the more certain it is at the example (EBKD).

    The idea is Kwon et al.'s; the formula is the one that the authors of CA-MKD publish for it in their code,
    w_ki proportional to 1 - H_ki / sum_j H_ji with H the entropy of what MT-BKD hears, here rescaled to sum to 1. It is
    MT-BKD's own `inverse_entropy` rule with equal base weights, whatever the configuration says.

    Args and returns as `mean_distillation`.
    """
    weights = entropy_weights(lesson_of(config, task).teacher_logits)
    return _distilled(config, task, weights, weight, should_stop)


def confidence_aware_distillation(
    config: RunConfig, task: Task, *, weight: float = MEAN_WEIGHT, should_stop: ShouldStop | None = None
) -> Tensor:
    """Classic distillation in which a teacher counts the more, the better it knows the example's label (CA-MKD).

    Only the part that works on logits: the published method also matches features of inner layers, and a teacher here
    may be no more than a table of its outputs. Args and returns as `mean_distillation`.
    """
    lesson = lesson_of(config, task)
    weights = confidence_weights(lesson.teacher_logits, lesson.labels)
    return _distilled(config, task, weights, weight, should_stop)


def confidence_weights(teacher_logits: Tensor, labels: Tensor) -> Tensor:
    """Weight of each teacher at each example: (1 - exp(L_ki) / sum_j exp(L_ji)) / (K - 1).

    L_ki is the cross-entropy with the label of what MT-BKD hears. A single teacher has weight 1; where there is
    no label, all teachers weigh alike. Source: Zhang, Chen and Wang, ICASSP 2022.

    Args:
        teacher_logits: [K, N, C].
        labels: [N], -1 where there is none.
    Returns:
        [K, N], non-negative, sums to 1 over K.
    """
    count = teacher_logits.shape[0]
    if count == 1:
        return torch.ones_like(teacher_logits[..., 0])
    index = labels.clamp_min(0).expand(count, -1)[..., None]
    loss = -teacher_logits.log_softmax(-1).gather(-1, index)[..., 0]
    return (1 - torch.where(labels >= 0, loss, 0.0).softmax(0)) / (count - 1)


def _distilled(
    config: RunConfig, task: Task, weights: Tensor | None, weight: float, should_stop: ShouldStop | None
) -> Tensor:
    soft = soft_targets(lesson_of(config, task).teacher_logits, config.prior.temperature, weights)
    return fit_networks(config, task, soft, weight=weight, should_stop=should_stop).probabilities(task.x_test)
