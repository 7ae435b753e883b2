"""Monte Carlo dropout: its masks, their gradients, and predictions as means over passes."""

import math

import pytest
import torch

from mtbkd_core import Task, build_config
from mtbkd_core.baselines.base import Problem
from mtbkd_core.baselines.classic import mean_distillation
from mtbkd_core.baselines.dropout import dropout_distillation, dropout_mask, with_dropout
from mtbkd_core.students.mlp import DenseStudent

SETTINGS = [{"weight_scale": 0.6, "weight": 2.0, "rate": 0.2}] * 3
QUICK = {"sampler.chains": 3, "student.hidden": "6", "teachers": "digits-0-4,digits-5-9"}


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_masks_drop_at_their_rate_and_keep_the_mean(rate: float, generator: torch.Generator) -> None:
    mask = dropout_mask((4, 50, 500), torch.tensor(rate), generator)
    count = mask.numel()
    dropped = mask == 0
    # 4.5 standard errors of a binomial proportion
    slack = 4.5 * math.sqrt(rate * (1 - rate) / count)
    assert float(dropped.double().mean()) == pytest.approx(rate, abs=slack)
    assert mask[~dropped].unique().tolist() == pytest.approx([1 / (1 - rate)])
    assert float(mask.double().mean()) == pytest.approx(1, abs=slack / (1 - rate))
    # independent between networks, units and examples: neighbours are dropped together at the squared rate
    for a, b in ((dropped[1:], dropped[:-1]), (dropped[:, 1:], dropped[:, :-1]), (dropped[..., 1:], dropped[..., :-1])):
        both = a & b
        error = math.sqrt(rate**2 * (1 - rate**2) * 3 / both.numel())
        assert float(both.double().mean()) == pytest.approx(rate**2, abs=4.5 * error)


def test_masks_are_drawn_anew_at_every_call_and_again_with_the_same_seed(generator: torch.Generator) -> None:
    theta = torch.randn(2, DenseStudent((3, 8, 4), 1.0).n_parameters, generator=generator)
    x = torch.randn(5, 3, generator=generator)
    students = [
        with_dropout(DenseStudent((3, 8, 4), 1.0), [0.5, 0.5], torch.Generator().manual_seed(1)) for _ in range(2)
    ]
    first, again = (student.logits(theta, x) for student in students)
    assert torch.equal(first, again)
    assert not torch.equal(first, students[0].logits(theta, x))


@pytest.mark.parametrize("sizes", [(3, 4), (3, 8, 4), (3, 8, 6, 4)])
def test_rate_0_is_the_student_itself(sizes: tuple[int, ...], generator: torch.Generator) -> None:
    plain = DenseStudent(sizes, 1.0)
    theta = torch.randn(2, plain.n_parameters, generator=generator, dtype=torch.float64)
    x = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    gradient = torch.randn(2, 5, 4, generator=generator, dtype=torch.float64)
    logits, pullback = plain.vjp(theta, x)
    found, own = with_dropout(plain, [0.0, 0.0], generator).vjp(theta, x)
    torch.testing.assert_close(found, logits)
    torch.testing.assert_close(own(gradient), pullback(gradient))


def test_a_dropped_unit_is_gone_forwards_and_backwards(generator: torch.Generator) -> None:
    """One hidden unit: where it is dropped, the logits are the bias, and the example moves the bias alone."""
    student = with_dropout(DenseStudent((2, 1, 3), 1.0), [0.5], generator)
    theta = torch.randn(1, student.n_parameters, generator=generator)
    x = torch.randn(40, 2, generator=generator)
    logits, pullback = student.vjp(theta, x)
    bias = student.layers(theta)[-1][1][:, :, 0]
    dropped = (logits == bias[:, None]).all(-1)
    assert 5 < int(dropped.sum()) < 35
    moved = student.layers(pullback(dropped[..., None].float().expand_as(logits)))
    assert all(not part.any() for part in (*moved[0], moved[1][0]))
    assert torch.equal(moved[1][1].flatten(), dropped.sum().float().expand(3))
    plain = DenseStudent((2, 1, 3), 1.0).logits(theta, x)
    kept = bias[:, None] + 2 * (plain - bias[:, None])
    torch.testing.assert_close(logits[~dropped], kept[~dropped])


@pytest.mark.parametrize(("kind", "rate"), [("mlp", 0.0), ("linear", 0.5)])
def test_where_no_unit_can_be_dropped_it_is_classic_distillation(kind: str, rate: float, digits: Task) -> None:
    problem = Problem(build_config({**QUICK, "student.kind": kind}.items()), digits)
    settings = [{**each, "rate": rate} for each in SETTINGS]
    found = dropout_distillation(problem, settings, passes=2)
    torch.testing.assert_close(found, mean_distillation(problem, settings), atol=5e-3, rtol=0)


def test_dropout_predictions_are_means_of_probabilities(digits: Task) -> None:
    problem = Problem(build_config(QUICK.items()), digits)
    first = dropout_distillation(problem, SETTINGS, passes=1)
    both = dropout_distillation(problem, SETTINGS, passes=2)
    assert both.shape == (3, len(digits.y_test), 10)
    # the same masks come first, so what is left of the sum is the second pass: probabilities, and others
    second = 2 * both - first
    torch.testing.assert_close(second.sum(-1), torch.ones(second.shape[:2]))
    assert second.min() > -1e-6
    assert (second - first).abs().amax((1, 2)).min() > 0.1


def test_each_network_has_a_rate_of_its_own_in_layers_and_in_convolutions(generator: torch.Generator) -> None:
    dense = with_dropout(DenseStudent((3, 400, 4), 1.0), [0.1, 0.5], generator)
    assert dense.drop is not None
    for shape in ((2, 400, 50), (50, 2 * 4, 10, 10)):
        dropped = dense.drop(torch.ones(shape)) == 0
        first, second = dropped.transpose(0, 1).chunk(2) if len(shape) == 4 else dropped
        assert float(first.float().mean()) == pytest.approx(0.1, abs=0.02)
        assert float(second.float().mean()) == pytest.approx(0.5, abs=0.02)


def test_networks_keep_their_rates_where_predictions_come_in_pieces(generator: torch.Generator) -> None:
    student = with_dropout(DenseStudent((3, 8, 4), 1.0), [0.0, 0.9], generator)
    theta = torch.randn(2, student.n_parameters, generator=generator)
    x = torch.randn(50, 3, generator=generator)
    plain = DenseStudent((3, 8, 4), 1.0).probabilities(theta, x)
    found = student.probabilities(theta, x, memory=16)  # one example of one network
    torch.testing.assert_close(found[0], plain[0])
    assert not torch.allclose(found[1], plain[1])


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_an_impossible_rate_is_refused(rate: float, generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match=r"^rate must be from 0 to under 1"):
        with_dropout(DenseStudent((2, 3), 1.0), [rate], generator)
