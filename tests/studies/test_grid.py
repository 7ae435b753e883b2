"""Many settings at once: the same results as one by one, whatever is batched with what; progress and stopping."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from mtbkd_core import Cancelled, Progress, Result, RunConfig, Task, UserError, build_config, distill, distill_grid
from mtbkd_core.studies import grid as grid_module
from tests.conftest import part_of_test, without_some_labels

SMALL = {
    "student.hidden": "6",
    "sampler.chains": 4,
    "sampler.draws": 8,
    "sampler.thinning": 3,
    "sampler.warm_start_steps": 20,
    "sampler.burn_in": 12,
    "device": "cpu",
}


def small(**changes: Any) -> RunConfig:
    return build_config({**SMALL, **{name.replace("__", "."): value for name, value in changes.items()}}.items())


def agree(together: Sequence[Result], configs: Sequence[RunConfig], task: Task) -> None:
    """Each result is the one that the configuration has alone: draws to 1e-3, and every metric to 1e-4."""
    assert [result.config for result in together] == list(configs)
    for result, config in zip(together, configs, strict=True):
        alone = distill(config, task=task)
        torch.testing.assert_close(result.draws, alone.draws, rtol=0, atol=1e-3)
        assert set(result.predictions.tensors()) == set(alone.predictions.tensors())
        rows = result.metrics.dump()
        for row, expected in alone.metrics.dump().items():
            found = {name: value for name, value in rows[row].items() if not name.startswith("seconds")}
            assert found == pytest.approx({name: expected[name] for name in found}, abs=1e-4), row


@pytest.fixture(scope="module")
def few(digits: Task) -> Task:
    """The digits with 12 test images: most of a small run's time is its evaluation."""
    return part_of_test(digits, slice(12))


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[list[RunConfig]]:
    """What is run together, batch by batch, one batch at a time."""
    monkeypatch.setenv("MTBKD_THREADS", "1")
    seen: list[list[RunConfig]] = []
    run = grid_module.distill_together

    def noted(configs: Sequence[RunConfig], *rest: Any) -> list[Result]:
        seen.append(list(configs))
        return run(configs, *rest)

    monkeypatch.setattr(grid_module, "distill_together", noted)
    return seen


def test_priors_subsets_seeds_and_no_distillation_in_one_batch_equal_separate_runs(
    few: Task, batches: list[list[RunConfig]]
) -> None:
    configs = [
        small(),
        small(prior__strength=0),
        small(prior__concentration=5, seed=3),
        small(prior__temperature=1, prior__strength=0.3),
        small(prior__base_weights="0.7,0.2,0.1", prior__rule="softmin", prior__softmin_temperature=0.4, seed=3),
        small(teachers="even-digits,digits-0-4,digits-5-9"),
        small(teachers="digits-0-4,digits-5-9"),
        small(teachers="digits-5-9,even-digits", seed=3),
    ]
    agree(distill_grid(configs, task=few), configs, few)
    assert [len(batch) for batch in batches] == [6, 2]  # three teachers, and two


@pytest.mark.parametrize(
    "settings",
    [
        {"sampler__algorithm": "sgld"},
        {"sampler__algorithm": "sgld", "sampler__schedule": "decaying"},
        {"sampler__algorithm": "mclmc"},
        {"sampler__algorithm": "hmc", "sampler__thinning": 1},
        {"sampler__batch_size": 48},
        {"sampler__step_size": 0.02, "student__kind": "linear"},
        {"sampler__chains": 1, "student__hidden": "8", "sampler__batch_size": 160},
        {"sampler__warm_start_batch_size": 48},
        {"sampler__chains": 1, "student__hidden": "32"},
        {"sampler__chains": 1, "student__hidden": "32", "sampler__batch_size": 49},
        {"sampler__chains": 3, "student__kind": "linear", "sampler__step_size": 0.02, "sampler__batch_size": 49},
    ],
    ids=lambda settings: " ".join(str(value) for value in settings.values()),
)
def test_every_sampler_gives_in_a_batch_what_it_gives_alone(
    settings: dict[str, Any], few: Task, batches: list[list[RunConfig]]
) -> None:
    configs = [small(**settings, prior__strength=0.2), small(**settings, prior__concentration=6)]
    agree(distill_grid(configs, task=few), configs, few)
    assert [len(batch) for batch in batches] == [2]


def test_teachers_run_calibrated_and_as_they_come_in_one_batch(few: Task, batches: list[list[RunConfig]]) -> None:
    asked = {"student__hidden": "8", "prior__entropy_temperatures": "3,1,1"}
    configs = [small(**asked, prior__calibrated_teachers=on) for on in (False, True)]
    found = distill_grid(configs, task=few)
    agree(found, configs, few)
    assert [len(batch) for batch in batches] == [2]
    nll = [result.metrics["student"]["nll"] for result in found]
    assert abs(nll[0] - nll[1]) > 1e-3


