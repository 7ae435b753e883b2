"""The plane: a truth that is one, teachers that know what they are said to know, and fingerprints that notice."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from mtbkd_core import Task, build_config, default_config, distill, fingerprint, load_task, task_info
from mtbkd_core.catalog.settings import change_task, changed_settings
from mtbkd_core.common.progress import UserError
from mtbkd_core.prior import entropies
from mtbkd_core.studies.plane_posterior import plane_of
from mtbkd_core.tasks import synthetic

NAMES = ("synthetic", "synthetic-linear")


@pytest.fixture(params=NAMES)
def task(request: pytest.FixtureRequest) -> Task:
    return load_task(request.param)


@pytest.fixture
def grid() -> Tensor:
    known = load_task("synthetic").truth
    assert known is not None
    return plane_of(known, 41).inputs


def test_the_truth_sums_to_1_everywhere(task: Task, grid: Tensor) -> None:
    assert task.truth is not None
    probabilities = task.truth.probabilities(grid)
    assert probabilities.shape == (len(grid), 3)
    assert (probabilities > 0).all()
    torch.testing.assert_close(probabilities.sum(-1), torch.ones(len(grid)))


def test_labels_are_drawn_from_the_truth() -> None:
    task = load_task("synthetic", n_train=20_000)
    assert task.truth is not None
    onehot = torch.nn.functional.one_hot(task.y_train, 3)
    gap = onehot - task.truth.probabilities(task.x_train)
    # also where the truth is nearly sure, and where it is not; 4 standard errors
    sure = task.truth.probabilities(task.x_train).amax(-1) > 0.9
    for part in (gap[sure], gap[~sure]):
        assert (part.mean(0).abs() < 4 * part.std(0) / len(part) ** 0.5).all()


def test_inputs_have_mean_0_and_variance_1_and_lie_on_the_disc() -> None:
    x = load_task("synthetic", n_train=20_000).x_train
    torch.testing.assert_close(x.mean(0), torch.zeros(2), atol=0.03, rtol=0)
    torch.testing.assert_close(x.var(0), torch.ones(2), atol=0.04, rtol=0)
    assert float(x.norm(dim=-1).max()) <= 2.0001


def test_the_linear_truth_is_a_linear_map_of_plausible_weights(grid: Tensor) -> None:
    logits = synthetic.truth_logits(grid, 0.0)
    weights = torch.linalg.lstsq(grid, logits).solution
    torch.testing.assert_close(grid @ weights, logits, atol=1e-4, rtol=0)
    scale = default_config("synthetic-linear").student.weight_scale
    # the sum of squares of six draws of the prior lies between 1.24 and 14.4 in 95 of 100 cases
    assert 1.24 < float(weights.square().sum()) / scale**2 < 14.4
    curved = synthetic.truth_logits(grid, synthetic.CURVED.swirl)
    assert not torch.allclose(curved, logits, atol=0.5)


@pytest.mark.parametrize("name", synthetic.EXPERTS)
def test_an_expert_is_near_the_truth_in_its_region_and_uncertain_outside(task: Task, grid: Tensor, name: str) -> None:
    assert task.truth is not None
    (says,) = task.truth.teacher_logits([name], grid)
    knows = synthetic.knowledge(name, grid)
    inside, outside = knows > 0.98, knows < 0.02
    assert inside.sum() > 100
    assert outside.sum() > 100
    far = (says.softmax(-1) - task.truth.probabilities(grid)).abs().sum(-1) / 2
    assert float(far[inside].max()) < 0.05
    assert float(entropies(says[None, outside]).min()) > 1.03  # log 3 is 1.099


def test_some_expert_knows_every_point_of_the_disc(grid: Tensor) -> None:
    best = torch.stack([synthetic.knowledge(name, grid) for name in synthetic.EXPERTS]).amax(0)
    assert float(best.min()) > 0.75


def test_the_wrong_teacher_is_surer_than_the_truth_and_names_another_class(task: Task, grid: Tensor) -> None:
    assert task.truth is not None
    (says,) = task.truth.teacher_logits(["confidently-wrong"], grid).softmax(-1)
    true = task.truth.probabilities(grid)
    assert (says.argmax(-1) == (true.argmax(-1) + 1) % 3).float().mean() > 0.99
    assert (says.amax(-1) >= true.amax(-1) - 1e-5).all()


def test_the_noisy_teacher_is_the_truth_and_smooth_noise_that_its_seed_draws(grid: Tensor) -> None:
    first, again, other = (synthetic.noise(grid, seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    assert 1.0 < float(torch.stack([synthetic.noise(grid, seed) for seed in range(20)]).std()) < 2.0
    near = synthetic.noise(grid + 0.01, 1)
    assert float((near - first).abs().max()) < 0.2


def test_teachers_say_on_the_data_what_they_say_anywhere(task: Task) -> None:
    assert task.truth is not None
    names = list(task.teachers)
    torch.testing.assert_close(task.teacher_logits(names), task.truth.teacher_logits(names, task.x_train))
    torch.testing.assert_close(task.teacher_logits(names, "test"), task.truth.teacher_logits(names, task.x_test))


def test_fewer_points_are_the_first_of_more() -> None:
    few, many = (load_task("synthetic", n_train=count, split_seed=3) for count in (20, 400))
    assert torch.equal(few.x_train, many.x_train[:20])
    assert torch.equal(few.y_train, many.y_train[:20])
    assert torch.equal(few.x_test, many.x_test)


def test_validation_points_are_no_test_points() -> None:
    test, validation = (load_task("synthetic", split=split) for split in ("test", "validation"))
    assert torch.equal(test.x_train, validation.x_train)
    assert not torch.isin(test.x_test[:, 0], validation.x_test[:, 0]).any()


def test_loading_trains_nothing_and_writes_nothing(own_home: Path) -> None:
    told = []
    load_task("synthetic", on_progress=told.append)
    assert told == []
    assert not list(own_home.iterdir())


def test_fingerprints_notice_number_seed_variant_and_teachers() -> None:
    base = default_config("synthetic")
    changed = [
        base,
        build_config([("n_train", 151)], base=base),
        build_config([("split_seed", 1)], base=base),
        build_config([("teachers", "north,south-west")], base=base),
        build_config([("teachers", "north,south-east")], base=base),
        default_config("synthetic-linear"),
    ]
    assert len({fingerprint(config) for config in changed}) == len(changed)
    assert fingerprint(build_config([("n_train", 150), ("seed", 5)], base=base)) == fingerprint(base)
    for config in changed:
        loaded = load_task(
            config.data.task,
            teachers=config.data.teachers,
            split_seed=config.data.split_seed,
            n_train=config.data.n_labelled,
        )
        assert loaded.fingerprint_of(config.data.teachers) == fingerprint(config)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"teachers": ["digits-0-4"]}, "teachers: synthetic has no 'digits-0-4'; .*north"),
        ({"teachers": []}, "teachers: none is named"),
        ({"split": "exam"}, "split: got 'exam', allowed: test, validation"),
        ({"n_train": 20_001}, "data.n_labelled: got 20001, allowed for synthetic: at most 20000"),
    ],
)
def test_what_the_plane_has_not_is_refused_in_one_line(options: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        load_task("synthetic", **options)  # type: ignore[arg-type]


# A task's own defaults


@pytest.mark.parametrize("name", NAMES)
def test_a_newcomer_starts_with_the_tasks_own_settings(name: str) -> None:
    config, info = default_config(name), task_info(name)
    assert (config.data.task, config.data.teachers) == (name, info.default_teachers)
    assert config.prior.concentration == 6
    assert config == build_config(info.defaults.items(), base=config)
    assert fingerprint(config)


def test_the_programs_default_is_the_digits() -> None:
    assert default_config("digits") == build_config()
    assert default_config("digits", "paper") == build_config(preset="paper")


def test_a_preset_wins_over_the_tasks_settings() -> None:
    prior = default_config("synthetic", "paper").prior
    assert (prior.strength, prior.concentration, prior.temperature) == (0.02, 5, 2)


def test_there_and_back_again_is_where_one_was() -> None:
    mine = build_config([("sampler.chains", 8), ("seed", 4)])
    there = change_task(mine, "synthetic")
    assert (there.sampler.chains, there.seed, there.prior.concentration) == (8, 4, 6)
    assert change_task(there, "digits") == mine


def test_what_differs_from_the_tasks_own_settings_can_be_named() -> None:
    assert changed_settings(build_config()) == {}
    assert changed_settings(default_config("synthetic")) == {"data.task": "synthetic"}
    changed = build_config([("n_train", 40), ("prior.concentration", 18)], base=default_config("synthetic"))
    assert changed_settings(changed) == {
        "data.task": "synthetic",
        "data.n_labelled": "40",
        "prior.concentration": "18.0",
    }


def test_a_student_of_the_experts_is_better_than_each_of_them() -> None:
    quick = [("sampler.chains", 4), ("sampler.draws", 20), ("sampler.thinning", 4)]
    metrics = distill(build_config(quick, base=default_config("synthetic-linear"))).metrics
    for name in synthetic.EXPERTS:
        assert metrics["student"]["nll"] < metrics[f"teacher:{name}"]["nll"] - 0.05
