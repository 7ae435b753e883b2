"""The metrics of a finished run, and the one pass over its draws that gives them and the saved predictions.

S chains, D draws, M test and N labelled examples, K teachers, C classes, F inputs, P parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator
from torch import Tensor

from mtbkd_core.config.models import PriorConfig
from mtbkd_core.evaluation.bias_check import BiasCheck
from mtbkd_core.evaluation.diagnostics import Convergence, convergence
from mtbkd_core.evaluation.influence import influence
from mtbkd_core.evaluation.predictions import (
    Predictions,
    PredictionsOnShift,
    PredictionsOnTest,
    PredictionsOnTraining,
)
from mtbkd_core.evaluation.predictive import Predictive, predict, summarise, thin, thinned
from mtbkd_core.evaluation.records import Number, Record
from mtbkd_core.evaluation.scores import R_HAT, PosteriorScores, Row, Scores, posterior_scores, scores
from mtbkd_core.evaluation.shift import Separation, separation, shift_scores
from mtbkd_core.prior import stack_priors, weights_under
from mtbkd_core.students.base import Student, element_budget

#: Draws over all chains for the predictions, for the influence and in the saved sample.
_PREDICTED, _INFLUENCE, _SAVED = 800, 320, 320
#: Test examples, and draws over all chains at most, for R-hat and ESS.
_DIAGNOSED, _DIAGNOSED_DRAWS = 200, 6400
#: The number of stages that `evaluate` reports.
STAGES = 4

#: Called between the parts of the evaluation with the number of stages done; it may raise to stop.
Watch = Callable[[int], None]
_TEACHER = "teacher:"
_TITLES = {
    "student": "Student (posterior mean)",
    "student_mode": "Student (marginal modes, renormalised)",
    "warm_start": "Warm start (ensemble)",
    "teachers_mean": "Teachers' mean",
}


class Diagnostics(Convergence):
    """Convergence, and how sampling went.

    Attributes:
        step_size, acceptance, energy_variance: of the sampler, where it has one.
        restarts: how often the chains were started again with a shorter step.
        gradients: of a chain.
        seconds_*: of each phase.
        bias_check: the comparison with HMC, where it was asked for.
    """

    step_size: Number = None
    acceptance: Number = None
    energy_variance: Number = None
    restarts: int = 0
    gradients: int | None = None
    seconds_warm_start: Number = None
    seconds_sampling: Number = None
    seconds_evaluation: Number = None
    bias_check: BiasCheck | None = None
    seconds_bias_check: Number = None


class Metrics(Record):
    """Scores and diagnostics of a run; `metrics["teacher:<name>"]` is the teacher itself.

    Attributes:
        student: of the posterior mean; student_mode: of the marginal modes, renormalised; warm_start: of the ensemble
            before sampling; teachers_mean: of the mean of the teachers' probabilities; teachers: of each, by name.
        shifts: shift -> name of `shift.SHIFT_SCORES` -> how well it separates.
    """

    student: PosteriorScores
    student_mode: Scores = Scores()
    warm_start: Scores = Scores()
    teachers_mean: Scores = Scores()
    teachers: dict[str, Scores] = Field(default_factory=dict)
    shifts: dict[str, dict[str, Separation]] = Field(default_factory=dict)
    diagnostics: Diagnostics = Diagnostics()

    @model_validator(mode="before")
    @classmethod
    def _gather_teachers(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        named = {key: value for key, value in values.items() if key.startswith(_TEACHER)}
        teachers = {key.removeprefix(_TEACHER): value for key, value in named.items()}
        return {key: value for key, value in values.items() if key not in named} | (
            {"teachers": teachers} if teachers else {}
        )

    @model_serializer(mode="wrap")
    def _spread_teachers(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        return values | {_TEACHER + name: value for name, value in values.pop("teachers", {}).items()}

    def __getitem__(self, name: str) -> Any:
        """As `Record`; "teacher:<name>" is one of `teachers`."""
        return self.teachers[name.removeprefix(_TEACHER)] if name.startswith(_TEACHER) else super().__getitem__(name)

    @property
    def rows(self) -> dict[str, Scores]:
        """Every row of scores by its key in the JSON."""
        known = {name: self[name] for name in _TITLES if name in self.model_fields_set}
        return known | {_TEACHER + name: row for name, row in self.teachers.items()}

    @property
    def row(self) -> Row:
        """The student's scores and R-hat, as a row of a table of runs."""
        return {**self.student.row, R_HAT: self.diagnostics.r_hat}

    @property
    def seconds(self) -> float:
        """Time of the run without its teachers and its bias check."""
        spent = self.diagnostics
        return sum(each or 0.0 for each in (spent.seconds_warm_start, spent.seconds_sampling, spent.seconds_evaluation))


def row_titles(teachers: Mapping[str, str]) -> dict[str, str]:
    """Title of every row of scores by its key in the JSON; teachers: name -> title."""
    return _TITLES | {_TEACHER + name: title for name, title in teachers.items()}


@dataclass(frozen=True)
class TeacherScores:
    """Scores of the mean of the teachers' probabilities, and of each teacher by name."""

    mean: Scores
    each: Mapping[str, Scores]


def score_teachers(teachers: Mapping[str, Tensor], labels: Tensor) -> TeacherScores:
    """Scores of teachers by their logits [M, C] against labels [M]."""
    probabilities = {name: logits.softmax(-1) for name, logits in teachers.items()}
    mean = torch.stack(list(probabilities.values())).mean(0)
    return TeacherScores(scores(mean, labels), {name: scores(p, labels) for name, p in probabilities.items()})


