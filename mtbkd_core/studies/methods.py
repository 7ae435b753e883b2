"""Every method of the comparison: MT-BKD, the other posteriors, the teachers' means, and the baselines.

All have the same student, data and seeds, and settings chosen on the same validation rows with one budget (`tuning`).
Posteriors, each the mean over its draws:

* `mt_bkd`, and `warm_start`, the anchored warm start of its own run, averaged before any is sampled;
* `no_teacher`: the same posterior without the mixture prior;
* `teacher:<name>`: the same posterior with that teacher alone (single-teacher BKD, Fang et al., ICML 2024).

Without any student: `teachers_mean`, `teachers_weighted` under the weights of MT-BKD's run, and `teachers_tuned` under
the weights that are best on the validation rows. Baselines are in `mtbkd_core.baselines`.
Each is reported as one network and, as `<name>_ensemble`, as the mean of as many networks as
there are chains, so that averaging alone is no advantage; `<name>_scaled` is the one network with its logits over a
temperature.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from mtbkd_core.baselines.base import Baseline, Problem
from mtbkd_core.baselines.fitting import fit_steps
from mtbkd_core.baselines.registry import BASELINES
from mtbkd_core.catalog.registry import task_info
from mtbkd_core.catalog.settings import build_config
from mtbkd_core.common.progress import OnProgress, Phase, Progress, ShouldStop, UserError
from mtbkd_core.config.models import RunConfig
from mtbkd_core.distillation import distill
from mtbkd_core.evaluation.errors import ScoreError, bootstrap
from mtbkd_core.evaluation.means import error_entries, row_with_errors
from mtbkd_core.evaluation.scores import COMPARED, OF_ALL, Row, Scores, scores
from mtbkd_core.run_progress import gradient_share, run_work
from mtbkd_core.samplers.loop import LeftPosterior
from mtbkd_core.student_inputs import seen_by_student
from mtbkd_core.studies.grid import each_result
from mtbkd_core.studies.method_words import (
    ENSEMBLE,
    MT_BKD,
    NO_TEACHER,
    SCALED,
    TEACHER,
    TEACHERS_MEAN,
    TEACHERS_TUNED,
    TEACHERS_WEIGHTED,
    TUNING,
    WARM_START,
)
from mtbkd_core.studies.tuning import FIT_COST, Tuned, Tuning, mean_with, tuned_config, tuning_work
from mtbkd_core.tasks.base import Task

_log = logging.getLogger(__name__)

#: Runs a method, and gives the row of each name that it is reported as.
Method = Callable[[], Mapping[str, Row]]


class Methods:
    """Every method of one configuration on one task, each tuned before it is worked out.

    Attributes:
        config, task: as of a run.
        on_progress: called with how far a posterior's own run is, as by `distill`, or the tuning.
        should_stop: asked at every step of every method; when true, the call ends with `Cancelled`.
    """

    def __init__(
        self, config: RunConfig, task: Task, on_progress: OnProgress | None, should_stop: ShouldStop | None
    ) -> None:
        task = seen_by_student(config, task)
        self.config, self.task = config, task
        self.on_progress, self.should_stop = on_progress, should_stop
        self._tuning = Tuning(config, task, should_stop)
        self._posteriors = posteriors(config, len(task.y_train))
        self._problem = Problem(config, task, should_stop=should_stop)

    @property
    def baselines(self) -> list[Baseline]:
        """Those that can be worked out."""
        return [each for each in BASELINES if each.available(self._problem)]

    def tune(self) -> Mapping[str, Row]:
        """Choose the settings of every method; there is no row."""
        steps: list[Callable[[], object]] = [partial(self._tuned, name) for name in self._posteriors]
        steps += [partial(self._chosen, each) for each in self.baselines]
        for place, step in enumerate(steps):
            if self.on_progress is not None:
                self.on_progress(Progress(Phase.STUDY, place, len(steps), place / len(steps), "Tuning"))
            step()
        return {}

    def mt_bkd(self) -> Mapping[str, Row]:
        """MT-BKD, its warm start, and the teachers' means of its run."""
        tuned = self._tuned(MT_BKD)
        config = tuned_config(self.config, tuned)
        metrics = distill(config, task=self.task, on_progress=self.on_progress, should_stop=self.should_stop).metrics
        return {
            MT_BKD: metrics.row | tuned.row,
            WARM_START: row_with_errors(metrics.warm_start) | tuned.row,
            TEACHERS_MEAN: _of_all(metrics.teachers_mean),
            TEACHERS_WEIGHTED: _of_all(metrics.teachers_weighted),
            TEACHERS_TUNED: self._tuned_teachers(),
        }

    def _tuned_teachers(self) -> Row:
        tuned = self._tuning.of_teachers(TEACHERS_TUNED)
        mean = mean_with(self.config, tuned.settings, self.task)
        return _row(mean, self.task.y_test) | tuned.row

    def no_teacher(self) -> Mapping[str, Row]:
        """The posterior without teachers."""
        tuned = self._tuned(NO_TEACHER)
        alone = tuned_config(self._posteriors[NO_TEACHER], tuned)
        found = distill(alone, task=self.task, on_progress=self.on_progress, should_stop=self.should_stop)
        return {NO_TEACHER: found.metrics.row | tuned.row}

    def single_teachers(self) -> Mapping[str, Row]:
        """A posterior for each teacher; none where its chains leave it at every step size, which is in the log."""
        single = {name: each for name, each in self._posteriors.items() if name.startswith(TEACHER)}
        tuned = {name: self._tuned(name) for name in single}
        configs = [tuned_config(each, tuned[name]) for name, each in single.items()]
        names = list(single)

        def fail(place: int, error: UserError) -> None:
            problem = f"teacher {names[place].removeprefix(TEACHER)}: {error}"
            if not isinstance(error, LeftPosterior):
                raise UserError(problem)
            _log.warning("%s", problem)

        watch, stop = self.on_progress, self.should_stop
        found = dict(each_result(configs, task=self.task, on_problem=fail, on_progress=watch, should_stop=stop))
        return {name: found[place].metrics.row | tuned[name].row for place, name in enumerate(names) if place in found}

    def baseline(self, baseline: Baseline) -> Mapping[str, Row]:
        """The rows of a baseline."""
        tuned = self._chosen(baseline)
        settings = [tuned.settings] * self.config.sampler.chains
        probabilities, labels = baseline.run(self._problem, settings), self.task.y_test
        if baseline.members > 1:
            return {baseline.name: _row(probabilities.mean(0), labels) | tuned.row}
        found = one_and_ensemble(baseline.name, probabilities, labels)
        if baseline.scaled:
            scaled = self._tuning.of_scaled(baseline.name)
            found[f"{baseline.name}{SCALED}"] = _row(heated(probabilities[0], scaled.settings["temperature"]), labels)
            found = {name: row | (scaled if name.endswith(SCALED) else tuned).row for name, row in found.items()}
            return found
        return {name: row | tuned.row for name, row in found.items()}

    def _tuned(self, name: str) -> Tuned:
        return self._tuning.of_posterior(name, self._posteriors[name])

    def _chosen(self, baseline: Baseline) -> Tuned:
        start = next((each for each in BASELINES if each.name == baseline.start), None)
        return self._tuning.of_baseline(baseline, None if start is None else self._chosen(start).settings)


