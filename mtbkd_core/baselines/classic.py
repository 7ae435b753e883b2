"""Classic distillation from several teachers: their mean, or a mean weighted at each training example.

Each baseline differs in the soft targets alone. The teachers' weights sum to 1 at every example, so the weighted sum of
the teachers' own distillation losses is, up to a constant, the loss from the weighted mean of their probabilities.

Sources: Hinton, Vinyals and Dean, arXiv 1503.02531 (classic distillation); Kwon, Na, Lee and Kim, "Adaptive knowledge
distillation based on entropy", ICASSP 2020 (EBKD); Zhang, Chen and Wang, "Confidence-aware multi-teacher knowledge
distillation", ICASSP 2022 (CA-MKD).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtbkd_core.baselines.base import Baseline, Problem, distillation_grid
from mtbkd_core.baselines.fitting import Settings
from mtbkd_core.prior import entropy_weights


def mean_distillation(problem: Problem, settings: Sequence[Settings]) -> Tensor:
    """Classic distillation from the mean of the teachers' tempered probabilities; [S, M, C]."""
    return problem.networks(settings).probabilities(problem.task.x_test)


def entropy_weighted_distillation(problem: Problem, settings: Sequence[Settings]) -> Tensor:
    """Classic distillation in which a teacher counts more where it is more certain (EBKD); [S, M, C].

    The idea is Kwon et al.'s; the formula is the one that the authors of CA-MKD publish for it in their code,
    w_ki proportional to 1 - H_ki / sum_j H_ji with H the entropy of the teacher as the prior has it, here rescaled to
    sum to 1. It is MT-BKD's own `inverse_entropy` rule with equal base weights, for every configuration.
    """
    weights = entropy_weights(problem.data.teacher_logits)
    return problem.fit(problem.soft_pull(settings, weights), settings).probabilities(problem.task.x_test)


def confidence_aware_distillation(problem: Problem, settings: Sequence[Settings]) -> Tensor:
    """Classic distillation in which a teacher counts more where it knows the label better (CA-MKD); [S, M, C].

    Only the part that works on logits: the published method also matches features of inner layers, and a teacher here
    may be no more than a table of its outputs.
    """
    weights = confidence_weights(problem.data.teacher_logits, problem.data.labels)
    return problem.fit(problem.soft_pull(settings, weights), settings).probabilities(problem.task.x_test)


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
        distillation_grid,
        mean_distillation,
        scaled=True,
    ),
    Baseline(
        "ebkd",
        "EBKD",
        "Classic distillation in which a teacher counts more where it is more certain.",
        distillation_grid,
        entropy_weighted_distillation,
        scaled=True,
    ),
    Baseline(
        "ca_mkd",
        "CA-MKD",
        "Classic distillation in which a teacher counts more where it knows the label better.",
        distillation_grid,
        confidence_aware_distillation,
        scaled=True,
    ),
)
