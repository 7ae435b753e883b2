"""Sets of classes: credible sets and split conformal sets; and the threshold of the deviance bound.

A credible set holds the true class with its level if the posterior is right. A conformal set holds it with its level
whatever the model, on average over examples like those that calibrated it; neither promise survives a shift.

Sources: arXiv 2605.27967 (the threshold); Sadinle, Lei and Wasserman, JASA 2019 (conformal sets by the true class's
probability, also by class); Vovk, Gammerman and Shafer, "Algorithmic learning in a random world", 2005.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mtbkd_core.evaluation.records import Number, Record

LEVEL = 0.95


@dataclass(frozen=True)
class SetKind:
    """A kind of prediction set for people: its title, and what it promises."""

    title: str
    promise: str


#: By the names of `Sets`.
SET_KINDS = {
    "credible": SetKind(
        "Credible",
        "Holds the true class with its level if the posterior is right; under a shift, or with teachers that mislead "
        "it, it may not.",
    ),
    "conformal": SetKind(
        "Conformal",
        "Holds the true class with its level whatever the model, on average over examples like those that calibrated "
        "it; a shift breaks that. A mean size below 1 says that some sets are empty.",
    ),
    "conformal_by_class": SetKind(
        "Conformal, by class",
        "As conformal, within each class by itself; a shift breaks that too.",
    ),
}
#: Equal probabilities are not told apart by rounding.
ROUNDING = 1e-6


@dataclass(frozen=True)
class ConformalSets:
    """Split conformal sets of one kind.

    Attributes:
        level: the share of examples whose set is to hold the true class.
        thresholds: [C], a class is in a set where its probability is at least this; 0 puts it in every set.
        always: classes that are in every set because too few of their labels calibrated them.
    """

    level: float
    thresholds: Tensor
    always: tuple[int, ...] = ()

    def sets(self, probabilities: Tensor) -> Tensor:
        """[M, C] booleans for probabilities [M, C]; a set may be empty."""
        return probabilities >= self.thresholds.to(probabilities) - ROUNDING


def credible_sets(mean: Tensor, level: float = LEVEL) -> Tensor:
    """The smallest sets of classes whose posterior mean probabilities reach the level.

    Args:
        mean: [..., C] posterior means, rows sum to 1.
        level: above 0, at most 1.
    Returns:
        [..., C] booleans; never empty. Of equally probable classes at the edge the first ones are taken.
    """
    ordered, place = mean.sort(dim=-1, descending=True, stable=True)
    before = ordered.cumsum(-1) - ordered
    inside = before < level - ROUNDING
    return torch.zeros_like(inside).scatter(-1, place, inside)


def halves(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Rows that calibrate and rows that are measured, every second one each after a shuffle by the seed."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return order[0::2].sort().values, order[1::2].sort().values


def fewest_labels(level: float = LEVEL) -> int:
    """Labels that a threshold needs at least; with fewer, only the set of all classes keeps the promise."""
    return math.ceil(round(level / (1 - level), 9))


def conformal(probabilities: Tensor, labels: Tensor, level: float = LEVEL) -> ConformalSets:
    """Calibrate marginal sets: one threshold for all classes.

    Args:
        probabilities: [N, C] of the calibration rows.
        labels: [N].
    """
    own = probabilities.gather(1, labels[:, None])[:, 0]
    threshold = _threshold(own, level)
    every = tuple(range(probabilities.shape[1])) if threshold == 0 else ()
    return ConformalSets(level, torch.full((probabilities.shape[1],), threshold), every)


def conformal_by_class(probabilities: Tensor, labels: Tensor, level: float = LEVEL) -> ConformalSets:
    """Calibrate a threshold for each class, so that the level holds within each; arguments as `conformal`.

    A class with fewer than `fewest_labels` calibration labels is in every set.
    """
    classes = probabilities.shape[1]
    own = probabilities.gather(1, labels[:, None])[:, 0]
    thresholds = [_threshold(own[labels == label], level) for label in range(classes)]
    always = tuple(label for label, threshold in enumerate(thresholds) if threshold == 0)
    return ConformalSets(level, torch.tensor(thresholds), always)


def _threshold(own: Tensor, level: float) -> float:
    """The probability that a share `level` of the true classes reaches, with the finite-sample correction."""
    rank = math.ceil(round((len(own) + 1) * level, 9))
    if rank > len(own):
        return 0.0
    return float(own.sort(descending=True).values[rank - 1])


class SetScores(Record):
    """How sets did on examples with labels.

    Attributes:
        level: what was asked for.
        coverage: share of examples whose set holds the true class.
        coverage_error: its standard error from a test set of this size.
        size: mean number of classes in a set.
        size_error: its standard error from a test set of this size.
        count: examples that were measured.
        thresholds: [C], of conformal sets; empty for credible ones.
        always: indices of classes that are in every conformal set because too few labels calibrated them.
    """

    level: float
    coverage: float
    coverage_error: Number = None
    size: float
    size_error: Number = None
    count: int
    thresholds: tuple[float, ...] = ()
    always: tuple[int, ...] = ()


def score_sets(sets: Tensor, labels: Tensor, level: float = LEVEL) -> SetScores:
    """Coverage and size of sets [M, C] for labels [M], M >= 1.

    The error of the coverage adds two hits and two misses, so that it is not 0 where every set holds its class (Agresti
    and Coull, The American Statistician 1998).
    """
    coverage = float(sets.gather(1, labels[:, None]).double().mean())
    count = len(labels)
    nearer = (count * coverage + 2) / (count + 4)
    sizes = sets.sum(1).double()
    return SetScores(
        level=level,
        coverage=coverage,
        coverage_error=math.sqrt(nearer * (1 - nearer) / (count + 4)),
        size=float(sizes.mean()),
        size_error=float(sizes.std()) / math.sqrt(count) if count > 1 else None,
        count=count,
    )


class Sets(Record):
    """Prediction sets of three kinds, all measured on the same examples, which calibrated none of them.

    Attributes:
        credible: the smallest sets whose posterior mean probabilities reach the level.
        conformal: split conformal sets with one threshold; None where no example is left to calibrate them.
        conformal_by_class: split conformal sets with a threshold a class.
    """

    credible: SetScores | None = None
    conformal: SetScores | None = None
    conformal_by_class: SetScores | None = None


def measured_rows(count: int, seed: int) -> Tensor:
    """The examples of M that sets are measured on: the second of `halves`, or the only one."""
    return halves(count, seed)[1] if count > 1 else torch.arange(count)


def measure_sets(mean: Tensor, labels: Tensor, seed: int, level: float = LEVEL) -> Sets:
    """All kinds of sets: half of the examples calibrates, the other half measures.

    Args:
        mean: [M, C] posterior means.
        labels: [M].
        seed: of the halves, the split's.
    """
    mean, labels = mean.cpu(), labels.cpu()
    held = measured_rows(len(labels), seed)
    credible = score_sets(credible_sets(mean[held], level), labels[held], level)
    if len(labels) < 2:
        return Sets(credible=credible)
    first = halves(len(labels), seed)[0]
    kinds = {"conformal": conformal, "conformal_by_class": conformal_by_class}
    found = {name: calibrate(mean[first], labels[first], level) for name, calibrate in kinds.items()}
    scored = {
        name: score_sets(each.sets(mean[held]), labels[held], level).updated(
            thresholds=each.thresholds.tolist(), always=each.always
        )
        for name, each in found.items()
    }
    return Sets(credible=credible, **scored)


def mass_threshold(draws: Tensor, level: float) -> Tensor:
    """The largest u with E[ sum_c p_c 1(p_c >= u) ] >= level, for draws [D, M, C]; [M]."""
    pooled = ascending(draws.transpose(0, 1).flatten(1))
    below = pooled.cumsum(-1) - pooled
    last = (below <= (1 - level) * draws.shape[0]).sum(-1, keepdim=True) - 1
    return pooled.gather(-1, last)[:, 0]


def ascending(values: Tensor) -> Tensor:
    """Ascending over the last axis; NumPy's sort is several times faster than torch's on the processor."""
    if values.device.type != "cpu":
        return values.sort(-1).values
    return torch.from_numpy(np.sort(values.contiguous().numpy(), -1))
