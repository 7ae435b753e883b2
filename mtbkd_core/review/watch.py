"""A watch on a student: new inputs beside the test set, batch by batch, and the alarm that says to retrain.

The test is that of `drift`: its false alarms are at most 5 % of all watches, however often one looks. M new inputs, C
classes, B batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.common.progress import UserError
from mtbkd_core.evaluation.evaluate import reported
from mtbkd_core.evaluation.predictive import Predictive, predict
from mtbkd_core.result import Result
from mtbkd_core.review.drift import DriftWatch

#: What is watched: name -> words.
WATCHED = {"deviance": "deviance", "epistemic": "epistemic uncertainty", "set_size": "size of the credible sets"}
BATCH = 100


@dataclass(frozen=True)
class Batch:
    """Some inputs in a row; the test set is described alike.

    Attributes:
        name: of a time, or the number of the last input.
        count: inputs.
        means: of each of `WATCHED`.
        predicted: [C], share of each class among the answers.
        labelled: inputs with a label.
        accuracy, coverage: of those with a label, and how often their credible set holds it; None without any.
    """

    name: str
    count: int
    means: dict[str, float]
    predicted: tuple[float, ...]
    labelled: int
    accuracy: float | None
    coverage: float | None


@dataclass(frozen=True)
class WatchReport:
    """What a watch found.

    Attributes:
        seen: new inputs.
        at: inputs that had been seen when the alarm was raised; None: there is none.
        reason: of the alarm in one sentence; "" without one.
        test_set: what the batches are held against.
        batches: in the order of time.
        martingale: [M], the evidence after each input; 20 and more is an alarm.
        strangest: places of the inputs with the largest epistemic uncertainty, the largest first.
    """

    seen: int
    at: int | None
    reason: str
    test_set: Batch
    batches: tuple[Batch, ...]
    martingale: tuple[float, ...]
    strangest: tuple[int, ...]

    @property
    def alarm(self) -> bool:
        """Whether to retrain."""
        return self.at is not None


def watch(
    result: Result, x: Tensor, labels: Tensor | None = None, times: Sequence[str] | None = None, batch: int = BATCH
) -> WatchReport:
    """Watch new inputs in the order in which they came.

    Args:
        result: the run of the student.
        x: [M, F], on the scale of the task's inputs.
        labels: [M], -1 where there is none.
        times: [M], a batch is what has the same time in a row; None: every `batch` inputs are one.
        batch: the size of a batch.
    Raises:
        UserError: no input, or inputs of another width.
    """
    wanted = result.environment["n_features"]
    if not len(x) or x.shape[1] != wanted:
        raise UserError(f"inputs: needs rows of {wanted} numbers, got {len(x)} rows of {x.shape[1]}")
    found = predict(result.student, reported(result.draws), x, inputs=result.student_inputs)
    test, new = _scores(result.predictions.test), _scores(found)
    # seeded, so that the same file gives the same answer
    drift = DriftWatch({name: value.tolist() for name, value in test.items()}, seed=result.config.seed)
    for row in zip(*(new[name].tolist() for name in WATCHED), strict=True):
        drift.see(dict(zip(WATCHED, row, strict=True)))
    known = torch.full((len(x),), -1) if labels is None else labels
    parts = _parts(len(x), times, batch)
    alarm = drift.alarm
    return WatchReport(
        seen=len(x),
        at=None if alarm is None else alarm.seen,
        reason="" if alarm is None else _reason(alarm.seen, alarm.score, test, new),
        test_set=_describe("test set", result.predictions.test, result.predictions.test.labels.long(), slice(None)),
        batches=tuple(_describe(name, found, known, part) for name, part in parts),
        martingale=tuple(drift.path),
        strangest=tuple(found.epistemic.argsort(descending=True)[:10].tolist()),
    )


def _scores(predictive: Predictive) -> dict[str, Tensor]:
    sizes = predictive.prediction_set.sum(1).double()
    return {"deviance": predictive.deviance, "epistemic": predictive.epistemic, "set_size": sizes}


def _reason(seen: int, score: str, test: dict[str, Tensor], new: dict[str, Tensor]) -> str:
    until, before = (float(values.double().mean()) for values in (new[score][:seen], test[score]))
    return (
        f"after {seen} inputs the {WATCHED[score]} is not that of the test set: mean {until:.3g} for {before:.3g}; "
        "retrain, or look at the inputs that differ most"
    )


def _parts(count: int, times: Sequence[str] | None, batch: int) -> list[tuple[str, slice]]:
    """Names and rows of the batches."""
    if times is None:
        return [(str(min(start + batch, count)), slice(start, start + batch)) for start in range(0, count, batch)]
    starts = [row for row in range(count) if row == 0 or times[row] != times[row - 1]]
    return [(times[start], slice(start, end)) for start, end in zip(starts, [*starts[1:], count], strict=True)]


def _describe(name: str, predictive: Predictive, labels: Tensor, part: slice) -> Batch:
    mean, sets, own = predictive.mean[part], predictive.prediction_set[part].bool(), labels[part]
    there = own >= 0
    right = (mean.argmax(1) == own)[there]
    held = sets[there].gather(1, own[there][:, None])[:, 0]
    return Batch(
        name=name,
        count=len(mean),
        means={score: float(values[part].double().mean()) for score, values in _scores(predictive).items()},
        predicted=tuple((torch.bincount(mean.argmax(1), minlength=mean.shape[1]) / len(mean)).tolist()),
        labelled=int(there.sum()),
        accuracy=float(right.double().mean()) if len(right) else None,
        coverage=float(held.double().mean()) if len(held) else None,
    )
