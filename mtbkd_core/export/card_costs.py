"""The model card's section on size and speed."""

from __future__ import annotations

from collections.abc import Iterable

from mtbkd_core.evaluation.scores import SCORES
from mtbkd_core.export.beside import beside_teachers
from mtbkd_core.export.draws import bytes_text
from mtbkd_core.export.facts import Facts
from mtbkd_core.export.markdown import table
from mtbkd_core.studies.costs import describing, teacher_cost
from mtbkd_core.teachers.base import Cost


def costs(facts: Facts) -> Iterable[str]:
    """The section on size and speed."""
    own, latency = f"{facts.draws} x {facts.result.student.n_parameters:,}", facts.latency
    rows = [["This file", own, bytes_text(facts.bytes), f"{latency.one:.2g}", f"{latency.thousand:.3g}"]]
    teachers = {name: teacher_cost(facts.task, name) for name in facts.result.config.data.teachers}
    for name, cost in teachers.items():
        found = ["not known"] * 4 if cost is None else _teacher_cost(cost)
        rows.append([facts.task.teachers[name].title, *found])
    known = [(cost.bytes, cost.alone, cost.thousand) for cost in teachers.values() if cost is not None]
    one, each = describing(facts.task)
    if said := beside_teachers((facts.bytes, latency.one + one, latency.thousand + 1000 * each), known):
        yield said
    yield table(["", "Parameters", "Bytes", "ms for one input", "ms for 1,000"], rows)
    yield (
        f"This file: onnxruntime on one core, when it was exported; 1,000 inputs in batches of {latency.batch}. "
        "Teachers: in batches of 64; those of proteins were timed when they were made."
    )
    if facts.single:
        return
    yield "What fewer draws cost (NLL against all draws that the run's scores are of):"
    yield table(
        ["Draws", "Bytes of parameters", "Accuracy", "NLL", "Change of NLL"],
        [
            [
                f"{row.draws}{' (proposed)' if row.draws == facts.sizes.proposed else ''}",
                bytes_text(row.bytes),
                SCORES["accuracy"].text(row.accuracy),
                f"{row.nll:.4f}",
                f"{row.change:+.4f}",
            ]
            for row in facts.sizes.rows
        ],
    )
    if facts.sizes.error is not None:
        yield f"The sampler's standard error of the NLL is {facts.sizes.error:.4f}; the proposed file is within it."


def _teacher_cost(cost: Cost) -> list[str]:
    alone = "not known" if cost.alone is None else f"{cost.alone:.2g}"
    return [f"{cost.parameters:,}", bytes_text(cost.bytes), alone, f"{cost.thousand:.3g}"]
