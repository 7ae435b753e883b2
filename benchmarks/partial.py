"""Teachers that know only some classes, or abstain: do their students lose anything?

usage: python -m benchmarks.partial digits | mixed | synthetic [--seeds 4] [--first 0] [--replications 100] [--write]

digits: three specialists that saw no image of other classes than their own, and whose outputs hold only these, beside
today's specialists, which saw 6 % of the others, and beside the same ones with a probability of 0 elsewhere. A seed is
a split, its teachers and chains. mixed: one teacher of all classes beside one that knows 0 to 4 alone, and each alone.
synthetic: coverage of 95 % intervals of the true probabilities where experts abstain outside their regions, and where
all of them abstain in a third of the plane.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from sklearn.datasets import load_digits
from torch import Tensor

from benchmarks.shared.record import RESULTS, Record, options
from mtbkd_core import RunConfig, Task, build_config, distill, load_task
from mtbkd_core.studies.coverage import coverage_study
from mtbkd_core.tasks import digits, synthetic
from mtbkd_core.tasks.base import Teacher
from mtbkd_core.teachers.specialists import Recipe, train

OWN: Mapping[str, tuple[int, ...]] = {
    "digits-0-4": (0, 1, 2, 3, 4),
    "digits-5-9": (5, 6, 7, 8, 9),
    "even-digits": (0, 2, 4, 6, 8),
}
#: A prior that counts about as much as the task's own, by few and sharp components.
SHARP, SHARP_SETTINGS = "sharp", {"prior.strength": 1.0, "prior.concentration": 18.0}
TODAY = "6 % of the others"
EXPERTS = "experts, inverse_entropy"


def own_classes(task: Task, seed: int) -> dict[str, Teacher]:
    """Specialists that saw their own classes alone, with logits of these; -inf elsewhere."""
    data = load_digits()
    x, labels = torch.from_numpy(data.data).float() / 16, torch.from_numpy(data.target)
    student, test, pool = digits.split_indices(seed, "test", len(task.y_train))
    found = {}
    for name, classes in OWN.items():
        recipe = Recipe(classes, leak_fraction=0.0)
        network = train(recipe, x[pool], labels[pool], len(task.class_names), seed=seed)
        with torch.no_grad():
            on = [among(network(x[rows]), classes) for rows in (student, test)]
        found[name] = Teacher(name, name, "", *on, f"own classes {name} {seed}")
    return found


def among(logits: Tensor, classes: Sequence[int]) -> Tensor:
    """Logits of some classes; -inf elsewhere."""
    known = torch.zeros(logits.shape[-1], dtype=torch.bool)
    known[list(classes)] = True
    return logits.masked_fill(~known, -math.inf)


def as_zero(teacher: Teacher) -> Teacher:
    """The same with a probability of 0 (1e-6) where it knows nothing: a statement about all classes."""
    train, test = (logits.softmax(-1).clamp_min(1e-6).log() for logits in (teacher.logits_train, teacher.logits_test))
    return replace(teacher, logits_train=train, logits_test=test, fingerprint=f"zero {teacher.fingerprint}")


def measured(config: RunConfig, task: Task, teachers: Mapping[str, Teacher]) -> dict[str, float]:
    """A run's scores."""
    changes: list[tuple[str, object]] = [("data.teachers", tuple(teachers))]
    found = distill(build_config(changes, base=config), task=replace(task, teachers=dict(teachers))).metrics
    row = {"nll": found.student.nll, "accuracy": found.student.accuracy, "ece": found.student.ece}
    row |= {
        "warm_start_nll": found.warm_start.nll,
        "r_hat": found.row["r_hat"],
        "r_hat_log_joint": found.diagnostics.r_hat_log_joint,
    }
    return {name: value for name, value in row.items() if value is not None}


def configured(seed: int, teachers: Sequence[str]) -> RunConfig:
    """The task's own settings, with a seed of split, teachers and chains."""
    return build_config(
        [("data.task", "digits"), ("data.split_seed", seed), ("seed", seed), ("data.teachers", tuple(teachers))]
    )


