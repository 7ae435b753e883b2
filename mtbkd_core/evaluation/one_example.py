"""One example of a run: draws of its class probabilities, and where an out-of-distribution input stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from mtbkd_core.evaluation.predictions import Predictions
from mtbkd_core.evaluation.shift import OUT_OF_DISTRIBUTION

#: Draws in a chart: more are a blot.
_DRAWN = 400


def draws_at(draws: Tensor, index: int, classes: Sequence[int]) -> Tensor:
    """[n, c] probabilities of some classes at one example, of at most some 400 students spread over all.

    Args:
        draws: [S, d, M, C].
        index: the example.
        classes: c of them.
    """
    found = draws[:, :, index][..., list(classes)].float().flatten(0, 1)
    return found[:: max(1, len(found) // _DRAWN)]


@dataclass(frozen=True)
class ShiftedInputs:
    """The student's predictions of M out-of-distribution inputs.

    Attributes:
        mean, low, high: [M, C], the posterior mean and the 95 % intervals.
        score: [M], the score `OUT_OF_DISTRIBUTION`, in nats.
        order: the inputs by it, the most certain first.
        named: the most probable class of each.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    score: np.ndarray
    order: list[int]
    named: list[int]


def shifted_inputs(predictions: Predictions, shift: str) -> ShiftedInputs:
    """What a result's predictions hold of one of the task's shifts."""
    found = predictions.shifts[shift]
    score = found.scores[OUT_OF_DISTRIBUTION].numpy()
    mean, low, high = (each.numpy() for each in (found.mean, found.low, found.high))
    return ShiftedInputs(mean, low, high, score, np.argsort(score, kind="stable").tolist(), mean.argmax(-1).tolist())


def share_below(values: Tensor, value: float) -> float:
    """Share of the values [M] that lie below one value."""
    return float((values < value).float().mean())