@dataclass(frozen=True)
class Examples:
    """The data that a run is measured on, on the device of its draws.

    Attributes:
        x_test, y_test: [M, F] and [M].
        x_train, y_train: [N, F] and [N], the labelled examples.
        test_logits, train_logits: teacher -> [M, C] and [N, C].
        shifts: name -> [M', F], out-of-distribution inputs.
    """

    x_test: Tensor
    y_test: Tensor
    x_train: Tensor
    y_train: Tensor
    test_logits: Mapping[str, Tensor]
    train_logits: Mapping[str, Tensor]
    shifts: Mapping[str, Tensor]


def evaluate(
    prior: PriorConfig,
    examples: Examples,
    student: Student,
    draws: Tensor,
    warm_start: Tensor,
    log_joint: Tensor,
    watch: Watch = lambda stage: None,
    *,
    teacher_scores: TeacherScores | None = None,
) -> tuple[Metrics, Predictions]:
    """Metrics and predictions of a run, but for how sampling went.

    Args:
        draws: [S, D, P] parameters.
        warm_start: [S, P] parameters before sampling.
        log_joint: [S, D].
        watch: see `Watch`.
        teacher_scores: of these teachers, where they are known already; None: work them out.
    Returns:
        the predictions are on the CPU.
    """
    used = reported(draws)
    probabilities = student.probabilities(used.flatten(0, 1), examples.x_test).unflatten(0, used.shape[:2])
    watch(1)
    log_probability = _log_probability_of_label(student, draws, examples, watch)
    with ThreadPoolExecutor(1) as beside:  # R-hat and ESS are Python's work, most of the rest is not
        agreement = beside.submit(convergence, log_probability, log_joint)
        predictive = summarise(probabilities)
        watch(2)
        warm = student.probabilities(warm_start, examples.x_test).mean(0)
        teachers = teacher_scores or score_teachers(examples.test_logits, examples.y_test)
        rows: dict[str, Any] = {
            "student": posterior_scores(predictive, examples.y_test),
            "student_mode": scores(predictive.mode, examples.y_test),
            "warm_start": scores(warm, examples.y_test),
            "teachers_mean": teachers.mean,
            "teachers": dict(teachers.each),
        }
        watch(3)
        test, train = _influences(prior, examples, student, thin(draws, _INFLUENCE).flatten(0, 1))
        test |= {"draws": thin(probabilities, _SAVED).to(torch.float16), "warm_start": warm}
        test |= {**vars(predictive), "prediction_set": predictive.prediction_set.to(torch.uint8)}
        shifts = {name: predict(student, used, x) for name, x in examples.shifts.items()}
        if shifts:
            rows["shifts"] = {name: _separations(predictive, shifted) for name, shifted in shifts.items()}
        diagnostics = Diagnostics(**agreement.result().dump())
    on_shifts = {name: PredictionsOnShift(p.mean, p.low, p.high, shift_scores(p)) for name, p in shifts.items()}
    predictions = Predictions(PredictionsOnTest(**test), PredictionsOnTraining(**train), on_shifts, log_joint)
    return Metrics(**rows, diagnostics=diagnostics), predictions.cpu()


def reported(draws: Tensor) -> Tensor:
    """[S, D', P], the draws among [S, D, P] that the student's scores are of: four a chain at least."""
    return thin(draws, max(_PREDICTED, 4 * draws.shape[0]))


def _influences(
    prior: PriorConfig, examples: Examples, student: Student, draws: Tensor
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Teachers, weights, responsibilities and pulls under draws [D, P], on test and on labelled examples."""
    test_logits, train_logits = (
        torch.stack(list(each.values())) for each in (examples.test_logits, examples.train_logits)
    )
    on_train_logits = _logits(student, draws, examples.x_train)
    on_train = influence(on_train_logits, stack_priors(train_logits, [prior]), examples.y_train)
    on_test = influence(_logits(student, draws, examples.x_test), stack_priors(test_logits, [prior]))
    assert on_train.label_pull is not None
    test = {
        "labels": examples.y_test,
        "responsibilities": on_test.responsibilities,
        "weights": weights_under(test_logits, prior),
        "teachers": test_logits.softmax(-1),
    }
    train = {
        "labels": examples.y_train,
        "mean": on_train_logits.softmax(-1).mean(0),
        "responsibilities": on_train.responsibilities,
        "weights": weights_under(train_logits, prior),
        "teachers": train_logits.softmax(-1),
        "pulls": on_train.pulls,
        "label_pull": on_train.label_pull,
    }
    return test, train


def _separations(own: Predictive, shifted: Predictive) -> dict[str, Separation]:
    at_home = shift_scores(own)
    return {name: separation(at_home[name], value) for name, value in shift_scores(shifted).items()}


def _logits(student: Student, theta: Tensor, x: Tensor) -> Tensor:
    """Logits [D, N, C] of draws [D, P], in pieces that suit the device."""
    rows = max(1, element_budget(theta.device) // (len(x) * max(student.sizes[1:])))
    return torch.cat([student.logits(part, x) for part in theta.split(rows)])


def _log_probability_of_label(student: Student, draws: Tensor, examples: Examples, watch: Watch) -> Tensor:
    """[S, D', M'] of some draws [S, D, P] and test examples; one draw of every chain at a time, to bound the memory."""
    count = len(examples.y_test)
    few = torch.linspace(0, count - 1, min(count, _DIAGNOSED), device=draws.device).long()
    x, index = examples.x_test[few], examples.y_test[few].expand(draws.shape[0], -1)[..., None]
    each = []
    for kept in thinned(draws, max(_DIAGNOSED_DRAWS, 4 * draws.shape[0])).tolist():
        watch(1)
        each.append(student.logits(draws[:, kept], x).log_softmax(-1).gather(-1, index)[..., 0])
    return torch.stack(each, 1)
