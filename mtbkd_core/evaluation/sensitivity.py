"""Each teacher's sensitivity: how an answer moves when the teacher counts a little more or less.

A teacher's base weight is multiplied by 0.9 and by 1.1, the weights are renormalised at each example, and the draws at
hand are reweighted by importance (`reweighting`): no student is sampled anew. With r_ki the responsibility and w_ki the
weight of teacher k at example i, a draw's log importance weight is

    alpha sum_i [ log(1 + (f - 1) r_ki) - log(1 + (f - 1) w_ki) ],

whose second term is the same for every draw. Where the chains disagree the draws cannot tell: weight then moves between
chains that a new run would place elsewhere, which Pareto k does not see. Source: Kallioinen, Paananen, Bürkner and
Vehtari, Statistics and Computing 2024 (power-scaling).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtbkd_core.evaluation.reweighting import Reweighted, Weights
from mtbkd_core.prior import MixturePrior

FACTORS = (0.9, 1.1)


def log_importance(mixture: MixturePrior, logits: Tensor, factors: Sequence[float] = FACTORS) -> Tensor:
    """Log importance weights of draws when each teacher's base weight is multiplied by each factor.

    Args:
        mixture: at the N training examples, without a chain axis.
        logits: [D, N, C], the student's at them under each draw.
        factors: F positive numbers.
    Returns:
        [F, K, D], in nats, up to a constant for each factor and teacher.
    """
    found = []
    for piece in logits.split(max(1, 2**22 // max(1, mixture.targets.numel()))):
        terms, _ = mixture.terms(piece)
        share = mixture.shares(terms).double()
        found.append(torch.stack([torch.log1p((factor - 1) * share).sum(-1).T for factor in factors]))
    return mixture.strength.double() * torch.cat(found, -1)


def sensitivity(log_weights: Tensor, probabilities: Tensor, efficiency: float = 1.0) -> list[Reweighted]:
    """How the predictive mean answers to each teacher's base weight.

    Args:
        log_weights: [F, K, S D] of `log_importance`.
        probabilities: [S, D, M, C], of the same draws at the inputs that are asked about.
        efficiency: effective draws over draws.
    Returns:
        for each of the K teachers, under each of the F factors.
    """
    each = log_weights.transpose(0, 1).unflatten(-1, probabilities.shape[:2])
    return [Weights.smoothed(rows, efficiency).of(probabilities) for rows in each]
