"""The preconditioner is a fixed symmetric map that makes a badly conditioned posterior nearly white."""

import torch

from mtbkd_core.posterior import LogPosterior
from mtbkd_core.prior import MixturePrior, entropy_weights
from mtbkd_core.samplers.preconditioner import Preconditioned, make_preconditioner
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.students.mlp import DenseStudent

N, F, C = 3000, 5, 3


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def target(*, strength: float = 0.0, sizes: tuple[int, ...] = (F, C), unlabelled: int = 0) -> LogPosterior:
    """Data that outweigh the prior, with inputs of very different lengths."""
    x = torch.randn(N, sizes[0], generator=generator(1), dtype=torch.float64) * torch.logspace(-1, 1, sizes[0])
    labels = torch.randint(C, (N,), generator=generator(2))
    labels[:unlabelled] = -1
    teachers = torch.randn(1, N, C, generator=generator(3), dtype=torch.float64)
    mixture = MixturePrior.build(
        teachers, entropy_weights(teachers), concentration=6.0, temperature=1.5, strength=strength
    )
    return LogPosterior(DenseStudent(sizes, 0.7), x, labels, mixture if strength else None)


def hessian(density: LogPosterior | Preconditioned, position: torch.Tensor) -> torch.Tensor:
    """Minus the second derivatives of the log joint at one chain's position [1, P]."""
    shift = 1e-4
    columns = []
    for axis in torch.eye(position.shape[1], dtype=position.dtype):
        ends = density(torch.cat([position + shift * axis, position - shift * axis])).gradient
        columns.append((ends[1] - ends[0]) / (2 * shift))
    return torch.stack(columns)


def test_the_gradients_map_is_the_transpose_and_the_inverse_undoes_it() -> None:
    posterior = target(strength=2.0, sizes=(F, 4, C))
    width = posterior.student.n_parameters
    position = torch.randn(2, width, generator=generator(), dtype=torch.float64)
    found = make_preconditioner(posterior, position, Randomness.seeded(4, dtype=torch.float64))
    one, other = torch.randn(2, 2, width, generator=generator(5), dtype=torch.float64)
    torch.testing.assert_close((found.apply(one) * other).sum(1), (one * found.pull(other)).sum(1))
    torch.testing.assert_close(found.invert(found.apply(one)), one)


def test_a_curvature_that_is_a_product_becomes_white_to_sampling_error() -> None:
    """At zero weights every class is equally probable, so that a linear student's curvature is exactly a product."""
    posterior = target()
    position = torch.zeros(2, posterior.student.n_parameters, dtype=torch.float64)
    found = make_preconditioner(posterior, position, Randomness.seeded(4, dtype=torch.float64)).of_chains(
        torch.tensor([0])
    )
    before = torch.linalg.eigvalsh(hessian(posterior, position[:1]))
    after = torch.linalg.eigvalsh(hessian(Preconditioned(posterior, found), position[:1]))
    assert before.max() / before.min() > 1e4
    assert after.min() > 0.8
    assert after.max() < 1.25


def test_teachers_count_in_the_curvature_at_examples_with_and_without_labels() -> None:
    posterior = target(strength=3.0, unlabelled=N // 2)
    position = torch.zeros(1, posterior.student.n_parameters, dtype=torch.float64)
    found = make_preconditioner(posterior, position, Randomness.seeded(4, dtype=torch.float64))
    after = torch.linalg.eigvalsh(hessian(Preconditioned(posterior, found), position))
    assert after.min() > 0.8
    assert after.max() < 1.25


def test_the_gradient_is_that_of_the_preconditioned_coordinates() -> None:
    posterior = target(strength=1.0, sizes=(F, 3, C))
    position = 0.3 * torch.randn(2, posterior.student.n_parameters, generator=generator(6), dtype=torch.float64)
    white = Preconditioned(
        posterior, make_preconditioner(posterior, position, Randomness.seeded(4, dtype=torch.float64))
    )
    v = white.map.invert(position)
    torch.testing.assert_close(white(v).log_joint, posterior(position).log_joint)
    direction = torch.randn(v.shape, generator=generator(7), dtype=torch.float64)
    slope = (white(v + 1e-5 * direction).log_joint - white(v - 1e-5 * direction).log_joint) / 2e-5
    torch.testing.assert_close(slope, (white(v).gradient * direction).sum(1), rtol=1e-5, atol=1e-4)
