"""The verdict on a student: pass, fail or inconclusive, by intervals, for each requirement and for the whole."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from mtbkd_core.evaluation.errors import ScoreError
from mtbkd_core.evaluation.miscalibration import miscalibration
from mtbkd_core.evaluation.sets import measured_rows
from mtbkd_core.evaluation.shares import share_interval
from mtbkd_core.evaluation.shift import OUT_OF_DISTRIBUTION
from mtbkd_core.result import Result
from mtbkd_core.review.answering import Answering, answering, read_answering
from mtbkd_core.review.intervals import ece_interval
from mtbkd_core.review.outcome import Outcome, bounded, whole
from mtbkd_core.review.requirements import Requirements


@dataclass(frozen=True)
class ClassFound:
    """A class of the test set, and how the student does on it.

    Attributes:
        right, count: test examples that it has right, of how many.
        responsible: the teacher with the most responsibility on those that it has wrong, by name; None: it has none.
    """

    name: str
    right: int
    count: int
    low: float
    high: float
    verdict: Outcome
    responsible: str | None = None


@dataclass(frozen=True)
class Judged:
    """One requirement and what was found.

    Attributes:
        required: the limit.
        found, low, high: the value and its 95 % interval; None where there is none.
        needed: how many test examples would settle an inconclusive one if the value stayed; None: not known.
        line: what was found, in words.
    """

    name: str
    required: float
    found: float | None
    low: float | None
    high: float | None
    verdict: Outcome
    line: str = ""
    needed: int | None = None


@dataclass(frozen=True)
class Review:
    """The verdict on a run.

    Attributes:
        asked: what it was judged by.
        classes: every class, where they are asked for; worst first.
        answering: where it is asked for.
    """

    verdict: Outcome
    asked: Requirements
    requirements: tuple[Judged, ...]
    classes: tuple[ClassFound, ...] = ()
    answering: Answering | None = None


def review(
    result: Result, asked: Requirements, *, file_bytes: int | None = None, latency_ms: float | None = None
) -> Review:
    """Judge a run by its test set.

    Args:
        file_bytes, latency_ms: of the smallest export that is level with the run, and of one prediction by it; None:
            not measured (`export.costs` does).
    """
    answered = None
    if asked.answered is not None:
        answered = answering(result.predictions.test, asked.answered.max_risk, result.config.data.split_seed)
    classes = _classes(result, asked) if asked.class_accuracy is not None else ()
    judged = tuple(_judged(result, asked, classes, answered, file_bytes, latency_ms))
    return Review(whole([each.verdict for each in judged]), asked, judged, classes, answered)


def _judged(
    result: Result,
    asked: Requirements,
    classes: tuple[ClassFound, ...],
    answered: Answering | None,
    file_bytes: int | None,
    latency_ms: float | None,
) -> Iterator[Judged]:
    if asked.accuracy is not None:
        yield _accuracy(result, asked.accuracy)
    if asked.class_accuracy is not None:
        yield _class_accuracy(classes, asked.class_accuracy.at_least)
    if asked.ece is not None:
        yield _ece(result, asked.ece)
    if asked.coverage is not None:
        yield _coverage(result, asked.coverage)
    if asked.answered is not None and answered is not None:
        yield _answered(answered, asked.answered.share, asked.answered.max_risk)
    if asked.ood_auroc is not None:
        yield _out_of_distribution(result, asked.ood_auroc)
    if asked.max_bytes is not None:
        text = "not measured" if file_bytes is None else f"the file to take away has {file_bytes / 1e6:,.2f} MB"
        yield _exact("max_bytes", file_bytes, asked.max_bytes, text)
    if asked.latency_ms is not None:
        text = "not measured" if latency_ms is None else f"it takes {latency_ms:.3g} ms on this machine"
        yield _exact("latency_ms", latency_ms, asked.latency_ms, text)
    if asked.r_hat is not None:
        worst = result.metrics.diagnostics.worst
        text = "no R-hat is known" if worst is None else f"the worst of three R-hats is {worst:.3f}"
        yield _exact("r_hat", worst, asked.r_hat, text)


def _accuracy(result: Result, required: float) -> Judged:
    test = result.predictions.test
    right, count = int((test.mean.argmax(1) == test.labels).sum()), len(test.labels)
    low, high = share_interval(right, count, sampler=_sampler_error(result, "accuracy"), chains=len(result.draws))
    line = (
        f"of 1,000 cases {_thousand(right / count)} are right [{_thousand(low)} to {_thousand(high)}], by {count:,} "
        "test examples"
    )
    return _at_least("accuracy", required, right / count, low, high, line, count)


def _classes(result: Result, asked: Requirements) -> tuple[ClassFound, ...]:
    assert asked.class_accuracy is not None
    test, names = result.predictions.test, result.environment["class_names"]
    right = test.mean.argmax(1) == test.labels
    counted = [label for label in range(len(names)) if (test.labels == label).any()]
    errors = {each.label: each.sampler for each in result.metrics.student.by_class}
    found = []
    for label in counted:
        here = test.labels == label
        hits, count = int(right[here].sum()), int(here.sum())
        low, high = share_interval(hits, count, sampler=errors.get(label), chains=len(result.draws), of=len(counted))
        verdict = Outcome.INCONCLUSIVE
        if count >= asked.class_accuracy.min_examples:
            verdict = bounded(asked.class_accuracy.at_least, low, high)
        wrong = here & ~right
        responsible = None
        if wrong.any():
            responsible = result.config.data.teachers[int(test.responsibilities[:, wrong].float().mean(1).argmax())]
        found.append(ClassFound(names[label], hits, count, low, high, verdict, responsible))
    return tuple(sorted(found, key=lambda each: each.right / each.count))


def _class_accuracy(classes: tuple[ClassFound, ...], required: float) -> Judged:
    worst = classes[0]
    failing = [each for each in classes if each.verdict is Outcome.FAIL]
    open_ = [each for each in classes if each.verdict is Outcome.INCONCLUSIVE]
    named = ", ".join(f"{each.name} ({each.right} of {each.count} right)" for each in (failing or open_ or [worst])[:4])
    text = {bool(failing): f"below it: {named}", not failing and bool(open_): f"not settled: {named}"}.get(True)
    verdict = whole([each.verdict for each in classes])
    return Judged(
        "class_accuracy",
        required,
        worst.right / worst.count,
        worst.low,
        worst.high,
        verdict,
        text or f"the worst class is {named}",
    )


def _ece(result: Result, required: float) -> Judged:
    scores = result.metrics.student
    error = scores.errors.get("ece")
    if scores.ece is None or scores.calibrated_ece is None or error is None or error.test_set is None:
        return Judged(
            "ece", required, scores.ece, None, None, Outcome.INCONCLUSIVE, "this run holds no error of its ECE"
        )
    low, high = ece_interval(scores.ece, error.test_set, error.sampler or 0.0, scores.calibrated_ece)
    test = result.predictions.test
    line = (
        f"confidence and truth differ by {scores.ece:.1%} on average [{low:.1%} to {high:.1%}]; exact calibration "
        f"would show {scores.calibrated_ece.mean:.1%} on {len(test.labels):,} test examples; "
        f"{miscalibration(test.mean, test.labels, test.draws).sentence}"
    )
    return _at_most("ece", required, scores.ece, low, high, line, len(test.labels))


def _coverage(result: Result, required: float) -> Judged:
    test = result.predictions.test
    rows = measured_rows(len(test.labels), result.config.data.split_seed)
    held = test.prediction_set.bool()[rows].gather(1, test.labels[rows, None].long())
    hits, count = int(held.sum()), len(held)
    low, high = share_interval(hits, count, sampler=_sampler_error(result, "coverage"), chains=len(result.draws))
    line = f"of 1,000 sets {_thousand(hits / count)} hold the true class [{_thousand(low)} to {_thousand(high)}]"
    return _at_least("coverage", required, hits / count, low, high, line, count)


def _answered(found: Answering, share: float, max_risk: float) -> Judged:
    rate, low, high = found.share
    if not found.answered:
        line = f"no threshold keeps the share of wrong answers below {max_risk:.1%}: all 1,000 cases go to a person"
        return Judged("answered", share, 0.0, low, high, bounded(share, low, high), line)
    risk, risk_low, risk_high = found.risk
    read = read_answering(found, share, max_risk)
    line = (
        f"of 1,000 cases {_thousand(rate)} are answered, {_thousand(rate * risk)} of them wrong "
        f"[{_thousand(rate * risk_low)} to {_thousand(rate * risk_high)}], {_thousand(1 - rate)} go to a person"
    )
    verdict, said = whole(each for each, _ in read), "; ".join([line, *(words for _, words in read)])
    return Judged("answered", share, rate, low, high, verdict, said)


def _out_of_distribution(result: Result, required: float) -> Judged:
    found = {
        name: each[OUT_OF_DISTRIBUTION] for name, each in result.metrics.shifts.items() if OUT_OF_DISTRIBUTION in each
    }
    if not found:
        text = "the task has no out-of-distribution inputs"
        return Judged("ood_auroc", required, None, None, None, Outcome.INCONCLUSIVE, text)
    name, worst = min(found.items(), key=lambda pair: pair[1].auroc)
    line = f"epistemic uncertainty ranks {worst.auroc:.1%} of the pairs right on {name}"
    return _at_least("ood_auroc", required, worst.auroc, worst.auroc_low, worst.auroc_high, line)


def _exact(name: str, found: float | None, at_most: float, line: str) -> Judged:
    if found is None or math.isnan(found):
        return Judged(name, at_most, None, None, None, Outcome.INCONCLUSIVE, line)
    return Judged(name, at_most, found, found, found, Outcome.PASS if found <= at_most else Outcome.FAIL, line)


def _at_least(
    name: str, required: float, found: float, low: float, high: float, line: str, count: int | None = None
) -> Judged:
    verdict = bounded(required, low, high)
    needed = _needed(count, found - required, found - low if found > required else high - found, verdict)
    return Judged(name, required, found, low, high, verdict, line, needed)


def _at_most(name: str, required: float, found: float, low: float, high: float, line: str, count: int) -> Judged:
    verdict = bounded(-required, -high, -low)
    needed = _needed(count, required - found, high - found if found < required else found - low, verdict)
    return Judged(name, required, found, low, high, verdict, line, needed)


def _needed(count: int | None, distance: float, half: float, verdict: Outcome) -> int | None:
    """Test examples at which half an interval would be as long as the distance to the limit."""
    if verdict is not Outcome.INCONCLUSIVE or count is None or abs(distance) < 1e-4:
        return None
    return math.ceil(count * (half / distance) ** 2)


def _sampler_error(result: Result, score: str) -> float | None:
    return result.metrics.student.errors.get(score, ScoreError()).sampler


def _thousand(share: float) -> str:
    return f"{round(1000 * share):,}"
