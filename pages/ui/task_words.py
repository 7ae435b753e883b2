"""A task and its teachers in words and colours."""

from __future__ import annotations

from mtbkd_core import RunConfig, UserError, task_info
from mtbkd_core.evaluation.scores import HEADLINE, SCORES, Scores
from mtbkd_core.figures.theme import teacher_colours
from mtbkd_core.tasks.source import TaskInfo
from mtbkd_core.teachers.base import TeacherInfo


def info(config: RunConfig) -> TaskInfo:
    """The task's description, without loading it."""
    return task_info(config.data.task)


def item(config: RunConfig) -> str:
    """What one input of the task is called: image, point."""
    return task_info(config.data.task).item


def colours(config: RunConfig) -> dict[str, str]:
    """Each teacher's colour, fixed by the order in which the task offers them; those offered no more come last."""
    return teacher_colours([*dict.fromkeys([*offered(config), *config.data.teachers])])


def offered(config: RunConfig) -> dict[str, TeacherInfo]:
    """The teachers that the task offers, by name."""
    return {teacher.name: teacher for teacher in info(config).teachers}


def titles_by_name(config: RunConfig) -> dict[str, str]:
    """The configuration's teachers, name -> title; one that is offered no more keeps its name."""
    try:
        known = offered(config)
    except UserError:  # the task has been forgotten
        known = {}
    return {name: known[name].title if name in known else name for name in config.data.teachers}


def remark(config: RunConfig) -> str:
    """What a reader of any score on the configuration's task has to know; "" for nothing, or a task forgotten since."""
    try:
        return info(config).remark
    except UserError:
        return ""


def score_line(row: Scores) -> str:
    """A teacher's scores with the errors from the test set, as its card shows them."""
    return "  \n".join(f":small[:gray[{SCORES[name].short}]] {row.text(name)}" for name in HEADLINE)
