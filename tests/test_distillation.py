"""From a configuration to a result: reproducibility, diagnostics, examples without labels, and refusals."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mtbkd_core import Result, Task, UserError, distill
from mtbkd_core.config.choices import Algorithm, Device
from mtbkd_core.distillation import find_device
from tests.conftest import without_some_labels
from tests.small import small


@pytest.mark.parametrize("settings", [{}, {"sampler__batch_size": 6}])
def test_equal_configurations_give_equal_draws_and_another_seed_others(settings: dict[str, Any], tiny: Task) -> None:
    before = torch.get_rng_state()
    first, again, other = (distill(small(teachers="one", **settings, seed=seed), task=tiny) for seed in (1, 1, 2))
    assert torch.equal(first.draws, again.draws)
    assert not torch.equal(first.draws, other.draws)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_result_is_saved_with_what_is_needed_to_load_it(tiny: Task, tmp_path: Path) -> None:
    result = distill(small(teachers="one"), task=tiny)
    assert result.environment["fingerprint"] == tiny.fingerprint_of(("one",))
    assert (result.environment["n_features"], result.environment["class_names"]) == (2, ["a", "b", "c"])
    result.save(tmp_path)
    assert torch.equal(Result.load(tmp_path).draws, result.draws)


def test_a_task_is_loaded_when_none_is_given(trained_home: Path) -> None:
    result = distill(small(sampler__draws=4, sampler__warm_start_steps=5, sampler__burn_in=5))
    assert result.predictions.tensors()["test.teachers"].shape[0] == 3


def test_the_preconditioner_changes_the_coordinates_and_not_the_posterior(tiny: Task) -> None:
    plain, white = (
        distill(small(teachers=("one",), sampler__draws=200, sampler__preconditioner=kind), task=tiny)
        for kind in ("none", "curvature")
    )
    assert plain.config.sampler.preconditioner != white.config.sampler.preconditioner
    assert not torch.equal(plain.draws, white.draws)
    torch.testing.assert_close(plain.predictions.test.mean, white.predictions.test.mean, atol=0.05, rtol=0)
    heights = [result.predictions.log_joint.float().mean() for result in (plain, white)]
    spread = float(plain.predictions.log_joint.float().std())
    assert abs(float(heights[0] - heights[1])) < spread


@pytest.mark.parametrize("chains", [1, 450, 1024])
def test_any_number_of_chains_that_the_configuration_allows_can_be_evaluated(chains: int, tiny: Task) -> None:
    config = small(teachers=("one",), sampler__chains=chains, sampler__draws=8, sampler__burn_in=0)
    result = distill(config, task=tiny)
    assert result.draws.shape[0] == chains
    assert result.metrics["diagnostics"]["r_hat"] > 0


@pytest.mark.parametrize("algorithm", Algorithm)
def test_diagnostics_tell_how_reliable_the_chains_are(algorithm: Algorithm, tiny: Task) -> None:
    found = distill(small(teachers="one", sampler__algorithm=algorithm), task=tiny).metrics["diagnostics"]
    for name in ("r_hat", "r_hat_median", "r_hat_max", "r_hat_log_joint", "ess_median", "ess_p5", "step_size"):
        assert found[name] > 0
    assert found["gradients"] == (20 + 20 * 2) * (8 if algorithm is Algorithm.HMC else 1)
    energy, acceptance = found["energy_variance"], found["acceptance"]
    if algorithm is Algorithm.MCLMC:
        assert acceptance is None
        assert energy > 0
    else:
        assert energy is None
        assert 0 < acceptance <= 1


def test_a_check_for_bias_changes_nothing_else(tiny: Task) -> None:
    asked = small(teachers="one,other", sampler__bias_check=True)
    result, plain = distill(asked, task=tiny), distill(asked.unchecked, task=tiny)
    saved, without = result.metrics.dump(), plain.metrics.dump()
    check = saved["diagnostics"].pop("bias_check")
    assert set(saved["diagnostics"]) == set(without["diagnostics"]) | {"seconds_bias_check"}
    assert torch.equal(result.draws, plain.draws)
    assert saved | {"diagnostics": 0} == without | {"diagnostics": 0}
    assert all(math.isfinite(value) for value in check.values())
    assert abs(check["log_joint_difference"]) < 5 * check["log_joint_error"]


def test_a_check_for_bias_notices_a_step_that_is_too_long(tiny: Task) -> None:
    """On the posterior of a linear student, where R-hat finds nothing wrong."""
    asked = small(
        teachers="one,other",
        sampler__bias_check=True,
        sampler__algorithm="sgld",
        sampler__step_size=0.15,
        sampler__chains=16,
        sampler__draws=200,
        sampler__thinning=20,
    )
    found = distill(asked, task=tiny).metrics["diagnostics"]
    assert found["restarts"] == 0
    assert found["r_hat"] < 1.02
    assert found["bias_check"].is_biased


def test_without_distillation_nothing_is_learned_from_examples_without_labels(few_digits: Task) -> None:
    task = without_some_labels(few_digits, 100)
    silent = {"prior__strength": 0, "sampler__warm_start_batch_size": 50}
    shown, alone = (distill(small(**silent, n_unlabelled=count), task=task) for count in (100, 0))
    assert torch.equal(shown.draws, alone.draws)


def test_examples_without_labels_are_used_and_their_labels_are_not(few_digits: Task) -> None:
    task = without_some_labels(few_digits, 100)
    shown, few, labelled = (
        distill(config, task=given)
        for config, given in ((small(n_unlabelled=100), task), (small(), task), (small(), few_digits))
    )
    assert len(shown.predictions.tensors()["train.labels"]) == len(few.predictions.tensors()["train.labels"]) == 100
    assert shown.metrics["student"]["nll"] < few.metrics["student"]["nll"]
    assert abs(shown.metrics["student"]["nll"] - labelled.metrics["student"]["nll"]) > 1e-4


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert find_device(Device.AUTO).type == find_device(Device.CPU).type == "cpu"
    with pytest.raises(UserError, match=r"device: got 'cuda'.*allowed: auto, cpu"):
        distill(small(device="cuda"))


def test_draws_that_take_too_much_memory_are_refused_before_anything_runs(tiny: Task) -> None:
    config = small(
        teachers=("one",), sampler__chains=1024, sampler__draws=5000, student__kind="mlp", student__hidden="512"
    )
    with pytest.raises(UserError, match=r"1024 chains x 5000 draws .* GiB"):
        distill(config, task=tiny)


def test_a_minibatch_larger_than_the_data_is_refused(tiny: Task) -> None:
    with pytest.raises(UserError, match=r"sampler\.batch_size: got 13, the task has 12"):
        distill(small(teachers=("one",), sampler__batch_size=13), task=tiny)


def test_examples_without_labels_that_a_task_has_not_are_refused(tiny: Task) -> None:
    with pytest.raises(UserError, match=r"^data.n_unlabelled: got 1, allowed for tiny: at most 0$"):
        distill(small(teachers=("one",), n_unlabelled=1), task=tiny)


def test_teachers_with_too_few_logits_for_examples_without_labels_are_refused(few_digits: Task) -> None:
    task = without_some_labels(few_digits, 100)
    name, teacher = next(iter(task.teachers.items()))
    assert teacher.logits_unlabelled is not None
    short = replace(teacher, logits_unlabelled=teacher.logits_unlabelled[:59])
    task = replace(task, teachers={**task.teachers, name: short})
    assert len(task.training_set(list(task.teachers), 59).labels) == 159
    with pytest.raises(UserError, match="have logits on digits's unlabelled examples"):
        distill(small(n_unlabelled=60), task=task)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"task": "cats"}, "task: got 'cats'"), ({"teachers": ("nobody",)}, "teachers: digits has no 'nobody'")],
)
def test_an_unknown_task_or_teacher_is_refused_in_one_line(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        distill(small(**changes))
    assert "\n" not in str(caught.value)


def test_inputs_that_are_not_finite_are_refused_before_sampling(tiny: Task) -> None:
    broken = replace(tiny, x_train=tiny.x_train * math.nan)
    with pytest.raises(UserError, match="not finite"):
        distill(small(teachers=("one",)), task=broken)
