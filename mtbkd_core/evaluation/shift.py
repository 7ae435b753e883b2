"""Inputs that a student should not trust: scores of how foreign an input looks, and how well they separate.

Sources: maximum probability and the measures (AUROC, AUPR, false positive rate at 95 % true positives), Hendrycks and
Gimpel, ICLR 2017, and Liang et al., ICLR 2018; deviance, arXiv 2605.27967; epistemic uncertainty, Depeweg et al.,
ICML 2018.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mtbkd_core.evaluation.predictive import Predictive

#: What may tell a foreign input from one of the task's own; each is higher where the student is less sure.
FOREIGN_SCORES: Mapping[str, str] = {
    "deviance": "Deviance",
    "epistemic": "Epistemic uncertainty",
    "doubt": "1 - maximum probability",
    "entropy": "Entropy of the mean",
}
_RESAMPLES = 400
_LEVEL = 0.95


@dataclass(frozen=True)
class Separation:
    """How well a score tells foreign inputs (the positives) from the task's own.

    Attributes:
        auroc: probability that a foreign input scores higher than one of the task's own; ties count half.
        auroc_low, auroc_high: its 95 % interval, by bootstrap over the inputs of both kinds.
        aupr: area under precision and recall (average precision).
        fpr95: share of the task's own inputs above the threshold that catches 95 % of the foreign ones.
    """

    auroc: float
    auroc_low: float
    auroc_high: float
    aupr: float
    fpr95: float


def foreign_scores(predictive: Predictive) -> dict[str, Tensor]:
    """The `FOREIGN_SCORES` of M inputs, each [M]."""
    return {
        "deviance": predictive.deviance,
        "epistemic": predictive.epistemic,
        "doubt": 1 - predictive.mean.amax(-1),
        "entropy": predictive.total,
    }


def separation(own: Tensor, foreign: Tensor) -> Separation:
    """How well a score separates; higher is to mean foreign.

    Args:
        own: [M] of the task's own inputs.
        foreign: [M'].
    Raises:
        ValueError: one of them is empty or not finite.
    """
    from sklearn.metrics import average_precision_score, roc_curve

    if not len(own) or not len(foreign) or not (own.isfinite().all() and foreign.isfinite().all()):
        raise ValueError(f"scores must be finite and there must be some, got {len(own)} own and {len(foreign)} foreign")
    values = torch.cat([own, foreign]).double().cpu().numpy()
    labels = np.repeat([0, 1], [len(own), len(foreign)])
    false_positive, true_positive, _ = roc_curve(labels, values)
    low, high = _auroc_interval(values[labels == 0], values[labels == 1])
    return Separation(
        auroc=float(np.trapezoid(true_positive, false_positive)),
        auroc_low=low,
        auroc_high=high,
        aupr=float(average_precision_score(labels, values)),
        fpr95=float(false_positive[np.argmax(true_positive >= _LEVEL)]),
    )


def _auroc_interval(own: np.ndarray, foreign: np.ndarray) -> tuple[float, float]:
    """Percentile bootstrap: resampled counts over the sorted values give each AUROC without sorting again."""
    random = np.random.default_rng(0)
    levels, place = np.unique(np.concatenate([own, foreign]), return_inverse=True)
    counts = []
    for part in (place[: len(own)], place[len(own) :]):
        share = np.bincount(part, minlength=len(levels)) / len(part)
        counts.append(random.multinomial(len(part), share, _RESAMPLES) / len(part))
    of_own, of_foreign = counts
    below = of_own.cumsum(1) - of_own / 2
    areas = (below * of_foreign).sum(1)
    low, high = np.quantile(areas, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(low), float(high)
