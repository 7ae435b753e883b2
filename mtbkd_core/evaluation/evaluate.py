"""The one pass over a run's draws that gives its metrics and the saved predictions.

S chains, D draws, M test and N labelled examples, K teachers, C classes, F inputs, P parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from mtbkd_core.config.models import PriorConfig
from mtbkd_core.evaluation.diagnostics import convergence_by_example
from mtbkd_core.evaluation.errors import RESAMPLES
from mtbkd_core.evaluation.influence import Influence, influence_of
from mtbkd_core.evaluation.metrics import TEACHER, Diagnostics, Metrics
from mtbkd_core.evaluation.modes import modes_without
from mtbkd_core.evaluation.predictions import (
    Predictions,
    PredictionsOnShift,
    PredictionsOnTest,
    PredictionsOnTraining,
)
from mtbkd_core.evaluation.predictive import ByChain, Predictive, predict_by_chain, summarise, thin, thinned
from mtbkd_core.evaluation.score_rows import ScoredRow, differences, score_posterior, score_row, score_teacher
from mtbkd_core.evaluation.sets import measure_sets, measured_rows
from mtbkd_core.evaluation.shift import separations, shift_scores
from mtbkd_core.prior import MixturePrior, mean_of_teachers, prior_logits, probabilities, stack_priors, weights_under
from mtbkd_core.students.base import Student

#: Draws over all chains for the predictions, for the influence and in the saved sample.
_PREDICTED, _INFLUENCE, _SAVED = 800, 320, 320
#: Numbers that the predictions of these may hold: with 1,000 classes fewer draws are taken.
_PREDICTED_NUMBERS, _INFLUENCE_NUMBERS, _SAVED_NUMBERS = 2**27, 2**28, 2**26
#: Test examples (of a rough look: fewer), and draws over all chains at most, for R-hat and ESS.
_DIAGNOSED, _ROUGHLY_DIAGNOSED, _DIAGNOSED_DRAWS = 200, 50, 6400
#: The number of stages that `evaluate` reports.
STAGES = 4

#: Called between the parts of the evaluation with the number of stages done; it may raise to stop.
Watch = Callable[[int], None]


@dataclass(frozen=True)
class TeacherScores:
    """Scores of the mean of the teachers' probabilities, and of each teacher by name."""

    mean: ScoredRow
    each: Mapping[str, ScoredRow]


def score_teachers(teachers: Mapping[str, Tensor], labels: Tensor, number: int = RESAMPLES) -> TeacherScores:
    """Scores of teachers by their logits [M, C] against labels [M], each on the examples whose label it knows."""
    said = probabilities(torch.stack(list(teachers.values())))
    return TeacherScores(
        score_teacher(mean_of_teachers(said), labels, number),
        {name: score_teacher(own, labels, number) for name, own in zip(teachers, said, strict=True)},
    )


@dataclass
class Scoring:
    """How finely scores are worked out; one serves all snapshots of a run, whose opponents stay the same.

    Attributes:
        resamples: bootstrap samples. Fewer than `errors.RESAMPLES` is a rough look, which also leaves out the sampler's
            error of the marginal modes: it takes as long as everything else together.
        teachers: their scores, where they are known already.
    """

    resamples: int = RESAMPLES
    teachers: TeacherScores | None = None
    _others: tuple[ScoredRow, ScoredRow] | None = field(default=None, init=False)

    @property
    def is_rough(self) -> bool:
        """Whether it is of a run under way."""
        return self.resamples < RESAMPLES

    def opponents(self, examples: Examples, warm: Tensor, weighted: Tensor) -> tuple[ScoredRow, ScoredRow]:
        """The rows of the networks before sampling [S, M, C] and of the weighted teachers [M, C], worked out once.

        The teachers' own scores are worked out as well.
        """
        labels = examples.y_test
        self.teachers = self.teachers or score_teachers(examples.test_logits, labels, self.resamples)
        if self._others is None:
            start = score_row(warm.mean(0), labels, warm, self.resamples)
            self._others = start, score_teacher(weighted, labels, self.resamples)
        return self._others


def weighted_teachers(teacher_logits: Tensor, prior: PriorConfig, together: Tensor | None = None) -> Tensor:
    """[M, C], the mean of teachers with logits [K, M, C] under a setting's weights, calibrated where it says so.

    As `mean_of_teachers`: NaN at a class that no teacher of weight knows.
    """
    weights = weights_under(teacher_logits, prior, together=together)
    return mean_of_teachers(probabilities(prior_logits(teacher_logits, prior)), weights)


