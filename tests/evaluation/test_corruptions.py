"""Corruptions: nothing at severity 0, the known picture where it can be worked out, values from 0 to 1 always."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from mtbkd_core.evaluation.corruptions import CORRUPTIONS, MOVES, corrupt, severity_table
from mtbkd_core.evaluation.predictive import Predictive

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


def test_the_table_over_severities_holds_accuracy_and_mean_deviance_at_each() -> None:
    """A student that names class 1 where a picture is bright, and whose deviance is the mean pixel."""

    def predict(x: Tensor) -> Predictive:
        bright = x.mean(-1)
        mean = torch.stack([1 - bright, bright], -1)
        return Predictive(**dict.fromkeys(Predictive.__dataclass_fields__, mean) | {"deviance": bright})

    white = torch.ones(10, 64)
    rows = severity_table(predict, white, torch.ones(10).long(), (8, 8), "occlusion", steps=3)
    assert [row["severity"] for row in rows] == [0.0, 0.4, 0.8]
    assert [row["deviance"] for row in rows] == pytest.approx([1, 1 - 9 / 64, 1 - 36 / 64])  # sides 3 and 6 of 8
    assert [row["accuracy"] for row in rows] == [1.0, 1.0, 0.0]
    assert [row["deviance_error"] for row in rows] == pytest.approx([0.0, 0.0, 0.0], abs=1e-6)


def test_what_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match=r"corruption: got 'rain', allowed: rotation, noise, blur, occlusion"):
        corrupt(torch.zeros(1, 48), SHAPE, "rain", 0.1)
    for severity in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match=r"severity of noise: got .*, allowed: from 0 to 1"):
            corrupt(torch.zeros(1, 48), SHAPE, "noise", severity)


def test_a_fall_of_deviance_is_measured_from_its_highest_mean_before() -> None:
    means = iter([1.0, 3.0, 2.0])

    def predict(x: Tensor) -> SimpleNamespace:
        deviance = next(means) + torch.arange(len(x)) * 0.0
        return SimpleNamespace(mean=torch.tensor([[0.9, 0.1]]).repeat(len(x), 1), deviance=deviance)

    rows = severity_table(predict, torch.rand(6, 16), torch.zeros(6).long(), (4, 4), "rotation", steps=3)  # type: ignore[arg-type]
    assert [row["fall"] for row in rows] == [0.0, 0.0, 1.0]
    assert rows[2]["severity_before"] == rows[1]["severity"]
