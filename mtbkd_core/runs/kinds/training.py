"""Trainings: a task's teachers where they take minutes, one after another, each with its scores."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mtbkd_core.catalog.registry import load_task, task_info, untrained
from mtbkd_core.catalog.settings import build_config, default_config
from mtbkd_core.common.progress import Phase, Progress
from mtbkd_core.config.models import RunConfig
from mtbkd_core.evaluation.scores import Row, Scores, scores
from mtbkd_core.runs.job import JobKind, Work
from mtbkd_core.runs.kinds.parts import PartsSpec, PartsView, filled_by
from mtbkd_core.runs.rows import Rows, RowsLog
from mtbkd_core.studies.sweep import with_some_teachers


class TrainingSpec(PartsSpec):
    """What is trained: all teachers of the configuration, each a part."""

    def parts(self) -> Mapping[int, RunConfig]:
        """The settings with each teacher alone, by its place."""
        return {place: with_some_teachers(self.config, [name]) for place, name in enumerate(self.config.data.teachers)}


@dataclass(frozen=True, kw_only=True)
class TrainingView(PartsView[TrainingSpec]):
    """A training as it was when it was looked at."""

    def scores(self) -> dict[str, Scores]:
        """Teacher -> its scores on the test examples, of those that are trained."""
        return {name: Scores.model_validate(row) for name, row in _by_teacher(self.rows).items()}

    def is_torn(self) -> bool:
        """As `PartsView.is_torn`, or teachers' predictions were deleted since."""
        return super().is_torn() or bool(untrained(self.config.data.task))


def training_spec(task: str) -> TrainingSpec:
    """The training of all teachers of a task.

    Raises:
        UserError: no such task.
    """
    names = [teacher.name for teacher in task_info(task).teachers]
    return TrainingSpec(config=build_config([("data.teachers", names), ("device", "cpu")], base=default_config(task)))


def _by_teacher(rows: Rows) -> dict[str, Row]:
    return {name: row for found in rows.whole.values() for name, row in found.items()}


def _fill(spec: TrainingSpec, kept: Rows, log: RowsLog, work: Work) -> Mapping[str, Any]:
    name = spec.config.data.task
    missing = untrained(name)
    found = {teacher: row for teacher, row in _by_teacher(kept).items() if teacher not in missing}
    count = len(spec.config.data.teachers)

    def report(progress: Progress) -> None:
        done = len(found)
        # The task counts the teachers of this part, which is one; a person counts those of the training.
        before, _, after = progress.message.partition(": ")
        work.on_progress(Progress(Phase.TEACHERS, done, count, (done + progress.fraction) / count, after or before))

    for part, config in spec.parts().items():
        (teacher,) = config.data.teachers
        if teacher in found:
            continue
        began = time.monotonic()
        task = load_task(config.data, on_progress=report, should_stop=work.should_stop)
        found[teacher] = scores(task.teachers[teacher].logits_test.softmax(-1), task.y_test).row
        log.write(part, teacher, found[teacher])
        log.close(part, time.monotonic() - began)
    return {"teachers": found}


KIND: JobKind[TrainingSpec, TrainingView] = JobKind(
    noun="training",
    folder="trainings",
    result="training.json",
    spec=TrainingSpec,
    view=TrainingView,
    compute=filled_by(_fill),
)
