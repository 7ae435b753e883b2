"""A grid that takes no time: scores that follow from the settings, one row a run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from mtbkd_core import RunConfig
from mtbkd_core.evaluation.metrics import Metrics
from mtbkd_core.evaluation.scores import COMPARED
from mtbkd_core.runs.kinds import grid


@dataclass
class Scored:
    """As much of a result as a grid's job takes."""

    metrics: Metrics


def fake_grid(
    monkeypatch: pytest.MonkeyPatch,
    nll_of: Callable[[RunConfig], float],
    r_hat: Callable[[RunConfig], float | None],
    auroc: float | None = 0.8,
) -> list[RunConfig]:
    """Put it in the real one's place; what is computed is noted in the list."""
    computed: list[RunConfig] = []

    def each_result(configs: Sequence[RunConfig], **named: Any) -> Iterator[tuple[int, Scored]]:
        for place, config in enumerate(configs):
            computed.append(config)
            same = {"accuracy": 0.9, "ece": 0.05, "auroc_misclassification": auroc}
            student = dict.fromkeys(COMPARED, 0.1) | same | {"nll": nll_of(config)}
            seconds = {"seconds_warm_start": 1.0, "seconds_sampling": 2.0, "seconds_evaluation": 0.5}
            diagnostics = {"r_hat": r_hat(config), **seconds}
            yield place, Scored(Metrics.model_validate({"student": student, "diagnostics": diagnostics}))

    monkeypatch.setattr(grid, "each_result", each_result)
    return computed
