"""How soon the page Prior says what a sampled student would say under other settings: its draws, reweighted.

usage: python -m benchmarks.reweighting [--write] [--task digits --task synthetic]

Of a task's default run: seconds of the first answer, for which the draws' predictions are worked out, and of every
later one, while strength, concentration, temperature and base weights move. An answer is what the page shows: weights,
Pareto k, differences of scores with both errors, the change of the epistemic part, and on the plane both maps. Drawing
is not in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.shared.record import Record, options
from mtbkd_core import Result, RunConfig, Task, build_config, distill, load_task
from mtbkd_core.studies.decision_maps import DecisionPlane
from mtbkd_core.studies.reweighting import DrawnStudents, change_of_epistemic, score_differences


def moves(config: RunConfig) -> list[RunConfig]:
    """The settings that a visitor passes while they move one slider after another."""
    prior = config.prior
    assert prior.strength is not None
    count = len(config.data.teachers)
    changes: list[tuple[str, Any]] = [("prior.strength", prior.strength * factor) for factor in (0.8, 0.95, 1.1, 1.3)]
    changes += [("prior.concentration", prior.concentration * factor) for factor in (0.9, 1.1)]
    changes += [("prior.temperature", prior.temperature * factor) for factor in (0.95, 1.05)]
    changes += [("prior.base_weights", [weight, *[1.0] * (count - 1)]) for weight in (0.5, 0.9, 1.1, 2.0)]
    return [build_config([change], base=config) for change in changes]


def answer(drawn: DrawnStudents, config: RunConfig, seen: DecisionPlane | None, kept: list[torch.Tensor]) -> float:
    """Pareto k; works out all that the page shows. `kept`: what the draws say on the plane, once it is known."""
    weights = drawn.weights(config.prior)
    said = weights.of(drawn.on_test)
    score_differences(said, drawn.task.y_test)
    change_of_epistemic(said)
    if seen is not None:
        kept[:] = kept or [drawn.said(seen.plane.inputs)]
        on_plane = weights.of(kept[0])
        seen.said(on_plane.own), seen.said(on_plane.means[0])
    return weights.pareto_k[0]


def measure(record: Record, task: Task, result: Result) -> None:
    seen = DecisionPlane.of(task)
    kept: list[torch.Tensor] = []
    config = result.config

    def timed(work: Callable[[], float]) -> tuple[float, float]:
        begin = time.perf_counter()
        pareto_k = work()
        return time.perf_counter() - begin, pareto_k

    drawn = DrawnStudents.of(result, task)
    first, *later = moves(config)
    seconds, pareto_k = timed(lambda: answer(drawn, first, seen, kept))
    name, draws = config.data.task, drawn.draws.shape[0] * drawn.draws.shape[1]
    record.row(task=name, draws=draws, answer="first", seconds=seconds, pareto_k=pareto_k)
    record.claim(f"seconds of the first answer, {name}", seconds, at_most=1.0)
    times = []
    for asked in later:
        seconds, pareto_k = timed(lambda asked=asked: answer(drawn, asked, seen, kept))
        times.append(seconds)
        record.row(task=name, draws=draws, answer="later", seconds=seconds, pareto_k=pareto_k)
    record.claim(f"seconds of a later answer, the worst of {len(times)}, {name}", max(times), at_most=1.0)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--task", action="append", help="a task's name, more than once (default: digits, synthetic)")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    record = Record(write=chosen.write)
    for name in chosen.task or ("digits", "synthetic"):
        config = build_config([("data.task", name)])
        task = load_task(config.data)
        measure(record, task, distill(config, task=task))
    record.close()


if __name__ == "__main__":
    main()
