"""Every method of the comparison: MT-BKD, the other posteriors, and the baselines that give networks.

All have the same student, data and seeds. Posteriors, each the mean over its draws:

* `mt_bkd`, and `deep_ensemble`, the anchored warm start of its own run, averaged before any is sampled;
* `no_teacher`: the same posterior without the mixture prior;
* `teacher:<name>`: the same posterior with that teacher alone (single-teacher BKD, Fang et al., ICML 2024).

Baselines are in `mtbkd_core.baselines`. Each is reported as one network and, as `<name>_ensemble`, as the mean of as
many networks as there are chains, so that averaging alone is no advantage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from mtbkd_core.baselines.base import Problem
from mtbkd_core.baselines.registry import BASELINES
from mtbkd_core.catalog.settings import build_config
from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.config.models import RunConfig
from mtbkd_core.distillation import distill
from mtbkd_core.evaluation.scores import Row, scores
from mtbkd_core.studies.grid import each_result
from mtbkd_core.tasks.base import Task

MT_BKD, NO_TEACHER, DEEP_ENSEMBLE = "mt_bkd", "no_teacher", "deep_ensemble"
_TEACHER, _ENSEMBLE = "teacher:", "_ensemble"

#: Runs a method, and gives the row of each name that it is reported as.
Method = Callable[[], Mapping[str, Row]]


@dataclass(frozen=True)
class About:
    """A method's title, and what it is in one line."""

    title: str
    line: str


_POSTERIORS = {
    MT_BKD: About("MT-BKD", "The posterior over students under the mixture of all teachers; mean over its draws."),
    NO_TEACHER: About("No teacher", "The same posterior without the teachers: labels and weight prior alone."),
    DEEP_ENSEMBLE: About("Deep ensemble", "MT-BKD's own warm start: one network a chain, averaged before sampling."),
}
_ABOUT = _POSTERIORS | {each.name: About(each.title, each.line) for each in BASELINES}


def about(method: str, teachers: Mapping[str, str]) -> About:
    """Title and line of a method by its name in the table.

    Args:
        method: `ebkd`, `ebkd_ensemble`, `teacher:<name>`, ...
        teachers: name -> title.
    """
    if method.startswith(_TEACHER):
        name = method.removeprefix(_TEACHER)
        title = teachers.get(name, name)
        return About(f"Only {title}", f"Single-teacher BKD: the same posterior with {title} alone.")
    one = _ABOUT.get(method.removesuffix(_ENSEMBLE))
    if one is not None and method not in _ABOUT:
        line = "As many of these networks as there are chains, averaged: averaging alone is then no advantage."
        return About(f"{one.title}, ensemble", line)
    return _ABOUT.get(method, About(method, ""))


def left_out(methods: Iterable[str]) -> list[str]:
    """A line for each baseline that a whole comparison lacks, with the reason."""
    there = set(methods)
    return [
        f"{each.title}: left out, because {each.reason}."
        for each in BASELINES
        if each.reason and each.name not in there
    ]


def methods(
    config: RunConfig, task: Task, *, on_progress: OnProgress | None = None, should_stop: ShouldStop | None = None
) -> dict[str, Method]:
    """Every method by name.

    The teachers alone are chains of one batch where shapes agree, so one call, named after the first of them, gives all
    their rows. A posterior has its `r_hat` beside its scores. `left_out` names those that are missing, with the reason.

    Args:
        on_progress: called with how far a posterior's own run is, as by `distill`.
        should_stop: asked at every step of every method; when true, the call ends with `Cancelled`.
    """
    teachers = config.data.teachers

    def mt_bkd() -> Mapping[str, Row]:
        metrics = distill(config, task=task, on_progress=on_progress, should_stop=should_stop).metrics
        return {MT_BKD: metrics.row, DEEP_ENSEMBLE: metrics.warm_start.row}

    def no_teacher() -> Mapping[str, Row]:
        alone = without_teachers(config, len(task.y_train))
        return {NO_TEACHER: distill(alone, task=task, on_progress=on_progress, should_stop=should_stop).metrics.row}

    def single_teachers() -> Mapping[str, Row]:
        unweighted = config.model_copy(update={"prior": config.prior.model_copy(update={"base_weights": None})})
        configs = [build_config([("data.teachers", (name,))], base=unweighted) for name in teachers]

        def fail(place: int, error: UserError) -> None:
            raise UserError(f"teacher {teachers[place]}: {error}")

        found = dict(each_result(configs, task=task, on_problem=fail, on_progress=on_progress, should_stop=should_stop))
        return {f"{_TEACHER}{name}": found[place].metrics.row for place, name in enumerate(teachers)}

    problem = Problem(config, task, should_stop=should_stop)
    networks: dict[str, Method] = {
        each.name: lambda each=each: one_and_ensemble(each.name, each.run(problem), task.y_test)  # type: ignore[misc]
        for each in BASELINES
        if each.available(problem)
    }
    return {MT_BKD: mt_bkd, NO_TEACHER: no_teacher, f"{_TEACHER}{teachers[0]}": single_teachers, **networks}


def without_teachers(config: RunConfig, labelled: int) -> RunConfig:
    """The configuration with strength 0; a batch that is larger than the labelled examples becomes all of them."""
    changes: list[tuple[str, object]] = [("prior.strength", 0.0)]
    if (config.sampler.batch_size or 0) > labelled:
        changes.append(("sampler.batch_size", None))
    return build_config(changes, base=config)


def method_costs(config: RunConfig, *, sampled: float, without: float, fitted: float) -> dict[str, float]:
    """What each of `methods` is reckoned to cost, in the unit of its arguments.

    Args:
        sampled, without: cost of a posterior with and without teachers.
        fitted: cost of fitting all networks of one baseline.
    """
    teachers = config.data.teachers
    posteriors = {MT_BKD: sampled, NO_TEACHER: without, f"{_TEACHER}{teachers[0]}": len(teachers) * sampled}
    return posteriors | {each.name: each.fits * fitted for each in BASELINES}


def one_and_ensemble(name: str, probabilities: Tensor, labels: Tensor) -> dict[str, Row]:
    """The rows of a baseline: the first network of [S, M, C], and the mean over all as `<name>_ensemble`."""
    return {
        name: scores(probabilities[0], labels).row,
        f"{name}{_ENSEMBLE}": scores(probabilities.mean(0), labels).row,
    }
