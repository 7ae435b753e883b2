"""The batched student: shapes, independence of the chains, and the hand-written pullback against autograd."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from mtbkd_core.config.models import StudentConfig
from mtbkd_core.students.base import Student, softmax
from mtbkd_core.students.mlp import DenseStudent
from mtbkd_core.students.registry import build_student

KINDS = {
    "linear": {"kind": "linear", "hidden": (99,)},
    "one hidden layer": {"kind": "mlp", "hidden": (6,)},
    "three hidden layers": {"kind": "mlp", "hidden": (6, 3, 5)},
}


@pytest.fixture(params=KINDS)
def student(request: pytest.FixtureRequest) -> Student:
    return build_student(StudentConfig(**KINDS[request.param]), n_features=4, n_classes=3)


def inputs(student: Student, chains: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    theta = torch.randn(chains, student.n_parameters, generator=generator, dtype=torch.float64)
    return theta, torch.randn(7, student.sizes[0], generator=generator, dtype=torch.float64)


def test_parameters_are_the_weights_and_biases_of_every_layer(student: Student) -> None:
    widths = {2: [4, 3], 3: [4, 6, 3], 5: [4, 6, 3, 5, 3]}[len(student.sizes)]
    assert student.sizes == tuple(widths)
    layers = [nn.Linear(fan_in, fan_out) for fan_in, fan_out in pairwise(widths)]
    assert student.n_parameters == sum(p.numel() for layer in layers for p in layer.parameters())


def test_logits_are_those_of_the_same_network_in_torch(student: Student, generator: torch.Generator) -> None:
    theta, x = inputs(student, 3, generator)
    for s in range(3):
        modules: list[nn.Module] = []
        for weight, bias in student.layers(theta[s : s + 1]):
            linear = nn.Linear(weight.shape[2], weight.shape[1], dtype=torch.float64)
            linear.load_state_dict({"weight": weight[0], "bias": bias[0, :, 0]})
            modules += [linear, nn.SiLU()]
        torch.testing.assert_close(student.logits(theta, x)[s], nn.Sequential(*modules[:-1])(x))


def test_chains_do_not_touch_one_another(student: Student, generator: torch.Generator) -> None:
    theta, x = inputs(student, 4, generator)
    together = student.logits(theta, x)
    assert together.shape == (4, 7, 3)
    for s in range(4):
        torch.testing.assert_close(together[s], student.logits(theta[s : s + 1], x)[0])


def test_the_pullback_is_autograds(student: Student, generator: torch.Generator) -> None:
    theta, x = inputs(student, 2, generator)
    theta.requires_grad_()
    logits, pullback = student.vjp(theta, x)
    arrow = torch.randn(logits.shape, generator=generator, dtype=torch.float64)
    (expected,) = torch.autograd.grad(logits, theta, arrow)
    torch.testing.assert_close(pullback(arrow), expected, rtol=0, atol=1e-10)


def test_logits_pass_gradcheck(student: Student, generator: torch.Generator) -> None:
    theta, x = inputs(student, 2, generator)
    assert torch.autograd.gradcheck(lambda t: student.logits(t, x), theta.requires_grad_())


def test_probabilities_in_pieces_are_those_of_the_whole(student: Student, generator: torch.Generator) -> None:
    theta, x = inputs(student, 2, generator)
    whole = student.logits(theta, x).softmax(-1)
    for memory in (1, 40, 2**26):
        torch.testing.assert_close(student.probabilities(theta, x, memory=memory), whole)


def test_softmax_of_a_strided_tensor_is_torchs(generator: torch.Generator) -> None:
    logits = 80 * torch.randn(2, 5, 9, generator=generator).transpose(1, 2)
    torch.testing.assert_close(softmax(logits), logits.softmax(-1))


def test_starts_are_standard_normal_seeded_and_different_in_every_chain() -> None:
    student = DenseStudent((50, 40, 10), weight_scale=3.0)
    draw, again, other = (
        student.draw_whitened(8, torch.Generator().manual_seed(seed), torch.device("cpu")) for seed in (1, 1, 2)
    )
    assert draw.shape == (8, student.n_parameters)
    assert torch.equal(draw, again)
    assert not torch.equal(draw, other)
    assert not torch.equal(draw[0], draw[1])
    # 19,600 numbers: the mean's standard error is 0.007, the standard deviation's 0.005
    assert abs(float(draw.mean())) < 0.03
    assert abs(float(draw.std()) - 1) < 0.02
