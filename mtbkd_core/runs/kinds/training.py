"""Trainings as jobs: a task's teachers where they take minutes, one after another, each with its scores."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mtbkd_core.catalog.registry import load_task, task_info, untrained
from mtbkd_core.catalog.settings import build_config, default_config
from mtbkd_core.common.progress import OnProgress, Phase, Progress, ShouldStop, UserError
from mtbkd_core.config.models import RunConfig
from mtbkd_core.evaluation.scores import Row, scores
from mtbkd_core.runs import folder as files
from mtbkd_core.runs.kinds import base
from mtbkd_core.runs.kinds.base import Table, TableView
from mtbkd_core.runs.rows import Rows, RowsLog
from mtbkd_core.studies.sweep import hearing


class Asked(base.Asked):
    """What a training is of: all teachers of the configuration, each a part."""

    def parts(self) -> Mapping[int, RunConfig]:
        """The settings with each teacher alone, by its place."""
        return {place: hearing(self.config, [name]) for place, name in enumerate(self.config.data.teachers)}


@dataclass(frozen=True, kw_only=True)
class TrainingView(TableView[Asked]):
    """A training as it was when it was looked at."""

    def scores(self) -> dict[str, Row]:
        """Teacher -> its scores on the test examples, of those that are trained."""
        return {name: row for rows in self.rows.whole.values() for name, row in rows.items()}


def ask(task: str) -> Asked:
    """The training of all teachers of a task.

    Raises:
        UserError: no such task.
    """
    names = [teacher.name for teacher in task_info(task).teachers]
    return Asked(config=build_config([("teachers", names), ("device", "cpu")], base=default_config(task)))


def _compute(
    asked: Asked, kept: Rows, log: RowsLog, on_progress: OnProgress, should_stop: ShouldStop
) -> Mapping[str, Any]:
    missing = untrained(asked.config.data.task)
    found = {name: row for rows in kept.whole.values() for name, row in rows.items() if name not in missing}
    stamp = task_info(asked.config.data.task).stamp
    of = len(asked.config.data.teachers)
    for part, config in asked.parts().items():
        (name,) = config.data.teachers
        if name in found:
            continue
        if task_info(config.data.task).stamp != stamp:
            raise UserError(f"task {config.data.task}: has become another one meanwhile; train its teachers again")

        def tell(progress: Progress) -> None:
            done = len(found)
            # The task counts the teachers of this part, which is one; a person counts those of the training.
            before, _, after = progress.message.partition(": ")
            on_progress(Progress(Phase.TEACHERS, done, of, (done + progress.fraction) / of, after or before))

        began = time.monotonic()
        task = load_task(
            config.data,
            teachers=[name],
            on_progress=tell,
            should_stop=should_stop,
        )
        found[name] = scores(task.teachers[name].logits_test.softmax(-1), task.y_test).row
        log.write(part, name, found[name])
        log.close(part, time.monotonic() - began)
    return {"teachers": found}


TABLE: Table[Asked, TrainingView] = Table(files.TRAINING, Asked, TrainingView, _compute, lambda asked: Rows({}, {}))
