"""A student over severities: what its curve says wherever it bends, and how two runs differ under their errors."""

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from mtbkd_core.evaluation.predictive import ByChain, Predictive
from mtbkd_core.evaluation.readings import Summary
from mtbkd_core.evaluation.severities import (
    AtSeverity,
    of_severities,
    of_severity_changes,
    severities,
    severity_changes,
    severity_table,
)

OF = 200


def noise(seed: int, count: int = OF) -> Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def curve(*points: tuple[float, float], apart: float = 0.0) -> list[AtSeverity]:
    """From accuracies and mean deviances at severities 0, 1, ...; `apart`: how much four chains differ."""
    without_some = [{"accuracy": apart * each, "deviance": apart * each} for each in (-1.0, 0.0, 1.0)] if apart else []
    found = []
    for place, (accuracy, deviance) in enumerate(points):
        spread = noise(place)
        right = (torch.arange(OF) < round(accuracy * OF)).double()
        values = {"accuracy": right, "deviance": deviance + 0.2 * (spread - spread.mean())}
        found.append(AtSeverity(float(place), values, without_some, 4 if apart else 1))
    return found


def by_chance(severity: float, seed: int) -> AtSeverity:
    values = {name: noise(1000 * seed + place, 60) for place, name in enumerate(("accuracy", "deviance"))}
    return AtSeverity(severity, values, [], 1)


def said(*points: tuple[float, float]) -> Summary:
    return of_severities(severity_table(curve(*points)))


@pytest.mark.parametrize(
    ("points", "sentence"),
    [
        ([(0.9, 0.2), (0.6, 0.5), (0.3, 0.9)], "mean deviance rises from 0.20 to 0.90: the student notices."),
        ([(0.9, 0.9), (0.6, 0.6), (0.3, 0.3)], "falls from 0.90 to 0.30: the student becomes surer as it becomes"),
        ([(0.9, 0.5), (0.6, 0.5), (0.3, 0.5)], "mean deviance does not clearly rise: the student does not notice."),
        ([(0.9, 0.5), (0.9, 0.9), (0.9, 0.2)], "Accuracy does not clearly fall"),
        ([(0.9, 0.5), (0.6, 0.9), (0.3, 0.2)], "below the 0.50 of unchanged inputs, after it was higher"),
        ([(0.9, 0.5), (0.6, 0.5), (0.3, 0.9)], "clearly higher at 1 of the 2 severities"),
    ],
)
def test_the_sentence_says_what_deviance_does_where_accuracy_falls(
    points: Sequence[tuple[float, float]], sentence: str
) -> None:
    found = said(*points)
    assert sentence in found.sentence
    assert not found.remarks


def test_a_deviance_that_rises_and_falls_again_is_said_to_notice_the_change_and_not_how_wrong_it_is() -> None:
    found = said((0.9, 0.3), (0.6, 1.2), (0.1, 0.6), (0.4, 0.9))
    assert found.sentence.startswith("As accuracy falls from 90% to 60%, mean deviance rises from 0.30 to 1.20")
    (remark,) = found.remarks
    assert (
        "from severity 1 to 2 deviance falls again, from 1.20 to 0.60, and accuracy with it, from 60% to 10%" in remark
    )


def test_a_fall_of_deviance_within_its_error_or_where_accuracy_rises_is_not_pointed_out() -> None:
    assert not said((0.9, 0.3), (0.6, 0.9), (0.3, 0.88)).remarks
    assert not said((0.9, 0.3), (0.3, 0.9), (0.6, 0.6)).remarks


def test_what_two_like_students_differ_by_is_not_called_clear() -> None:
    """Nothing differs but by chance: either measure is called clear in at most 5 % of pairs of runs."""
    clear = 0
    for seed in range(100):
        runs = [[by_chance(place, 40 * seed + 20 * run + place) for place in range(9)] for run in (0, 1)]
        clear += "neither" not in of_severity_changes(severity_changes(*runs, paired=True))
    assert clear <= 10 + 3 * math.sqrt(100 * 0.1 * 0.9)


def test_the_difference_of_two_runs_is_after_minus_before_and_paired() -> None:
    before, after = curve((0.9, 0.3), (0.5, 0.8)), curve((0.9, 0.3), (0.7, 1.0))
    found = severity_changes(before, after, paired=True)
    assert found["accuracy_change"].tolist() == pytest.approx([0.0, 0.2])
    assert found["deviance_change"].tolist() == pytest.approx([0.0, 0.2])
    assert found["deviance_low"][1] == pytest.approx(0.2)  # the same examples, each 0.2 higher
    apart = severity_changes(before, after, paired=False)
    assert apart["deviance_low"][1] < 0.17
    assert of_severity_changes(found) == (
        "After, accuracy is clearly higher at 1 of 2 severities, and mean deviance is clearly higher at 1 of 2 "
        "severities."
    )


def test_chains_that_differ_widen_the_interval_of_a_difference() -> None:
    sure = severity_changes(curve((0.9, 0.3)), curve((0.9, 0.4)), paired=True)
    unsure = severity_changes(curve((0.9, 0.3), apart=0.1), curve((0.9, 0.4), apart=0.1), paired=True)
    assert sure["deviance_low"][0] > 0 > unsure["deviance_low"][0]


def test_a_student_is_measured_at_each_severity_as_a_whole_and_without_some_chains() -> None:
    """A student that names class 1 where a picture is bright; its chains differ in how bright they take it for."""

    def predict(x: Tensor) -> tuple[Predictive, ByChain]:
        bright = x.mean(-1)
        means = torch.stack([torch.stack([1 - bright * k, bright * k], -1) for k in (0.8, 1.0, 1.0, 1.0)])
        whole = dict.fromkeys(Predictive.__dataclass_fields__, means.mean(0)) | {"deviance": bright}
        return Predictive(**whole), ByChain(means, bright.expand(4, -1) / 2)

    white = torch.ones(10, 64)
    found = severities(predict, white, torch.ones(10).long(), (8, 8), "occlusion", steps=3)
    assert [each.severity for each in found] == [0.0, 0.4, 0.8]
    # sides 3 and 6 of 8
    assert [each.mean("deviance") for each in found] == pytest.approx([1, 1 - 9 / 64, 1 - 36 / 64])
    assert [each.mean("accuracy") for each in found] == [1.0, 1.0, 0.0]
    assert found[0].sampler_error("deviance") == pytest.approx(0.0, abs=1e-6)
    assert found[0].chains == 4
    rows = severity_table(found)
    assert [row["accuracy_rise"] for row in rows] == [0.0, 0.0, -1.0]
    assert rows[2]["fall"] == pytest.approx(36 / 64)
    assert rows[2]["severity_before"] == 0.0
