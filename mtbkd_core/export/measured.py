"""What an export is worth: its scores on the test examples with their errors, and prediction sets for its answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from mtbkd_core.evaluation.errors import Difference
from mtbkd_core.evaluation.predictive import ByChain, summarise
from mtbkd_core.evaluation.score_rows import differences, score_posterior, score_row
from mtbkd_core.evaluation.scores import Scores
from mtbkd_core.evaluation.sets import Sets, measure_sets, measured_rows


@dataclass(frozen=True)
class Measured:
    """Measured on the test examples.

    Attributes:
        mean: [M, C] probabilities.
        scores: of the export, with errors.
        sets: prediction sets of its answers; the conformal ones with their thresholds.
        gained: by name of the score, what the posterior's is more or less than that of a single network.
    """

    mean: Tensor
    scores: Scores
    sets: Sets
    gained: Mapping[str, Difference] = field(default_factory=dict)


def measure(probabilities: Tensor, labels: Tensor, split_seed: int) -> Measured:
    """Measure an export of a posterior, by its draws' probabilities [S, D, M, C] for labels [M].

    `split_seed`: of the halves of the test examples that calibrate the conformal sets and measure all sets.
    """
    rows = measured_rows(len(labels), split_seed)
    row = score_posterior(summarise(probabilities), labels, ByChain.of(probabilities), rows)
    mean = probabilities.mean((0, 1))
    return Measured(mean, row.scores, measure_sets(mean, labels, split_seed))


def measure_single(mean: Tensor, posterior: Tensor, labels: Tensor, split_seed: int) -> Measured:
    """Measure a single network, by its probabilities [M, C], beside the posterior's [S, D, M, C]; the rest as there."""
    rows = measured_rows(len(labels), split_seed)
    own, whole = score_row(mean, labels), score_posterior(summarise(posterior), labels, ByChain.of(posterior), rows)
    return Measured(mean, own.scores, measure_sets(mean, labels, split_seed), differences(whole, own))
