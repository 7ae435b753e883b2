"""The rivals, and the paired comparison with them."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from scipy.stats import t

from mtbkd_core import (
    Cancelled,
    Progress,
    RunConfig,
    Task,
    UserError,
    build_config,
    default_config,
    distill,
    load_task,
)
from mtbkd_core.baselines import fitting
from mtbkd_core.evaluation.calibration import scores
from mtbkd_core.studies import (
    HIGHER_IS_BETTER,
    MEAN_WEIGHT,
    WEIGHTS,
    Difference,
    Verdict,
    compare,
    comparison,
    confidence_aware_distillation,
    dropout_distillation,
    entropy_weighted_distillation,
    laplace_distillation,
    mean_distillation,
    paired_difference,
    tabulate,
    verdict,
)
from mtbkd_core.studies import methods as methods_module
from mtbkd_core.studies.methods import methods, one_and_ensemble
from tests.conftest import part_of_test, without_some_labels

QUICK = {
    "student.kind": "linear",
    "sampler.chains": 4,
    "sampler.draws": 10,
    "sampler.thinning": 2,
    "sampler.warm_start_steps": 50,
    "sampler.burn_in": 10,
    "teachers": "digits-0-4,digits-5-9",
}
POSTERIORS = ("mt_bkd", "no_teacher", "teacher:digits-0-4", "teacher:digits-5-9")
NETWORKS = ("mean_kd", "mean_kd_tuned", "ebkd", "ca_mkd", "mc_dropout", "laplace")
ROWS = [*POSTERIORS, "deep_ensemble", *NETWORKS, *(f"{name}_ensemble" for name in NETWORKS)]


@pytest.fixture
def short_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that are fitted for a quarter of the usual steps: enough to have learnt something."""
    monkeypatch.setattr(fitting, "FIT_STEPS", 150)


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


