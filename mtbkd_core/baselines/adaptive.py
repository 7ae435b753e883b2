"""Distillation along the teachers' common direction: weights that make the mean of their gradients shortest.

At every step the teachers' weights minimise the norm of the weighted mean of their losses' gradients on the student's
logits, so that no teacher's loss grows while the others' fall. The tolerance of the published method is left at its
loosest, where weights are bounded by 1 alone.

Sources: Du, You, Li, Wu, Wang, Qian and Zhang, "Agree to disagree: adaptive ensemble knowledge distillation in gradient
space", NeurIPS 2020 (AE-KD); Sener and Koltun, "Multi-task learning as multi-objective optimization", NeurIPS 2018
(the minimum by Frank and Wolfe's steps).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtbkd_core.baselines.base import Baseline, Problem, distillation_grid
from mtbkd_core.baselines.fitting import Settings, among, column, examples_last
from mtbkd_core.prior import named_classes, probabilities

#: Frank and Wolfe's steps; each halves the distance to the minimum or more where teachers are few.
_STEPS = 12


def shortest_weights(products: Tensor) -> Tensor:
    """Weights that minimise the norm of a weighted mean of vectors.

    Args:
        products: [S, K, K], inner products of K vectors.
    Returns:
        [S, K], non-negative, sums to 1 over K.
    """
    count = products.shape[-1]
    weights = torch.full_like(products[..., 0], 1 / count)
    if count == 1:
        return weights
    corners = torch.eye(count, dtype=products.dtype, device=products.device)
    tiny = torch.finfo(products.dtype).tiny
    for _ in range(_STEPS):
        # towards the vector that is shortest along the mean, and away from the longest: both ends of one exchange
        along = (products @ weights[..., None])[..., 0]
        best = along.argmin(-1)
        worst = torch.where(weights > 0, along, -torch.inf).argmax(-1)
        direction = corners[best] - corners[worst]
        slope = (along * direction).sum(-1)
        bend = (direction[:, None] @ products @ direction[..., None])[..., 0, 0].clamp_min(tiny)
        most = weights.gather(-1, worst[:, None])[:, 0]
        step = torch.minimum((-slope / bend).clamp_min(0), most)
        weights = (weights + step[:, None] * direction).clamp_min(0)
    return weights / weights.sum(-1, keepdim=True)


def adaptive_distillation(problem: Problem, settings: Sequence[Settings]) -> Tensor:
    """Classic distillation with the weights of `shortest_weights` at each step; [S, M, C].

    Each network has weights of its own, over the examples that a step takes together: all, or a piece of many. A
    teacher's loss is among the classes that it knows.
    """
    temperature, labels = problem.config.prior.temperature, problem.labels
    targets = examples_last(probabilities(problem.data.teacher_logits / temperature))
    known, targets = None if targets.isfinite().all() else ~targets.isnan(), targets.nan_to_num(0.0)
    weight = column(settings, "weight", targets) / temperature

    def pull(logits: Tensor, rows: Tensor | slice) -> Tensor:
        own = among((logits / temperature)[:, None], None if known is None else known[:, rows])
        gaps = targets[:, rows] - own  # [S, K, B, C]
        flat = gaps.transpose(-1, -2).flatten(2)
        shares = shortest_weights(flat @ flat.mT)
        return labels(logits, rows) + weight * (shares[..., None, None] * gaps).sum(1)

    return problem.fit(pull, settings).probabilities(problem.task.x_test)


BASELINES = (
    Baseline(
        "ae_kd",
        "AE-KD",
        "Classic distillation with the teachers' weights that make their gradients agree best, at every step.",
        distillation_grid,
        adaptive_distillation,
        fits=1.5,
        scaled=True,
        available=lambda problem: bool((named_classes(problem.data.teacher_logits) >= 0).all()),
        reason="it needs teachers that abstain at no example",
    ),
)