def test_a_check_for_bias_finds_in_a_batch_what_it_finds_alone(few: Task, batches: list[list[RunConfig]]) -> None:
    asked = {"sampler__bias_check": True, "student__hidden": "8"}
    configs = [small(**asked, prior__strength=0.2), small(**asked, seed=3), small(**asked, prior__concentration=6)]
    together = distill_grid(configs, task=few)
    assert [len(batch) for batch in batches] == [3]
    for result, config in zip(together, configs, strict=True):
        alone = distill(config, task=few).metrics.diagnostics.bias_check
        found = result.metrics.diagnostics.bias_check
        assert alone.log_joint_difference != 0
        assert found.dump() == pytest.approx(alone.dump(), abs=1e-4)


def test_shapes_whose_rounding_depends_on_the_batch_run_one_by_one(few: Task, batches: list[list[RunConfig]]) -> None:
    """4 chains x 49 examples x 6 units is no multiple of 16."""
    configs = [small(sampler__batch_size=49, prior__strength=strength) for strength in (0.2, 1)]
    agree(distill_grid(configs, task=few), configs, few)
    assert [len(batch) for batch in batches] == [1, 1]


@pytest.mark.parametrize("size", [49, 50, 51])
def test_a_warm_start_whose_rounding_depends_on_the_batch_makes_them_run_one_by_one(
    size: int, few: Task, batches: list[list[RunConfig]]
) -> None:
    configs = [small(sampler__warm_start_batch_size=size, prior__strength=strength) for strength in (0.2, 1)]
    agree(distill_grid(configs, task=few), configs, few)
    assert [len(batch) for batch in batches] == [1, 1]


@pytest.mark.parametrize("limit", ["_MOST_NUMBERS", "_WORTH_SHARING"])
def test_no_more_chains_run_together_than_are_computed_in_one_piece(
    limit: str, few: Task, batches: list[list[RunConfig]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two settings' chains have 200 x 30 x 8 terms of teachers, or 200 x 444 x 8 products."""
    most = {"_MOST_NUMBERS": 200 * 30 * 8, "_WORTH_SHARING": 200 * 444 * 8 + 1}[limit]
    monkeypatch.setattr(f"mtbkd_core.posterior.{limit}", most)
    configs = [small(sampler__chains=4, prior__strength=strength) for strength in (0.2, 0.5, 1)]
    agree(distill_grid(configs, task=few), configs, few)
    assert [len(batch) for batch in batches] == [2, 1]


def test_settings_that_hear_nobody_learn_from_the_labels_and_run_together(
    few: Task, batches: list[list[RunConfig]]
) -> None:
    task = without_some_labels(few, 40)
    configs = [small(prior__strength=0, n_unlabelled=40), small(prior__strength=0)]
    one, other = distill_grid(configs, task=task)
    assert torch.equal(one.draws, other.draws)
    assert batches == [configs]


def test_configurations_of_different_shapes_run_apart_and_come_back_in_their_order(
    few: Task, batches: list[list[RunConfig]]
) -> None:
    configs = [
        small(),
        small(student__hidden="5,4"),
        small(seed=1),
        small(sampler__draws=6),
        small(sampler__batch_size=50),
        small(sampler__batch_size=50, seed=1),
        small(n_unlabelled=16),
        small(sampler__warm_start_batch_size=50),
        small(sampler__warm_start_batch_size=50, seed=1),
    ]
    task = without_some_labels(few, 40)
    agree(distill_grid(configs, task=task), configs, task)
    assert batches == [[configs[0], configs[2]], *([config] for config in (configs[1], *configs[3:]))]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_memory_budget_only_changes_how_many_run_together(
    threads: int, few: Task, batches: list[list[RunConfig]]
) -> None:
    configs = [small(prior__concentration=10 + place) for place in range(4)]
    whole = distill_grid(configs, task=few)
    assert [len(batch) for batch in batches] == [4]
    batches.clear()
    parts = distill_grid(configs, task=few, memory=1_200_000 * threads, threads=threads)
    assert len(batches) > 1
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one.draws, other.draws, rtol=0, atol=1e-4)
    batches.clear()
    distill_grid(configs, task=few, memory=1)
    assert [len(batch) for batch in batches] == [1] * 4


@pytest.mark.parametrize("algorithm", ["baoab", "sgld"])
def test_a_group_that_leaves_starts_again_alone_and_leaves_the_others_as_they_are(
    algorithm: str, few: Task, batches: list[list[RunConfig]]
) -> None:
    step = {"baoab": 0.08, "sgld": 0.0018}[algorithm]
    common = {"sampler__algorithm": algorithm, "sampler__step_size": step, "sampler__burn_in": 30, "seed": 1}
    configs = [small(**common, prior__strength=strength) for strength in (0.0, 4.0, 0.01)]
    together = distill_grid(configs, task=few)
    restarts = [result.metrics["diagnostics"]["restarts"] for result in together]
    assert restarts[1] > 0
    assert restarts[0] == restarts[2] == 0
    agree(together, configs, few)
    assert [len(batch) for batch in batches] == [3]


def test_a_task_is_loaded_once_with_every_teacher_that_is_named(trained_home: object) -> None:
    configs = [small(teachers="digits-0-4"), small(teachers="even-digits"), small(teachers="digits-0-4,digits-5-9")]
    results = distill_grid(configs)
    assert [result.predictions.tensors()["test.teachers"].shape[0] for result in results] == [1, 1, 2]
    assert len({result.environment["fingerprint"] for result in results}) == 3


def test_nothing_to_run_gives_nothing() -> None:
    assert distill_grid([]) == []


@pytest.mark.parametrize("threads", [1, 2])
def test_the_share_done_never_falls_and_ends_at_one(threads: int, few: Task) -> None:
    seen: list[Progress] = []
    configs = [small(), small(student__kind="linear"), small(prior__strength=0)]
    distill_grid(configs, task=few, on_progress=seen.append, threads=threads)
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
    assert 0 < fractions[len(fractions) // 2] < 1


@pytest.mark.parametrize("threads", [1, 2])
def test_a_grid_that_is_stopped_ends_in_all_its_batches(threads: int, few: Task) -> None:
    seen: list[Progress] = []
    configs = [small(), small(student__kind="linear"), small(sampler__chains=8)]
    with pytest.raises(Cancelled):
        distill_grid(configs, task=few, on_progress=seen.append, should_stop=lambda: len(seen) > 2, threads=threads)
    assert seen[-1].fraction < 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sampler__batch_size": 201}, r"configuration 2 of 2: sampler\.batch_size: got 201"),
        ({"sampler__chains": 1024, "sampler__draws": 5000, "student__hidden": "512"}, r"configuration 2 .* GiB"),
        ({"teachers": "nobody"}, r"configuration 2 of 2: teachers: digits has no 'nobody'"),
    ],
)
def test_a_configuration_that_cannot_run_is_named_before_any_runs(
    changes: dict[str, Any], words: str, few: Task, batches: list[list[RunConfig]]
) -> None:
    with pytest.raises(UserError, match=words):
        distill_grid([small(), small(**changes)], task=few)
    assert batches == []


