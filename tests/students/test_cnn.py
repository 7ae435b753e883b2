"""The convolutional student: each chain is the network that it would be alone, and its pullback is its gradient."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d, silu

from mtbkd_core import Result, Task, UserError, build_config, distill
from mtbkd_core.baselines.dropout import with_dropout
from mtbkd_core.baselines.laplace import features, last_layer
from mtbkd_core.config.choices import StudentKind
from mtbkd_core.config.models import StudentConfig
from mtbkd_core.students.base import Student
from mtbkd_core.students.cnn import ConvolutionalStudent, build_student

CONFIG = StudentConfig(kind=StudentKind.CNN, channels=(3, 4), weight_scale=0.7)
TINY = {
    "student.kind": "cnn",
    "student.channels": "2,3",
    "sampler.chains": 2,
    "sampler.draws": 4,
    "sampler.thinning": 1,
    "sampler.burn_in": 0,
    "sampler.warm_start_steps": 2,
    "device": "cpu",
}


@pytest.fixture
def student() -> ConvolutionalStudent:
    return ConvolutionalStudent.of(CONFIG, (7, 5), 3)


@pytest.fixture
def theta_and_x(student: ConvolutionalStudent, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    theta = torch.randn(2, student.n_parameters, generator=generator, dtype=torch.float64)
    return theta, torch.rand(6, 35, generator=generator, dtype=torch.float64)


def test_sizes_and_parameters_of_a_case_worked_out_by_hand() -> None:
    """28 x 28: filters of 5 x 5 at every fourth pixel leave 7 x 7, filters of 3 x 3 at every second of those 4 x 4."""
    student = ConvolutionalStudent.of(StudentConfig(kind=StudentKind.CNN, channels=(8, 16)), (28, 28), 10)
    assert student.kernels == ((5, 4), (3, 2))
    assert student.maps == ((7, 7), (4, 4))
    assert student.sizes == (784, 8 * 49, 16 * 16, 10)
    assert student.n_parameters == 8 * (25 + 1) + 16 * (8 * 9 + 1) + 10 * (256 + 1)
    assert student.products == 25 * 8 * 49 + 8 * 9 * 16 * 16 + 256 * 10
    assert Student((784, 32, 10), 1.0).products == 784 * 32 + 32 * 10


def test_a_finer_first_map_comes_of_a_shorter_stride() -> None:
    """28 x 28: filters of 5 x 5 at every second pixel leave 14 x 14, and 3 x 3 at every second of those 7 x 7."""
    config = StudentConfig(kind=StudentKind.CNN, channels=(4, 16), first_map=14)
    student = ConvolutionalStudent.of(config, (28, 28), 10)
    assert student.kernels == ((5, 2), (3, 2))
    assert student.sizes == (784, 4 * 196, 16 * 49, 10)
    assert student.products == 25 * 4 * 196 + 4 * 9 * 16 * 49 + 16 * 49 * 10
    dropping = with_dropout(student, 0.2, torch.Generator().manual_seed(0))
    assert isinstance(dropping, ConvolutionalStudent)
    assert (dropping.kernels, dropping.sizes, dropping.weight_scale) == (student.kernels, student.sizes, 0.6)


def test_every_chain_is_the_network_that_it_is_alone(
    student: ConvolutionalStudent, theta_and_x: tuple[Tensor, Tensor]
) -> None:
    theta, x = theta_and_x
    logits = student.logits(theta, x)
    assert logits.shape == (2, 6, 3)
    for chain in range(2):
        (first, bias_1), (second, bias_2), (last, bias_3) = (
            (weight[chain], bias[chain, :, 0]) for weight, bias in student.layers(theta)
        )
        units = silu(conv2d(x.reshape(6, 1, 7, 5), first.reshape(3, 1, 3, 3), bias_1, padding=1))
        units = silu(conv2d(units, second.reshape(4, 3, 3, 3), bias_2, stride=2, padding=1))
        torch.testing.assert_close(logits[chain], units.flatten(1) @ last.t() + bias_3)


def test_the_layers_are_all_of_the_parameters_in_order(student: ConvolutionalStudent) -> None:
    theta = torch.arange(float(student.n_parameters))[None]
    flat = torch.cat([part.flatten() for layer in student.layers(theta) for part in layer])
    assert torch.equal(flat, theta[0])


def test_the_pullback_is_the_gradient(student: ConvolutionalStudent, theta_and_x: tuple[Tensor, Tensor]) -> None:
    theta, x = theta_and_x
    direction = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    logits, pullback = student.vjp(theta, x)
    torch.testing.assert_close(logits, student.logits(theta, x))
    gradient = pullback(direction)
    step = 1e-6 * torch.randn(theta.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    up, down = ((student.logits(theta + sign * step, x) * direction).sum() for sign in (1, -1))
    torch.testing.assert_close((up - down) / 2, (gradient * step).sum(), rtol=1e-6, atol=0)


def test_the_last_layer_is_linear_in_what_laplace_takes_for_its_inputs(
    student: ConvolutionalStudent, theta_and_x: tuple[Tensor, Tensor]
) -> None:
    theta, x = theta_and_x
    rebuilt = features(student, theta, x) @ last_layer(student, theta).transpose(1, 2)
    torch.testing.assert_close(rebuilt, student.logits(theta, x))


def test_other_kinds_are_built_as_before() -> None:
    assert build_student(StudentConfig(hidden=(6,)), 4, 3, None) == Student((4, 6, 3), 0.6)


@pytest.mark.parametrize(("asked", "has"), [(2, 2), (7, 7), (8, 10), (9, 10), (10, 14), (14, 14), (15, 28), (28, 28)])
def test_the_first_map_has_as_many_pixels_as_asked_for_or_more(asked: int, has: int) -> None:
    config = StudentConfig(kind=StudentKind.CNN, first_map=asked)
    student = build_student(config, 28 * 28, 10, (28, 28))
    assert isinstance(student, ConvolutionalStudent)
    assert student.maps[0] == (has, has)


def test_a_first_map_larger_than_the_picture_is_refused() -> None:
    config = StudentConfig(kind=StudentKind.CNN, first_map=9)
    assert build_student(config, 9 * 30, 4, (9, 30)).sizes[0] == 270
    with pytest.raises(UserError) as caught:
        build_student(config, 8 * 30, 4, (8, 30))
    assert str(caught.value) == "student.first_map: got 9, allowed for pictures of 8 x 30: at most 8"


def test_inputs_that_are_no_pictures_are_refused_by_the_name_of_the_setting() -> None:
    with pytest.raises(UserError, match=r"^student.kind: got 'cnn', .*no pictures; allowed: linear, mlp$"):
        build_student(CONFIG, 4, 3, None)
    with pytest.raises(UserError, match=r"^student.kind: got 'cnn', but 36 inputs"):
        build_student(CONFIG, 36, 3, (7, 5))
    with pytest.raises(UserError, match=r"^student.kind: got 'cnn'"):
        distill(build_config({**TINY, "task": "synthetic", "teachers": "north"}.items()))


def test_a_run_is_saved_and_predicts_the_same_after_loading(digits: Task, tmp_path: Path) -> None:
    result = distill(build_config(TINY.items()), task=digits)
    result.save(tmp_path / "run")
    loaded = Result.load(tmp_path / "run")
    assert loaded.student == result.student
    assert isinstance(loaded.student, ConvolutionalStudent)
    mean = loaded.predict(digits.x_test[:20]).mean
    torch.testing.assert_close(mean, result.predictions.tensors()["test.mean"][:20])
