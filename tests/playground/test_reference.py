"""The browser's modules give the core's numbers: data, teachers, weights, log joint and gradient."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.playground.reference import node, plane_task, random_case

CASES = 24


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
    """Of each case: what was asked, the core's answers and the browser's."""
    cases = [random_case(number) for number in range(CASES)]
    found = node("answers.mjs", {"cases": cases}, tmp_path_factory.mktemp("reference"))["cases"]
    return [(case, case["answers"], answer) for case, answer in zip(cases, found, strict=True)]


@pytest.mark.parametrize(
    "name", ["x", "truth", "logits", "weights", "targets", "responsibilities", "shares", "log_joint", "gradient"]
)
def test_the_browser_gives_the_cores_numbers(both: list[Any], name: str) -> None:
    for _, core, browser in both:
        wanted, found = np.asarray(core[name]), np.asarray(browser[name])
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6 * max(1.0, np.abs(wanted).max()))


def test_cases_cover_what_can_be_chosen(both: list[Any]) -> None:
    settings = [case["setting"] for case, _, _ in both]
    assert {len(case["teachers"]) for case, _, _ in both} == {1, 2, 3, 4}
    assert {setting["rule"] for setting in settings} == {"inverse_entropy", "softmin", "fixed"}
    assert {0.0} < {setting["strength"] for setting in settings}
    assert 30.0 in {setting["concentration"] for setting in settings}
    assert {setting["calibrated"] for setting in settings} == {True, False}
    assert any(teacher["kind"] == "wrong" for case, _, _ in both for teacher in case["teachers"])


def test_labels_are_the_engines(both: list[Any]) -> None:
    for case, _, browser in both:
        task = plane_task(["north"], case["seed"], len(case["labels"]))
        assert browser["drawn"] == task.y_train.tolist()


def test_normal_numbers_are_numpys(tmp_path: Path) -> None:
    seeds, count = [0, 7, 2**31 - 1], 20_000
    found = node("answers.mjs", {"seeds": seeds, "count": count}, tmp_path)["normals"]
    for seed, numbers in zip(seeds, found, strict=True):
        np.testing.assert_allclose(
            numbers, np.random.default_rng([seed, 2]).standard_normal(count), rtol=1e-9, atol=1e-12
        )
