"""Verdicts by intervals: right by hand, and with the error rates that they promise."""

import math
from typing import Any

import pytest

from mtbkd_core.review.answering import Answering, read_answering
from mtbkd_core.review.outcome import Outcome
from mtbkd_core.review.requirements import read_requirements
from mtbkd_core.review.verdict import Review, review
from mtbkd_core.review.words import grouped, headline, stated
from tests.review.simulated import simulated, true_accuracy


def judged(result: Any, text: str, **more: float) -> Review:
    return review(result, read_requirements(text), **more)


def verdict(result: Any, text: str) -> Outcome:
    return judged(result, text).verdict


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("{accuracy: 0.5, class_accuracy: {at_least: 0.3, min_examples: 5}, coverage: 0.8, r_hat: 1.05}", Outcome.PASS),
        ("accuracy: 0.999", Outcome.FAIL),
        ("r_hat: 1.01", Outcome.FAIL),
        ("class_accuracy: {at_least: 0.3, min_examples: 100000}", Outcome.INCONCLUSIVE),
        ("ood_auroc: 0.9", Outcome.INCONCLUSIVE),
        ("max_bytes: 100", Outcome.INCONCLUSIVE),
        ("latency_ms: 5", Outcome.INCONCLUSIVE),
        ("ece: 0.05", Outcome.INCONCLUSIVE),
        ("{accuracy: 0.5, r_hat: 1.01}", Outcome.FAIL),
        ("{accuracy: 0.5, latency_ms: 5}", Outcome.INCONCLUSIVE),
    ],
)
def test_a_verdict_by_hand(text: str, outcome: Outcome) -> None:
    assert verdict(simulated(0), text) is outcome


def test_a_measured_time_and_size_are_judged() -> None:
    assert judged(simulated(0), "latency_ms: 5", latency_ms=2.0).verdict is Outcome.PASS
    assert judged(simulated(0), "max_bytes: 100", file_bytes=200).verdict is Outcome.FAIL


def test_a_share_at_the_limit_is_rarely_judged_wrongly() -> None:
    """Each side in at most 2.5 % of 300 models, but for binomial error."""
    limit = true_accuracy()
    found = [verdict(simulated(seed), f"accuracy: {limit}") for seed in range(300)]
    most = 300 * 0.025 + 3 * math.sqrt(300 * 0.025)
    assert found.count(Outcome.PASS) <= most
    assert found.count(Outcome.FAIL) <= most


def test_exact_calibration_is_not_failed_by_a_small_test_set() -> None:
    outcomes = [verdict(simulated(seed, 150, errors=True), "ece: 0.01") for seed in range(20)]
    assert outcomes.count(Outcome.FAIL) <= 3


def test_a_calibration_error_at_the_limit_is_rarely_failed() -> None:
    """A student that is 1.4 times too sure has an ECE of 0.060: 2.5 % of 40 models fail, but for their error."""
    outcomes = [verdict(simulated(seed, sharper=1.4, errors=True), "ece: 0.0604") for seed in range(40)]
    assert outcomes.count(Outcome.FAIL) <= 4
    assert outcomes.count(Outcome.PASS) <= 4


def test_a_student_that_is_much_too_sure_fails_by_its_calibration() -> None:
    assert verdict(simulated(0, 1000, sharper=4.0, errors=True), "ece: 0.02") is Outcome.FAIL


def test_the_risk_among_answered_cases_keeps_its_limit() -> None:
    """The true risk is above the limit in at most 5 % of models; here it is estimated on a large other half."""
    above = 0
    for seed in range(60):
        found = judged(simulated(seed, 1500), "answered: {share: 0.1, max_risk: 0.1}").answering
        assert found is not None
        above += found.wrong > 0.1 * found.answered + 2 * math.sqrt(0.09 * max(1, found.answered))
    assert above <= 8


def test_an_impossible_risk_answers_nothing() -> None:
    (found,) = judged(simulated(0), "answered: {share: 0.5, max_risk: 0.0001}").requirements
    assert found.verdict is Outcome.FAIL
    assert "all 1,000 cases go to a person" in found.line


