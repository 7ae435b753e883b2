"""AE-KD: weights that make the teachers' mean gradient shortest, against brute force."""

import pytest
import torch
from torch import Tensor

from mtbkd_core import Task, build_config
from mtbkd_core.baselines.adaptive import adaptive_distillation, shortest_weights
from mtbkd_core.baselines.base import Problem
from mtbkd_core.baselines.classic import mean_distillation

QUICK = {"student.kind": "linear", "sampler.chains": 3}
SETTINGS = [{"weight_scale": 0.6, "weight": 2.0}] * 3


def length(vectors: Tensor, weights: Tensor) -> Tensor:
    return torch.einsum("sk,skd->sd", weights, vectors).norm(dim=-1)


@pytest.mark.parametrize("count", [2, 3, 6])
def test_no_other_weights_give_a_shorter_mean(count: int, generator: torch.Generator) -> None:
    vectors = torch.randn(20, count, 8, generator=generator, dtype=torch.float64) + 0.3
    found = shortest_weights(vectors @ vectors.mT)
    assert found.min() >= 0
    torch.testing.assert_close(found.sum(-1), torch.ones(20, dtype=torch.float64))
    least = length(vectors, found)
    for _ in range(2000):
        other = torch.distributions.Dirichlet(torch.full((count,), 0.5)).sample((20,)).double()
        assert (least <= length(vectors, other) * 1.01 + 1e-9).all()


def test_two_opposite_vectors_cancel() -> None:
    vectors = torch.tensor([[[3.0, 0.0], [-1.0, 0.0]]])
    torch.testing.assert_close(shortest_weights(vectors @ vectors.mT), torch.tensor([[0.25, 0.75]]))


def test_equal_vectors_and_a_single_one_have_a_sum_of_one() -> None:
    for count in (1, 3):
        products = torch.ones(2, count, count)
        torch.testing.assert_close(shortest_weights(products).sum(-1), torch.ones(2))


def test_with_one_teacher_it_is_classic_distillation(digits: Task) -> None:
    problem = Problem(build_config({**QUICK, "teachers": "digits-0-4"}.items()), digits)
    found, plain = adaptive_distillation(problem, SETTINGS), mean_distillation(problem, SETTINGS)
    torch.testing.assert_close(found, plain, atol=1e-4, rtol=0)
