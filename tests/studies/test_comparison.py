"""The comparison: paired differences, the table over seeds, and how far it is."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import t

from mtbkd_core import Progress, RunConfig, Task, UserError, build_config
from mtbkd_core.evaluation.errors import Reading
from mtbkd_core.studies import comparison
from mtbkd_core.studies.comparison import (
    HIGHER_IS_BETTER,
    Difference,
    compare,
    judged,
    paired_difference,
    tabulate,
)
from mtbkd_core.studies.methods import method_costs
from tests.conftest import part_of_test, without_some_labels
from tests.studies.scene import CALLS, MEANS, NETWORKS, POSTERIORS, QUICK, ROWS


def test_a_paired_difference_is_students_interval() -> None:
    gap = paired_difference([1.0, 2.0, 4.0], [0.0, 0.0, 0.0])
    mean, deviation = 7 / 3, math.sqrt(((1 - 7 / 3) ** 2 + (2 - 7 / 3) ** 2 + (4 - 7 / 3) ** 2) / 2)
    half = t.ppf(0.975, 2) * deviation / math.sqrt(3)
    assert gap.difference == pytest.approx(mean)
    assert gap.low == pytest.approx(mean - half)
    assert gap.high == pytest.approx(mean + half)


def test_one_seed_gives_no_interval() -> None:
    gap = paired_difference([0.3], [0.5])
    assert gap.difference == pytest.approx(-0.2)
    assert gap.low is None
    assert gap.high is None


def test_seeds_stay_paired_where_a_score_is_missing() -> None:
    found = paired_difference([1.0, None, 5.0, 9.0], [0.0, 7.0, 3.0, None])
    assert found == paired_difference([1.0, 5.0], [0.0, 3.0])
    assert found.difference == pytest.approx(1.5)
    nothing = paired_difference([1.0, None], [None, 2.0])
    assert (nothing.difference, nothing.low, nothing.high) == (None, None, None)


def test_a_method_that_a_seed_lacks_is_none_there_and_paired_over_the_others() -> None:
    rows = {
        0: {"mt_bkd": {"nll": 1.0, "r_hat": 1.01}, "no_teacher": {"nll": 3.0, "r_hat": 1.2}},
        1: {"mt_bkd": {"nll": 2.0, "r_hat": None}, "no_teacher": {"nll": 3.0, "r_hat": 1.1}},
        5: {"mt_bkd": {"nll": 9.0, "r_hat": 1.0}},
    }
    found = tabulate("digits", rows)
    assert found.seeds == (0, 1, 5)
    assert found.methods["mt_bkd"] == {"nll": [1.0, 2.0, 9.0], "r_hat": [1.01, None, 1.0]}
    assert found.methods["no_teacher"]["nll"] == [3.0, 3.0, None]
    wanted = judged("nll", {"no_teacher": paired_difference([1.0, 2.0], [3.0, 3.0])})["no_teacher"]
    assert found.paired == {"no_teacher": {"nll": wanted}}
    assert tabulate("digits", {}).methods == {}


@pytest.mark.parametrize(("seeds", "words"), [([], "at least 1"), ([1, 1], "each may come once only")])
def test_no_seed_or_one_twice_is_refused(seeds: list[int], words: str) -> None:
    with pytest.raises(UserError, match=f"^seeds: {words}"):
        compare(build_config(QUICK.items()), seeds)


def gap(difference: float, p_value: float | None) -> Difference:
    return Difference(difference, None, None, p_value)


def test_p_values_are_adjusted_by_holm() -> None:
    found = judged("nll", {"a": gap(-1, 0.01), "b": gap(-1, 0.04), "c": gap(-1, 0.03), "d": gap(-1, None)})
    assert [one.p_adjusted for one in found.values()] == [pytest.approx(0.03), pytest.approx(0.06), 0.06, None]
    wanted = [Reading.BETTER, Reading.UNCLEAR, Reading.UNCLEAR, Reading.UNKNOWN]
    assert [one.verdict for one in found.values()] == wanted


@pytest.mark.parametrize(
    ("score", "difference", "expected"),
    [
        ("nll", -1.0, Reading.BETTER),
        ("nll", 1.0, Reading.WORSE),
        ("accuracy", 1.0, Reading.BETTER),
        ("auroc_misclassification", -1.0, Reading.WORSE),
        ("epistemic", -1.0, Reading.UNKNOWN),
    ],
)
def test_who_is_better_follows_the_scores_direction(score: str, difference: float, expected: Reading) -> None:
    (found,) = judged(score, {"a": gap(difference, 0.001)}).values()
    assert found.verdict is expected


@pytest.mark.parametrize(
    "noise",
    [
        lambda random: random.normal(0, 0.01, (10, 9)),
        lambda random: random.exponential(0.01, (10, 9)),  # a seed now and then that goes wrong
        lambda random: 0.01 * random.standard_t(3, (10, 9)),
    ],
    ids=["normal", "skew", "heavy tails"],
)
def test_copies_of_one_method_have_no_clear_difference_in_95_percent_of_seed_sets(
    noise: Callable[[np.random.Generator], np.ndarray],
) -> None:
    """Eight baselines that are the method itself with other noise; over 400 sets of ten seeds."""
    random = np.random.default_rng(0)
    clear = 0
    for _ in range(400):
        values = random.normal(0.2, 0.02, (10, 1)) + noise(random)  # a seed's own level is shared
        names = ["mt_bkd", *(f"copy-{place}" for place in range(8))]
        rows = {
            seed: {name: {"nll": value} for name, value in zip(names, row, strict=True)}
            for seed, row in enumerate(values.tolist())
        }
        clear += any(gaps["nll"].verdict is not Reading.UNCLEAR for gaps in tabulate("digits", rows).paired.values())
    assert clear / 400 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400)
    assert clear  # the test can fail: some set does look clear


def test_whole_seeds_are_taken_as_they_are_and_the_others_computed(
    digits: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "load_task", lambda *given, **named: digits)
    monkeypatch.setattr(
        comparison, "methods", lambda config, task, **named: {"mt_bkd": lambda: {"mt_bkd": {"nll": config.seed + 0.5}}}
    )
    steps: list[tuple[int, str]] = []
    whole: list[int] = []
    found = compare(
        build_config(QUICK.items()),
        [0, 1, 2],
        known={1: {"mt_bkd": {"nll": 7.0}}},
        on_step=lambda seed, name, row: steps.append((seed, name)),
        on_seed=whole.append,
    )
    assert found.methods["mt_bkd"]["nll"] == [0.5, 7.0, 2.5]
    assert steps == [(0, "mt_bkd"), (2, "mt_bkd")]
    assert whole == [0, 2]


@pytest.mark.usefixtures("short_fits", "quick_tuning")
def test_progress_counts_seeds_and_methods(few_digits: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "load_task", lambda *given, **named: few_digits)
    real = comparison.methods

    def few(*given: object, **named: object) -> dict[str, object]:
        return {name: run for name, run in real(*given, **named).items() if name in ("tuning", "mt_bkd", "mean_kd")}

    monkeypatch.setattr(comparison, "methods", few)
    seen: list[Progress] = []
    compare(build_config(QUICK.items()), [0, 1], on_progress=seen.append)
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] < fractions[-1] < 1
    assert [(one.step, one.steps) for one in seen if one.message == "mean_kd"] == [(1, 2), (2, 2)]
    assert min(one.fraction for one in seen if one.step == 2) == 0.5
    # a run within is followed, not only begun
    assert sum(one.message == "mt_bkd" for one in seen) > 4


def test_no_run_of_a_comparison_is_checked_for_bias(few_digits: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    configs: list[RunConfig] = []
    monkeypatch.setattr(comparison, "load_task", lambda *given, **named: few_digits)
    monkeypatch.setattr(comparison, "methods", lambda config, *given, **named: configs.append(config) or {})
    compare(build_config({**QUICK, "sampler.bias_check": True}.items()), [0])
    assert [config.sampler.checks_bias for config in configs] == [False]


@pytest.mark.usefixtures("short_fits", "quick_tuning")
def test_progress_weights_methods_by_their_cost(digits: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    task = without_some_labels(digits, 100)
    monkeypatch.setattr(comparison, "load_task", lambda *given, **named: task)
    real = comparison.methods
    monkeypatch.setattr(comparison, "methods", lambda *given, **named: dict.fromkeys(real(*given, **named), dict))
    seen: list[Progress] = []
    asked = {
        "n_train": 100,
        "n_unlabelled": 100,
        "sampler.bias_check": True,
        "sampler.warm_start_batch_size": 50,
        "sampler.step_size": 0.001,
    }
    compare(build_config({**QUICK, **asked}.items()), [0], on_progress=seen.append)
    # examples: 50 steps of 50, and 30 of all 200, or of 100 with labels, and a fifth of these; 150 steps of 50
    run, without, fit = 2500 + 6000 + 1200, 2500 + 3000 + 600, 7500 / 2
    known = method_costs(build_config({**QUICK, **asked}.items()).unchecked, labelled=100, unlabelled=100)
    assert [known[name] for name in (*CALLS, "mean_kd")] == [4 * each for each in (run, without, 2 * run, fit)]
    costs = [4 * fit, *known.values()]
    wanted = [sum(costs[:place]) / sum(costs) for place in range(len(costs))]
    assert [progress.fraction for progress in seen] == pytest.approx(wanted)
    assert [progress.message for progress in seen][1:] == ["tuning", *CALLS, *NETWORKS]


@pytest.mark.usefixtures("short_fits", "quick_tuning")
def test_the_table_and_its_differences_agree(digits: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    def other_test_images(name: str, *, split_seed: int, **_: object) -> Task:
        return part_of_test(digits, slice(40 * split_seed, 40 * (split_seed + 1)))

    monkeypatch.setattr(comparison, "load_task", other_test_images)
    seen: list[tuple[int, str]] = []
    found = compare(build_config(QUICK.items()), [0, 1], on_step=lambda seed, name, row: seen.append((seed, name)))
    assert found.seeds == (0, 1)
    assert {seed for seed, _ in seen} == {0, 1}
    assert sorted(found.methods) == sorted(ROWS)
    assert set(found.paired) == {*ROWS} - {"mt_bkd"}
    for name, gaps in found.paired.items():
        assert set(HIGHER_IS_BETTER) <= set(gaps)
        assert "r_hat" not in gaps
        for score, gap in gaps.items():
            ours, theirs = found.methods["mt_bkd"][score], found.methods[name][score]
            if None in theirs:  # what makes no error has no AUROC of errors
                continue
            assert gap.difference == pytest.approx(sum(a - b for a, b in zip(ours, theirs, strict=True)) / 2)
            assert gap.low is not None
            assert gap.high is not None
            assert gap.low <= gap.difference <= gap.high
    assert all(len(found.methods[name]["r_hat"]) == 2 for name in POSTERIORS)
    assert set(found.tuned) == {*ROWS} - {*MEANS[:2]}
    assert all(len(each) == 2 and None not in each for each in found.tuned.values())
    # another seed is another split: not the same numbers again
    assert found.methods["mt_bkd"]["nll"][0] != found.methods["mt_bkd"]["nll"][1]