def test_classic_distillation_is_a_maximum_of_its_own_objective(digits: Task) -> None:
    """The objective written out anew and maximised by another method gives the same predictions."""
    config = build_config([("student.kind", "linear"), ("sampler.chains", 2), *QUICK.items()])
    weight, temperature, scale = 3.0, config.prior.temperature, config.student.weight_scale
    probabilities = mean_distillation(config, digits, weight=weight)
    assert probabilities.shape == (4, len(digits.y_test), 10)
    # the linear objective is strictly concave: all starts end at the same network
    torch.testing.assert_close(probabilities[0], probabilities[1], atol=2e-2, rtol=0)

    w = torch.zeros(64, 10, requires_grad=True)
    b = torch.zeros(10, requires_grad=True)
    mean = (digits.teacher_logits(config.data.teachers) / temperature).softmax(-1).mean(0)
    optimiser = torch.optim.LBFGS([w, b], max_iter=500, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        logits = digits.x_train @ w + b
        hard = torch.nn.functional.cross_entropy(logits, digits.y_train, reduction="sum")
        soft = -(mean * (logits / temperature).log_softmax(-1)).sum()
        value = hard + weight * soft + (w.square().sum() + b.square().sum()) / (2 * scale**2)
        value.backward()
        return value

    optimiser.step(loss)
    fitted = (digits.x_test @ w + b).softmax(-1).detach()
    torch.testing.assert_close(probabilities[0], fitted, atol=2e-2, rtol=0)


@pytest.mark.usefixtures("short_fits")
def test_every_rival_runs_on_the_same_data_and_is_scored_alike(digits: Task) -> None:
    config = build_config(QUICK.items())
    offered = methods(config, digits)
    assert set(offered) == {*POSTERIORS, *NETWORKS}
    found = offered["mean_kd"]()
    assert set(found) == {"mean_kd", "mean_kd_ensemble"}
    networks = mean_distillation(config, digits)
    assert found["mean_kd"] == scores(networks[0], digits.y_test)
    assert found["mean_kd_ensemble"] == scores(networks.mean(0), digits.y_test)


def test_a_rival_is_not_called_tuned_on_a_task_for_which_nobody_tuned_it(few_digits: Task) -> None:
    config = build_config(QUICK.items())
    everything, fewer = (set(methods(config, task)) for task in (few_digits, replace(few_digits, name="mine")))
    assert everything - fewer == {"mean_kd_tuned"}


def test_where_teachers_are_calibrated_the_rivals_learn_from_the_same(few_digits: Task) -> None:
    asked = {**QUICK, "prior.entropy_temperatures": "1,3", "prior.calibrated_teachers": "True"}
    config = build_config(asked.items())
    plain = few_digits.teacher_logits(config.data.teachers)
    expected = torch.stack([plain[0], plain[1] / 3])
    torch.testing.assert_close(fitting.lesson_of(config, few_digits).teacher_logits, expected)
    uncalibrated = build_config([("prior.calibrated_teachers", "False")], base=config)
    assert torch.equal(fitting.lesson_of(uncalibrated, few_digits).teacher_logits, plain)


@pytest.mark.usefixtures("short_fits")
def test_no_rival_is_shown_the_teachers_before_they_are_calibrated(few_digits: Task) -> None:
    """Teachers whose logits are 3 times as large, calibrated by 3, are to every rival those that they were."""
    config = build_config(QUICK.items())
    loud = {
        name: replace(each, logits_train=3 * each.logits_train, logits_test=3 * each.logits_test)
        for name, each in few_digits.teachers.items()
    }
    calibrated = {"prior.entropy_temperatures": "3,3", "prior.calibrated_teachers": "True"}
    loudly = methods(build_config(calibrated.items(), base=config), replace(few_digits, teachers=loud))
    plainly = methods(config, few_digits)
    for name in NETWORKS:
        for row, expected in plainly[name]().items():
            assert loudly[name]()[row]["nll"] == pytest.approx(expected["nll"], abs=1e-3), row


def test_a_tuned_rival_hears_the_teachers_as_it_was_tuned(monkeypatch: pytest.MonkeyPatch, few_digits: Task) -> None:
    asked: list[RunConfig] = []

    def record(config: RunConfig, task: Task, **_: object) -> torch.Tensor:
        asked.append(config)
        return torch.full((2, *few_digits.y_test.shape, 10), 0.1)

    monkeypatch.setattr(methods_module, "mean_distillation", record)
    config = default_config("proteins")
    methods(config, replace(few_digits, name="proteins"))["mean_kd_tuned"]()
    assert config.prior.calibrated_teachers
    assert [each.prior.calibrated_teachers for each in asked] == [False]
    assert [each.prior.temperature for each in asked] == [2.0]


@pytest.mark.usefixtures("short_fits")
def test_the_rivals_hear_the_teachers_with_the_weight_that_was_found_on_the_task(session_home: object) -> None:
    base = default_config("synthetic")
    config = build_config([("sampler.chains", "2")], base=base)
    task = load_task("synthetic", teachers=base.data.teachers, n_labelled=40)
    offered = methods(config, task)
    runs: dict[str, Callable[..., torch.Tensor]] = {
        "mean_kd": mean_distillation,
        "ebkd": entropy_weighted_distillation,
        "ca_mkd": confidence_aware_distillation,
        "mc_dropout": dropout_distillation,
        "laplace": laplace_distillation,
    }
    for name, run in runs.items():
        found, expected = offered[name]()[name], run(config, task, weight=WEIGHTS["synthetic"])
        assert found == scores(expected[0], task.y_test), name
    assert WEIGHTS["synthetic"] != MEAN_WEIGHT


@pytest.mark.usefixtures("short_fits")
@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_every_method_gives_rows_of_its_name_with_every_score(kind: str, few_digits: Task) -> None:
    config = build_config({**QUICK, "student.kind": kind, "student.hidden": "12"}.items())
    rows = [row for method in methods(config, few_digits).values() for row in method().items()]
    assert sorted(name for name, _ in rows) == sorted(ROWS)
    every = set(scores(torch.full((2, 2), 0.5), torch.tensor([0, 1])))
    for name, row in rows:
        assert set(row) >= every, name
        assert ("r_hat" in row) == (name in POSTERIORS), name
        assert 0.3 < row["accuracy"] < 1, name
        assert all(value is not None and math.isfinite(value) for value in row.values()), name


def test_the_deep_ensemble_is_the_warm_start_of_our_own_run(few_digits: Task) -> None:
    config = build_config(QUICK.items())
    found = methods(config, few_digits)["mt_bkd"]()
    metrics = distill(config, task=few_digits).metrics
    ours = {**metrics["student"], "r_hat": metrics["diagnostics"]["r_hat"]}
    assert found == {"mt_bkd": ours, "deep_ensemble": metrics["warm_start"]}


def test_one_run_gives_both_mt_bkd_and_the_deep_ensemble(few_digits: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(
        methods_module, "distill", lambda *given, **named: calls.append(given) or distill(*given, **named)
    )
    assert len(methods(build_config(QUICK.items()), few_digits)["mt_bkd"]()) == 2
    assert len(calls) == 1


def test_every_posterior_runs_with_the_teachers_and_the_strength_of_its_name(
    digits: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ran(Exception):
        pass

    def record(asked: RunConfig | list[RunConfig], **_: object) -> None:
        ran.append(asked)
        raise Ran

    ran: list[RunConfig | list[RunConfig]] = []
    monkeypatch.setattr(methods_module, "distill", record)
    monkeypatch.setattr(methods_module, "each_result", record)
    config = build_config({**QUICK, "prior.base_weights": "1,2", "prior.entropy_temperatures": "1,3"}.items())
    offered = methods(config, digits)
    for name in POSTERIORS:
        with pytest.raises(Ran):
            offered[name]()
    single = [
        build_config(
            {"teachers": name, "prior.base_weights": None, "prior.entropy_temperatures": own}.items(), base=config
        )
        for name, own in {"digits-0-4": "1", "digits-5-9": "3"}.items()
    ]
    assert ran == [config, build_config({"prior.strength": 0}.items(), base=config), single, single]


def test_single_teachers_run_together_once_and_find_what_separate_runs_find(
    few_digits: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    real = methods_module.each_result
    monkeypatch.setattr(
        methods_module, "each_result", lambda *given, **named: calls.append(given) or real(*given, **named)
    )
    config = build_config(QUICK.items())
    offered = methods(config, few_digits)
    for name in config.data.teachers:
        found = offered[f"teacher:{name}"]()[f"teacher:{name}"]
        expected = distill(config.with_data(teachers=(name,)), task=few_digits).metrics["student"]
        assert found.keys() == {*expected, "r_hat"}
        assert found["nll"] == pytest.approx(expected["nll"], abs=0.1)
    assert len(calls) == 1


def test_a_single_teacher_whose_student_fails_is_named(few_digits: Task) -> None:
    config = build_config({**QUICK, "sampler.step_size": 10.0}.items())
    with pytest.raises(UserError, match=r"^teacher digits-0-4: sampler.step_size: a chain leaves the posterior"):
        methods(config, few_digits)["teacher:digits-5-9"]()


@pytest.mark.usefixtures("short_fits")
def test_fewer_labels_than_a_minibatch_are_all_taken_where_no_teacher_is_heard(few_digits: Task) -> None:
    task = without_some_labels(few_digits, 160)
    sizes = {"sampler.batch_size": 60, "sampler.warm_start_batch_size": 50, "sampler.algorithm": "sgld"}
    config = build_config({**QUICK, **sizes, "n_unlabelled": 160}.items())
    found = methods(config, task)["no_teacher"]()["no_teacher"]
    whole = {"sampler.batch_size": None, "sampler.warm_start_batch_size": None, "n_unlabelled": 0}
    alone = build_config({**whole, "prior.strength": 0}.items(), base=config)
    assert found["nll"] == distill(alone, task=task).metrics["student"]["nll"]


def test_an_ensemble_of_identical_networks_is_one_of_them(digits: Task, generator: torch.Generator) -> None:
    one = torch.randn(len(digits.y_test), 10, generator=generator, dtype=torch.float64).softmax(-1)
    found = one_and_ensemble("x", one.expand(4, -1, -1), digits.y_test)
    assert list(found) == ["x", "x_ensemble"]
    assert found["x_ensemble"] == pytest.approx(found["x"])
    other = one.flip(-1)
    mixed = one_and_ensemble("x", torch.stack([one, other]), digits.y_test)
    assert mixed["x"] == scores(one, digits.y_test)
    assert mixed["x_ensemble"] == scores((one + other) / 2, digits.y_test)


def test_seeds_stay_paired_where_a_score_is_missing() -> None:
    found = paired_difference([1.0, None, 5.0, 9.0], [0.0, 7.0, 3.0, None])
    assert found == paired_difference([1.0, 5.0], [0.0, 3.0])
    assert found.difference == pytest.approx(1.5)
    nothing = paired_difference([1.0, None], [None, 2.0])
    assert (nothing.difference, nothing.low, nothing.high) == (None, None, None)


@pytest.mark.usefixtures("short_fits")
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
    for rival, gaps in found.paired.items():
        assert set(HIGHER_IS_BETTER) <= set(gaps)
        assert "r_hat" not in gaps
        for score, gap in gaps.items():
            ours, theirs = found.methods["mt_bkd"][score], found.methods[rival][score]
            assert gap.difference == pytest.approx(sum(a - b for a, b in zip(ours, theirs, strict=True)) / 2)
            assert gap.low is not None
            assert gap.high is not None
            assert gap.low <= gap.difference <= gap.high
    assert all(len(found.methods[name]["r_hat"]) == 2 for name in POSTERIORS)
    # another seed is another split: not the same numbers again
    assert found.methods["mt_bkd"]["nll"][0] != found.methods["mt_bkd"]["nll"][1]


def test_no_seed_is_refused() -> None:
    with pytest.raises(UserError, match=r"^seeds: at least 1"):
        compare(build_config(QUICK.items()), [])


def test_a_seed_twice_is_refused() -> None:
    with pytest.raises(UserError, match=r"^seeds: each may come once only"):
        compare(build_config(QUICK.items()), [1, 1])


def test_a_method_that_a_seed_has_not_come_to_is_none_there_and_paired_over_the_others() -> None:
    rows = {
        0: {"mt_bkd": {"nll": 1.0, "r_hat": 1.01}, "no_teacher": {"nll": 3.0, "r_hat": 1.2}},
        1: {"mt_bkd": {"nll": 2.0, "r_hat": None}, "no_teacher": {"nll": 3.0, "r_hat": 1.1}},
        5: {"mt_bkd": {"nll": 9.0, "r_hat": 1.0}},
    }
    found = tabulate("digits", rows)
    assert found.seeds == (0, 1, 5)
    assert found.methods["mt_bkd"] == {"nll": [1.0, 2.0, 9.0], "r_hat": [1.01, None, 1.0]}
    assert found.methods["no_teacher"]["nll"] == [3.0, 3.0, None]
    assert found.paired == {"no_teacher": {"nll": paired_difference([1.0, 2.0], [3.0, 3.0])}}
    assert tabulate("digits", {}).methods == {}


@pytest.mark.parametrize(
    ("score", "low", "high", "said"),
    [
        ("nll", -2.0, -1.0, Verdict.BETTER),
        ("nll", 1.0, 2.0, Verdict.WORSE),
        ("accuracy", 1.0, 2.0, Verdict.BETTER),
        ("auroc_misclassification", -2.0, -1.0, Verdict.WORSE),
        ("ece", -1.0, 1.0, Verdict.UNCLEAR),
        ("brier", 0.0, 1.0, Verdict.UNCLEAR),
        ("brier", 0.0, 0.0, Verdict.UNCLEAR),
        ("brier", None, None, Verdict.UNKNOWN),
    ],
)
def test_who_is_better_follows_the_interval_and_the_scores_direction(
    score: str, low: float | None, high: float | None, said: Verdict
) -> None:
    middle = None if low is None or high is None else (low + high) / 2
    assert verdict(score, Difference(middle, low, high)) is said


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


@pytest.mark.parametrize("name", ["mt_bkd", "teacher:digits-5-9", "mean_kd", "ebkd", "mc_dropout", "laplace"])
def test_every_kind_of_method_can_be_stopped_in_its_middle(name: str, digits: Task) -> None:
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 20

    offered = methods(build_config(QUICK.items()), digits, should_stop=should_stop)
    with pytest.raises(Cancelled):
        offered[name]()
    assert asked == 21


@pytest.mark.usefixtures("short_fits")
def test_a_comparison_tells_how_far_it_is_by_seeds_and_methods(
    few_digits: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "load_task", lambda *given, **named: few_digits)
    real = comparison.methods

    def few(*given: object, **named: object) -> dict[str, object]:
        return {name: run for name, run in real(*given, **named).items() if name in ("mt_bkd", "mean_kd")}

    monkeypatch.setattr(comparison, "methods", few)
    told: list[Progress] = []
    compare(build_config(QUICK.items()), [0, 1], on_progress=told.append)
    fractions = [progress.fraction for progress in told]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] < fractions[-1] < 1
    assert [(one.step, one.steps) for one in told if one.message == "mean_kd"] == [(1, 2), (2, 2)]
    assert min(one.fraction for one in told if one.step == 2) == 0.5
    # a run within is followed, not only begun
    assert sum(one.message == "mt_bkd" for one in told) > 4


def test_a_comparison_holds_scores_alone_and_checks_nobody_for_bias(
    few_digits: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[RunConfig] = []
    monkeypatch.setattr(comparison, "load_task", lambda *given, **named: few_digits)
    monkeypatch.setattr(comparison, "methods", lambda config, *given, **named: asked.append(config) or {})
    compare(build_config({**QUICK, "sampler.bias_check": True}.items()), [0])
    assert [config.sampler.bias_check for config in asked] == [False]


@pytest.mark.usefixtures("short_fits")
def test_a_comparisons_methods_count_for_as_much_of_the_bar_as_they_cost(
    digits: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = without_some_labels(digits, 100)
    monkeypatch.setattr(comparison, "load_task", lambda *given, **named: task)
    real = comparison.methods
    monkeypatch.setattr(comparison, "methods", lambda *given, **named: dict.fromkeys(real(*given, **named), dict))
    told: list[Progress] = []
    asked = {
        "n_train": 100,
        "n_unlabelled": 100,
        "sampler.bias_check": True,
        "sampler.warm_start_batch_size": 50,
        "sampler.step_size": 0.001,
    }
    compare(build_config({**QUICK, **asked}.items()), [0], on_progress=told.append)
    # examples: 50 steps of 50, and 30 of all 200, or of 100 with labels, and a fifth of these; 150 steps of 50
    run, without, fit = 2500 + 6000 + 1200, 2500 + 3000 + 600, 7500
    costs = [fit, run, without, 2 * run, 0, fit, fit, fit, fit, 2 * fit]
    wanted = [sum(costs[:place]) / sum(costs) for place in range(len(costs) + 1)]
    assert [progress.fraction for progress in told] == pytest.approx(wanted)
    assert [progress.message for progress in told][1:] == [*POSTERIORS, *NETWORKS]