def methods(
    config: RunConfig, task: Task, *, on_progress: OnProgress | None = None, should_stop: ShouldStop | None = None
) -> dict[str, Method]:
    """Every method by name, after the call that tunes them all; a call that comes without it tunes its own.

    The teachers alone are chains of one batch where settings agree, so one call, named after the first of them, gives
    all their rows. Rows hold errors, as `evaluation.means` reads them, and what was chosen for a method, as
    `tuning.split_row` does; those of a posterior its worst R-hat. `left_out` names those that are missing, with the
    reason.

    Args:
        on_progress: called with how far a posterior's own run is, as by `distill`, or the tuning.
        should_stop: asked at every step of every method; when true, the call ends with `Cancelled`.
    """
    every = Methods(config, task, on_progress, should_stop)
    networks: dict[str, Method] = {each.name: partial(every.baseline, each) for each in every.baselines}
    first = f"{TEACHER}{config.data.teachers[0]}"
    sampled: dict[str, Method] = {
        MT_BKD: every.mt_bkd,
        NO_TEACHER: every.no_teacher,
        first: every.single_teachers,
    }
    return {TUNING: every.tune} | sampled | networks


def posteriors(config: RunConfig, labelled: int) -> dict[str, RunConfig]:
    """The settings of every posterior by name, before they are tuned; `labelled`: examples with a label.

    A strength that is left to the program is among what is tuned, around 1.
    """
    if config.prior.strength is None:
        config = build_config([("prior.strength", 1.0)], base=config)
    unweighted = config.model_copy(update={"prior": config.prior.model_copy(update={"base_weights": None})})
    single = {
        f"{TEACHER}{name}": build_config([("data.teachers", (name,))], base=unweighted) for name in config.data.teachers
    }
    return {MT_BKD: config, NO_TEACHER: without_teachers(config, labelled)} | single


