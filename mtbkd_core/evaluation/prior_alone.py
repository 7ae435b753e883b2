"""What the prior says before any student is trained: on all labelled examples, and at one example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mtbkd_core.config.fields import Setting
from mtbkd_core.config.models import PriorConfig
from mtbkd_core.config.parse import settings
from mtbkd_core.evaluation.preview import mixture_probabilities
from mtbkd_core.evaluation.score_rows import score_teacher
from mtbkd_core.evaluation.scores import Scores
from mtbkd_core.evaluation.strength_path import LABELS
from mtbkd_core.prior import prior_logits, probabilities, weights_under

#: Bootstrap samples: few, because every move of a slider waits for them.
_RESAMPLES = 100


def score_alone(
    teacher_logits: Tensor, labels: Tensor, prior: PriorConfig, together: Tensor | None = None
) -> tuple[Scores, np.ndarray]:
    """Scores of the weighted mean of the teachers' tempered predictions, and the weights.

    Args:
        teacher_logits, together: [K, N, C], see `TrainingSet`.
        labels: [N].
    Returns:
        the scores, with their errors from so many examples, and the weights [K, N].
    """
    weights = weights_under(teacher_logits, prior, together=together)
    mixed = mixture_probabilities(prior_logits(teacher_logits, prior), weights, prior.temperature)
    return score_teacher(mixed, labels, _RESAMPLES).scores, weights.numpy()


def pull_scale(prior: PriorConfig) -> float:
    """Alpha lambda / T, in nats per unit of logit: the pull of a teacher that disagrees fully; a label's is 1."""
    return prior.known_strength * prior.concentration / prior.temperature


@dataclass(frozen=True)
class PriorAtExample:
    """The mixture prior at one example.

    Attributes:
        weights: [K], the mixture's weights.
        targets: [K, C], the modes of its components: the teachers' tempered probabilities; NaN at a class that one does
            not name.
        mean: [C], their weighted mean, likewise.
    """

    weights: np.ndarray
    targets: np.ndarray
    mean: np.ndarray

    def knowing(self, classes: Sequence[int], teachers: Mapping[str, str]) -> tuple[PriorAtExample, dict[str, str]]:
        """The same of the teachers (name -> title) alone that know all of some classes; and these."""
        known = np.isfinite(self.targets[:, list(classes)]).all(1)
        kept = {name: title for (name, title), knows in zip(teachers.items(), known, strict=True) if knows}
        return PriorAtExample(self.weights[known], self.targets[known], self.mean), kept


def prior_at(teacher_logits: Tensor, prior: PriorConfig, together: Tensor | None = None) -> PriorAtExample:
    """The prior at one example, from the teachers' logits there and the classes of which they state the sum, [K, C]."""
    logits = teacher_logits[:, None]
    weights = weights_under(logits, prior, together=None if together is None else together[:, None])
    divided = prior_logits(logits, prior)
    targets = probabilities(divided / prior.temperature)[:, 0]
    if together is not None:
        targets = targets.masked_fill(together, torch.nan)
    mean = mixture_probabilities(divided, weights, prior.temperature)[0]
    return PriorAtExample(*(values.double().numpy() for values in (weights[:, 0], targets, mean)))


def leading_classes(probabilities: np.ndarray, most: int = 3) -> list[int]:
    """Indices of the most probable classes, first first; all classes, in their order, where there are no more."""
    if len(probabilities) <= most:
        return list(range(len(probabilities)))
    found: list[int] = np.argsort(-probabilities, kind="stable")[:most].tolist()
    return found


def values_around(about: Setting, now: float, *, high: float | None = None, points: int = 25) -> list[float]:
    """Values over the range of a setting, and as far as its present value where that lies beyond.

    Args:
        about: the setting.
        now: its present value.
        high: an upper end in place of the setting's.
    """
    start = about.low or (about.step if about.per_teacher else 0)  # the only teacher's number cannot be 0
    low, high = min(start, now), max(about.high if high is None else high, now)
    spaced: np.ndarray = (np.geomspace if about.logarithmic and low > 0 else np.linspace)(low, high, points)
    values: list[float] = spaced.tolist()
    return values


def highest_labels(usual: float) -> float:
    """Where the range of the number of labels ends: at the end of the path that is tried, or at twice the usual."""
    return max(LABELS[-1], 2 * usual)


def highest_strength(usual: float) -> float:
    """Where the range of the strength ends: at twice what a task starts with, or the setting's own end."""
    return max(settings()["prior.strength"].high, 2 * usual)
