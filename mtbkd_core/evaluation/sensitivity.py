"""Each teacher's sensitivity: how an answer moves when the teacher counts a little more or less.

A teacher's base weight is multiplied by 0.9 and by 1.1, the weights are renormalised at each example, and the draws at
hand are reweighted by importance: no student is sampled anew. With r_ki the responsibility and w_ki the weight of
teacher k at example i, a draw's log importance weight is

    alpha sum_i [ log(1 + (f - 1) r_ki) - log(1 + (f - 1) w_ki) ],

whose second term is the same for every draw. Smoothed by Pareto's law; a Pareto k above 0.7 says that the draws at hand
cannot tell. Nor can they where the chains disagree: weight then moves between chains that a new run would place
elsewhere, which Pareto k does not see. Sources: Kallioinen, Paananen, Bürkner and Vehtari, Statistics and Computing
2024 (power-scaling); Vehtari, Simpson, Gelman, Yao and Gabry, JMLR 25, 2024 (smoothing).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mtbkd_core.evaluation.calibration import Array
from mtbkd_core.evaluation.errors import interval, jackknife_error, kept_chains, standard_error
from mtbkd_core.prior import MixturePrior

FACTORS = (0.9, 1.1)
#: Above this the importance weights are not to be relied on.
PARETO_LIMIT = 0.7


@dataclass(frozen=True)
class Change:
    """How an answer changes.

    Attributes:
        value: None where the answer is not defined.
        sampler: its standard error by the jackknife over chains; None for one chain.
        test_set: its paired standard error from a test set of this size; None where the answer is not about one.
        chains: that the sampler's error was worked out from.
    """

    value: float | None
    sampler: float | None
    test_set: float | None = None
    chains: int = 0

    @property
    def half_width(self) -> float | None:
        """Of its 95 % interval under both errors; None where the sampler's is not known."""
        if self.sampler is None:
            return None
        return math.hypot(interval(0.0, self.sampler, self.chains - 1)[1], interval(0.0, self.test_set or 0.0)[1])

    @property
    def clear(self) -> bool:
        """Whether its 95 % interval leaves out zero."""
        return self.value is not None and self.half_width is not None and abs(self.value) > self.half_width

    @property
    def clear_here(self) -> bool:
        """The same on these test examples, whatever others would say: under the sampler's error alone."""
        return replace(self, test_set=None).clear


@dataclass(frozen=True)
class Sensitivity:
    """How the predictive mean answers to one teacher's base weight.

    Attributes:
        factors: [F] by which the base weight was multiplied.
        mass: [F + 1, S], the share of all weight that each chain has; the first row is that of the run itself.
        sums: [F + 1, S, M, C], each chain's part of the predictive mean.
        pareto_k: [F].
        chains_agree: of the run that the draws are from.
    """

    factors: tuple[float, ...]
    mass: Tensor
    sums: Tensor
    pareto_k: tuple[float, ...]
    chains_agree: bool = True

    @property
    def means(self) -> Tensor:
        """[F, M, C], the predictive means with each factor."""
        return self.sums[1:].sum(1)

    def changes(
        self,
        answer: Callable[[Tensor], float | None],
        resampled: Callable[[Tensor], Array] | None = None,
    ) -> list[Change]:
        """How an answer that is worked out from the predictive mean [M, C] changes, for each factor.

        Args:
            resampled: the answer [B] on bootstrap samples of the test set, where it is about one.
        """
        whole = [answer(each) for each in self.sums.sum(1)]
        chains = self.sums.shape[1]
        kept = list(kept_chains(chains).to(self.sums)) if chains > 1 else []
        others = [torch.einsum("s,fsmc->fmc", row, self.sums) / (self.mass @ row)[:, None, None] for row in kept]
        left_out = [[answer(each) for each in row] for row in others]
        samples = [] if resampled is None else [resampled(each) for each in self.sums.sum(1)]
        spread = [standard_error(each - samples[0]) for each in samples[1:]] or [None] * (len(whole) - 1)
        return [
            Change(_gap(whole, place), jackknife_error([_gap(row, place) for row in left_out], chains), error, chains)
            for place, error in enumerate(spread, 1)
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
