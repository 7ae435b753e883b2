"""Out-of-distribution inputs: scores that may tell them from the task's own, and how well each does.

Sources: maximum probability and the measures (AUROC, AUPR, false positive rate at 95 % true positives), Hendrycks and
Gimpel, ICLR 2017, and Liang et al., ICLR 2018; deviance, arXiv 2605.27967; epistemic uncertainty, Depeweg et al.,
ICML 2018.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from mtbkd_core.evaluation.calibration import Array
from mtbkd_core.evaluation.errors import RESAMPLES, ScoreError, interval, jackknife_errors
from mtbkd_core.evaluation.predictive import ByChain, Predictive, Uncertainty
from mtbkd_core.evaluation.records import Record
from mtbkd_core.evaluation.scores import Quantity

_LEVEL = 0.95


@dataclass(frozen=True)
class ShiftScore:
    """A score that is higher where the student is less sure: its title, and how it follows from M predictions, [M]."""

    title: str
    of: Callable[[Predictive | Uncertainty], Tensor]


SHIFT_SCORES: Mapping[str, ShiftScore] = {
    "epistemic": ShiftScore("Epistemic uncertainty", lambda p: p.epistemic),
    "deviance": ShiftScore("Deviance", lambda p: p.deviance),
    "doubt": ShiftScore("1 - maximum probability", lambda p: 1 - p.mean.amax(-1)),
    "entropy": ShiftScore("Entropy of the mean", lambda p: p.total),
}


#: The one that stands for them where a page shows one: how far students that fit equally well disagree. Deviance
#: holds what is uncertain about the task's own inputs, too, and is for errors.
OUT_OF_DISTRIBUTION = "epistemic"


class Separation(Record):
    """How well a score tells out-of-distribution inputs (the positives) from the task's own.

    Attributes:
        auroc: probability that an out-of-distribution input scores higher than one of the task's own; ties count half.
        auroc_low, auroc_high: its 95 % interval, by bootstrap over the inputs of both kinds; the sampler's error adds
            to it in squares.
        aupr: area under precision and recall (average precision).
        fpr95: share of the task's own inputs above the threshold that catches 95 % of the others.
        errors: of the three by name; the test set's is by the same bootstrap. Empty in runs of former versions.
    """

    auroc: float
    auroc_low: float
    auroc_high: float
    aupr: float
    fpr95: float
    errors: dict[str, ScoreError] = Field(default_factory=dict)

    def text(self, measure: str) -> str:
        """One of `MEASURES` as a table shows it, with its errors."""
        return MEASURES[measure].text(self[measure], self.errors.get(measure))


#: The three of `Separation`, as tables show them.
MEASURES: Mapping[str, Quantity] = {
    "auroc": Quantity(
        "AUROC",
        "Probability that an out-of-distribution input scores higher than one of the task's own: 0.5 is chance",
        higher_is_better=True,
    ),
    "aupr": Quantity(
        "AUPR",
        "Area under precision and recall, out-of-distribution inputs being the positives: chance is their share",
        higher_is_better=True,
    ),
    "fpr95": Quantity(
        "FPR at 95 %",
        "Share of the task's own inputs above the threshold that catches 95 % of the others",
        share=True,
    ),
}


def shift_scores(predictive: Predictive | Uncertainty) -> dict[str, Tensor]:
    """Every one of `SHIFT_SCORES` of M inputs, each [M]."""
    return {name: score.of(predictive) for name, score in SHIFT_SCORES.items()}


def separations(
    own: Predictive,
    shifted: Predictive,
    chains: tuple[ByChain, ByChain] | None = None,
    number: int = RESAMPLES,
) -> dict[str, Separation]:
    """How well each of `SHIFT_SCORES` separates.

    `chains`: of both kinds of inputs, for the sampler's error. `number`: of bootstrap samples.
    """
    pairs = [] if chains is None else list(zip(*(each.without_some() for each in chains), strict=True))
    without = [(shift_scores(one), shift_scores(other)) for one, other in pairs]
    at_home, away = shift_scores(own), shift_scores(shifted)
    return {
        name: separation(
            value,
            away[name],
            [(one[name], other[name]) for one, other in without],
            len(chains[0].mean) if chains else 0,
            number,
        )
        for name, value in at_home.items()
    }


def separation(
    own: Tensor,
    shifted: Tensor,
    without: Sequence[tuple[Tensor, Tensor]] = (),
    chains: int = 0,
    number: int = RESAMPLES,
) -> Separation:
    """How well a score separates; higher is to mean out of distribution.

    Args:
        own: [M] of the task's own inputs.
        shifted: [M'] of out-of-distribution inputs.
        without: both for each of `errors.kept_chains`, for the sampler's error.
        chains: of the sampler.
        number: of bootstrap samples.
    Raises:
        ValueError: one of them is empty or not finite.
    """
    if not len(own) or not len(shifted) or not (own.isfinite().all() and shifted.isfinite().all()):
        raise ValueError(f"scores must be finite and there must be some, got {len(own)} own and {len(shifted)} others")
    counts = _counts(own, shifted)
    found = {name: float(value[0]) for name, value in _measures(*counts).items()}
    random = np.random.default_rng(0)
    resampled = _measures(*(_resampled(each, random, number) for each in counts))
    low, high = np.quantile(resampled["auroc"], [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    left_out = [{name: float(value[0]) for name, value in _measures(*_counts(*pair)).items()} for pair in without]
    sampler = jackknife_errors(left_out, chains)
    errors = {
        name: ScoreError(sampler=sampler.get(name), test_set=float(values.std(ddof=1)))
        for name, values in resampled.items()
    }
    auroc, spread = found["auroc"], interval(0.0, sampler.get("auroc") or 0.0, max(1, chains - 1))[1]
    return Separation(
        **found,
        auroc_low=max(0.0, auroc - math.hypot(max(0.0, auroc - low), spread)),
        auroc_high=min(1.0, auroc + math.hypot(max(0.0, high - auroc), spread)),
        errors=errors,
    )


def _counts(own: Tensor, shifted: Tensor) -> tuple[Array, Array]:
    """[1, L] of both kinds, how many inputs have each of the L different scores, in ascending order."""
    values = torch.cat([own, shifted]).double().cpu().numpy()
    levels, place = np.unique(values, return_inverse=True)
    parts = (place[: len(own)], place[len(own) :])
    one, other = (np.bincount(part, minlength=len(levels))[None].astype(float) for part in parts)
    return one, other


def _resampled(counts: Array, random: np.random.Generator, number: int) -> Array:
    """[B, L], the counts of so many bootstrap samples of inputs that have the counts [1, L]."""
    total = counts.sum()
    return random.multinomial(int(total), counts[0] / total, number).astype(float)


def _measures(own: Array, shifted: Array) -> dict[str, Array]:
    """The three measures [B] of counts [B, L] of the task's own and of out-of-distribution inputs at ascending scores.

    The sorted values give each without sorting again.
    """
    size, others = own.sum(1), shifted.sum(1)
    below = own.cumsum(1) - own / 2
    auroc = (below * shifted).sum(1) / size / others
    # at or above each score
    caught = shifted[:, ::-1].cumsum(1)
    alarms = own[:, ::-1].cumsum(1)
    precision = caught / np.maximum(caught + alarms, 1)
    aupr = (precision * shifted[:, ::-1]).sum(1) / others
    first = (caught >= _LEVEL * others[:, None] - 1e-9).argmax(1)
    return {"auroc": auroc, "aupr": aupr, "fpr95": np.take_along_axis(alarms, first[:, None], 1)[:, 0] / size}