@pytest.mark.parametrize("threads", [1, 2])
def test_one_of_a_batch_that_fails_is_told_and_the_others_go_on(
    threads: int, few: Task, batches: list[list[RunConfig]]
) -> None:
    configs = [small(prior__strength=strength, sampler__step_size=0.15) for strength in ("0.1", "100", "0.2")]
    problems: dict[int, str] = {}

    def tell(place: int, error: UserError) -> None:
        problems[place] = str(error)

    found = dict(grid_module.each_result(configs, task=few, threads=threads, on_problem=tell))
    assert batches[0] == configs
    assert sorted(found) == [0, 2]
    assert list(problems) == [1]
    assert problems[1].startswith("sampler.step_size: a chain leaves the posterior")
    with pytest.raises(UserError, match=r"^one of configurations 1 to 3 of 3: sampler\.step_size"):
        list(grid_module.each_result(configs, task=few, threads=threads))


def test_what_failed_and_how_far_it_is_name_the_places_of_the_batch_alone(few: Task) -> None:
    strong = {"prior__strength": "100", "sampler__step_size": 0.15}
    configs = [small(**strong), small(student__hidden="8"), small(**strong, seed=3), small(**strong, seed=4)]
    told: list[str] = []
    with pytest.raises(UserError, match=r"^one of configurations 1, 3 to 4 of 4: sampler\.step_size"):
        distill_grid(configs, task=few, threads=1, on_progress=lambda progress: told.append(progress.message))
    assert any(message.startswith("Settings 1, 3 to 4 of 4: ") for message in told)


@pytest.mark.parametrize("bad", [{"threads": 0}, {"threads": -1}, {"memory": 0}, {"memory": -5}])
def test_threads_and_memory_below_one_are_refused(bad: dict[str, int], few: Task) -> None:
    with pytest.raises(ValueError, match=r"^(threads|memory): got (0|-1|-5), needs a whole number from 1$"):
        distill_grid([small()], task=few, **bad)


def test_each_setting_learns_from_as_many_labelled_examples_as_it_says() -> None:
    changed = {"task": "synthetic", "teachers": "north,south-west", "sampler.algorithm": "baoab"}
    configs = [build_config({**SMALL, **changed, "n_train": count}.items()) for count in (48, 16)]
    found = distill_grid(configs)
    assert [len(result.predictions.tensors()["train.labels"]) for result in found] == [48, 16]
    assert found[1].metrics.row == pytest.approx(distill(configs[1]).metrics.row, abs=1e-4)
