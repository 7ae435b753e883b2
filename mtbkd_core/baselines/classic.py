"""Classic distillation from several teachers: their mean, or a mean weighted at each training example.

Each baseline fits one network per chain (see `fitting`) and differs in the soft targets alone. The teachers' weights
sum to 1 at every example, so the weighted sum of the teachers' own distillation losses is, up to a constant, the loss
from the weighted mean of their probabilities.

Sources: Hinton, Vinyals and Dean, arXiv 1503.02531 (classic distillation); Kwon, Na, Lee and Kim, "Adaptive knowledge
distillation based on entropy", ICASSP 2020 (EBKD); Zhang, Chen and Wang, "Confidence-aware multi-teacher knowledge
distillation", ICASSP 2022 (CA-MKD).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mtbkd_core.baselines.base import Baseline, Problem
from mtbkd_core.baselines.fitting import training_set_of
from mtbkd_core.catalog.settings import build_config
from mtbkd_core.prior import entropy_weights


@dataclass(frozen=True)
class Tuned:
    """The best weight and settings of classic distillation on a task's validation examples.

    Attributes:
        weight: of the teachers' mean.
        settings: in place of MT-BKD's own, as for `build_config`.
    """

    weight: float
    settings: Mapping[str, str]


_AS_THEY_COME = {"prior.temperature": "2", "prior.calibrated_teachers": "False"}
#: Task -> what was found there; other tasks were not tuned.
TUNED: Mapping[str, Tuned] = {
    "digits": Tuned(0.5, {"student.weight_scale": "1.5"}),
    "synthetic": Tuned(0.25, {"student.weight_scale": "2.5"}),
    "synthetic-linear": Tuned(0.02, {"student.weight_scale": "1.5"}),
    "proteins": Tuned(5.0, {"student.weight_scale": "0.14", **_AS_THEY_COME}),
    "fashion": Tuned(18.0, {"student.weight_scale": "0.3", **_AS_THEY_COME}),
    "fashion-left-out": Tuned(18.0, {"student.weight_scale": "0.3", **_AS_THEY_COME}),
}


def mean_distillation(problem: Problem) -> Tensor:
    """Classic distillation from the mean of the teachers' tempered probabilities; [S, M, C]."""
    return problem.networks.probabilities(problem.task.x_test)


def tuned_distillation(problem: Problem) -> Tensor:
    """`mean_distillation` with the weight and settings of `TUNED`; [S, M, C]."""
    best = TUNED[problem.task.name]
    config = build_config(best.settings.items(), base=problem.config)
    return mean_distillation(replace(problem, config=config, weight=best.weight))


def entropy_weighted_distillation(problem: Problem) -> Tensor:
    """Classic distillation in which a teacher counts more where it is more certain (EBKD); [S, M, C].

    The idea is Kwon et al.'s; the formula is the one that the authors of CA-MKD publish for it in their code,
    w_ki proportional to 1 - H_ki / sum_j H_ji with H the entropy of the teacher as the prior has it, here rescaled to
    sum to 1. It is MT-BKD's own `inverse_entropy` rule with equal base weights, for every configuration.
    """
    return problem.fit(entropy_weights(problem.teacher_logits)).probabilities(problem.task.x_test)


def confidence_aware_distillation(problem: Problem) -> Tensor:
    """Classic distillation in which a teacher counts more where it knows the label better (CA-MKD); [S, M, C].

    Only the part that works on logits: the published method also matches features of inner layers, and a teacher here
    may be no more than a table of its outputs.
    """
    training_set = training_set_of(problem.config, problem.task)
    weights = confidence_weights(training_set.teacher_logits, training_set.labels)
    return problem.fit(weights).probabilities(problem.task.x_test)


def confidence_weights(teacher_logits: Tensor, labels: Tensor) -> Tensor:
    """Weight of each teacher at each example: (1 - exp(L_ki) / sum_j exp(L_ji)) / (K - 1).

    L_ki is the cross-entropy of teacher k with the label. A single teacher has weight 1; without a label, all teachers
    have equal weights. Source: Zhang, Chen and Wang, ICASSP 2022.

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


BASELINES = (
    Baseline(
        "mean_kd",
        "Mean KD",
        "Classic distillation: one network, from the mean of the teachers' probabilities.",
        mean_distillation,
    ),
    Baseline(
        "mean_kd_tuned",
        "Mean KD, tuned",
        "Classic distillation with the weight and settings that are best on validation examples.",
        tuned_distillation,
        available=lambda problem: problem.task.name in TUNED,
        reason="it has not been tuned for this task",
    ),
    Baseline(
        "ebkd",
        "EBKD",
        "Classic distillation in which a teacher counts more where it is more certain.",
        entropy_weighted_distillation,
    ),
    Baseline(
        "ca_mkd",
        "CA-MKD",
        "Classic distillation in which a teacher counts more where it knows the label better.",
        confidence_aware_distillation,
    ),
)
