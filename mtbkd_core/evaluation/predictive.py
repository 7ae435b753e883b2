"""From posterior draws to predictions: means, marginal modes, intervals, deviance and the entropy split.

Source of mode, deviance and its bound: arXiv 2605.27967. Of the entropy split: Depeweg et al., ICML 2018. S chains, D
draws each, M inputs, C classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.common.progress import UserError
from mtbkd_core.evaluation.errors import left_out
from mtbkd_core.evaluation.modes import modes
from mtbkd_core.evaluation.sets import LEVEL, ascending, credible_sets, mass_threshold
from mtbkd_core.students.base import Student, element_budget


@dataclass(frozen=True)
class Predictive:
    """What the posterior predicts for M inputs.

    Attributes:
        mean: [M, C] posterior mean of the class probabilities.
        mode: [M, C] marginal modes, one of each class probability by kernel density, renormalised to sum to 1: the
            paper's point estimate. It is not the mode of the joint density.
        low, high: [M, C] equal-tailed 95 % credible interval.
        hdi_low, hdi_high: [M, C] shortest (highest-density) 95 % credible interval.
        deviance: [M] E[-2 sum_c p_c log p_c], in nats: the paper's uncertainty score.
        deviance_bound: [M] -2 log u, u the largest threshold with E[sum_c p_c 1(p_c >= u)] of at least the level.
        prediction_set: [M, C] booleans, the smallest set of classes whose mean probabilities reach the level.
        total, aleatoric, epistemic: [M] in nats; H(E p) = E H(p) + mutual information.
    """

    mean: Tensor
    mode: Tensor
    low: Tensor
    high: Tensor
    hdi_low: Tensor
    hdi_high: Tensor
    deviance: Tensor
    deviance_bound: Tensor
    prediction_set: Tensor
    total: Tensor
    aleatoric: Tensor
    epistemic: Tensor


@dataclass(frozen=True)
class Uncertainty:
    """How sure a posterior mean is of M inputs, in nats: [M] each, as in `Predictive`; and that mean [M, C]."""

    mean: Tensor
    aleatoric: Tensor

    @property
    def total(self) -> Tensor:
        """[M], the entropy of the mean."""
        return entropy(self.mean)

    @property
    def epistemic(self) -> Tensor:
        """[M], the mutual information between prediction and student."""
        return (self.total - self.aleatoric).clamp_min(0)

    @property
    def deviance(self) -> Tensor:
        """[M], E[-2 sum_c p_c log p_c]."""
        return 2 * self.aleatoric


@dataclass(frozen=True)
class ByChain:
    """What each of S chains says of M inputs.

    Attributes:
        mean: [S, M, C], of its draws' class probabilities.
        aleatoric: [S, M] in nats, of their entropies.
    """

    mean: Tensor
    aleatoric: Tensor

    @classmethod
    def of(cls, draws: Tensor) -> ByChain:
        """From draws [S, D, M, C]."""
        return cls(draws.mean(1), torch.stack([entropy(chain).mean(0) for chain in draws]))

    def without_some(self) -> list[Uncertainty]:
        """The posterior of each of `errors.kept_chains` alone; nothing for a single chain."""
        if len(self.mean) < 2:
            return []
        pairs = zip(left_out(self.mean), left_out(self.aleatoric), strict=True)
        return [Uncertainty(mean, aleatoric) for mean, aleatoric in pairs]


def entropy(probabilities: Tensor) -> Tensor:
    """Entropy over the last axis, in nats; 0 log 0 is 0."""
    parts: Tensor = torch.special.entr(probabilities)
    return parts.sum(-1)


def summarise(probabilities: Tensor) -> Predictive:
    """Summarise draws of class probabilities.

    Args:
        probabilities: [S, D, M, C]; rows sum to 1.
    Raises:
        ValueError: another shape, or no draw.
        UserError: a probability that is not finite, as of a student with logits that overflow.
    """
    if probabilities.ndim != 4 or probabilities.shape[0] * probabilities.shape[1] == 0:
        raise ValueError(
            f"probabilities must be [S, D, M, C] with at least one draw, got shape {tuple(probabilities.shape)}"
        )
    draws = probabilities.flatten(0, 1)
    if not torch.isfinite(draws).all():
        raise UserError("probabilities: must be finite; a student's logits are NaN or infinite")
    rows = max(1, element_budget(draws.device) // (draws.shape[0] * draws.shape[2]))
    pieces = [vars(_summarise(piece)) for piece in draws.split(rows, 1)]
    return Predictive(**{name: torch.cat([piece[name] for piece in pieces]) for name in pieces[0]})


def _summarise(draws: Tensor) -> Predictive:
    """`summarise`, of draws [D, M, C]."""
    mean = draws.mean(0)
    aleatoric = entropy(draws).mean(0)
    total = entropy(mean)
    ordered = ascending(draws.movedim(0, -1))
    low, high = equal_tailed(ordered)
    hdi_low, hdi_high = _shortest(ordered)
    threshold = mass_threshold(draws, LEVEL)
    return Predictive(
        mean=mean,
        mode=modes(ordered),
        low=low,
        high=high,
        hdi_low=hdi_low,
        hdi_high=hdi_high,
        deviance=2 * aleatoric,
        deviance_bound=-2 * threshold.log(),
        prediction_set=credible_sets(mean),
        total=total,
        aleatoric=aleatoric,
        epistemic=(total - aleatoric).clamp_min(0),
    )


def equal_tailed(ordered: Tensor) -> tuple[Tensor, Tensor]:
    """The equal-tailed 95 % interval of sorted draws [..., D], linearly interpolated between `quantile_places`."""

    def quantile(share: float) -> Tensor:
        below, above, part = quantile_places(share, ordered.shape[-1])
        return torch.lerp(ordered[..., below], ordered[..., above], part)

    return quantile((1 - LEVEL) / 2), quantile((1 + LEVEL) / 2)


def quantile_places(share: float, count: int) -> tuple[int, int, float]:
    """The two places in the order of so many draws that a quantile lies between, and how far it is from the first.

    The q-quantile of D draws is placed at (D + 1) q in their order, so that a further independent draw falls between
    the ends with the level's probability however few draws there are: at 1 + (D - 1) q, as is usual, 160 draws lost 2.4
    points of coverage (benchmarks/log/coverage.md). Fewer than 39 draws have no such ends: they are the outermost
    draws. Source: definition 6 in Hyndman and Fan, "Sample quantiles in statistical packages", 1996.
    """
    place = min(max(share * (count + 1) - 1, 0), count - 1)
    below = int(place)
    return below, min(below + 1, count - 1), place - below


def _shortest(ordered: Tensor) -> tuple[Tensor, Tensor]:
    """The shortest interval that holds the level's share of sorted draws [..., D]."""
    count = ordered.shape[-1]
    span = min(count - 1, int(LEVEL * count))
    width = ordered[..., span:] - ordered[..., : count - span]
    start = width.argmin(-1, keepdim=True)
    return ordered.gather(-1, start)[..., 0], ordered.gather(-1, start + span)[..., 0]


