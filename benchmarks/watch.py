"""Whether a watch keeps its promise: few alarms where nothing changes, and after how many inputs a drift is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmarks.shared.record import Record, options
from benchmarks.shared.runs import kept_run
from mtbkd_core import Result, Task
from mtbkd_core.catalog.registry import missing_data
from mtbkd_core.evaluation.corruptions import corrupt
from mtbkd_core.evaluation.predictive import predict
from mtbkd_core.review.drift import ALPHA, DriftWatch
from mtbkd_core.review.watch import WATCHED
from mtbkd_core.tasks.fashion import clothing_images
from mtbkd_core.tasks.synthetic import CURVED, draw

#: New points of the plane, of which each stream takes some; inputs before a drift begins and after it.
POOL, BEFORE, AFTER = 20_000, 100, 300


@dataclass(frozen=True)
class Answers:
    """Scores [M, 3] of inputs in the order of `WATCHED`, and the classes that are answered, [M]."""

    scores: np.ndarray
    predicted: np.ndarray

    @classmethod
    def of(cls, result: Result, x: Tensor) -> Answers:
        """Of inputs [M, F] of the run's task."""
        found = predict(result.student, result.reported, x, inputs=result.student_inputs)
        columns = {"deviance": found.deviance, "epistemic": found.epistemic, "set_size": found.prediction_set.sum(1)}
        scores = np.stack([columns[name].double().numpy() for name in WATCHED], 1)
        return cls(scores, found.mean.argmax(1).numpy())

    def __getitem__(self, rows: np.ndarray) -> Answers:
        return Answers(self.scores[rows], self.predicted[rows])


def alarm_after(reference: Answers, parts: list[Answers], classes: int, seed: int) -> int | None:
    """Inputs until the alarm of a watch; None: there is none."""
    columns = {name: reference.scores[:, place].tolist() for place, name in enumerate(WATCHED)}
    watch = DriftWatch(columns, reference.predicted, classes, seed=seed)
    for part in parts:
        for row, answer in zip(part.scores.tolist(), part.predicted.tolist(), strict=True):
            watch.see(dict(zip(WATCHED, row, strict=True)), answer)
            if watch.alarm is not None:
                return watch.alarm.seen
    return None


def quiet(record: Record, name: str, pool: Answers, classes: int, reference: int, length: int, streams: int) -> None:
    """Streams without drift: reference and stream are drawn without replacement from one pool."""
    random = np.random.default_rng(0)
    alarms = 0
    for seed in range(streams):
        order = random.permutation(len(pool.predicted))
        first, stream = pool[order[:reference]], pool[order[reference : reference + length]]
        alarms += alarm_after(first, [stream], classes, seed) is not None
    record.row(task=name, drift="none", streams=streams, inputs=length, alarms=alarms / streams)
    record.claim(f"{name}: share of {streams:,} streams without drift with an alarm", alarms / streams, at_most=ALPHA)


def drifting(record: Record, name: str, drift: str, own: Answers, shifted: Answers, classes: int, repeats: int) -> None:
    """Streams that begin like the test set: inputs of the drift until it is found."""
    random = np.random.default_rng(1)
    half, after = len(own.predicted) // 2, []
    for seed in range(repeats):
        order, others = random.permutation(len(own.predicted)), random.permutation(len(shifted.predicted))[:AFTER]
        before = min(BEFORE, len(own.predicted) - half)
        parts = [own[order[half : half + before]], shifted[others]]
        found = alarm_after(own[order[:half]], parts, classes, seed)
        after.append(np.inf if found is None else found - before)
    late = [number for number in after if number >= 0]
    found_share = np.isfinite(after).mean()
    middle, most = np.median(late), np.max(late)
    record.row(
        task=name,
        drift=drift,
        streams=repeats,
        inputs=len(others),
        alarms=float(found_share),
        median=None if np.isinf(middle) else int(middle),
        most=None if np.isinf(most) else int(most),
    )
    record.claim(f"{name}, {drift}: share of {repeats} streams in which it is found", float(found_share), at_least=1.0)


def drifts(name: str, task: Task) -> dict[str, Tensor]:
    """Inputs of each drift of a task."""
    if name == "synthetic":
        return {f"points moved by {step:g}": task.x_test + torch.tensor([step, 0.0]) for step in (0.5, 1.0, 2.0)}
    if name == "proteins":
        return dict(task.shifts)
    found: dict[str, Callable[[], Tensor]] = {
        f"digits turned by {degrees:g}°": lambda degrees=degrees: corrupt(task.x_test, (8, 8), "rotation", degrees)  # type: ignore[misc]
        for degrees in (30.0, 60.0, 90.0)
    }
    if missing_data("fashion") is None:
        found["clothing"] = lambda: clothing_images((8, 8))
    return {drift: make() for drift, make in found.items()}


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--tasks", nargs="+", default=["synthetic", "digits", "proteins"])
    parser.add_argument("--streams", type=int, default=1_000, help="without drift")
    parser.add_argument("--repeats", type=int, default=40, help="of each drift")
    given = parser.parse_args()
    record = Record(write=given.write)
    for name in given.tasks:
        task, result = kept_run(name)
        own = Answers.of(result, task.x_test)
        if name == "synthetic":  # its points are drawn, so that a pool has as many as one likes
            pool = Answers.of(result, draw(POOL, CURVED.swirl, [0, 99])[0])
            quiet(record, name, pool, task.n_classes, len(task.x_test), 500, given.streams)
        else:
            half = len(own.predicted) // 2
            quiet(record, name, own, task.n_classes, half, min(half, 500), given.streams)
        for drift, x in drifts(name, task).items():
            drifting(record, name, drift, own, Answers.of(result, x), task.n_classes, given.repeats)
    record.close()


if __name__ == "__main__":
    main()
