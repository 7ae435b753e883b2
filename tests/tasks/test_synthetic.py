"""The plane: a truth that is a distribution, and teachers that know what their descriptions promise."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from mtbkd_core import Progress, Task, build_config, default_config, distill, fingerprint, load_task
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
    knows = synthetic.knowledge(name, grid)
    inside, outside = knows > 0.98, knows < 0.02
    assert inside.sum() > 100
    assert outside.sum() > 100
    far = (logits.softmax(-1) - task.truth.probabilities(grid)).abs().sum(-1) / 2
    assert float(far[inside].max()) < 0.05
    assert float(entropies(logits[None, outside]).min()) > 1.03  # log 3 is 1.099


def test_some_expert_knows_every_point_of_the_disc(grid: Tensor) -> None:
    best = torch.stack([synthetic.knowledge(name, grid) for name in synthetic.EXPERTS]).amax(0)
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
