"""Convolutional teachers: the same bits from the same seed, broken off or not."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from mtbkd_core import Cancelled, UserError
from mtbkd_core.teachers import convolutional
from mtbkd_core.teachers.convolutional import Recipe
from mtbkd_core.teachers.training import sees

SHAPE = (8, 6)
RECIPE = Recipe((0, 1), leak_fraction=0.25, channels=(4, 6), hidden=8, epochs=12, batch_size=16, learning_rate=1e-2)


@pytest.fixture(scope="module")
def images() -> tuple[Tensor, Tensor]:
    """Three classes of 40 images each: a bright band at the left, in the middle, at the right."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.arange(120) % 3
    x = 0.2 * torch.rand(120, *SHAPE, generator=generator)
    for label in range(3):
        x[labels == label, :, 2 * label : 2 * label + 2] += 0.8
    return x.flatten(1), labels


def trained(images: tuple[Tensor, Tensor], **more: object) -> Tensor:
    network = convolutional.train(RECIPE, *images, SHAPE, 3, seed=5, **more)  # type: ignore[arg-type]
    return convolutional.logits_of(network, images[0], SHAPE)


def test_a_specialist_sees_all_of_its_classes_and_a_trickle_of_the_others() -> None:
    labels = torch.arange(3000) % 3
    seen = sees(RECIPE, labels, torch.Generator().manual_seed(0)).nonzero()[:, 0]
    counts = labels[seen].bincount(minlength=3).tolist()
    assert counts[:2] == [1000, 1000]
    assert 250 - 5 * 14 < counts[2] < 250 + 5 * 14  # binomial: standard deviation 13.7


def test_it_learns_what_it_sees(images: tuple[Tensor, Tensor]) -> None:
    right = trained(images).argmax(-1) == images[1]
    assert right[images[1] < 2].float().mean() > 0.95


def test_equal_seeds_give_equal_bits_and_leave_torch_s_own_threads_and_numbers_alone(
    images: tuple[Tensor, Tensor],
) -> None:
    before = torch.get_rng_state(), torch.get_num_threads()
    assert torch.equal(trained(images), trained(images))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.get_num_threads() == before[1]


def test_a_training_that_was_broken_off_goes_on_to_the_same_bits(images: tuple[Tensor, Tensor], tmp_path: Path) -> None:
    epochs: list[int] = []

    def note(done: int, of: int) -> None:
        epochs.append(done)

    with pytest.raises(Cancelled):
        trained(images, checkpoint=tmp_path / "point", on_epoch=note, should_stop=lambda: len(epochs) == 2)
    assert epochs == [1, 2]
    resumed = trained(images, checkpoint=tmp_path / "point", on_epoch=note)
    assert epochs == list(range(1, 13))
    assert torch.equal(resumed, trained(images))


def test_a_checkpoint_that_cannot_be_read_is_said(images: tuple[Tensor, Tensor], tmp_path: Path) -> None:
    (tmp_path / "point").write_bytes(b"half of one")
    with pytest.raises(UserError, match=r"point: training cannot be resumed from it .*; delete it to start anew"):
        trained(images, checkpoint=tmp_path / "point")


def test_another_recipe_has_another_checkpoint() -> None:
    other = Recipe((0, 1), leak_fraction=0.5)
    paths = {convolutional.checkpoint_path("toys", "one", recipe, "data", 0) for recipe in (RECIPE, other)}
    assert len(paths) == 2
