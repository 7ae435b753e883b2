"""Every registered student: chains that do not touch one another, exact pullbacks, and probabilities in pieces."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from mtbkd_core.common.progress import UserError
from mtbkd_core.config.choices import StudentKind
from mtbkd_core.config.models import StudentConfig
from mtbkd_core.students.base import Student, softmax
from mtbkd_core.students.registry import build_student


@pytest.fixture(params=StudentKind)
def student(request: pytest.FixtureRequest) -> Student:
    config = StudentConfig(kind=request.param, hidden=(6, 3, 5), channels=(2, 3), first_map=3)
    return build_student(config, 12, 3, (4, 3))


@pytest.fixture
def theta(student: Student, generator: torch.Generator) -> Tensor:
    return torch.randn(3, student.n_parameters, generator=generator, dtype=torch.float64)


@pytest.fixture
def x(generator: torch.Generator) -> Tensor:
    return torch.randn(7, 12, generator=generator, dtype=torch.float64)


def test_chains_do_not_touch_one_another(student: Student, theta: Tensor, x: Tensor) -> None:
    together = student.logits(theta, x)
    assert together.shape == (3, 7, 3)
    for s in range(3):
        torch.testing.assert_close(together[s], student.logits(theta[s : s + 1], x)[0])


def test_the_layers_are_all_of_the_parameters_in_order(student: Student) -> None:
    theta = torch.arange(float(student.n_parameters))[None]
    flat = torch.cat([part.flatten() for layer in student.layers(theta) for part in layer])
    assert torch.equal(flat, theta[0])


def test_the_last_layer_takes_the_last_units(student: Student, theta: Tensor, x: Tensor) -> None:
    weight, bias = student.layers(theta)[-1]
    rebuilt = student.last_units(theta, x) @ weight.transpose(1, 2) + bias.transpose(1, 2)
    torch.testing.assert_close(rebuilt, student.logits(theta, x))


def test_the_pullback_is_autograds(student: Student, theta: Tensor, x: Tensor, generator: torch.Generator) -> None:
    logits, pullback = student.vjp(theta, x)
    torch.testing.assert_close(logits, student.logits(theta, x))
    arrow = torch.randn(logits.shape, generator=generator, dtype=torch.float64)
    (expected,) = torch.autograd.grad(student.logits(theta.requires_grad_(), x), theta, arrow)
    torch.testing.assert_close(pullback(arrow), expected, rtol=0, atol=1e-10)


def test_logits_pass_gradcheck(student: Student, theta: Tensor, x: Tensor) -> None:
    assert torch.autograd.gradcheck(lambda t: student.logits(t, x), theta[:1].requires_grad_())


@pytest.mark.parametrize("memory", [1, 40, 2**26])
def test_probabilities_in_pieces_are_those_of_the_whole(
    memory: int, student: Student, theta: Tensor, x: Tensor
) -> None:
    whole = student.logits(theta, x).softmax(-1)
    torch.testing.assert_close(student.probabilities(theta, x, memory=memory), whole)


@pytest.mark.parametrize(("kind", "hidden"), [("linear", ()), ("mlp", (6,)), ("mlp", (6, 3, 5))])
def test_a_dense_student_is_the_same_network_in_torch(
    kind: str, hidden: tuple[int, ...], x: Tensor, generator: torch.Generator
) -> None:
    student = build_student(StudentConfig(kind=kind, hidden=hidden or (99,)), 12, 3)
    assert student.sizes == (12, *hidden, 3)
    network = nn.Sequential()
    for fan_in, fan_out in pairwise(student.sizes):
        network.extend([nn.Linear(fan_in, fan_out, dtype=torch.float64), nn.SiLU()])
    network = network[:-1]
    assert student.n_parameters == sum(p.numel() for p in network.parameters())
    assert student.multiply_adds == sum(p.numel() for p in network.parameters() if p.ndim == 2)
    theta = torch.cat([p.flatten() for p in network.parameters()]).detach()
    torch.testing.assert_close(student.logits(theta[None], x)[0], network(x))


def test_softmax_of_a_strided_tensor_is_torchs(generator: torch.Generator) -> None:
    logits = 80 * torch.randn(2, 5, 9, generator=generator).transpose(1, 2)
    torch.testing.assert_close(softmax(logits), logits.softmax(-1))


@pytest.mark.parametrize("kind", [kind for kind in StudentKind if kind.needs_pictures])
def test_inputs_that_are_no_pictures_are_refused_by_the_name_of_the_setting(kind: StudentKind) -> None:
    with pytest.raises(UserError, match=rf"^student.kind: got '{kind}', .*not images; allowed: linear, mlp$"):
        build_student(StudentConfig(kind=kind), 4, 3)
    with pytest.raises(UserError, match=rf"^student.kind: got '{kind}', but 36 inputs"):
        build_student(StudentConfig(kind=kind), 36, 3, (7, 5))
