"""A watch on a student: new inputs beside the test set, batch by batch, and the alarm that says to retrain.

The test is that of `drift`: its false alarms are at most 5 % of all watches, however often one looks. M new inputs, C
classes, B batches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.common.progress import UserError
from mtbkd_core.evaluation.calibration import checked, expected_calibration_error
from mtbkd_core.evaluation.errors import exact_calibration
from mtbkd_core.evaluation.predictive import Predictive, predict
from mtbkd_core.evaluation.shares import share_interval
from mtbkd_core.result import Result
from mtbkd_core.review.drift import Alarm, DriftWatch

#: What is watched: name -> words.
WATCHED = {"deviance": "deviance", "epistemic": "epistemic uncertainty", "set_size": "size of the credible sets"}
BATCH = 100
#: Inputs that differ most.
STRANGEST = 10


@dataclass(frozen=True)
class Share:
    """A share of some examples with its exact 95 % interval."""

    found: float
    low: float
    high: float

    @classmethod
    def of(cls, hits: Tensor) -> Share:
        """Of booleans [M], M >= 1."""
        low, high = share_interval(int(hits.sum()), len(hits))
        return cls(float(hits.double().mean()), low, high)


@dataclass(frozen=True)
class Labelled:
    """What labels say of those inputs that have one.

    Attributes:
        count: how many.
        accuracy: share of right answers.
        coverage: share of credible sets that hold the label.
        ece: the calibration error; `exact_ece` is what exact calibration would show on so many, on average.
        p_value: the chance of an ECE as large under exact calibration.
    """

    count: int
    accuracy: Share
    coverage: Share
    ece: float
    exact_ece: float | None
    p_value: float | None


@dataclass(frozen=True)
class Batch:
    """Some inputs in a row; the test set is described alike.

    Attributes:
        name: of a time, or the number of the last input.
        count: inputs.
        means: of each of `WATCHED`.
        errors: their standard errors; None for a single input.
        predicted: [C], share of each class among the answers.
        labelled: inputs with a label.
        accuracy, coverage: of those with a label, and how often their credible set holds it; None without any.
    """

    name: str
    count: int
    means: dict[str, float]
    errors: dict[str, float | None]
    predicted: tuple[float, ...]
    labelled: int
    accuracy: Share | None
    coverage: Share | None


@dataclass(frozen=True)
class Strange:
    """An input that differs.

    Attributes:
        place: among the new inputs.
        epistemic, deviance: of the student there, in nats.
        predicted: the class that it answers.
        above: share of the test examples with less epistemic uncertainty.
    """

    place: int
    epistemic: float
    deviance: float
    predicted: int
    above: float


@dataclass(frozen=True)
class WatchReport:
    """What a watch found.

    Attributes:
        seen: new inputs.
        at: inputs that had been seen when the alarm was raised; None: there is none.
        reason: of the alarm in one sentence; "" without one.
        test_set: what the batches are held against; `batches` stand in the order of time, `whole` is all of them.
        evidence: [M], the largest after each input; 20 and more is an alarm.
        strangest: the inputs with the largest epistemic uncertainty, the largest first.
        so_far: what labels say of all new inputs together; None without labels. `before`: of the test set.
    """

    seen: int
    at: int | None
    reason: str
    test_set: Batch
    batches: tuple[Batch, ...]
    whole: Batch
    evidence: tuple[float, ...]
    strangest: tuple[Strange, ...]
    so_far: Labelled | None
    before: Labelled | None

    @property
    def alarm(self) -> bool:
        """Whether to retrain."""
        return self.at is not None


@dataclass(frozen=True)
class _Answers:
    """What the student says of some inputs, and their labels, -1 where there is none."""

    scores: dict[str, Tensor]
    mean: Tensor
    sets: Tensor
    labels: Tensor

    @classmethod
    def of(cls, predictive: Predictive, labels: Tensor) -> _Answers:
        sets = predictive.prediction_set.bool()
        scores = {"deviance": predictive.deviance, "epistemic": predictive.epistemic, "set_size": sets.sum(1)}
        return cls({name: values.double() for name, values in scores.items()}, predictive.mean, sets, labels.long())

    def __getitem__(self, rows: Tensor | slice) -> _Answers:
        scores = {name: values[rows] for name, values in self.scores.items()}
        return _Answers(scores, self.mean[rows], self.sets[rows], self.labels[rows])

    @property
    def predicted(self) -> Tensor:
        return self.mean.argmax(1)

    @property
    def labelled(self) -> _Answers:
        return self[(self.labels >= 0).nonzero()[:, 0]]

    @property
    def right(self) -> Tensor:
        return self.predicted == self.labels

    @property
    def held(self) -> Tensor:
        return self.sets.gather(1, self.labels[:, None])[:, 0]


def watch(
    result: Result,
    x: Tensor,
    labels: Tensor | None = None,
    times: Sequence[str] | None = None,
    batch: int = BATCH,
    reference: Tensor | None = None,
) -> WatchReport:
    """Watch new inputs in the order in which they came.

    Args:
        result: the run of the student.
        x: [M, F], on the scale of the task's inputs.
        labels: [M], -1 where there is none.
        times: [M], a batch is what has the same time in a row; None: every `batch` inputs are one.
        batch: the size of a batch.
        reference: rows of the test set that the inputs are held against; None: all.
    Raises:
        UserError: no input, or inputs of another width.
    """
    wanted = result.environment["n_features"]
    if not len(x) or x.shape[1] != wanted:
        raise UserError(f"inputs: needs rows of {wanted} numbers, got {len(x)} rows of {x.shape[1]}")
    found = predict(result.student, result.reported, x, inputs=result.student_inputs)
    new = _Answers.of(found, torch.full((len(x),), -1) if labels is None else labels)
    test = _Answers.of(result.predictions.test, result.predictions.test.labels)
    test = test if reference is None else test[reference]
    # seeded, so that the same file gives the same answer
    drift = DriftWatch(
        {name: values.tolist() for name, values in test.scores.items()},
        test.predicted.tolist(),
        test.mean.shape[1],
        seed=result.config.seed,
    )
    columns = zip(*(new.scores[name].tolist() for name in WATCHED), strict=True)
    for row, answer in zip(columns, new.predicted.tolist(), strict=True):
        drift.see(dict(zip(WATCHED, row, strict=True)), answer)
    return WatchReport(
        seen=len(x),
        at=None if drift.alarm is None else drift.alarm.seen,
        reason="" if drift.alarm is None else _reason(drift.alarm, test, new, result.environment["class_names"]),
        test_set=_describe("test set", test),
        batches=tuple(_describe(name, new[part]) for name, part in _parts(len(x), times, batch)),
        whole=_describe("new inputs", new),
        evidence=tuple(drift.path),
        strangest=_strangest(test, new),
        so_far=_labelled(new),
        before=_labelled(test),
    )


def _reason(alarm: Alarm, test: _Answers, new: _Answers, names: Sequence[str]) -> str:
    seen = new[slice(alarm.seen)]
    if alarm.score is None:
        answer = alarm.answer or 0
        until, before = (float(part.predicted.eq(answer).double().mean()) for part in (seen, test))
        often = "more" if until > before else "less"
        what = f"{names[answer]} is answered {often} often than on the test set: {until:.1%} instead of {before:.1%}"
    else:
        until, before = (float(part.scores[alarm.score].mean()) for part in (seen, test))
        what = f"the {WATCHED[alarm.score]} is not that of the test set: mean {until:.3g} instead of {before:.3g}"
    return f"after {alarm.seen:,} inputs {what}; retrain, or look at the inputs that differ most"


def _parts(count: int, times: Sequence[str] | None, batch: int) -> list[tuple[str, slice]]:
    """Names and rows of the batches."""
    if times is None:
        return [(str(min(start + batch, count)), slice(start, start + batch)) for start in range(0, count, batch)]
    starts = [row for row in range(count) if row == 0 or times[row] != times[row - 1]]
    return [(times[start], slice(start, end)) for start, end in zip(starts, [*starts[1:], count], strict=True)]


def _describe(name: str, part: _Answers) -> Batch:
    count, known = len(part.mean), part.labelled
    return Batch(
        name=name,
        count=count,
        means={score: float(values.mean()) for score, values in part.scores.items()},
        errors={
            score: float(values.std()) / math.sqrt(count) if count > 1 else None
            for score, values in part.scores.items()
        },
        predicted=tuple((torch.bincount(part.predicted, minlength=part.mean.shape[1]) / count).tolist()),
        labelled=len(known.labels),
        accuracy=Share.of(known.right) if len(known.labels) else None,
        coverage=Share.of(known.held) if len(known.labels) else None,
    )


def _labelled(part: _Answers) -> Labelled | None:
    known = part.labelled
    if not len(known.labels):
        return None
    ece = expected_calibration_error(*checked(known.mean, known.labels))
    exact = exact_calibration(known.mean, ece)
    return Labelled(len(known.labels), Share.of(known.right), Share.of(known.held), ece, exact.mean, exact.p_value)


def _strangest(test: _Answers, new: _Answers) -> tuple[Strange, ...]:
    epistemic, predicted = new.scores["epistemic"], new.predicted
    return tuple(
        Strange(
            place=place,
            epistemic=float(epistemic[place]),
            deviance=float(new.scores["deviance"][place]),
            predicted=int(predicted[place]),
            above=float((test.scores["epistemic"] < epistemic[place]).double().mean()),
        )
        for place in epistemic.argsort(descending=True)[:STRANGEST].tolist()
    )
