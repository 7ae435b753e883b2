"""A deep ensemble: networks from independent starts, fitted to the labels alone.

Source: Lakshminarayanan, Pritzel and Blundell, "Simple and scalable predictive uncertainty estimation using deep
ensembles", NeurIPS 2017.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mtbkd_core.baselines.base import MANY_SCALES, Baseline, Problem, combinations, scales
from mtbkd_core.baselines.fitting import Settings
from mtbkd_core.config.models import RunConfig


def label_networks(problem: Problem, settings: Sequence[Settings]) -> Tensor:
    """Cross-entropy and the Gaussian weight prior, without any teacher; [S, M, C]."""
    return problem.fit(problem.labels, settings).probabilities(problem.task.x_test)


def _grid(config: RunConfig) -> list[dict[str, float]]:
    return combinations(weight_scale=scales(config, MANY_SCALES))


BASELINES = (
    Baseline(
        "deep_ensemble",
        "Deep ensemble",
        "Networks from independent starts, fitted to the labels without any teacher, and averaged.",
        _grid,
        label_networks,
        members=3,
    ),
)
