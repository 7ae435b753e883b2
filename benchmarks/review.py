"""Verdicts of the Review: four requirement files on three tasks, and error rates on simulated models.

The simulated models' truth is known (tests/review/simulated.py): a student that knows the true probabilities but for a
temperature. Each requirement's limit lies at the model's true value, so that any verdict but "inconclusive" is an
accident: a wrong pass or a wrong fail in at most 2.5 % of models each. Then the limit is moved, to see how often a
verdict is found.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from scipy.stats import norm

from benchmarks.shared.record import Record, options
from benchmarks.shared.runs import kept_run
from mtbkd_core.evaluation.calibration import checked, expected_calibration_error
from mtbkd_core.evaluation.sets import credible_sets
from mtbkd_core.evaluation.shift import separation
from mtbkd_core.review.outcome import Outcome
from mtbkd_core.review.requirements import Requirements, read_requirements
from mtbkd_core.review.verdict import review
from tests.review.simulated import CLASSES, simulated

#: Requirement files; what they ask is chosen so that each verdict can be told by hand from a glance at the scores.
FILES = {
    "lenient": """
        {accuracy: 0.4, class_accuracy: {at_least: 0.0, min_examples: 1}, ece: 0.3, coverage: 0.6,
         answered: {share: 0.01, max_risk: 0.5}, r_hat: 9}
    """,
    "strict": """
        {accuracy: 0.995, class_accuracy: {at_least: 0.99, min_examples: 1}, ece: 0.3, coverage: 0.6,
         answered: {share: 0.995, max_risk: 0.001}, r_hat: 9}
    """,
    "impossible": "{accuracy: 1.0, ece: 0.0, answered: {share: 1.0, max_risk: 0.0}, max_bytes: 1, r_hat: 1.0000001}",
    "too few": "{accuracy: 0.4, class_accuracy: {at_least: 0.0, min_examples: 100000}}",
}
#: By hand, the same on all three tasks: no student is that accurate on classes that overlap, and every accuracy is
#: above 0.4. An ECE of exactly 0 cannot be had, and on few examples cannot be excluded.
EXPECTED: dict[str, tuple[Outcome, dict[str, set[Outcome]]]] = {
    "lenient": (Outcome.PASS, {name: {Outcome.PASS} for name in Requirements.model_fields}),
    "strict": (
        Outcome.FAIL,
        {
            "accuracy": {Outcome.FAIL},
            "class_accuracy": {Outcome.FAIL},
            "ece": {Outcome.PASS},
            "coverage": {Outcome.PASS},
            "answered": {Outcome.FAIL},
            "r_hat": {Outcome.PASS},
        },
    ),
    "impossible": (
        Outcome.FAIL,
        {
            "accuracy": {Outcome.FAIL},
            "ece": {Outcome.FAIL, Outcome.INCONCLUSIVE},
            "answered": {Outcome.FAIL},
            "max_bytes": {Outcome.FAIL},
            "r_hat": {Outcome.FAIL},
        },
    ),
    "too few": (Outcome.INCONCLUSIVE, {"accuracy": {Outcome.PASS}, "class_accuracy": {Outcome.INCONCLUSIVE}}),
}
SHARPER, EXAMPLES, FAR = 1.4, 400, 1.5
#: How far the limit is moved, in the requirement's unit, to where pass or fail is right.
STEPS = {"accuracy": 0.08, "class_accuracy": 0.15, "ece": 0.06, "coverage": 0.03, "ood_auroc": 0.08}


def files(record: Record, tasks: list[str]) -> None:
    """Each file on each task, with what is expected."""
    agree, count = 0, 0
    for name in tasks:
        result = kept_run(name)[1]
        for file, text in FILES.items():
            whole, each = EXPECTED[file]
            found = review(result, read_requirements(text), file_bytes=10_000)
            verdicts = {one.name: one.verdict for one in found.requirements}
            right = found.verdict is whole and all(verdict in each[asked] for asked, verdict in verdicts.items())
            agree, count = agree + right, count + 1
            record.row(
                task=name,
                file=file,
                verdict=str(found.verdict),
                requirements=", ".join(f"{asked} {verdict}" for asked, verdict in verdicts.items()),
                expected="yes" if right else "no",
            )
    record.claim(
        f"verdicts of four files on {', '.join(tasks)}, of {count}, that are those by hand", agree, at_least=count
    )


@cache
def truth() -> dict[str, float]:
    """The simulated student's values on infinitely many examples, but for Monte Carlo error."""
    generator = torch.Generator().manual_seed(123)
    p = (3 * torch.randn(400_000, CLASSES, generator=generator)).softmax(-1)
    noise = 0.02 * torch.randn(8, *p.shape, generator=generator)
    mean = (SHARPER * p.log() + noise).softmax(-1).mean(0)
    labels = torch.multinomial(p, 1, generator=generator)[:, 0]
    right = mean.argmax(1) == labels
    held = credible_sets(mean).gather(1, labels[:, None]).double().mean()
    # of each class, the accuracy is that of class 0: they are alike
    return {
        "accuracy": float(right.double().mean()),
        "class_accuracy": float(right[labels == 0].double().mean()),
        "ece": expected_calibration_error(*checked(mean, labels)),
        "coverage": float(held),
        "ood_auroc": float(norm.cdf(FAR / np.sqrt(2))),
    }


