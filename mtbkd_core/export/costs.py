"""What a run's student costs as it is and as it is exported, beside its teachers, with the scores that this buys."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from mtbkd_core.evaluation.score_rows import score_row
from mtbkd_core.evaluation.scores import Scores
from mtbkd_core.export.beside import beside_teachers
from mtbkd_core.export.draws import Size, Sizes, choose_draws, measure_sizes
from mtbkd_core.export.extra import check_libraries
from mtbkd_core.export.features import numbers_per_input
from mtbkd_core.export.model import build_model
from mtbkd_core.export.runtime import Runtime
from mtbkd_core.result import Result
from mtbkd_core.studies.costs import describing, student_costs, teacher_cost
from mtbkd_core.tasks.base import Task
from mtbkd_core.tasks.raw import raw_inputs


@dataclass(frozen=True)
class CostRow:
    """One model.

    Attributes:
        title: for people.
        networks: how many answer together.
        parameters, bytes: of all of them; None where they are not known.
        one, thousand: milliseconds for one input and for a thousand, on one core; None where they are not known.
        scores: on the test examples.
    """

    title: str
    networks: int
    parameters: int | None
    bytes: int | None
    one: float | None
    thousand: float | None
    scores: Scores


@dataclass(frozen=True)
class Costs:
    """Costs of a run.

    Attributes:
        student: one network of the posterior.
        posterior: all whose mean the run's scores are of.
        exported: the smallest ONNX file that is level with them, in onnxruntime.
        teachers: in the run's order.
        sizes: scores of other numbers of draws; `beside`: bytes of a file beside its draws.
    """

    student: CostRow
    posterior: CostRow
    exported: CostRow
    teachers: tuple[CostRow, ...]
    sizes: Sizes
    beside: int

    @property
    def rows(self) -> tuple[CostRow, ...]:
        """The student's, then the teachers'."""
        return (self.student, self.posterior, self.exported, *self.teachers)

    @property
    def beside_teachers(self) -> str:
        """How the file's size and time stand to the teachers', in words; "" where theirs are not known."""
        own, *teachers = ((row.bytes, row.one, row.thousand) for row in (self.exported, *self.teachers))
        return beside_teachers(own, teachers)

    def file_bytes(self, size: Size) -> int:
        """Bytes of the ONNX file with so many draws."""
        return self.beside + size.bytes

    def dump(self) -> dict[str, Any]:
        """As JSON holds it."""
        rows = {name: self._row(getattr(self, name)) for name in ("student", "posterior", "exported")}
        sizes = [asdict(size) | {"bytes": self.file_bytes(size)} for size in self.sizes.rows]
        return rows | {
            "teachers": [self._row(row) for row in self.teachers],
            "sizes": sizes,
            "smallest_level": self.sizes.proposed,
            "sampler_error_nll": self.sizes.error,
        }

    @staticmethod
    def _row(row: CostRow) -> dict[str, Any]:
        return asdict(row) | {"scores": {name: row.scores[name] for name in ("accuracy", "nll")}}


def measure_costs(result: Result, task: Task) -> Costs:
    """Measure a run's student and its teachers, now and on this machine.

    Args:
        task: that the run was made with.
    Raises:
        UserError: libraries of the extra `export` are missing, or a student that cannot be exported.
    """
    check_libraries()
    own, sizes = student_costs(result, task), measure_sizes(result, task)
    networks = own["posterior"].parameters // own["one"].parameters
    found = result.predictions.test
    rows = {
        "student": ("One student of the posterior", 1, score_row(found.draws[-1, -1].float(), found.labels).scores),
        "posterior": (f"Mean of {networks:,} students", networks, result.metrics.student),
    }
    students = {}
    for (name, (title, count, scores)), cost in zip(rows.items(), own.values(), strict=True):
        students[name] = CostRow(title, count, cost.parameters, cost.bytes, cost.alone, cost.thousand, scores)
    exported, beside = _exported(result, task, sizes)
    teachers = [_teacher(result, task, name) for name in result.config.data.teachers]
    return Costs(**students, exported=exported, teachers=tuple(teachers), sizes=sizes, beside=beside)


def _exported(result: Result, task: Task, sizes: Sizes) -> tuple[CostRow, int]:
    """The proposed file, and its bytes beside the draws."""
    student, theta = result.student, choose_draws(result, sizes.proposed)
    content = build_model(student, theta, task.standardisation, result.features)
    numbers = max(sizes.proposed * max(student.sizes[1:]), numbers_per_input(result.features))
    latency = Runtime(content).latency(raw_inputs(task)[:100].numpy(), numbers)
    one, each = describing(task)
    size = next(row for row in sizes.rows if row.draws == sizes.proposed)
    row = CostRow(
        title=f"ONNX file, {sizes.proposed:,} students",
        networks=sizes.proposed,
        parameters=theta.numel(),
        bytes=len(content),
        one=latency.one + one,
        thousand=latency.thousand + 1000 * each,
        scores=Scores(accuracy=size.accuracy, nll=size.nll),
    )
    return row, len(content) - size.bytes


def _teacher(result: Result, task: Task, name: str) -> CostRow:
    cost, scores = teacher_cost(task, name), result.metrics.teachers[name]
    if cost is None:
        return CostRow(task.teachers[name].title, 1, None, None, None, None, scores)
    return CostRow(task.teachers[name].title, 1, cost.parameters, cost.bytes, cost.alone, cost.thousand, scores)
