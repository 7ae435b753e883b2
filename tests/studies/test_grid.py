"""Many settings at once: the results of single runs within Monte Carlo error, in any batch; progress and stopping."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from mtbkd_core import Cancelled, Progress, Result, RunConfig, Task, UserError, build_config, distill, distill_grid
from mtbkd_core.config.choices import Algorithm
from mtbkd_core.evaluation.diagnostics import mean_error, predictive_error, total_variation
from mtbkd_core.studies import grid as grid_module
from tests.conftest import part_of_test, without_some_labels
from tests.small import SMALL
from tests.small import small as small_run

#: For what does not depend on what is found.
SHORT = {"sampler__draws": 4, "sampler__thinning": 1, "sampler__burn_in": 5, "sampler__warm_start_steps": 5}
DIGITS = {"task": "digits", "teachers": "digits-0-4,digits-5-9,even-digits"}

#: At every step size that is tried.
UNSTABLE = {"prior__strength": "100", "sampler__algorithm": "sgld", "sampler__step_size": 0.3, "sampler__draws": 40}


def small(**changes: Any) -> RunConfig:
    long = {"sampler__chains": 8, "sampler__draws": 50, "sampler__thinning": 6, "sampler__burn_in": 60}
    return small_run(**{"teachers": "one,other,third", **long, **changes})


def short(**changes: Any) -> RunConfig:
    return small(**SHORT | changes)


def agree(together: Sequence[Result], configs: Sequence[RunConfig], task: Task) -> None:
    """Each result has the log joint and the predictions of a single run, within both runs' Monte Carlo errors."""
    assert [result.config for result in together] == list(configs)
    for result, config in zip(together, configs, strict=True):
        both = (result, distill(config, task=task))
        joints = [each.predictions.tensors()["trace.log_joint"].double() for each in both]
        error = math.hypot(*(mean_error(joint) for joint in joints))
        assert abs(float(joints[0].mean() - joints[1].mean())) < 4.5 * error
        means = [each.predictions.tensors()["test.draws"].float().mean(1) for each in both]
        error = math.hypot(*(predictive_error(mean) for mean in means))
        assert total_variation(means[0].mean(0), means[1].mean(0)) < 3 * error
        assert set(result.predictions.tensors()) == set(both[1].predictions.tensors())
        assert result.metrics.dump().keys() == both[1].metrics.dump().keys()


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


def test_priors_subsets_seeds_and_no_distillation_in_one_batch_find_what_separate_runs_find(
    tiny: Task, batches: list[list[RunConfig]]
) -> None:
    configs = [
        small(),
        small(prior__strength=0),
        small(prior__concentration=5, seed=3),
        small(prior__base_weights="0.7,0.2,0.1", prior__rule="softmin", seed=3),
        small(prior__entropy_temperatures="3,1,1", prior__calibrated_teachers=True),
        small(teachers="other,one,third"),
        small(teachers="one,other"),
        small(teachers="third,other", prior__strength=3, seed=3),
    ]
    agree(distill_grid(configs, task=tiny), configs, tiny)
    assert [len(batch) for batch in batches] == [4, 2, 2]  # 32 chains at most; three teachers, and two


@pytest.mark.parametrize(
    "settings",
    [
        *({"sampler__algorithm": algorithm} for algorithm in Algorithm if algorithm is not Algorithm.SGLD),
        {"sampler__algorithm": "sgld", "sampler__thinning": 60},
        {"sampler__algorithm": "sgld", "sampler__schedule": "decaying", "sampler__thinning": 60},
        {"sampler__batch_size": 6, "sampler__step_size": 0.05},
        {"sampler__warm_start_batch_size": 6},
        {"student__kind": "mlp", "student__hidden": "8", "sampler__thinning": 20},
    ],
    ids=lambda settings: " ".join(str(value) for value in settings.values()),
)
def test_every_sampler_finds_in_a_batch_what_it_finds_alone(
    settings: dict[str, Any], tiny: Task, batches: list[list[RunConfig]]
) -> None:
    configs = [small(**settings, prior__strength=0.2), small(**settings, prior__concentration=6, seed=2)]
    agree(distill_grid(configs, task=tiny), configs, tiny)
    assert [len(batch) for batch in batches] == [2]


