"""Convolutional teachers of images: trained from scratch, seeded, and resumable after every epoch.

Training computes on one thread, so that the same torch on the same kind of processor gives the same bits.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from mtbkd_core.common.files import content_hash, home, read_tensors, write_tensors
from mtbkd_core.common.progress import ShouldStop, UserError, stop_if

#: Raise it when `train` changes what it computes: a training that was broken off then starts anew.
TRAINING_VERSION = 1
_MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class Recipe:
    """How a teacher is made.

    Attributes:
        classes: what it is a specialist of; it sees all their examples.
        trickle: share of the other classes' examples that it sees too.
        channels: of its two convolutions.
        hidden: width of its hidden layer.
        epochs, batch_size, learning_rate, weight_decay: of AdamW; the rate falls to 0 along half a cosine.
    """

    classes: tuple[int, ...]
    trickle: float = 0.06
    channels: tuple[int, int] = (16, 32)
    hidden: int = 64
    epochs: int = 8
    batch_size: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2


def build_network(recipe: Recipe, image_shape: tuple[int, int], n_classes: int) -> nn.Sequential:
    """The teacher's network with memory of its own and no values yet.

    A convolution of every second pixel, another one, the largest of every four units, and a hidden layer.
    """
    first, second = recipe.channels
    height, width = (math.ceil(length / 2) // 2 for length in image_shape)
    with torch.device("meta"):
        network = nn.Sequential(
            nn.Conv2d(1, first, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(first, second, 3, padding=1),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(second * height * width, recipe.hidden),
            nn.ReLU(),
            nn.Linear(recipe.hidden, n_classes),
        )
    return network.to_empty(device="cpu")


def what_it_sees(recipe: Recipe, labels: Tensor, generator: torch.Generator) -> Tensor:
    """Indices of the examples that the teacher is trained on, among labels [N]."""
    expert = torch.isin(labels, torch.tensor(recipe.classes))
    return (expert | (torch.rand(len(labels), generator=generator) < recipe.trickle)).nonzero()[:, 0]


@torch.inference_mode(False)
@torch.enable_grad()
def train(
    recipe: Recipe,
    x: Tensor,
    labels: Tensor,
    image_shape: tuple[int, int],
    n_classes: int,
    *,
    seed: int,
    checkpoint: Path | None = None,
    on_epoch: Callable[[int, int], None] | None = None,
    should_stop: ShouldStop | None = None,
) -> nn.Sequential:
    """Train a teacher on the processor, on one thread.

    Args:
        x, labels: [N, F] and [N], everything that a teacher may see; F is height times width.
        seed: of its start, of what it sees and of the batches' order.
        checkpoint: where to go on from if there is something, and what is written after every epoch.
        on_epoch: called with the number of epochs done and in all.
    Raises:
        UserError: the checkpoint cannot be read or written.
        Cancelled: `should_stop` said so.
    """
    generator = torch.Generator().manual_seed(seed)
    network = build_network(recipe, image_shape, n_classes)
    with torch.no_grad():
        for layer in network:
            if isinstance(layer, nn.Linear | nn.Conv2d):
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    index = what_it_sees(recipe, labels, generator)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, foreach=True
    )
    first = _resume(checkpoint, network, optimiser, generator)
    batches = math.ceil(len(index) / recipe.batch_size)
    with _one_thread():
        for epoch in range(first, recipe.epochs):
            order = index[torch.randperm(len(index), generator=generator)]
            for number, batch in enumerate(order.split(recipe.batch_size)):
                stop_if(should_stop)
                done = (epoch + number / batches) / recipe.epochs
                optimiser.param_groups[0]["lr"] = recipe.learning_rate * (1 + math.cos(math.pi * done)) / 2
                optimiser.zero_grad()
                nn.functional.cross_entropy(network(_images(x[batch], image_shape)), labels[batch]).backward()
                optimiser.step()
            if checkpoint is not None:
                _save(checkpoint, epoch + 1, network, optimiser, generator)
            if on_epoch is not None:
                on_epoch(epoch + 1, recipe.epochs)
    return network.eval()


@torch.no_grad()
def says(network: nn.Sequential, x: Tensor, image_shape: tuple[int, int]) -> Tensor:
    """The logits [M, C] of a teacher at inputs [M, F], on one thread."""
    with _one_thread():
        return torch.cat([network(_images(part, image_shape)) for part in x.split(1000)])


def checkpoint_path(task: str, name: str, recipe: Recipe, data_hash: str, seed: int) -> Path:
    """Where the checkpoint of a teacher lies, which is another for another recipe, data, seed, code or torch.

    Raises:
        UserError: the home folder cannot be written.
    """
    made = json.dumps(asdict(recipe)), data_hash, str(seed), str(TRAINING_VERSION), torch.__version__
    folder = home() / "teachers"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made ({error.strerror})") from None
    return folder / f"{task}-{name}-{content_hash(*made)}.checkpoint.safetensors"


def _images(x: Tensor, image_shape: tuple[int, int]) -> Tensor:
    return x.reshape(-1, 1, *image_shape).to(memory_format=torch.channels_last)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _save(
    path: Path, epochs: int, network: nn.Sequential, optimiser: torch.optim.Optimizer, generator: torch.Generator
) -> None:
    tensors = dict(network.state_dict())
    for place, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{place}.{name}": state[name] for name in _MOMENTS}
        tensors["steps"] = state["step"]
    write_tensors(path, tensors | {"epochs": torch.tensor(epochs), "generator": generator.get_state()})


def _resume(
    path: Path | None, network: nn.Sequential, optimiser: torch.optim.Optimizer, generator: torch.Generator
) -> int:
    """Put everything back as it was after the last whole epoch; how many there were."""
    if path is None or not path.exists():
        return 0
    try:
        tensors = read_tensors(path)
        parameters = {name: tensors[name] for name in network.state_dict()}
        state = {
            place: {name: tensors[f"optimiser.{place}.{name}"] for name in _MOMENTS}
            | {"step": tensors["steps"].clone()}
            for place in range(len(parameters))
        }
        epochs = int(tensors["epochs"])
        network.load_state_dict(parameters)
        generator.set_state(tensors["generator"])
    except (UserError, KeyError, RuntimeError, TypeError) as error:
        raise UserError(f"{path}: cannot be gone on from ({error}); delete it to start anew") from None
    optimiser.load_state_dict(optimiser.state_dict() | {"state": state})
    return epochs
