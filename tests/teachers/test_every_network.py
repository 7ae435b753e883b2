"""What holds for every kind of network that teaches: the same bits from the same seed, interrupted or not."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mtbkd_core import Cancelled, UserError
from mtbkd_core.teachers import convolutional, sequence_networks, specialists
from mtbkd_core.teachers.image_teachers import checkpoint_path

SHAPE = (8, 6)
LABELS = torch.arange(120) % 3
QUICK: dict[str, Any] = {"epochs": 12, "batch_size": 16, "learning_rate": 1e-2}


def images() -> Tensor:
    """A bright band at the left, in the middle or at the right: the class."""
    x = 0.2 * torch.rand(120, *SHAPE, generator=torch.Generator().manual_seed(1))
    for label in range(3):
        x[label == LABELS, :, 2 * label : 2 * label + 2] += 0.8
    return x.flatten(1)


def specialist(**control: Any) -> Tensor:
    recipe = specialists.Recipe((0, 1, 2), hidden=(8,), **QUICK)
    with torch.no_grad():
        logits: Tensor = specialists.train(recipe, images(), LABELS, 3, seed=5, **control)(images())
    return logits


def convolution(**control: Any) -> Tensor:
    recipe = convolutional.Recipe((0, 1, 2), channels=(4, 6), hidden=8, **QUICK)
    return recipe.outputs(images(), LABELS, images(), SHAPE, 3, seed=5, **control)


def sequence(**control: Any) -> Tensor:
    """The start of a sequence is its class."""
    starts = ("MKKRL", "MDDEG", "MWWFF")
    sequences = [starts[label] + "ACDEFGHIKLMNPQRSTVWY"[: 3 + row % 11] for row, label in enumerate(LABELS.tolist())]
    reader = sequence_networks.Reader(head=6, tail=4, channels=(8, 8), width=3, **QUICK)
    network = sequence_networks.train(reader, sequences, LABELS.tolist(), 3, seed=5, **control)
    return sequence_networks.logits_of(network, reader, sequences)


Train = Callable[..., Tensor]
every_kind = pytest.mark.parametrize("train", [specialist, convolution, sequence])


@every_kind
def test_it_learns_what_it_sees(train: Train) -> None:
    assert (train().argmax(-1) == LABELS).float().mean() > 0.95


@every_kind
def test_equal_seeds_give_equal_bits_and_leave_torchs_own_threads_and_numbers_alone(train: Train) -> None:
    before = torch.get_rng_state(), torch.get_num_threads()
    assert torch.equal(train(), train())
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.get_num_threads() == before[1]


@every_kind
def test_an_interrupted_training_resumes_to_the_same_bits(train: Train, tmp_path: Path) -> None:
    epochs: list[int] = []
    resumable = partial(train, checkpoint=tmp_path / "new" / "point", on_epoch=lambda done, of: epochs.append(done))
    batches = iter(range(20))  # eight an epoch
    with pytest.raises(Cancelled):
        resumable(should_stop=lambda: next(batches, None) is None)
    assert epochs == [1, 2]
    assert torch.equal(resumable(), train())
    assert epochs == list(range(1, 13))


@every_kind
def test_a_checkpoint_that_cannot_be_read_is_refused(train: Train, tmp_path: Path) -> None:
    (tmp_path / "point").write_bytes(b"half of one")
    with pytest.raises(UserError, match=r"point: training cannot be resumed from it .*; delete it to start anew"):
        train(checkpoint=tmp_path / "point")


def test_another_recipe_has_another_checkpoint() -> None:
    recipes = [convolutional.Recipe((0, 1), leak_fraction=share) for share in (0.25, 0.5)]
    assert len({checkpoint_path("toys", "one", recipe, "data", 0) for recipe in recipes}) == 2