def test_each_setting_starts_from_the_draws_of_its_own_seed(tiny: Task) -> None:
    still = {"sampler__warm_start_steps": 0, "sampler__burn_in": 0, "sampler__step_size": 1e-6, "sampler__thinning": 1}
    configs = [small(**still, seed=seed, sampler__draws=4) for seed in (0, 1)]
    for result, config in zip(distill_grid(configs, task=tiny), configs, strict=True):
        torch.testing.assert_close(result.draws, distill(config, task=tiny).draws, rtol=0, atol=1e-3)


def test_a_grid_repeats_itself_and_depends_on_all_seeds(tiny: Task) -> None:
    first, again, other = (distill_grid([short(seed=1), short(seed=seed)], task=tiny)[0].draws for seed in (2, 2, 3))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_single_configuration_gives_exactly_the_run(tiny: Task) -> None:
    (found,) = distill_grid([short()], task=tiny)
    assert torch.equal(found.draws, distill(short(), task=tiny).draws)


def test_a_check_for_bias_is_made_for_each_setting(tiny: Task, batches: list[list[RunConfig]]) -> None:
    configs = [small(sampler__bias_check=True, prior__strength=strength) for strength in (0.2, 2.0)]
    for result in distill_grid(configs, task=tiny):
        found = result.metrics["diagnostics"]["bias_check"]
        assert abs(found["log_joint_difference"]) < 5 * found["log_joint_error"]
    assert [len(batch) for batch in batches] == [2]


def test_settings_without_distillation_learn_from_the_labels_alone_and_run_together(
    tiny: Task, batches: list[list[RunConfig]]
) -> None:
    configs = [short(prior__strength=0, n_unlabelled=4), short(prior__strength=0)]
    found = distill_grid(configs, task=without_some_labels(tiny, 4))
    assert [len(result.predictions.tensors()["train.labels"]) for result in found] == [8, 8]
    assert batches == [configs]


def test_configurations_of_different_shapes_run_apart_and_come_back_in_their_order(
    few: Task, batches: list[list[RunConfig]]
) -> None:
    configs = [
        short(**DIGITS),
        short(**DIGITS, student__kind="mlp", student__hidden="5,4"),
        short(**DIGITS, seed=1),
        short(**DIGITS, sampler__temperature=2),
        short(**DIGITS, sampler__batch_size=50),
        short(**DIGITS, sampler__batch_size=50, seed=1),
        short(**DIGITS, n_unlabelled=16),
        short(**DIGITS, student__kind="cnn", student__channels="2"),
        short(**DIGITS, student__kind="cnn", student__channels="2", seed=1),
    ]
    found = distill_grid(configs, task=without_some_labels(few, 40))
    assert [result.config for result in found] == configs
    together = [configs[0], configs[2]], [configs[1]], [configs[3]], configs[4:6], [configs[6]]
    assert batches == [*together, [configs[7]], [configs[8]]]  # convolutions gain nothing by a batch


def test_a_memory_budget_only_changes_how_many_run_together(tiny: Task, batches: list[list[RunConfig]]) -> None:
    configs = [short(prior__concentration=10 + place) for place in range(4)]
    for memory, sizes in ((2**30, [4]), (30_000, [2, 2]), (1, [1] * 4)):
        batches.clear()
        distill_grid(configs, task=tiny, memory=memory)
        assert [len(batch) for batch in batches] == sizes


@pytest.mark.parametrize("algorithm", ["baoab", "sgld"])
def test_a_group_that_leaves_starts_again_and_the_others_keep_their_step(
    algorithm: str, tiny: Task, batches: list[list[RunConfig]]
) -> None:
    step = {"baoab": 0.7, "sgld": 0.2}[algorithm]
    common = {"sampler__algorithm": algorithm, "sampler__step_size": step, "seed": 1}
    configs = [small(**common, prior__strength=strength) for strength in (0.0, 10.0, 0.01)]
    found = [result.metrics["diagnostics"] for result in distill_grid(configs, task=tiny)]
    assert found[1]["restarts"] > 0
    assert found[1]["step_size"] < step
    assert [(found[place]["restarts"], found[place]["step_size"]) for place in (0, 2)] == [(0, step)] * 2
    assert [len(batch) for batch in batches] == [3]