@dataclass(frozen=True)
class Examples:
    """The data that a run is measured on, on the device of its draws.

    Attributes:
        x_test, y_test: [M, F] and [M].
        x_train, y_train: [N, F] and [N], the labelled examples.
        test_logits, train_logits: teacher -> [M, C] and [N, C].
        shifts: name -> [M', F], out-of-distribution inputs.
        test_together, train_together: [K, M, C] and [K, N, C], see `TrainingSet.together`.
    """

    x_test: Tensor
    y_test: Tensor
    x_train: Tensor
    y_train: Tensor
    test_logits: Mapping[str, Tensor]
    train_logits: Mapping[str, Tensor]
    shifts: Mapping[str, Tensor]
    test_together: Tensor | None = None
    train_together: Tensor | None = None


def evaluate(
    prior: PriorConfig,
    examples: Examples,
    student: Student,
    draws: Tensor,
    warm_start: Tensor,
    log_joint: Tensor,
    watch: Watch = lambda stage: None,
    *,
    split_seed: int = 0,
    scoring: Scoring | None = None,
) -> tuple[Metrics, Predictions]:
    """Metrics and predictions of a run, but for how sampling went.

    Args:
        draws: [S, D, P] parameters.
        warm_start: [S, P] parameters before sampling.
        log_joint: [S, D].
        watch: see `Watch`.
        split_seed: which test examples calibrate conformal sets.
        scoring: None: as finely as a result's.
    Returns:
        the predictions are on the CPU.
    """
    scoring = scoring or Scoring()
    cells = len(examples.x_test) * student.sizes[-1]
    used = reported(draws, cells)
    predicted = student.probabilities(used.flatten(0, 1), examples.x_test).unflatten(0, used.shape[:2])
    watch(1)
    inputs = _ROUGHLY_DIAGNOSED if scoring.is_rough else _DIAGNOSED
    log_probability, diagnosed = _log_probability_of_label(student, draws, examples, watch, inputs)
    with ThreadPoolExecutor(2) as beside:  # R-hat, ESS and errors are Python's and NumPy's work, the rest is torch's
        agreement = beside.submit(convergence_by_example, log_probability, log_joint)
        predictive, chains = summarise(predicted), ByChain.of(predicted)
        watch(2)
        warm = student.probabilities(warm_start, examples.x_test)
        weighted = weighted_teachers(torch.stack(list(examples.test_logits.values())), prior, examples.test_together)
        sampled = predictive, chains, predicted
        scored = beside.submit(_score_rows, examples, sampled, warm, weighted, split_seed, scoring)
        test, train = _influences(prior, examples, student, draws)
        saved = _few(predicted, _SAVED, _SAVED_NUMBERS // cells)
        test |= {"draws": saved.to(torch.float16), "warm_start": warm.mean(0)}
        test |= {**vars(predictive), "prediction_set": predictive.prediction_set.to(torch.uint8)}
        shifts = {name: predict_by_chain(student, used, x) for name, x in examples.shifts.items()}
        watch(3)
        rows = scored.result()
        if shifts:
            rows["shifts"] = {
                name: separations(predictive, p, (chains, own), scoring.resamples) for name, (p, own) in shifts.items()
            }
        found, r_hats = agreement.result()
    test |= {"teachers_weighted": weighted, "r_hat": torch.full((len(examples.y_test),), torch.nan)}
    test["r_hat"][diagnosed.cpu()] = r_hats.float()
    on_shifts = {name: PredictionsOnShift(p.mean, p.low, p.high, shift_scores(p)) for name, (p, _) in shifts.items()}
    predictions = Predictions(PredictionsOnTest(**test), PredictionsOnTraining(**train), on_shifts, log_joint)
    return Metrics(**rows, diagnostics=Diagnostics(**found.dump())), predictions.cpu()


def _score_rows(
    examples: Examples,
    sampled: tuple[Predictive, ByChain, Tensor],
    warm: Tensor,
    weighted: Tensor,
    split_seed: int,
    scoring: Scoring,
) -> dict[str, Any]:
    """Scores of every row with errors, the student's sets and its differences from its opponents.

    Args:
        sampled: what the student predicts, all and by chain, and [S, D, M, C] of its draws.
        warm: [S, M, C] of the networks before sampling.
        weighted: [M, C], the weighted mean of the teachers.
    """
    labels, (predictive, chains, predicted), number = examples.y_test, sampled, scoring.resamples
    start, by_weight = scoring.opponents(examples, warm, weighted)
    teachers = scoring.teachers
    assert teachers is not None
    sets = measure_sets(predictive.mean, labels, split_seed)
    student = score_posterior(
        predictive, labels, chains, measured_rows(len(labels), split_seed).to(labels.device), number
    )
    several = len(predicted) > 1 and not scoring.is_rough
    without = (modes_without(predicted), len(predicted)) if several else None
    opponents = {"teachers_weighted": by_weight, "warm_start": start}
    every = {name: row.scores.nll for name, row in teachers.each.items() if row.known is None}
    if every:  # a teacher that is measured on other examples is no better or worse than one that is not
        best = min(every, key=lambda name: every[name] or 0.0)
        opponents = {f"{TEACHER}{best}": teachers.each[best]} | opponents

    def beside(row: ScoredRow) -> ScoredRow:
        known = row.known
        return (
            student
            if known is None
            else score_row(predictive.mean[known], labels[known], predicted.mean(1)[:, known], number)
        )

    return {
        "student": student.scores.model_copy(update={"sets": sets}),
        "student_mode": score_row(predictive.mode, labels, None, number, without=without).scores,
        "warm_start": start.scores,
        "teachers_mean": teachers.mean.scores,
        "teachers_weighted": by_weight.scores,
        "teachers": {name: row.scores for name, row in teachers.each.items()},
        "versus": {name: differences(beside(row), row) for name, row in opponents.items() if row.resampled},
    }


def reported(draws: Tensor, cells: int) -> Tensor:
    """[S, D', P], the draws among [S, D, P] that the student's scores are of: four a chain at least.

    Args:
        cells: numbers that one draw predicts for the test examples, M x C.
    """
    return _few(draws, _PREDICTED, _PREDICTED_NUMBERS // cells)


def _few(draws: Tensor, *most: int) -> Tensor:
    """As many draws over all chains as the least of these numbers, but four a chain."""
    return thin(draws, max(min(most), 4 * draws.shape[0]))


def _influences(
    prior: PriorConfig, examples: Examples, student: Student, draws: Tensor
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Teachers, weights, responsibilities and pulls under draws [S, D, P], on test and on labelled examples."""
    test_logits = torch.stack(list(examples.test_logits.values()))
    train_logits = torch.stack(list(examples.train_logits.values()))

    def influence_at(x: Tensor, mixture: MixturePrior, labels: Tensor | None = None) -> tuple[Influence, Tensor]:
        few = _few(draws, _INFLUENCE, _INFLUENCE_NUMBERS // (len(x) * student.sizes[-1]))
        return influence_of(student, few.flatten(0, 1), x, mixture, labels)

    at_train = stack_priors(train_logits, [prior], together=examples.train_together)
    at_test = stack_priors(test_logits, [prior], together=examples.test_together)
    on_train, mean = influence_at(examples.x_train, at_train, examples.y_train)
    on_test, _ = influence_at(examples.x_test, at_test)
    assert on_train.label_pull is not None
    test = {
        "labels": examples.y_test,
        "responsibilities": on_test.responsibilities,
        "weights": weights_under(test_logits, prior, together=examples.test_together),
        "teachers": probabilities(test_logits),
    }
    train = {
        "labels": examples.y_train,
        "mean": mean,
        "responsibilities": on_train.responsibilities,
        "weights": weights_under(train_logits, prior, together=examples.train_together),
        "teachers": probabilities(train_logits),
        "pulls": on_train.pulls,
        "label_pull": on_train.label_pull,
    }
    return test, train


def _log_probability_of_label(
    student: Student, draws: Tensor, examples: Examples, watch: Watch, inputs: int
) -> tuple[Tensor, Tensor]:
    """[S, D', M'] of some draws [S, D, P] and so many test examples at most, and which examples, [M'].

    One draw of every chain at a time, to bound the memory.
    """
    count = len(examples.y_test)
    few = torch.linspace(0, count - 1, min(count, inputs), device=draws.device).long()
    x, index = examples.x_test[few], examples.y_test[few].expand(draws.shape[0], -1)[..., None]
    each = []
    for kept in thinned(draws, max(_DIAGNOSED_DRAWS, 4 * draws.shape[0])).tolist():
        watch(1)
        each.append(student.logits(draws[:, kept], x).log_softmax(-1).gather(-1, index)[..., 0])
    return torch.stack(each, 1), few
