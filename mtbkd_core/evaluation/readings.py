"""What a results page says first: a sentence made by rules from a run's numbers and their errors, and what stands out.

Nothing is said that lies within its errors. K teachers, N labelled and M test examples, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.evaluation.errors import ScoreError, interval
from mtbkd_core.evaluation.metrics import Metrics
from mtbkd_core.evaluation.miscalibration import miscalibration
from mtbkd_core.evaluation.opponents import headline
from mtbkd_core.evaluation.scores import PosteriorScores
from mtbkd_core.evaluation.sets import SetScores
from mtbkd_core.evaluation.shift import OUT_OF_DISTRIBUTION, Separation

#: A wrong prediction above this probability stands out.
CONFIDENT = 0.95
#: A teacher with less responsibility than this is hardly heard.
_HARDLY = 0.01
_AUROC = "auroc_misclassification"


@dataclass(frozen=True)
class Summary:
    """What is said first: a sentence or two ("" where nothing is known), and remarks on what stands out."""

    sentence: str = ""
    remarks: tuple[str, ...] = ()


def of_reliability(
    metrics: Metrics,
    teachers: Mapping[str, str],
    mean: Tensor,
    labels: Tensor,
    class_names: Sequence[str],
    draws: Tensor | None = None,
) -> Summary:
    """How accurate the student is beside its opponents, and whether its probabilities are right.

    Args:
        teachers: name -> title.
        mean, labels: the student's probabilities [M, C], and [M].
        draws: as `miscalibration` takes them.
    """
    said = [headline(metrics, teachers), _calibration(metrics.student, mean, labels, draws)]
    remarks = [*_never_right(mean, labels, class_names), *_at_chance(metrics.student)]
    return Summary(" ".join(each for each in said if each), tuple(remarks))


def of_teachers(predicted: Tensor, labels: Tensor, titles: Sequence[str], class_names: Sequence[str]) -> Summary:
    """Which teacher is the most accurate, where one clearly is, and classes in which no teacher is right half the time.

    Args:
        predicted: [K, M], the class that each teacher names; below 0 where it does not know the label.
        labels: [M].
        titles: of the teachers.
    """
    right, judged = (predicted == labels).double(), predicted >= 0
    accuracy = (right.sum(1) / judged.sum(1)).nan_to_num(0.0)
    first, *others = accuracy.argsort(descending=True).tolist()
    said = f"{titles[first]} is right on {accuracy[first]:.0%} of the test examples"
    said += "" if judged[first].all() else " whose classes it knows"
    if not others:
        sentence = f"{said}."
    elif _clearly_positive((right[first] - right[others[0]])[judged[first] & judged[others[0]]]):
        sentence = f"{said}, clearly more than any other teacher."
    else:
        second = f"{titles[others[0]]} on {accuracy[others[0]]:.0%}"
        sentence = f"No teacher is clearly the most accurate: {said}, {second}."
    remarks = []
    for label, name in enumerate(class_names):
        own = right[:, labels == label]
        best = own[own.sum(1).argmax()]
        if _clearly_positive(0.5 - best):
            remarks.append(f"No teacher is right on half of class {name}: the best of them on {best.mean():.0%}.")
    return Summary(sentence, tuple(remarks))


def of_prior(weights: Tensor, titles: Sequence[str], item: str, labels: float | None) -> Summary:
    """Which teacher has the most weight at one example, and what a statement counts for.

    Args:
        weights: [K].
        titles: of the teachers.
        item: what an example is called.
        labels: that a teacher's statement is worth; None: to be chosen from the data.
    """
    top = int(weights.argmax())
    if len(titles) == 1:
        said = "The only teacher has all the weight"
    else:
        said = f"At this {item} {titles[top]} has the most weight, {float(weights[top]):.0%}"
    if labels is None:
        return Summary(f"{said}; how much teachers count is chosen from the data when a run starts.")
    if labels == 0:
        return Summary(f"{said}; at a strength of 0 the student learns from its labels alone.")
    return Summary(f"{said}; a teacher's statement counts as {labels:.3g} label{'s' * (labels != 1)}.")


def of_influence(weights: Tensor, responsibilities: Tensor, titles: Sequence[str], item: str) -> Summary:
    """Which teacher has the largest responsibility, where one clearly has it.

    Args:
        weights, responsibilities: [K, N].
        titles: of the teachers.
        item: what an example is called.
    """
    if len(titles) < 2:
        return Summary("A single teacher has all weight and all responsibility.")
    shares, prior = responsibilities.double().mean(1), weights.double().mean(1)
    first, second = shares.argsort(descending=True)[:2].tolist()
    if _clearly_positive(responsibilities[first] - responsibilities[second]):
        sentence = (
            f"{titles[first]} has the largest responsibility: {shares[first]:.0%} on average over the labelled "
            f"{item}s, at a weight of {prior[first]:.0%} in the prior."
        )
    else:
        sentence = (
            f"No teacher clearly has the largest responsibility: {titles[first]} has {shares[first]:.0%} on average "
            f"over the labelled {item}s, {titles[second]} {shares[second]:.0%}."
        )
    remarks = tuple(
        f"{title} is hardly heard: its responsibility is below {_HARDLY:.0%}, at a weight of {prior[k]:.0%}."
        for k, title in enumerate(titles)
        if shares[k] < _HARDLY
    )
    return Summary(f"{sentence} That is a share of a density, not a cause.", remarks)


def of_uncertainty(student: PosteriorScores, mean: Tensor, labels: Tensor) -> Summary:
    """Whether uncertainty finds errors, whether credible sets hold what they say, and errors made with confidence."""
    said = []
    bounds = _auroc_bounds(student)
    if bounds and bounds[0] > 0.5:
        said.append("The student is less confident where it is wrong, so its errors can be found.")
    if student.sets.credible is not None:
        said.append(_coverage(student.sets.credible))
    confidence, predicted = mean.max(-1)
    sure = confidence > CONFIDENT
    wrong, doubt = int((predicted != labels)[sure].sum()), (1 - confidence[sure]).double()
    remarks = list(_at_chance(student))
    # what is more than exactly calibrated confidence would give, beyond the error of that
    if wrong > interval(float(doubt.sum()), float((doubt * (1 - doubt)).sum().sqrt()))[1]:
        remarks.append(
            f"Sure and wrong: of {int(sure.sum())} predictions above {CONFIDENT:.0%}, {wrong} are wrong; their "
            f"probabilities would lead one to expect {float(doubt.sum()):.1f}."
        )
    return Summary(" ".join(said), tuple(remarks))


def of_shifts(measured: Mapping[str, Mapping[str, Separation]], titles: Mapping[str, str], item: str) -> Summary:
    """Which out-of-distribution inputs the student notices by its epistemic uncertainty.

    Args:
        measured: shift -> score -> how well it separates; titles: of the shifts.
    """
    noticed, missed, remarks = [], [], []
    for shift, title in titles.items():
        found = measured.get(shift, {}).get(OUT_OF_DISTRIBUTION)
        if found is None:
            continue
        if found.auroc_low > 0.5:
            noticed.append(title)
        elif found.auroc_high < 0.5:
            remarks.append(f"{title}: the student is more certain of them than of test {item}s.")
        else:
            missed.append(title)
    remarks += [f"{title}: AUROC is at chance, its interval holds 0.5." for title in missed]
    if noticed:
        return Summary(
            f"The student is less certain of out-of-distribution inputs than of test {item}s: {', '.join(noticed)}.",
            tuple(remarks),
        )
    return Summary("The student does not notice out-of-distribution inputs." if remarks else "", tuple(remarks))


def _calibration(student: PosteriorScores, mean: Tensor, labels: Tensor, draws: Tensor | None) -> str:
    exact = student.calibrated_ece
    if student.ece is None or exact is None or exact.high is None:
        return ""
    if student.ece <= exact.high:
        return "Its probabilities show no clear miscalibration."
    found = miscalibration(mean, labels, draws)
    if found.is_over or found.is_under:
        return f"It is {found.sentence}."
    return "Its probabilities are miscalibrated: too high in some places, too low in others."


def _coverage(found: SetScores) -> str:
    if found.coverage_error is None:
        return ""
    low, high = interval(found.coverage, found.coverage_error)
    if low > found.level:
        return f"Its credible sets hold the true class more often than the {found.level:.0%} asked for."
    if high < found.level:
        return f"Its credible sets hold the true class less often than the {found.level:.0%} asked for."
    return f"Its credible sets hold the true class as often as the {found.level:.0%} asked for, within the error."


def _never_right(mean: Tensor, labels: Tensor, class_names: Sequence[str]) -> list[str]:
    predicted, remarks = mean.argmax(-1), []
    for label, name in enumerate(class_names):
        own = labels == label
        if own.any() and not (predicted[own] == label).any():
            remarks.append(f"Class {name} is never right: accuracy 0 on {int(own.sum())} test examples.")
    return remarks


def _auroc_bounds(student: PosteriorScores) -> tuple[float, float] | None:
    value, error = student[_AUROC], student.errors.get(_AUROC, ScoreError()).test_set
    return None if value is None or error is None else interval(value, error)


def _at_chance(student: PosteriorScores) -> list[str]:
    bounds = _auroc_bounds(student)
    if bounds is None or not bounds[0] <= 0.5 <= bounds[1]:
        return []
    return ["Confidence does not tell errors from right answers: AUROC is at chance, its 95 % interval holds 0.5."]


def _clearly_positive(values: Tensor) -> bool:
    """Whether the mean of [M] values is above 0 by more than its error."""
    each = values.double()
    if len(each) < 2:
        return False
    return bool(each.mean() > interval(0.0, float(torch.std(each)) / math.sqrt(len(each)))[1])