def model(seed: int) -> Any:
    """A simulated result with errors of its scores, and a shift whose AUROC is known."""
    result = simulated(seed, EXAMPLES, sharper=SHARPER, errors=True)
    generator = torch.Generator().manual_seed(10_000 + seed)
    own, far = torch.randn(EXAMPLES, generator=generator), FAR + torch.randn(EXAMPLES, generator=generator)
    shifts = {"far": {"epistemic": separation(own, far)}}
    metrics = SimpleNamespace(student=result.metrics.student, diagnostics=result.metrics.diagnostics, shifts=shifts)
    return SimpleNamespace(**(vars(result) | {"metrics": metrics}))


def asked(name: str, limit: float) -> Requirements:
    """A requirement by itself."""
    low, high = (0.0, 1.0)
    value = min(high, max(low, limit))
    return read_requirements(
        f"class_accuracy: {{at_least: {value}, min_examples: 20}}" if name == "class_accuracy" else f"{name}: {value}"
    )


def simulations(record: Record, models: int) -> None:
    """Verdicts where the limit is the truth, and where it is a step easier and harder."""
    results = [model(seed) for seed in range(models)]
    noise = 2 * np.sqrt(0.025 * 0.975 / models)
    for name, value in truth().items():
        easier = STEPS[name] if name == "ece" else -STEPS[name]
        for where, limit in (("at the truth", value), ("easier", value + easier), ("harder", value - easier)):
            found = Counter(review(result, asked(name, limit)).verdict for result in results)
            shares = {outcome: found[outcome] / models for outcome in Outcome}
            record.row(
                requirement=name,
                limit=round(limit, 4),
                where=where,
                models=models,
                passes=shares[Outcome.PASS],
                fails=shares[Outcome.FAIL],
                inconclusive=shares[Outcome.INCONCLUSIVE],
            )
            wrong = {"easier": [Outcome.FAIL], "harder": [Outcome.PASS]}.get(where, [Outcome.PASS, Outcome.FAIL])
            for outcome in wrong:
                record.claim(
                    f"{name}, limit {where}: share of {models} models with a wrong {outcome}",
                    shares[outcome],
                    at_most=round(0.025 + noise, 4),
                    of="2.5 % and two Monte Carlo errors",
                )


def risks(record: Record, models: int) -> None:
    """How often a threshold that was found lets through more wrong answers than its limit, by the known truth."""
    generator = torch.Generator().manual_seed(321)
    p = (3 * torch.randn(100_000, CLASSES, generator=generator)).softmax(-1)
    draws = (SHARPER * p.log() + 0.02 * torch.randn(8, *p.shape, generator=generator)).softmax(-1)
    deviance = 2 * torch.special.entr(draws).sum(-1).mean(0)
    wrong = 1 - p.gather(1, draws.mean(0).argmax(1, keepdim=True))[:, 0]
    order = deviance.argsort()
    risk = (wrong[order].double().cumsum(0) / torch.arange(1, len(p) + 1)).numpy()
    sorted_deviance = deviance[order].numpy()
    for limit in (0.05, 0.1):
        above, none = 0, 0
        for seed in range(models):
            result = simulated(seed, EXAMPLES, sharper=SHARPER)
            found = review(result, read_requirements(f"answered: {{share: 0.1, max_risk: {limit}}}")).answering
            assert found is not None
            if found.threshold is None:
                none += 1
                continue
            place = int(np.searchsorted(sorted_deviance, found.threshold, "right")) - 1
            above += bool(place >= 0 and risk[place] > limit)
        record.row(requirement="answered", limit=limit, models=models, above=above / models, no_threshold=none / models)
        record.claim(
            f"answered, at most {limit:.0%} wrong: share of {models} models whose threshold's true risk is above it",
            above / models,
            at_most=round(0.05 + 2 * np.sqrt(0.05 * 0.95 / models), 4),
            of="5 % and two Monte Carlo errors",
        )


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--tasks", nargs="+", default=["synthetic", "digits", "proteins"])
    parser.add_argument("--models", type=int, default=500)
    given = parser.parse_args()
    record = Record(write=given.write)
    files(record, given.tasks)
    simulations(record, given.models)
    risks(record, given.models)
    record.close()


if __name__ == "__main__":
    main()
