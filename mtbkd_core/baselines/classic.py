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
from mtbkd_core.prior import entropy_weights, probabilities


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

    L_ki is the cross-entropy of teacher k with the label. A single teacher has weight 1; without a label, or one that
    no teacher knows, all teachers that do not abstain have equal weights; else those that know it share the weight.
    Source: Zhang, Chen and Wang, ICASSP 2022.

    Args:
        teacher_logits: [K, N, C]; -inf: a class that the teacher does not know.
        labels: [N], -1 where there is none.
    Returns:
        [K, N], non-negative, sums to 1 over K; 0 where all teachers abstain.
    """
    said = probabilities(teacher_logits)
    index = labels.clamp_min(0).expand(len(said), -1)[..., None]
    speak, loss = ~said.isnan().all(-1), -teacher_logits.log_softmax(-1).gather(-1, index)[..., 0]
    asked = (labels >= 0) & (speak & loss.isfinite()).any(0)
    heard = speak & (loss.isfinite() | ~asked)
    share = torch.where(asked, loss, 0.0).masked_fill(~heard, -torch.inf).softmax(0)
    others = heard.sum(0) - 1
    return torch.where(heard, torch.where(others > 0, (1 - share) / others, 1.0), 0.0)


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