def of_digits(record: Record, seeds: Sequence[int]) -> None:
    for seed in seeds:
        config = configured(seed, list(OWN))
        strength = config.prior.known_strength
        strong = {by: build_config([("prior.strength", by * strength)], base=config) for by in (2, 4)}
        task = load_task(config.data)
        own, today = own_classes(task, seed), {name: task.teachers[name] for name in OWN}
        ways = {
            TODAY: (config, today),
            "own classes": (config, own),
            "own, 2 x strength": (strong[2], own),
            "own, 4 x strength": (strong[4], own),
            "own, 0 elsewhere": (config, {name: as_zero(each) for name, each in own.items()}),
            "no teacher": (build_config([("prior.strength", 0.0)], base=config), today),
        }
        for name, (setting, teachers) in ways.items():
            record.row(seed=seed, teachers=name, **measured(setting, task, teachers))
    for name in ("own classes", "own, 2 x strength", "own, 4 x strength"):
        compare(record, name, TODAY)


def compare(record: Record, name: str, base: str, prior: str | None = None) -> None:
    """Paired differences of NLL and accuracy over seeds; lower NLL and higher accuracy are better."""
    rows = [row for row in record.content["rows"] if row.get("prior") == prior]
    one, other = ({row["seed"]: row for row in rows if row["teachers"] == which} for which in (name, base))
    for score, limit in (("nll", "at_most"), ("accuracy", "at_least")):
        gaps = torch.tensor([one[seed][score] - other[seed][score] for seed in sorted(one) if seed in other])
        error = float(gaps.std()) / math.sqrt(len(gaps)) if len(gaps) > 1 else math.nan
        of = "" if prior is None else f" ({prior} prior)"
        what = f"digits, {name}{of}: {score} minus that of {base}, {len(gaps)} seeds, error {error:.4f}"
        record.claim(what, float(gaps.mean()), **{limit: 0.0})


def of_mixed(record: Record, seeds: Sequence[int]) -> None:
    for seed in seeds:
        own = configured(seed, ["generalist", "digits-0-4"])
        task = load_task(own.data)
        full, part = {"generalist": task.teachers["generalist"]}, {"digits-0-4": own_classes(task, seed)["digits-0-4"]}
        ways = {"the full one alone": full, "the partial one alone": part, "both": full | part}
        for prior, config in {"the task's": own, SHARP: build_config(SHARP_SETTINGS.items(), base=own)}.items():
            for name, teachers in ways.items():
                record.row(seed=seed, prior=prior, teachers=name, **measured(config, task, teachers))
    for prior in ("the task's", SHARP):
        compare(record, "both", "the full one alone", prior)


def outside(names: Sequence[str], x: Tensor) -> Tensor:
    """Where experts know less than half."""
    return torch.stack([synthetic.knowledge(name, x) < 0.5 for name in names])


def outside_and_in_a_third(names: Sequence[str], x: Tensor) -> Tensor:
    """The same, and where the first input is large: there all abstain."""
    return outside(names, x) | (x[:, 0] > 0.75)


def of_synthetic(record: Record, replications: int) -> None:
    ways = {
        "heard everywhere": None,
        "abstain outside their regions": outside,
        "and all in a third": outside_and_in_a_third,
    }
    for name, silent in ways.items():
        (found,) = coverage_study(replications, settings=[EXPERTS], silent=silent)
        record.row(
            experts=name,
            coverage=found.mean,
            error=found.error,
            width=float(found.width.mean()),
            bias=float(found.bias.mean()),
            nll=float(found.nll.mean()),
            apart=found.apart,
        )
        record.claim(f"synthetic, experts {name}: coverage of 95 % intervals", found.mean, at_least=0.9)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("part", choices=["digits", "mixed", "synthetic"])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--first", type=int, default=0, help="the first seed; rows of those before it are kept")
    parser.add_argument("--replications", type=int, default=100)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    record = Record(f"partial-{chosen.part}", write=chosen.write)
    kept = RESULTS / f"partial-{chosen.part}.json"
    if chosen.first and kept.exists():
        record.content["rows"] = [row for row in json.loads(kept.read_text())["rows"] if row["seed"] < chosen.first]
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    if chosen.part == "synthetic":
        of_synthetic(record, chosen.replications)
    else:
        {"digits": of_digits, "mixed": of_mixed}[chosen.part](record, seeds)
    record.close()


if __name__ == "__main__":
    main()
