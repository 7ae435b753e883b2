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

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.evaluation.errors import jackknife_error
from mtbkd_core.prior import MixturePrior

FACTORS = (0.9, 1.1)
#: Above this the importance weights are not to be relied on.
PARETO_LIMIT = 0.7


@dataclass(frozen=True)
class Change:
    """How an answer changes, and the sampler's standard error of that (jackknife over chains; None for one chain)."""

    value: float | None
    error: float | None

    @property
    def clear(self) -> bool:
        """Whether it is more than two standard errors from zero."""
        return self.value is not None and self.error is not None and abs(self.value) > 2 * self.error


@dataclass(frozen=True)
class Sensitivity:
    """How the predictive mean answers to one teacher's base weight.

    Attributes:
        factors: [F] by which the base weight was multiplied.
        mass: [F + 1, S], the share of all weight that each chain has; the first row is that of the run itself.
        sums: [F + 1, S, M, C], each chain's part of the predictive mean.
        pareto_k: [F].
    """

    factors: tuple[float, ...]
    mass: Tensor
    sums: Tensor
    pareto_k: tuple[float, ...]

    @property
    def means(self) -> Tensor:
        """[F, M, C], the predictive means with each factor."""
        return self.sums[1:].sum(1)

    @property
    def reliable(self) -> bool:
        """Whether the draws at hand can tell."""
        return max(self.pareto_k) <= PARETO_LIMIT

    def changes(self, answer: Callable[[Tensor], float | None]) -> list[Change]:
        """How an answer that is worked out from the predictive mean [M, C] changes, for each factor."""
        whole = [answer(each) for each in self.sums.sum(1)]
        chains = self.sums.shape[1]
        others = (
            [
                (self.sums.sum(1) - self.sums[:, out]) / (self.mass.sum(1) - self.mass[:, out])[:, None, None]
                for out in range(chains)
            ]
            if chains > 1
            else []
        )
        left_out = [[answer(each) for each in row] for row in others]
        return [
            Change(_gap(whole, place), jackknife_error([_gap(row, place) for row in left_out]))
            for place in range(1, len(whole))
        ]


def _gap(answers: Sequence[float | None], place: int) -> float | None:
    before, after = answers[0], answers[place]
    return None if before is None or after is None else after - before


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
        log_weights: [F, K, S D] of `log_importance` with its default factors.
        probabilities: [S, D, M, C], of the same draws at the inputs that are asked about.
        efficiency: effective draws over draws.
    Returns:
        one for each of the K teachers.
    """
    chains, draws = probabilities.shape[:2]
    flat = probabilities.flatten(2).double()
    even = torch.full((chains, draws), 1 / (chains * draws), dtype=torch.float64, device=flat.device)
    found = []
    for teacher in range(log_weights.shape[1]):
        each = [smoothed_weights(log_weights[place, teacher], efficiency) for place in range(len(FACTORS))]
        weights = torch.stack([even, *(own.to(flat).view(chains, draws) for own, _ in each)])
        sums = torch.einsum("fsd,sdn->fsn", weights, flat).unflatten(-1, probabilities.shape[2:])
        found.append(Sensitivity(FACTORS, weights.sum(-1), sums, tuple(k for _, k in each)))
    return found
