"""Predictions that are saved with a run: on the test examples, on the labelled examples, and on shifted inputs.

S chains, D draws, M test and N labelled examples, K teachers, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Self

from torch import Tensor

from mtbkd_core.evaluation.diagnostics import R_HAT_LIMIT
from mtbkd_core.evaluation.predictive import Predictive


@dataclass(frozen=True)
class PredictionsOnTest(Predictive):
    """On the test examples: those of `Predictive`, and more.

    Attributes:
        labels: [M].
        draws: [S, d, M, C], class probabilities of a thinned sample, float16.
        responsibilities, weights: [K, M].
        teachers: [K, M, C] probabilities, NaN at a class that a teacher does not know.
        warm_start: [M, C], the mean of the chains' warm starts.
        teachers_weighted: [M, C], the teachers' mean under the run's own weights, NaN where no teacher knows a class;
            None in runs of former versions.
        r_hat: [M], of each example's log probability of its label; NaN where it was not measured or nothing moves,
            infinite where chains stand still apart; None in runs of former versions.
    """

    labels: Tensor
    draws: Tensor
    responsibilities: Tensor
    weights: Tensor
    teachers: Tensor
    warm_start: Tensor
    teachers_weighted: Tensor | None = None
    r_hat: Tensor | None = None

    @property
    def apart(self) -> Tensor | None:
        """[M] booleans, examples on which the chains disagree; None where it is not known."""
        return None if self.r_hat is None else self.r_hat > R_HAT_LIMIT


@dataclass(frozen=True)
class PredictionsOnTraining:
    """On the labelled examples.

    Attributes:
        labels: [N].
        mean: [N, C], posterior mean.
        responsibilities, weights: [K, N].
        teachers, pulls: [K, N, C].
        label_pull: [N, C].
    """

    labels: Tensor
    mean: Tensor
    responsibilities: Tensor
    weights: Tensor
    teachers: Tensor
    pulls: Tensor
    label_pull: Tensor


@dataclass(frozen=True)
class PredictionsOnShift:
    """On M' out-of-distribution inputs.

    Attributes:
        mean, low, high: [M', C].
        scores: those of `shift.SHIFT_SCORES`, [M'] each.
    """

    mean: Tensor
    low: Tensor
    high: Tensor
    scores: Mapping[str, Tensor]


@dataclass(frozen=True)
class Predictions:
    """Everything that is saved.

    Attributes:
        test, train: on the test and on the labelled examples.
        shifts: by name of the shift.
        log_joint: [S, D] of the draws.
    """

    test: PredictionsOnTest
    train: PredictionsOnTraining
    shifts: Mapping[str, PredictionsOnShift]
    log_joint: Tensor

    def tensors(self) -> dict[str, Tensor]:
        """On the CPU by the names that the file has: `test.mean`, `train.pulls`, `shift.<name>.low`, ..."""
        named = {f"test.{name}": value for name, value in vars(self.test).items()}
        named |= {f"train.{name}": value for name, value in vars(self.train).items()}
        for shift, found in self.shifts.items():
            whole = {"mean": found.mean, "low": found.low, "high": found.high, **found.scores}
            named |= {f"shift.{shift}.{name}": value for name, value in whole.items()}
        named |= {"trace.log_joint": self.log_joint}
        return {name: value.cpu() for name, value in named.items() if value is not None}

    @classmethod
    def from_tensors(cls, named: Mapping[str, Tensor]) -> Self:
        """The inverse of `tensors`.

        Raises:
            KeyError: the name of a tensor that is missing.
        """
        shifts = dict.fromkeys(name.split(".", 1)[1].rpartition(".")[0] for name in named if name.startswith("shift."))
        return cls(
            test=PredictionsOnTest(**_fields(PredictionsOnTest, named, "test.")),
            train=PredictionsOnTraining(**_fields(PredictionsOnTraining, named, "train.")),
            shifts={shift: _shift(named, f"shift.{shift}.") for shift in shifts},
            log_joint=named["trace.log_joint"],
        )

    def cpu(self) -> Self:
        """A copy on the CPU."""
        return self.from_tensors(self.tensors())


def _fields(part: Any, named: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    wanted = [field for field in fields(part) if field.default is MISSING or prefix + field.name in named]
    return {field.name: named[prefix + field.name] for field in wanted}


def _shift(named: Mapping[str, Tensor], prefix: str) -> PredictionsOnShift:
    found = {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}
    mean, low, high = (found.pop(name) for name in ("mean", "low", "high"))
    return PredictionsOnShift(mean, low, high, found)
