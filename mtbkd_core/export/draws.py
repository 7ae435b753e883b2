"""How many draws an export needs: what fewer of them cost in accuracy and NLL, and save in bytes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.common.progress import UserError
from mtbkd_core.evaluation.calibration import checked
from mtbkd_core.evaluation.errors import jackknife
from mtbkd_core.evaluation.predictive import thin
from mtbkd_core.evaluation.scores import SCORES
from mtbkd_core.result import Result
from mtbkd_core.tasks.base import Task

_SCORED = ("accuracy", "nll")


@dataclass(frozen=True)
class Size:
    """An export with some of the draws.

    Attributes:
        draws: how many, over all chains.
        bytes: of the file's parameters.
        accuracy, nll: on the test examples.
        change: of the NLL against that of all draws that the run's scores are of.
    """

    draws: int
    bytes: int
    accuracy: float
    nll: float
    change: float

    @property
    def words(self) -> str:
        """The size and its scores in one line."""
        scores = f"accuracy {self.accuracy:.1%}, NLL {self.nll:.4f} ({self.change:+.4f})"
        return f"{self.draws:,} draws: {bytes_text(self.bytes)}, {scores}"


@dataclass(frozen=True)
class Sizes:
    """Exports of a run, from one draw a chain to all that its scores are of.

    Attributes:
        rows: fewest draws first.
        error: the sampler's standard error of the NLL; None for one chain.
        proposed: the fewest draws from which on every change is within the error; all of them without an error.
    """

    rows: tuple[Size, ...]
    error: float | None
    proposed: int


def bytes_text(count: float) -> str:
    """A number of bytes for people."""
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def measure_sizes(result: Result, task: Task) -> Sizes:
    """What exports of one draw a chain, two, four, ... score on the test examples of the run's task."""
    student, whole, x = result.student, result.reported, result.student_inputs(task.x_test)
    probabilities = student.probabilities(whole.flatten(0, 1), x).unflatten(0, whole.shape[:2])
    chain_means = probabilities.mean(1)
    error = jackknife(chain_means, lambda mean: {"nll": _scores(mean, task.y_test)["nll"]})["nll"]
    full = _scores(chain_means.mean(0), task.y_test)
    chains, most = whole.shape[:2]
    counts = [chains * 2**power for power in range(most.bit_length()) if 2**power < most]
    found = {}
    for count in counts:
        few = student.probabilities(thin(result.draws, count).flatten(0, 1), x)
        found[count] = _scores(few.mean(0), task.y_test)
    found[chains * most] = full
    rows = tuple(
        Size(count, 4 * count * student.n_parameters, own["accuracy"], own["nll"], own["nll"] - full["nll"])
        for count, own in found.items()
    )
    return Sizes(rows, error, proposed_draws(rows, error))


def choose_draws(result: Result, count: int) -> Tensor:
    """[S, d, P], so many draws over all chains as `Result.predict` takes with `max_draws`.

    Raises:
        UserError: fewer than one of each chain, or more than there are.
    """
    chains, most = result.draws.shape[:2]
    if not chains <= count <= chains * most:
        raise UserError(f"draws: got {count}, allowed: {chains} (one of each chain) to {chains * most}")
    return thin(result.draws, count)


def proposed_draws(rows: tuple[Size, ...], error: float | None) -> int:
    """The fewest draws from which on every change of the NLL is within the error; without one, all."""
    proposed = rows[-1].draws
    for row in reversed(rows):
        if error is None or abs(row.change) >= max(error, torch.finfo(torch.float32).eps):
            break
        proposed = row.draws
    return proposed


def _scores(mean: Tensor, labels: Tensor) -> dict[str, float]:
    """Accuracy and NLL of mean probabilities [M, C]."""
    p, y = checked(mean, labels)
    found = {name: SCORES[name].measure(p, y) for name in _SCORED}
    return {name: value for name, value in found.items() if value is not None}
