"""Which cases a student answers by itself: a threshold on its deviance, set on one half of the test set.

The half that calibrates chooses the largest threshold at which the share of wrong answers is below the limit with 95 %
confidence, and at all smaller ones (fixed-sequence testing); the other half measures it. Sources: Geifman and El-Yaniv,
NeurIPS 2017 (selective risk with a guarantee); Angelopoulos, Bates, Candès, Jordan and Lei, Annals of Applied
Statistics 2025 (learn then test).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mtbkd_core.evaluation.calibration import exact_bounds
from mtbkd_core.evaluation.predictions import PredictionsOnTest
from mtbkd_core.evaluation.sets import halves
from mtbkd_core.evaluation.shares import share_interval
from mtbkd_core.review.outcome import Outcome, bounded

#: Steps of the sequence of thresholds.
_STEPS = 50
#: The chance that the true risk is above the limit although the sequence was passed.
_ALPHA = 0.05


@dataclass(frozen=True)
class Answering:
    """What a threshold does on the half that measures.

    Attributes:
        threshold: cases of a deviance up to it are answered, in nats; None: no threshold keeps the limit.
        answered, wrong, count: numbers of cases on that half.
        curve: (share answered, share of those that are wrong) for growing thresholds, on that half.
    """

    threshold: float | None
    answered: int
    wrong: int
    count: int
    curve: tuple[tuple[float, float], ...]

    @property
    def share(self) -> tuple[float, float, float]:
        """Of the cases, how many are answered, with the ends of its interval."""
        return self.answered / self.count, *share_interval(self.answered, self.count)

    @property
    def risk(self) -> tuple[float, float, float]:
        """Of the answers, how many are wrong, with the ends of its interval; only where there are some."""
        return self.wrong / self.answered, *share_interval(self.wrong, self.answered)


def answering(test: PredictionsOnTest, max_risk: float, seed: int) -> Answering:
    """The threshold for a limit on the share of wrong answers, and what it does."""
    wrong = test.mean.argmax(1) != test.labels
    calibrate, measure = halves(len(wrong), seed)
    threshold = _threshold(test.deviance[calibrate], wrong[calibrate], max_risk)
    deviance, errors = test.deviance[measure], wrong[measure]
    answered = deviance <= threshold if threshold is not None else torch.zeros_like(errors)
    return Answering(
        threshold, int(answered.sum()), int((answered & errors).sum()), len(measure), _curve(deviance, errors)
    )


def read_answering(found: Answering, share: float, max_risk: float) -> list[tuple[Outcome, str]]:
    """What its two intervals say: of the share of cases that are answered, and of the wrong ones among the answers."""
    rate, low, high = found.share
    risk, risk_low, risk_high = found.risk
    shares, risks = f"{rate:.1%} [{low:.1%} to {high:.1%}]", f"{risk:.1%} [{risk_low:.1%} to {risk_high:.1%}]"
    of_share = {
        Outcome.PASS: f"{shares} are answered, and at least {share:.1%} have to be",
        Outcome.FAIL: f"too few are answered: {shares}, and at least {share:.1%} have to be",
        Outcome.INCONCLUSIVE: f"it is not settled whether at least {share:.1%} are answered: {shares} are",
    }
    of_risk = {
        Outcome.PASS: f"of the answers {risks} are wrong, and {max_risk:.1%} may be",
        Outcome.FAIL: f"too many of the answers are wrong: {risks}, and {max_risk:.1%} may be",
        Outcome.INCONCLUSIVE: f"it is not settled whether at most {max_risk:.1%} of the answers are wrong: {risks} are",
    }
    first, second = bounded(share, low, high), bounded(-max_risk, -risk_high, -risk_low)
    return [(first, of_share[first]), (second, of_risk[second])]


def _threshold(deviance: Tensor, wrong: Tensor, max_risk: float) -> float | None:
    order = deviance.sort()
    errors = wrong[order.indices].cumsum(0)
    found = None
    for step in range(1, _STEPS + 1):
        count = round(step * len(deviance) / _STEPS)
        if count < 1:
            continue
        hits = int(errors[count - 1])
        above = float(exact_bounds(np.array(hits), np.array(count), tail=_ALPHA)[1])
        if above <= max_risk:
            found = float(order.values[count - 1])
        elif found is not None:
            break
    return found


def _curve(deviance: Tensor, wrong: Tensor) -> tuple[tuple[float, float], ...]:
    errors = wrong[deviance.argsort()].cumsum(0)
    count = len(wrong)
    places = sorted({max(1, round(step * count / _STEPS)) for step in range(1, _STEPS + 1)})
    return tuple((place / count, float(errors[place - 1]) / place) for place in places)