def test_cases_are_told_in_natural_frequencies() -> None:
    (found,) = judged(simulated(0), "answered: {share: 0.1, max_risk: 0.2}").requirements
    assert "of 1,000 cases" in found.line
    assert "go to a person" in found.line
    assert "at most 20.0% of the answers" in found.line


@pytest.mark.parametrize(
    ("answered", "wrong", "words"),
    [
        (250, 5, []),
        (120, 1, ["too few are answered"]),
        (204, 2, ["it is not settled whether at least 50.0% are answered"]),
        (250, 13, ["it is not settled whether at most 5.0% of the answers are wrong"]),
        (250, 40, ["too many of the answers are wrong"]),
        (120, 40, ["too few are answered", "too many of the answers are wrong"]),
        (204, 10, ["not settled whether at least", "not settled whether at most"]),
    ],
)
def test_what_is_said_of_answers_names_what_fails_or_is_not_settled(
    answered: int, wrong: int, words: list[str]
) -> None:
    found = read_answering(Answering(0.1, answered, wrong, 400, ()), 0.5, 0.05)
    said = "; ".join(text for _, text in found)
    assert all(each in said for each in words)
    assert ("too few" in said) == any("too few" in each for each in words)
    assert ("too many" in said) == any("too many" in each for each in words)
    assert ("not settled" in said) == any("not settled" in each for each in words)


def test_what_fails_is_told_first_with_value_interval_and_limit() -> None:
    found = judged(simulated(0, errors=True), "{r_hat: 1.05, accuracy: 0.999, ece: 0.04, coverage: 0.1}")
    heads = dict(grouped(found))
    assert list(heads) == [head for head in ("Fails", "Not settled", "Passes") if head in heads]
    (failing,) = heads["Fails"]
    assert failing.low is not None
    assert failing.high is not None
    assert stated(failing) == (
        f"Accuracy: {failing.found:.1%} [{failing.low:.1%} to {failing.high:.1%}]; required: at least 99.9%"
    )
    assert headline(found).startswith("Fails (1): Accuracy.")
    assert "Convergence: 1.020; required: R-hat at most 1.05" in [stated(each) for each in heads["Passes"]]


def test_answers_are_stated_in_natural_frequencies_with_what_fails() -> None:
    (found,) = judged(simulated(0), "answered: {share: 0.999, max_risk: 0.2}").requirements
    assert stated(found).startswith("Answered by itself: of 1,000 cases ")
    assert "too few are answered" in stated(found)
    (none,) = judged(simulated(0), "answered: {share: 0.5, max_risk: 0.0001}").requirements
    assert stated(none).endswith("all 1,000 cases go to a person; required: at least 50.0% of the cases")


def test_the_direction_of_miscalibration_is_in_the_line_of_the_ece() -> None:
    for sharper, word in ((3.0, "overconfident: it says"), (0.4, "underconfident: it says"), (1.0, "neither over")):
        (found,) = judged(simulated(0, 1000, sharper=sharper, errors=True), "ece: 0.05").requirements
        assert f"; {word}" in found.line


def test_a_failing_class_is_named_with_its_count_and_teacher() -> None:
    result = simulated(0)
    result.predictions.test.labels[result.predictions.test.labels == 2] = 1
    result.predictions.test.labels[result.predictions.test.mean.argmax(1) == 0] = 2
    found = judged(result, "class_accuracy: {at_least: 0.5, min_examples: 10}")
    assert found.verdict is Outcome.FAIL
    (failing,) = [each for each in found.classes if each.name == "class 2"]
    assert failing.verdict is Outcome.FAIL
    assert failing.responsible in ("a", "b")
    assert f"class 2 ({failing.right} of {failing.count} right)" in found.requirements[0].line


def test_a_settled_requirement_asks_for_no_more_examples() -> None:
    open_, settled = (judged(simulated(0), f"accuracy: {limit}").requirements[0] for limit in (0.72, 0.1))
    assert settled.needed is None
    assert open_.verdict is not Outcome.INCONCLUSIVE or (open_.needed or 0) > 400
