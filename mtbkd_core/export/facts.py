"""What is known of an export, for its model card and config.json."""

from __future__ import annotations

from dataclasses import dataclass

from mtbkd_core.evaluation.diagnostics import verdict_sentence
from mtbkd_core.export.draws import Sizes
from mtbkd_core.export.measured import Measured
from mtbkd_core.export.runtime import Latency
from mtbkd_core.result import Result
from mtbkd_core.tasks.base import Task


@dataclass(frozen=True)
class Facts:
    """What is known of an export.

    Attributes:
        result, task: the run and its task.
        run: the run's name.
        single: whether it is one network in place of the posterior's draws.
        draws: networks in the file.
        bytes, sha256: of the file.
        measured: on the test examples.
        sizes: what other numbers of draws score.
        difference: the largest one between the file's and the run's numbers.
        latency: in onnxruntime.
    """

    result: Result
    task: Task
    run: str
    single: bool
    draws: int
    bytes: int
    sha256: str
    measured: Measured
    sizes: Sizes
    difference: float
    latency: Latency

    @property
    def verdict(self) -> str:
        """Whether the posterior can be relied on, in one sentence."""
        return verdict_sentence(self.result.metrics.diagnostics) or "Whether the chains agree is not known."