def predict(
    student: Student,
    draws: Tensor,
    x: Tensor,
    *,
    memory: int = 2**22,
    inputs: Callable[[Tensor], Tensor] = lambda x: x,
    by_chain: Callable[[ByChain], object] | None = None,
) -> Predictive:
    """Predict inputs [M, F] with draws [S, D, P], in pieces: no intermediate holds more than `memory` numbers.

    Args:
        inputs: makes what the student sees of a piece [m, F].
        by_chain: is given what each chain says of each piece, in order.
    """
    shape = draws.shape[:2]
    theta = draws.flatten(0, 1)
    rows = max(1, memory // (len(theta) * max(student.sizes[1:])))
    whole: dict[str, Tensor] = {}
    for start in range(0, max(1, len(x)), rows):
        part = inputs(x[start : start + rows])
        probabilities = student.probabilities(theta, part).unflatten(0, shape)
        piece = summarise(probabilities)
        if by_chain is not None:
            by_chain(ByChain.of(probabilities))
        # copied, since a piece's quantiles are views that would keep all of its draws
        for name, value in vars(piece).items():
            whole.setdefault(name, value.new_empty((len(x), *value.shape[1:])))[start : start + rows] = value
    return Predictive(**whole)


def predict_by_chain(student: Student, draws: Tensor, x: Tensor) -> tuple[Predictive, ByChain]:
    """`predict`, and what each chain says."""
    pieces: list[ByChain] = []
    found = predict(student, draws, x, by_chain=pieces.append)
    return found, ByChain(
        torch.cat([each.mean for each in pieces], 1), torch.cat([each.aleatoric for each in pieces], 1)
    )


def thin(draws: Tensor, most: int) -> Tensor:
    """Keep at most `most` of S x D draws [S, D, ...], evenly spread, the same in every chain."""
    index = thinned(draws, most)
    return draws if len(index) == draws.shape[1] else draws[:, index]


def thinned(draws: Tensor, most: int) -> Tensor:
    """[d], the draws that `thin` keeps of every chain."""
    chains, count = draws.shape[:2]
    keep = min(count, max(1, most // chains))
    return torch.linspace(count - 1, 0, keep).round().long().flip(0)
