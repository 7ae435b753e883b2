"""Every method of the comparison by name, each a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from torch import Tensor

from mtbkd_core.baselines.classic import (
    MEAN_WEIGHT,
    TUNED,
    WEIGHTS,
    Tuned,
    confidence_aware_distillation,
    entropy_weighted_distillation,
    mean_distillation,
)
from mtbkd_core.baselines.dropout import dropout_distillation
from mtbkd_core.baselines.fitting import Networks, configured_student, fit_networks, lesson_of, soft_targets
from mtbkd_core.baselines.laplace import laplace_predictions
from mtbkd_core.catalog.settings import build_config
from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.config.models import RunConfig
from mtbkd_core.distillation import distill
from mtbkd_core.evaluation.calibration import scores
from mtbkd_core.studies.grid import each_result
from mtbkd_core.tasks.base import Task

#: Rows of the table, by name.
Rows = dict[str, Mapping[str, object]]


def methods(
    config: RunConfig, task: Task, *, on_progress: OnProgress | None = None, should_stop: ShouldStop | None = None
) -> dict[str, Callable[[], Rows]]:
    """Every method by name, each a call that runs it and gives the scores of what it is reported as.

    MT-BKD's call also gives `deep_ensemble`, which is the warm start of its own run; a method that gives one network
    per chain is reported as the first of them and as `<name>_ensemble`. A posterior has its `r_hat` beside its scores.
    The first call of a `teacher:<name>` runs those of all teachers, which are chains of one batch where shapes agree.
    `about.left_out` says which methods may be missing, and why.

    Args:
        on_progress: told how far a posterior's own run is, as by `distill`.
        should_stop: asked at every step of every method; when true, the call ends with `Cancelled`.
    """

    def sampled(changed: RunConfig) -> dict[str, Any]:
        return distill(changed, task=task, on_progress=on_progress, should_stop=should_stop).metrics

    def ours() -> Rows:
        metrics = sampled(config)
        return {"mt_bkd": _with_r_hat(metrics), "deep_ensemble": metrics["warm_start"]}

    @cache
    def single_teachers() -> dict[str, dict[str, Any]]:
        configs = [build_config([("teachers", (name,))], base=unweighted) for name in config.data.teachers]

        def failed(place: int, error: UserError) -> None:
            raise UserError(f"teacher {config.data.teachers[place]}: {error}")

        found = each_result(configs, task=task, on_problem=failed, on_progress=on_progress, should_stop=should_stop)
        return {config.data.teachers[place]: result.metrics for place, result in found}

    def single_teacher(name: str) -> Rows:
        return {f"teacher:{name}": _with_r_hat(single_teachers()[name])}

    def networks(name: str, run: Callable[[], Tensor]) -> Callable[[], Rows]:
        return lambda: one_and_ensemble(name, run(), task.y_test)

    @cache
    def distilled() -> Networks:
        soft = soft_targets(lesson_of(config, task).teacher_logits, config.prior.temperature)
        return fit_networks(config, task, soft, weight=weight, should_stop=should_stop)

    def tuned(best: Tuned) -> Callable[[], Rows]:
        changed = build_config(best.settings.items(), base=config)
        return networks("mean_kd_tuned", lambda: mean_distillation(changed, task, weight=best.weight, **asked))

    prior = config.prior
    without = config.model_copy(update={"prior": prior.model_copy(update={"strength": 0.0})})
    if config.sampler.batch_size is not None and config.sampler.batch_size > len(task.y_train):
        without = without.model_copy(update={"sampler": config.sampler.model_copy(update={"batch_size": None})})
    asked: dict[str, Any] = {"should_stop": should_stop}
    weight = WEIGHTS.get(task.name, MEAN_WEIGHT)
    fitted = {"weight": weight, **asked}
    laplace = networks("laplace", lambda: laplace_predictions(config, task, distilled(), **fitted))
    unweighted = config.model_copy(update={"prior": prior.model_copy(update={"base_weights": None})})
    return {
        "mt_bkd": ours,
        "no_teacher": lambda: {"no_teacher": _with_r_hat(sampled(without))},
        **{f"teacher:{name}": partial(single_teacher, name) for name in config.data.teachers},
        "mean_kd": networks("mean_kd", lambda: distilled().probabilities(task.x_test)),
        **({"mean_kd_tuned": tuned(TUNED[task.name])} if task.name in TUNED else {}),
        "ebkd": networks("ebkd", lambda: entropy_weighted_distillation(config, task, **fitted)),
        "ca_mkd": networks("ca_mkd", lambda: confidence_aware_distillation(config, task, **fitted)),
        "mc_dropout": networks("mc_dropout", lambda: dropout_distillation(config, task, **fitted)),
        **({"laplace": laplace} if configured_student(config, task).fits_laplace else {}),
    }


def _with_r_hat(metrics: dict[str, Any]) -> dict[str, object]:
    return {**metrics["student"], "r_hat": metrics["diagnostics"]["r_hat"]}


def one_and_ensemble(name: str, probabilities: Tensor, labels: Tensor) -> Rows:
    """The rows of a method that gives networks: the first of [S, M, C], and the mean over all as `<name>_ensemble`."""
    return {name: scores(probabilities[0], labels), f"{name}_ensemble": scores(probabilities.mean(0), labels)}
