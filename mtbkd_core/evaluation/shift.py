"""Out-of-distribution inputs: scores that may tell them from the task's own, and how well each does.

Sources: maximum probability and the measures (AUROC, AUPR, false positive rate at 95 % true positives), Hendrycks and
Gimpel, ICLR 2017, and Liang et al., ICLR 2018; deviance, arXiv 2605.27967; epistemic uncertainty, Depeweg et al.,
ICML 2018.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mtbkd_core.evaluation.predictive import Predictive
from mtbkd_core.evaluation.records import Record

_RESAMPLES = 400
_LEVEL = 0.95


@dataclass(frozen=True)
class ShiftScore:
    """A score that is higher where the student is less sure: its title, and how it follows from M predictions, [M]."""

    title: str
    of: Callable[[Predictive], Tensor]


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
        auroc_low, auroc_high: its 95 % interval, by bootstrap over the inputs of both kinds.
        aupr: area under precision and recall (average precision).
        fpr95: share of the task's own inputs above the threshold that catches 95 % of the others.
    """

    auroc: float
    auroc_low: float
    auroc_high: float
    aupr: float
    fpr95: float


def shift_scores(predictive: Predictive) -> dict[str, Tensor]:
    """Every one of `SHIFT_SCORES` of M inputs, each [M]."""
    return {name: score.of(predictive) for name, score in SHIFT_SCORES.items()}


def separation(own: Tensor, shifted: Tensor) -> Separation:
    """How well a score separates; higher is to mean out of distribution.

    Args:
        own: [M] of the task's own inputs.
        shifted: [M'] of out-of-distribution inputs.
    Raises:
        ValueError: one of them is empty or not finite.
    """
    from sklearn.metrics import average_precision_score, roc_curve

    if not len(own) or not len(shifted) or not (own.isfinite().all() and shifted.isfinite().all()):
        raise ValueError(f"scores must be finite and there must be some, got {len(own)} own and {len(shifted)} others")
    values = torch.cat([own, shifted]).double().cpu().numpy()
    labels = np.repeat([0, 1], [len(own), len(shifted)])
    false_positive, true_positive, _ = roc_curve(labels, values)
    low, high = _auroc_interval(values[labels == 0], values[labels == 1])
    return Separation(
        auroc=float(np.trapezoid(true_positive, false_positive)),
        auroc_low=low,
        auroc_high=high,
        aupr=float(average_precision_score(labels, values)),
        fpr95=float(false_positive[np.argmax(true_positive >= _LEVEL)]),
    )


def _auroc_interval(own: np.ndarray, shifted: np.ndarray) -> tuple[float, float]:
    """Percentile bootstrap: resampled counts over the sorted values give each AUROC without sorting again."""
    random = np.random.default_rng(0)
    levels, place = np.unique(np.concatenate([own, shifted]), return_inverse=True)
    counts = []
    for part in (place[: len(own)], place[len(own) :]):
        share = np.bincount(part, minlength=len(levels)) / len(part)
        counts.append(random.multinomial(len(part), share, _RESAMPLES) / len(part))
    of_own, of_shifted = counts
    below = of_own.cumsum(1) - of_own / 2
    areas = (below * of_shifted).sum(1)
    low, high = np.quantile(areas, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(low), float(high)
