"""The rivals, and the paired comparison with them."""

import math

import pytest
import torch
from scipy.stats import t

from mtbkd_core import Task, UserError, build_config
from mtbkd_core.baselines import compare, mean_distillation, methods, paired_difference
from mtbkd_core.evaluation.calibration import scores

QUICK = {
    "student.kind": "linear",
    "sampler.chains": 4,
    "sampler.draws": 10,
    "sampler.thinning": 2,
    "sampler.warm_start_steps": 50,
    "sampler.burn_in": 10,
    "teachers": "digits-0-4,digits-5-9",
}


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
    mean = (digits.teacher_logits(config.teachers) / temperature).softmax(-1).mean(0)
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


def test_every_rival_runs_on_the_same_data_and_is_scored_alike(digits: Task) -> None:
    config = build_config(QUICK.items())
    offered = methods(config, digits)
    assert set(offered) == {
        "mt_bkd",
        "no_teacher",
        "teacher:digits-0-4",
        "teacher:digits-5-9",
        "mean_kd",
        "mean_kd_tuned",
    }
    found = offered["mean_kd"]()
    assert set(found) == {"mean_kd", "mean_kd_ensemble"}
    networks = mean_distillation(config, digits)
    assert found["mean_kd"] == scores(networks[0], digits.y_test)
    assert found["mean_kd_ensemble"] == scores(networks.mean(0), digits.y_test)


@pytest.mark.slow
def test_the_table_and_its_differences_agree() -> None:
    seen: list[tuple[int, str]] = []
    found = compare(build_config(QUICK.items()), [0, 1], on_step=lambda seed, name, row: seen.append((seed, name)))
    assert found.seeds == (0, 1)
    assert {seed for seed, _ in seen} == {0, 1}
    for rival, gaps in found.paired.items():
        for score, gap in gaps.items():
            ours, theirs = found.methods["mt_bkd"][score], found.methods[rival][score]
            assert gap.difference == pytest.approx(sum(a - b for a, b in zip(ours, theirs, strict=True)) / 2)
            assert gap.low is not None
            assert gap.high is not None
            assert gap.low <= gap.difference <= gap.high
    # another seed is another split: not the same numbers again
    assert found.methods["mt_bkd"]["nll"][0] != found.methods["mt_bkd"]["nll"][1]


def test_no_seed_is_refused() -> None:
    with pytest.raises(UserError, match=r"^seeds: at least 1"):
        compare(build_config(QUICK.items()), [])