def test_a_task_is_loaded_once_with_every_teacher_that_is_named(trained_home: object) -> None:
    names = ("digits-0-4", "even-digits", "digits-0-4,digits-5-9")
    configs = [short(task="digits", teachers=each) for each in names]
    results = distill_grid(configs)
    assert [result.predictions.tensors()["test.teachers"].shape[0] for result in results] == [1, 1, 2]
    assert len({result.environment["fingerprint"] for result in results}) == 3


def test_nothing_to_run_gives_nothing() -> None:
    assert distill_grid([]) == []


@pytest.mark.parametrize("threads", [1, 2])
def test_the_share_done_never_falls_and_ends_at_one(threads: int, tiny: Task) -> None:
    seen: list[Progress] = []
    configs = [short(), short(student__kind="mlp"), short(prior__strength=0)]
    distill_grid(configs, task=tiny, on_progress=seen.append, threads=threads)
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
    assert 0 < fractions[len(fractions) // 2] < 1


@pytest.mark.parametrize("threads", [1, 2])
def test_a_grid_that_is_stopped_ends_in_all_its_batches(threads: int, tiny: Task) -> None:
    seen: list[Progress] = []
    configs = [short(), short(student__kind="mlp"), short(sampler__chains=8)]
    with pytest.raises(Cancelled):
        distill_grid(configs, task=tiny, on_progress=seen.append, should_stop=lambda: len(seen) > 2, threads=threads)
    assert seen[-1].fraction < 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sampler__batch_size": 13}, r"configuration 2 of 2: sampler\.batch_size: got 13"),
        (
            {"sampler__chains": 1024, "sampler__draws": 5000, "student__kind": "mlp", "student__hidden": "512"},
            r"configuration 2 .* GiB",
        ),
        ({"teachers": "nobody"}, r"configuration 2 of 2: teachers: tiny has no 'nobody'"),
    ],
)
def test_a_configuration_that_cannot_run_is_named_before_any_runs(
    changes: dict[str, Any], words: str, tiny: Task, batches: list[list[RunConfig]]
) -> None:
    with pytest.raises(UserError, match=words):
        distill_grid([short(), short(**changes)], task=tiny)
    assert batches == []


@pytest.mark.parametrize("threads", [1, 2])
def test_one_of_a_batch_that_fails_is_reported_and_the_others_go_on(
    threads: int, tiny: Task, batches: list[list[RunConfig]]
) -> None:
    configs = [short(**UNSTABLE | {"prior__strength": strength}) for strength in ("0", "100", "0.01")]
    problems: dict[int, str] = {}

    def tell(place: int, error: UserError) -> None:
        problems[place] = str(error)

    found = dict(grid_module.each_result(configs, task=tiny, threads=threads, on_problem=tell))
    assert batches[0] == configs
    assert sorted(found) == [0, 2]
    assert list(problems) == [1]
    assert problems[1].startswith("sampler.step_size: a chain leaves the posterior")
    with pytest.raises(UserError, match=r"^one of configurations 1 to 3 of 3: sampler\.step_size"):
        list(grid_module.each_result(configs, task=tiny, threads=threads))


def test_what_failed_and_how_far_it_is_name_the_places_of_the_batch_alone(tiny: Task) -> None:
    configs = [short(**UNSTABLE), short(student__kind="mlp"), *(short(**UNSTABLE, seed=seed) for seed in (3, 4))]
    messages: list[str] = []
    with pytest.raises(UserError, match=r"^one of configurations 1, 3 to 4 of 4: sampler\.step_size"):
        distill_grid(configs, task=tiny, threads=1, on_progress=lambda progress: messages.append(progress.message))
    assert any(message.startswith("Settings 1, 3 to 4 of 4: ") for message in messages)


@pytest.mark.parametrize("bad", [{"threads": 0}, {"threads": -1}, {"memory": 0}, {"memory": -5}])
def test_threads_and_memory_below_one_are_refused(bad: dict[str, int], tiny: Task) -> None:
    with pytest.raises(ValueError, match=r"^(threads|memory): got (0|-1|-5), needs a whole number from 1$"):
        distill_grid([short()], task=tiny, **bad)


def test_each_setting_learns_from_as_many_labelled_examples_as_it_says() -> None:
    changed = {"task": "synthetic", "teachers": "north,south-west", "sampler.algorithm": "baoab"}
    configs = [build_config({**SMALL, **changed, "n_train": count}.items()) for count in (48, 16)]
    assert [len(result.predictions.tensors()["train.labels"]) for result in distill_grid(configs)] == [48, 16]
