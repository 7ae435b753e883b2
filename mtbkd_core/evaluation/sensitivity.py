"""Each teacher's sensitivity: how an answer moves when the teacher counts a little more or less.

A teacher's base weight is multiplied by 0.9 and by 1.1, the weights are renormalised at each example, and the draws at
hand are reweighted by importance: no student is sampled anew. With r_ki the responsibility and w_ki the weight of
teacher k at example i, a draw's log importance weight is

    alpha sum_i [ log(1 + (f - 1) r_ki) - log(1 + (f - 1) w_ki) ],

whose second term is the same for every draw. Smoothed by Pareto's law; a Pareto k above 0.7 says that the draws at hand
cannot tell. Sources: Kallioinen, Paananen, Bürkner and Vehtari, Statistics and Computing 2024 (power-scaling);
Vehtari, Simpson, Gelman, Yao and Gabry, JMLR 25, 2024 (smoothing).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.prior import MixturePrior

FACTORS = (0.9, 1.1)
#: Above this the importance weights are not to be relied on.
PARETO_LIMIT = 0.7


@dataclass(frozen=True)
class Sensitivity:
    """How the predictive mean answers to one teacher's base weight.

    Attributes:
        factors: [F] by which the base weight was multiplied.
        means: [F, M, C], the predictive means then.
        pareto_k: [F].
    """

    factors: tuple[float, ...]
    means: Tensor
    pareto_k: tuple[float, ...]

    @property
    def reliable(self) -> bool:
        """Whether the draws at hand can tell."""
        return max(self.pareto_k) <= PARETO_LIMIT


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
        share = terms.softmax(-2).double()
        found.append(torch.stack([torch.log1p((factor - 1) * share).sum(-1).T for factor in factors]))
    return mixture.strength.double() * torch.cat(found, -1)


def smoothed_weights(log_weights: Tensor, efficiency: float = 1.0) -> tuple[Tensor, float]:
    """Pareto-smoothed weights [D] that sum to 1, and Pareto k, of log importance weights [D].

    Args:
        log_weights: in nats, up to a constant.
        efficiency: effective draws over draws.
    """
    from arviz_stats.base import array_stats

    if float(log_weights.max() - log_weights.min()) < 1e-9:  # all equal: there is no tail to fit
        return torch.full_like(log_weights, 1 / len(log_weights)), 0.0
    # it is given log likelihoods, whose negative is a log weight in leave-one-out cross-validation
    smoothed, k = array_stats.psislw(-log_weights.cpu().numpy(), r_eff=efficiency)
    return torch.as_tensor(smoothed).softmax(-1), float(k)


def sensitivity(log_weights: Tensor, probabilities: Tensor, efficiency: float = 1.0) -> list[Sensitivity]:
    """Each teacher's sensitivity.

    Args:
        log_weights: [F, K, D] of `log_importance` with its default factors.
        probabilities: [D, M, C], of the same draws at the inputs that are asked about.
        efficiency: effective draws over draws.
    Returns:
        one for each of the K teachers.
    """
    flat = probabilities.flatten(1).double()
    found = []
    for teacher in range(log_weights.shape[1]):
        each = [smoothed_weights(log_weights[place, teacher], efficiency) for place in range(len(FACTORS))]
        means = torch.stack([(weights.to(flat) @ flat).view(probabilities.shape[1:]) for weights, _ in each])
        found.append(Sensitivity(FACTORS, means, tuple(k for _, k in each)))
    return found
