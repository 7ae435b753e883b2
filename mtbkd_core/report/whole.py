"""A report with all that this machine can add to a run: its task's data, and what student and teachers cost."""

from __future__ import annotations

from datetime import datetime

from mtbkd_core.catalog.registry import load_task
from mtbkd_core.common.progress import UserError
from mtbkd_core.export.costs import Costs, measure_costs
from mtbkd_core.report.html import build_report
from mtbkd_core.report.thinking import with_its_data
from mtbkd_core.result import Result
from mtbkd_core.review.requirements import Requirements
from mtbkd_core.tasks.base import Task


def whole_report(
    result: Result,
    *,
    run: str,
    created: datetime,
    costs: Costs | None = None,
    requirements: Requirements | None = None,
    late: bool = False,
) -> str:
    """As `build_report`; `costs` that were not measured yet are measured where that can be done here.

    Raises:
        UserError: the run's task is not known here.
    """
    task = _find_task(result)
    if costs is None and task is not None:
        try:
            costs = measure_costs(result, task)
        except UserError:  # the libraries of the extra, or a student that has no export
            costs = None
    return build_report(result, run=run, created=created, task=task, costs=costs, requirements=requirements, late=late)


def _find_task(result: Result) -> Task | None:
    try:
        return with_its_data(result, load_task(result.config))
    except UserError:  # its data are not on this machine
        return None
