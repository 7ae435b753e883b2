"""The metrics of a finished run: scores of every row with their errors, differences, prediction sets, diagnostics.

`evaluation/evaluate.py` works them out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from mtbkd_core.evaluation.bias_check import BiasCheck
from mtbkd_core.evaluation.diagnostics import Convergence, Verdict
from mtbkd_core.evaluation.errors import Difference
from mtbkd_core.evaluation.means import row_with_errors
from mtbkd_core.evaluation.records import Number, Record
from mtbkd_core.evaluation.scores import R_HAT, PosteriorScores, Row, Scores
from mtbkd_core.evaluation.shift import Separation

#: Begin of the key of a teacher's own row.
TEACHER = "teacher:"
_TITLES = {
    "student": "Student (posterior mean)",
    "student_mode": "Student (marginal modes, renormalised)",
    "warm_start": "Warm start (ensemble)",
    "teachers_mean": "Teachers' mean",
    "teachers_weighted": "Teachers' mean, weighted by entropy",
}


class Diagnostics(Convergence):
    """Convergence, and how sampling went.

    Attributes:
        step_size, acceptance, energy_variance: of the sampler, where it has one.
        restarts: how often the chains were started again with a shorter step.
        gradients: of a chain.
        preconditioner: of the coordinates that the sampler ran in, where `auto` stood too.
        seconds_*: of each phase; making the preconditioner is part of the sampling.
        bias_check: the comparison with HMC, where it was asked for.
    """

    step_size: Number = None
    acceptance: Number = None
    energy_variance: Number = None
    restarts: int = 0
    gradients: int | None = None
    preconditioner: str | None = None
    seconds_preconditioner: Number = None
    seconds_warm_start: Number = None
    seconds_sampling: Number = None
    seconds_evaluation: Number = None
    bias_check: BiasCheck | None = None
    seconds_bias_check: Number = None


class Metrics(Record):
    """Scores and diagnostics of a run; `metrics["teacher:<name>"]` is the teacher itself.

    Attributes:
        student: of the posterior mean; student_mode: of the marginal modes, renormalised; warm_start: of the ensemble
            before sampling; teachers_mean: of the mean of the teachers' probabilities; teachers_weighted: of their
            mean under the run's own weights; teachers: of each, by name.
        versus: row -> score -> the student's minus that row's, for the rows of `opponents`.
        shifts: shift -> name of `shift.SHIFT_SCORES` -> how well it separates.
    """

    student: PosteriorScores
    student_mode: Scores = Scores()
    warm_start: Scores = Scores()
    teachers_mean: Scores = Scores()
    teachers_weighted: Scores = Scores()
    teachers: dict[str, Scores] = Field(default_factory=dict)
    versus: dict[str, dict[str, Difference]] = Field(default_factory=dict)
    shifts: dict[str, dict[str, Separation]] = Field(default_factory=dict)
    diagnostics: Diagnostics = Diagnostics()

    @model_validator(mode="before")
    @classmethod
    def _gather_teachers(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        named = {key: value for key, value in values.items() if key.startswith(TEACHER)}
        teachers = {key.removeprefix(TEACHER): value for key, value in named.items()}
        return {key: value for key, value in values.items() if key not in named} | (
            {"teachers": teachers} if teachers else {}
        )

    @model_serializer(mode="wrap")
    def _spread_teachers(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        return values | {TEACHER + name: value for name, value in values.pop("teachers", {}).items()}

    def __getitem__(self, name: str) -> Any:
        """As `Record`; "teacher:<name>" is one of `teachers`."""
        return self.teachers[name.removeprefix(TEACHER)] if name.startswith(TEACHER) else super().__getitem__(name)

    @property
    def rows(self) -> dict[str, Scores]:
        """Every row of scores by its key in the JSON."""
        known = {name: self[name] for name in _TITLES if name in self.model_fields_set}
        return known | {TEACHER + name: row for name, row in self.teachers.items()}

    def titles(self, teachers: Mapping[str, str]) -> dict[str, str]:
        """Title of each of `rows` by its key, in the order of a table; teachers: name -> title.

        Of scores on the examples alone whose label a teacher knows, with their number.
        """
        named, rows = _TITLES | {TEACHER + name: title for name, title in teachers.items()}, self.rows
        counts = {name: row.examples for name, row in rows.items()}
        return {
            name: title if counts[name] is None else f"{title} ({counts[name]:,} examples that it knows)"
            for name, title in named.items()
            if name in rows
        }

    @property
    def best_teacher(self) -> str | None:
        """The name of the teacher with the lowest NLL among those that know all labels; None where there is none."""
        known = {name: row.nll for name, row in self.teachers.items() if row.nll is not None and row.examples is None}
        return min(known, key=lambda name: known[name]) if known else None

    @property
    def row(self) -> Row:
        """The student's scores with their errors, and R-hat, as a row of a table of runs: see `evaluation.means`.

        The worst of three R-hats; that of the mean alone where not all are known, or where draws are too few for more.
        """
        found = self.diagnostics
        few = found.judged is Verdict.TOO_FEW_DRAWS
        return {**row_with_errors(self.student), R_HAT: found.r_hat if few or found.worst is None else found.worst}

    @property
    def seconds(self) -> float:
        """Time of the run without its teachers and its bias check."""
        spent = self.diagnostics
        return sum(each or 0.0 for each in (spent.seconds_warm_start, spent.seconds_sampling, spent.seconds_evaluation))
