"""The plane: a truth that is a distribution, and teachers that know what their descriptions promise."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from mtbkd_core import (
    Progress,
    RunConfig,
    Task,
    UserError,
    build_config,
    default_config,
    distill,
    fingerprint,
    load_task,
)
from mtbkd_core.prior import entropies
from mtbkd_core.studies.plane_posterior import plane_of
from mtbkd_core.tasks import synthetic
from mtbkd_core.tasks.plane_changes import parse

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
    task = load_task("synthetic", n_labelled=20_000)
    assert task.truth is not None
    onehot = torch.nn.functional.one_hot(task.y_train, 3)
    gap = onehot - task.truth.probabilities(task.x_train)
    # also where the truth is nearly sure, and where it is not; 4 standard errors
    sure = task.truth.probabilities(task.x_train).amax(-1) > 0.9
    for part in (gap[sure], gap[~sure]):
        assert (part.mean(0).abs() < 4 * part.std(0) / len(part) ** 0.5).all()


def test_inputs_have_mean_0_and_variance_1_and_lie_on_the_disc() -> None:
    x = load_task("synthetic", n_labelled=20_000).x_train
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
    (logits,) = task.truth.teacher_logits([name], grid)
    knows = synthetic.knowledge(grid, *synthetic.SHAPES[name])
    inside, outside = knows > 0.98, knows < 0.02
    assert inside.sum() > 100
    assert outside.sum() > 100
    far = (logits.softmax(-1) - task.truth.probabilities(grid)).abs().sum(-1) / 2
    assert float(far[inside].max()) < 0.05
    assert float(entropies(logits[None, outside]).min()) > 1.03  # log 3 is 1.099


def test_some_expert_knows_every_point_of_the_disc(grid: Tensor) -> None:
    best = torch.stack([synthetic.knowledge(grid, *synthetic.SHAPES[name]) for name in synthetic.EXPERTS]).amax(0)
    assert float(best.min()) > 0.75


def test_the_wrong_teacher_is_surer_than_the_truth_and_names_another_class(task: Task, grid: Tensor) -> None:
    assert task.truth is not None
    (wrong,) = task.truth.teacher_logits(["confidently-wrong"], grid).softmax(-1)
    true = task.truth.probabilities(grid)
    assert (wrong.argmax(-1) == (true.argmax(-1) + 1) % 3).float().mean() > 0.99
    assert (wrong.amax(-1) >= true.amax(-1) - 1e-5).all()


def test_the_noisy_teacher_is_the_truth_and_smooth_noise_that_its_seed_draws(grid: Tensor) -> None:
    first, again, other = (synthetic.noise(grid, seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    assert 1.0 < float(torch.stack([synthetic.noise(grid, seed) for seed in range(20)]).std()) < 2.0
    near = synthetic.noise(grid + 0.01, 1)
    assert float((near - first).abs().max()) < 0.2


def test_teachers_logits_on_the_data_are_those_of_the_formula(task: Task) -> None:
    assert task.truth is not None
    names = list(task.teachers)
    torch.testing.assert_close(task.teacher_logits(names), task.truth.teacher_logits(names, task.x_train))
    torch.testing.assert_close(task.teacher_logits(names, "test"), task.truth.teacher_logits(names, task.x_test))


def test_loading_trains_nothing_and_writes_nothing(own_home: Path) -> None:
    reports: list[Progress] = []
    load_task("synthetic", on_progress=reports.append)
    assert reports == []
    assert not list(own_home.iterdir())


def test_the_two_planes_have_fingerprints_of_their_own() -> None:
    assert fingerprint(default_config("synthetic")) != fingerprint(default_config("synthetic-linear"))


def test_a_student_of_the_experts_is_better_than_each_of_them() -> None:
    quick = [("sampler.chains", 4), ("sampler.draws", 20), ("sampler.thinning", 4)]
    metrics = distill(build_config(quick, base=default_config("synthetic-linear"))).metrics
    for name in synthetic.EXPERTS:
        assert metrics["student"]["nll"] < metrics[f"teacher:{name}"]["nll"] - 0.05


def changed(text: str, teachers: str = "north,noisy", labels: int = 6) -> RunConfig:
    """The plane with some labelled points, and changes by hand."""
    settings = {"teachers": teachers, "data.n_labelled": labels, "data.changes": text}
    return build_config(settings.items(), base=default_config("synthetic"))


def test_points_are_moved_removed_and_added_by_hand() -> None:
    drawn, hand = load_task(changed("")), load_task(changed("p78eg1_e018m3r2" + "02-----"))
    wanted = drawn.x_train[[0, 1, 3, 4, 5, 5]].clone()
    wanted[1], wanted[-1] = torch.tensor([0.5, -1.25]), torch.tensor([0.0, 2.6])
    torch.testing.assert_close(hand.x_train, wanted)
    assert hand.y_train.tolist() == [*drawn.y_train[:1], 2, *drawn.y_train[3:], 1]


def test_changes_of_the_plane_and_of_its_teachers_change_fingerprints_of_their_own() -> None:
    plain, points, region = (load_task(changed(text)) for text in ("", "p78eg1", "t0*45*0.5"))
    assert len({fingerprint(changed(text)) for text in ("", "p78eg1", "p78eg0", "t0*45*0.5", "t0*45*1")}) == 5
    assert plain.fingerprint != points.fingerprint
    assert plain.fingerprint == region.fingerprint
    assert plain.teachers["north"].fingerprint != region.teachers["north"].fingerprint
    assert plain.teachers["noisy"].fingerprint == region.teachers["noisy"].fingerprint


def test_a_plane_that_nobody_changed_keeps_its_name() -> None:
    assert "changes" not in changed("").model_dump_json()
    assert fingerprint(changed("t0*90*0.3")) == fingerprint(changed(""))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("p78eg", "no change of the plane"),
        ("p78eg3", "no change of the plane"),
        ("pzzeg1", "outside the plane"),
        ("t7*1", "5 teachers"),
        ("t0*45", "allowed for north: 0 to 360 and -1 to 3"),
        ("t3*4", "allowed for noisy: 0 to 3"),
        ("e" + "".join(f"0{place}-----" for place in range(3)), "3 points left"),
        ("p" + 301 * "78eg1", "at most 300"),
        ("<script>", "data.changes"),
        ("p" + 4000 * "0", "data.changes"),
    ],
)
def test_what_is_no_change_of_the_plane_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        load_task(changed(text))
    assert "\n" not in str(caught.value)


def test_another_task_cannot_be_changed_by_hand() -> None:
    config = build_config([("data.changes", "p78eg1")], base=default_config("digits"))
    with pytest.raises(UserError, match="allowed for digits: none"):
        fingerprint(config)


def test_changes_in_words() -> None:
    assert parse("p78eg178eg1_e018m3r2" + "02-----_t0*45*1").in_words({"north": "North expert"}) == (
        "2 points added, 1 moved or relabelled, 1 removed, North expert changed"
    )
    assert parse("p78eg1").in_words({}) == "1 point added"
    assert parse("").in_words({}) == "none"
