"""The convolutional student: its sizes, and that each chain is the network that torch makes of its parameters."""

from pathlib import Path

import pytest
import torch
from torch.nn.functional import conv2d, silu

from mtbkd_core import Result, Task, UserError, distill
from mtbkd_core.config.choices import StudentKind
from mtbkd_core.config.models import StudentConfig
from mtbkd_core.students.cnn import ConvolutionalStudent
from mtbkd_core.students.registry import build_student
from tests.small import small


def built(image_shape: tuple[int, int], classes: int, **settings: object) -> ConvolutionalStudent:
    config = StudentConfig.model_validate({"kind": StudentKind.CNN, **settings})
    student = build_student(config, image_shape[0] * image_shape[1], classes, image_shape)
    assert isinstance(student, ConvolutionalStudent)
    return student


def test_sizes_and_parameters_of_a_case_worked_out_by_hand() -> None:
    """28 x 28: filters of 5 x 5 at every fourth pixel leave 7 x 7, filters of 3 x 3 at every second of those 4 x 4."""
    student = built((28, 28), 10, channels=(8, 16))
    assert student.kernels == ((5, 4), (3, 2))
    assert student.maps == ((7, 7), (4, 4))
    assert student.sizes == (784, 8 * 49, 16 * 16, 10)
    assert student.n_parameters == 8 * (25 + 1) + 16 * (8 * 9 + 1) + 10 * (256 + 1)
    assert student.multiply_adds == 25 * 8 * 49 + 8 * 9 * 16 * 16 + 256 * 10


@pytest.mark.parametrize(("asked", "has"), [(2, 2), (7, 7), (8, 10), (9, 10), (10, 14), (14, 14), (15, 28), (28, 28)])
def test_the_first_map_has_as_many_pixels_as_asked_for_or_more(asked: int, has: int) -> None:
    """A finer map comes of a shorter stride."""
    assert built((28, 28), 10, first_map=asked).maps[0] == (has, has)


def test_a_first_map_larger_than_the_picture_is_refused() -> None:
    assert built((9, 30), 4, first_map=9).sizes[0] == 270
    with pytest.raises(UserError) as caught:
        built((8, 30), 4, first_map=9)
    assert str(caught.value) == "student.first_map: got 9, allowed for pictures of 8 x 30: at most 8"


def test_every_chain_is_the_network_that_it_is_alone(generator: torch.Generator) -> None:
    student = built((7, 5), 3, channels=(3, 4), first_map=5)
    theta = torch.randn(2, student.n_parameters, generator=generator, dtype=torch.float64)
    x = torch.rand(6, 35, generator=generator, dtype=torch.float64)
    logits = student.logits(theta, x)
    for chain in range(2):
        (first, bias_1), (second, bias_2), (last, bias_3) = (
            (weight[chain], bias[chain, :, 0]) for weight, bias in student.layers(theta)
        )
        units = silu(conv2d(x.reshape(6, 1, 7, 5), first.reshape(3, 1, 3, 3), bias_1, padding=1))
        units = silu(conv2d(units, second.reshape(4, 3, 3, 3), bias_2, stride=2, padding=1))
        torch.testing.assert_close(logits[chain], units.flatten(1) @ last.t() + bias_3)


def test_a_run_is_saved_and_predicts_the_same_after_loading(few_digits: Task, tmp_path: Path) -> None:
    short = {"sampler__draws": 4, "sampler__thinning": 1, "sampler__burn_in": 0, "sampler__warm_start_steps": 2}
    result = distill(small(student__kind="cnn", student__channels="2,3", **short), task=few_digits)
    result.save(tmp_path / "run")
    loaded = Result.load(tmp_path / "run")
    assert loaded.student == result.student
    mean = loaded.predict(few_digits.x_test[:20]).mean
    torch.testing.assert_close(mean, result.predictions.tensors()["test.mean"][:20])
