"""Corruptions: nothing at severity 0, the known picture where it can be worked out, values from 0 to 1 always."""

import math

import pytest
import torch
from torch import Tensor

from mtbkd_core.evaluation.corruptions import CORRUPTIONS, MOVES, corrupt

SHAPE = (6, 8)


@pytest.fixture
def x(generator: torch.Generator) -> Tensor:
    return torch.rand(50, 48, generator=generator)


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_values_stay_from_0_to_1_and_the_same_seed_gives_the_same_pictures(name: str, share: float, x: Tensor) -> None:
    before = x.clone()
    found = corrupt(x, SHAPE, name, share * CORRUPTIONS[name].most)
    assert found.shape == x.shape
    assert found.dtype == x.dtype
    assert 0 <= found.min() <= found.max() <= 1
    assert not torch.equal(found, x)
    assert torch.equal(found, corrupt(x, SHAPE, name, share * CORRUPTIONS[name].most))
    assert torch.equal(x, before)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_severity_0_changes_nothing(name: str, x: Tensor) -> None:
    assert torch.equal(corrupt(x, SHAPE, name, 0.0), x)


@pytest.mark.parametrize("name", MOVES)
def test_points_at_severity_0_stay_where_they_are(name: str, generator: torch.Generator) -> None:
    points = torch.randn(9, 2, generator=generator)
    assert torch.equal(corrupt(points, None, name, 0.0), points)


def test_points_move_along_the_first_input(generator: torch.Generator) -> None:
    points = torch.randn(9, 2, generator=generator)
    torch.testing.assert_close(corrupt(points, None, "move", 1.5) - points, torch.tensor([[1.5, 0.0]]).expand(9, 2))


def test_points_turn_counter_clockwise_about_the_origin() -> None:
    torch.testing.assert_close(corrupt(torch.tensor([[2.0, 0.0]]), None, "turn", 90.0), torch.tensor([[0.0, 2.0]]))


def test_what_is_done_to_pictures_is_not_done_to_points() -> None:
    with pytest.raises(ValueError, match="allowed: move, turn"):
        corrupt(torch.zeros(1, 2), None, "blur", 0.1)


def test_half_a_turn_reverses_both_axes(x: Tensor) -> None:
    expected = x.reshape(-1, *SHAPE).flip(1, 2).reshape(x.shape)
    torch.testing.assert_close(corrupt(x, SHAPE, "rotation", 180.0), expected)


def test_a_quarter_turn_is_counter_clockwise() -> None:
    """The right column of a square picture becomes its top row."""
    picture = torch.zeros(5, 5)
    picture[:, 4] = torch.arange(1, 6) / 5
    turned = corrupt(picture.reshape(1, 25), (5, 5), "rotation", 90.0).reshape(5, 5)
    torch.testing.assert_close(turned[0], torch.arange(1, 6) / 5)
    torch.testing.assert_close(turned[1:], torch.zeros(4, 5))


def test_noise_has_its_standard_deviation() -> None:
    grey = torch.full((200, 48), 0.5)
    noise = corrupt(grey, SHAPE, "noise", 0.1) - grey
    assert abs(float(noise.std()) - 0.1) < 5 * 0.1 / math.sqrt(2 * noise.numel())
    assert abs(float(noise.mean())) < 5 * 0.1 / math.sqrt(noise.numel())


def test_blur_leaves_a_grey_picture_and_the_light_of_a_point_in_the_middle() -> None:
    grey = torch.full((1, 48), 0.25)
    torch.testing.assert_close(corrupt(grey, SHAPE, "blur", 0.2), grey)
    point = torch.zeros(1, 31, 31)
    point[0, 15, 15] = 1
    blurred = corrupt(point.reshape(1, -1), (31, 31), "blur", 1 / 31).reshape(31, 31)  # a standard deviation of a pixel
    assert float(blurred.sum()) == pytest.approx(1, abs=1e-5)
    assert float(blurred[15, 15]) == pytest.approx(1 / (2 * math.pi), rel=0.01)


def test_occlusion_covers_one_rectangle_of_the_right_size_somewhere_else_each_time() -> None:
    white = torch.ones(50, 48)
    covered = (corrupt(white, SHAPE, "occlusion", 0.5) == 0).reshape(-1, *SHAPE)
    assert (covered.sum((1, 2)) == 3 * 4).all()
    assert (covered.any(2).sum(1) == 3).all()
    assert (covered.any(1).sum(1) == 4).all()
    assert len({tuple(picture.flatten().tolist()) for picture in covered}) > 5


def test_what_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match=r"corruption: got 'rain', allowed: rotation, noise, blur, occlusion"):
        corrupt(torch.zeros(1, 48), SHAPE, "rain", 0.1)
    for severity in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match=r"severity of noise: got .*, allowed: from 0 to 1"):
            corrupt(torch.zeros(1, 48), SHAPE, "noise", severity)
