"""An exported student in onnxruntime: its answers, how far they are from the run's own, and how fast it is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mtbkd_core.evaluation.predictive import Predictive
from mtbkd_core.export.model import INPUT

#: A thousand inputs are taken in pieces that keep an intermediate below so many numbers.
_MOST_NUMBERS = 2**25
_MANY = 1000
_REPEATS = 5


@dataclass(frozen=True)
class Latency:
    """How long an exported student takes, on one core.

    Attributes:
        one: milliseconds for one input, the median of several.
        thousand: milliseconds for a thousand.
        batch: inputs that were taken at a time for the thousand.
    """

    one: float
    thousand: float
    batch: int


class Runtime:
    """A loaded file."""

    def __init__(self, content: bytes, *, threads: int = 1) -> None:
        """Load the content of an ONNX file, to run on so many threads."""
        from onnxruntime import InferenceSession, SessionOptions

        options = SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self._names = [output.name for output in self._session.get_outputs()]

    def run(self, x: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Every output by name, of raw inputs [N, F]."""
        return dict(zip(self._names, self._session.run(None, {INPUT: x}), strict=True))

    def latency(self, x: NDArray[np.float32], numbers: int) -> Latency:
        """Measured now, of raw inputs [N, F]; `numbers`: those that an input has in the largest intermediate."""
        batch = int(max(1, min(_MANY, _MOST_NUMBERS // numbers)))
        many = np.resize(x, (_MANY, x.shape[1]))
        single = sorted(self._milliseconds(many[:1]) for _ in range(_REPEATS))
        self.run(many[:batch])  # memory for a batch is reserved once
        thousand = sum(self._milliseconds(many[start : start + batch]) for start in range(0, _MANY, batch))
        return Latency(single[_REPEATS // 2], thousand, batch)

    def _milliseconds(self, x: NDArray[np.float32]) -> float:
        began = time.perf_counter()
        self.run(x)
        return 1000 * (time.perf_counter() - began)


def largest_difference(outputs: Mapping[str, NDArray[Any]], predictive: Predictive) -> float:
    """The largest difference in a number that both give for the same inputs."""
    own: dict[str, Tensor] = {name: getattr(predictive, name) for name in outputs if name != "set"}
    return max(float(np.abs(outputs[name] - value.numpy()).max(initial=0)) for name, value in own.items())
