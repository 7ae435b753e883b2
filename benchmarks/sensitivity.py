"""Do reweighted draws say what a new run says, when a teacher's base weight is multiplied by 0.9 or 1.1?

usage: python -m benchmarks.sensitivity [--task synthetic] [--draws 400] [--set NAME=VALUE ...]

With every default teacher and a confidently wrong one. Each answer (the NLL and each class's mean probability of its
own examples) is predicted from the run's own draws and taken from a new run; z is their difference divided by the two
runs' and the prediction's errors. A teacher with which less would be better is flagged from the first run alone. The
claims count answers that the app relies on: the run's chains agree, and Pareto k is below 0.7.
"""

from typing import Any

import torch

from benchmarks.shared.record import Record, options
from mtbkd_core import Result, build_config, distill, load_task
from mtbkd_core.catalog.registry import task_info
from mtbkd_core.evaluation.errors import jackknife
from mtbkd_core.evaluation.reweighting import PARETO_LIMIT
from mtbkd_core.evaluation.scores import scores
from mtbkd_core.evaluation.sensitivity import FACTORS
from mtbkd_core.studies.sensitivity import harms, run_sensitivity, score_changes

WRONG = "confidently-wrong"


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--task", default="synthetic")
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="NAME=VALUE")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    record = Record(f"sensitivity-{chosen.task}", write=chosen.write)
    teachers = [*task_info(chosen.task).default_teachers, WRONG]
    settings = [("data.task", chosen.task), ("data.teachers", teachers), ("sampler.draws", chosen.draws)]
    config = build_config([*settings, *(each.split("=", 1) for each in chosen.settings)])
    task = load_task(config.data)
    labels, classes = task.y_test, range(len(task.class_names))
    within: dict[str, list[bool]] = {"NLL": [], "class": []}

    def answers(mean: torch.Tensor) -> dict[str, float]:
        own = {f"class {label}": float(mean[labels == label, label].mean()) for label in classes}
        return {"nll": scores(mean, labels).row["nll"] or 0.0} | own

    def measured(result: Result) -> tuple[dict[str, float], dict[str, float]]:
        draws = result.draws[:, :: max(1, result.draws.shape[1] // 100)]
        p = result.student.probabilities(draws.flatten(0, 1), task.x_test).unflatten(0, draws.shape[:2]).mean(1)
        errors = jackknife(p, answers)
        return answers(p.mean(0)), {key: error or 0.0 for key, error in errors.items()}

    base = distill(config, task=task)
    before, before_error = measured(base)
    found = run_sensitivity(base, task, most=1600)
    for number, (teacher, own) in enumerate(found.items()):
        for place, factor in enumerate(FACTORS):
            weights = [factor if k == number else 1.0 for k in range(len(teachers))]
            again = distill(
                build_config([("prior.base_weights", weights), ("seed", 100 + place)], base=config), task=task
            )
            after, after_error = measured(again)
            row: dict[str, Any] = {}
            for key in before:
                change = own.changes(lambda mean, key=key: answers(mean)[key])[place]  # type: ignore[misc]
                error = (before_error[key] ** 2 + after_error[key] ** 2 + (change.sampler or 0) ** 2) ** 0.5
                z = (after[key] - before[key] - (change.value or 0)) / error
                if own.chains_agree and own.pareto_k[place] < PARETO_LIMIT:
                    within["NLL" if key == "nll" else "class"].append(abs(z) < 2)
                if key == "nll":
                    row |= {
                        "teacher": teacher,
                        "factor": factor,
                        "predicted": change.value,
                        "rerun": after[key] - before[key],
                        "z": z,
                        "pareto_k": own.pareto_k[place],
                        "r_hat": base.metrics.diagnostics.worst,
                        "responsibility": float(base.predictions.train.responsibilities[number].mean()),
                    }
                else:
                    row[f"z of {key}"] = z
            record.row(**row)
    for kind, each in within.items():
        what = (
            f"{chosen.task}: {len(each)} changes of {kind} that are relied on: share within two errors of the new run's"
        )
        record.claim(what, sum(each) / max(1, len(each)), at_least=0.9)
    flagged = WRONG in harms(score_changes(found, labels, "nll"))
    record.claim(f"{chosen.task}: the wrong teacher is flagged (1: yes)", float(flagged), at_least=1)
    record.close()


if __name__ == "__main__":
    main()
