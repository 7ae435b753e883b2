"""A run's draws under another prior: reweighted by importance in place of a new run.

Two posteriors of the same student and data differ in their mixture priors alone. With log m_i the one that was sampled
and log m'_i another, a draw's log importance weight is, up to a constant,

    alpha' sum_i log m'_i - alpha sum_i log m_i,

over the posterior temperature. The largest weights are smoothed by Pareto's law; its shape k says whether the draws at
hand can tell. Source: Vehtari, Simpson, Gelman, Yao and Gabry, "Pareto smoothed importance sampling", JMLR 25, 2024.
S chains, D draws, R other priors, N training examples, M inputs that are asked about, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import torch
from torch import Tensor

from mtbkd_core.evaluation.calibration import Array
from mtbkd_core.evaluation.errors import interval, jackknife_error, kept_chains, standard_error
from mtbkd_core.prior import MixturePrior

#: Below the first the weights are as good as those of many draws, above the second they are not to be relied on.
RELIABLE, PARETO_LIMIT = 0.5, 0.7
#: Nats between the largest and the smallest weight below which all are as good as even.
_EVEN = 0.01


class Trust(StrEnum):
    """Whether the draws at hand can tell, by Pareto k."""

    RELIABLE = "reliable"
    ROUGH = "rough"
    UNRELIABLE = "unreliable"

    @classmethod
    def of(cls, pareto_k: float) -> Trust:
        """What a Pareto k says."""
        if pareto_k < RELIABLE:
            return cls.RELIABLE
        return cls.ROUGH if pareto_k <= PARETO_LIMIT else cls.UNRELIABLE


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
class Reweighted:
    """What draws say on average, by themselves and under other priors.

    Attributes:
        mass: [R + 1, S], the share of all weight that each chain has; the first row is that of the run itself.
        sums: [R + 1, S, ...], each chain's part of the mean.
        pareto_k: [R].
        chains_agree: of the run that the draws are from.
    """

    mass: Tensor
    sums: Tensor
    pareto_k: tuple[float, ...]
    chains_agree: bool = True

    @property
    def means(self) -> Tensor:
        """[R, ...], the means under the other priors."""
        return self.sums[1:].sum(1)

    @property
    def own(self) -> Tensor:
        """[...], the mean of the run itself."""
        return self.sums[0].sum(0)

    def changes(
        self,
        answer: Callable[[Tensor], float | None],
        resampled: Callable[[Tensor], Array] | None = None,
    ) -> list[Change]:
        """How an answer that is worked out from the mean changes, for each of the R priors.

        Args:
            resampled: the answer [B] on bootstrap samples of the test set, where it is about one.
        """
        whole = [answer(each) for each in self.sums.sum(1)]
        chains, axes = self.sums.shape[1], (..., *[None] * (self.sums.ndim - 2))
        kept = list(kept_chains(chains).to(self.sums)) if chains > 1 else []
        others = [torch.einsum("s,rs...->r...", row, self.sums) / (self.mass @ row)[axes] for row in kept]
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


@dataclass(frozen=True)
class Weights:
    """Smoothed weights of draws under R other priors.

    Attributes:
        values: [R + 1, S, D], each row sums to 1; the first is even, the run itself.
        pareto_k: [R].
    """

    values: Tensor
    pareto_k: tuple[float, ...]

    @classmethod
    def smoothed(cls, log_weights: Tensor, efficiency: float = 1.0) -> Weights:
        """From log importance weights [R, S, D], in nats, up to a constant of each row.

        Args:
            efficiency: effective draws over draws.
        """
        each = [smoothed_weights(row.flatten(), efficiency) for row in log_weights]
        even = torch.full_like(log_weights[0], 1 / log_weights[0].numel())
        rows = [weights.to(even).view_as(even) for weights, _ in each]
        return cls(torch.stack([even, *rows]), tuple(k for _, k in each))

    def of(self, values: Tensor) -> Reweighted:
        """The means of what the draws say, [S, D, ...]."""
        weights, flat = self.values.to(values).transpose(0, 1), values.flatten(2)
        sums = torch.bmm(weights, flat).transpose(0, 1).unflatten(-1, values.shape[2:])
        return Reweighted(self.values.sum(-1), sums.double(), self.pareto_k)

    @property
    def effective(self) -> list[float]:
        """[R], of how many independent draws with even weights the weighted ones are worth, by Kish's formula."""
        return [float(each) for each in 1 / self.values[1:].square().sum((1, 2))]


def log_prior(mixture: MixturePrior, logits: Tensor) -> Tensor:
    """[D], the prior's part of the log joint, alpha sum_i log m_i, of draws with logits [D, N, C], in nats."""
    rows = max(1, 2**22 // max(1, mixture.targets.numel()))
    each = [mixture.log_density(mixture.terms(piece)[0]).double().sum(-1) for piece in logits.split(rows)]
    return mixture.strength.double() * torch.cat(each)


def smoothed_weights(log_weights: Tensor, efficiency: float = 1.0) -> tuple[Tensor, float]:
    """Pareto-smoothed weights [D] that sum to 1, and Pareto k, of log importance weights [D].

    Where no weight is more than 1 % above another there is no tail to fit: they stay as they are, and k is 0.

    Args:
        log_weights: in nats, up to a constant.
        efficiency: effective draws over draws.
    """
    from arviz_stats.base import array_stats

    if float(log_weights.max() - log_weights.min()) < _EVEN:
        return log_weights.softmax(-1), 0.0
    # it is given log likelihoods, whose negative is a log weight in leave-one-out cross-validation
    smoothed, k = array_stats.psislw(-log_weights.cpu().numpy(), r_eff=efficiency)
    return torch.as_tensor(smoothed).softmax(-1), float(k)