def without_teachers(config: RunConfig, labelled: int) -> RunConfig:
    """The configuration with strength 0; a batch that is larger than the labelled examples becomes all of them."""
    changes: list[tuple[str, object]] = [("prior.strength", 0.0)]
    if (config.sampler.batch_size or 0) > labelled:
        changes.append(("sampler.batch_size", None))
    return build_config(changes, base=config)


def method_costs(config: RunConfig, *, labelled: int, unlabelled: int) -> dict[str, float]:
    """What each of `methods` is reckoned to cost, in gradients of one example by one chain.

    Args:
        labelled, unlabelled: examples of a run.
    """
    sampler, everything = config.sampler, labelled + unlabelled
    sampled, without = (
        sampler.chains * count * sum(run_work(sampler, count).values()) for count in (everything, labelled)
    )
    share = gradient_share(sampler.warm_start_batch_size or sampler.batch_size, everything)
    fitted = FIT_COST * sampler.chains * everything * share * fit_steps(config)
    teachers = len(config.data.teachers)
    tuned = [tuning_work(config, None, labelled, unlabelled)] * (1 + teachers)
    tuned += [tuning_work(config, None, labelled, 0)]
    tuned += [tuning_work(config, each, labelled, unlabelled) for each in BASELINES]
    posterior = {MT_BKD: sampled, NO_TEACHER: without, f"{TEACHER}{config.data.teachers[0]}": teachers * sampled}
    return {TUNING: sum(tuned)} | posterior | {each.name: each.fits * fitted for each in BASELINES}


def runs_in(config: RunConfig, seeds: int) -> int:
    """What a comparison costs, in runs with these settings.

    Raises:
        UserError: a task that is not there.
    """
    labelled = task_info(config.data.task).check_labelled(config.data.n_labelled)
    costs = method_costs(config, labelled=labelled, unlabelled=config.data.n_unlabelled)
    return max(1, round(seeds * sum(costs.values()) / costs[MT_BKD]))


def heated(probabilities: Tensor, temperature: float) -> Tensor:
    """Probabilities with their logits over a temperature."""
    return (probabilities.double().clamp_min(torch.finfo(torch.float64).eps).log() / temperature).softmax(-1)


def one_and_ensemble(name: str, probabilities: Tensor, labels: Tensor) -> dict[str, Row]:
    """The rows of a baseline: the first network of [S, M, C], and the mean over all as `<name>_ensemble`."""
    return {name: _row(probabilities[0], labels), f"{name}{ENSEMBLE}": _row(probabilities.mean(0), labels)}


def _of_all(found: Scores) -> Row:
    """Scores with errors; none where teachers do not know the labels of all examples, as others have to."""
    return row_with_errors(found) if found.examples is None else dict.fromkeys(OF_ALL)


def _row(probabilities: Tensor, labels: Tensor) -> Row:
    """Scores with the test set's errors; none are defined where a probability is not finite, as of a walk that left."""
    if not torch.isfinite(probabilities).all():
        return dict.fromkeys(OF_ALL)
    errors = bootstrap(probabilities, labels)
    stated = error_entries({score: ScoreError(test_set=errors[score]) for score in COMPARED})
    return scores(probabilities, labels).row | stated
