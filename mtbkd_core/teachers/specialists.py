"""Small networks that each see another part of the data, trained from scratch in a second and kept.

The weights are cached under the home folder by a hash of everything that made them, so that a change of data, recipe,
training code or torch trains anew.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Unpack

import torch
from torch import Tensor, nn

from mtbkd_core.common.files import content_hash, home, make_folder, read_tensors, write_tensors
from mtbkd_core.common.progress import UserError
from mtbkd_core.teachers.base import SpecialistRecipe
from mtbkd_core.teachers.training import Control, fit, initialise, sees

_log = logging.getLogger(__name__)

#: Raise it when `train` changes what it computes: every cached teacher is then trained anew.
TRAINING_VERSION = 1


@dataclass(frozen=True)
class Recipe(SpecialistRecipe):
    """How a teacher is made.

    Attributes:
        label_noise: share of its labels that are replaced by a class drawn at random.
        label_shift: its labels are moved on by so many classes, so that it learns what is wrong.
        hidden: widths of its hidden layers.
        epochs, batch_size, learning_rate, weight_decay: of AdamW. Settled on validation images: the digit specialists'
            own NLL is lowest at 20 to 25 epochs, and longer training only makes them surer where they are wrong.
    """

    label_noise: float = 0.0
    label_shift: int = 0
    hidden: tuple[int, ...] = (256, 256)
    epochs: int = 25
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-3


def recipe_hash(recipe: Recipe, data_hash: str, seed: int) -> str:
    """Digest of everything that makes a teacher: recipe, data, seed, training code and torch."""
    recipe_text = json.dumps(recipe.digest_content())
    return content_hash(recipe_text, data_hash, str(seed), str(TRAINING_VERSION), torch.__version__)


def build_network(recipe: Recipe, n_features: int, n_classes: int) -> nn.Sequential:
    """The teacher's network, its memory not yet initialised: no random number is drawn."""
    sizes = (n_features, *recipe.hidden)
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out, device="meta"), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], n_classes, device="meta")).to_empty(device="cpu")


def training_subset(
    recipe: Recipe, labels: Tensor, n_classes: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Indices of the examples that the teacher is trained on, and the labels that it is given for them."""
    seen = sees(recipe, labels, generator)
    given = (labels + recipe.label_shift) % n_classes
    random = torch.randint(n_classes, given.shape, generator=generator)
    given = torch.where(torch.rand(len(labels), generator=generator) < recipe.label_noise, random, given)
    return seen.nonzero()[:, 0], given[seen]


@torch.inference_mode(False)
@torch.enable_grad()
def train(
    recipe: Recipe,
    x: Tensor,
    labels: Tensor,
    n_classes: int,
    *,
    seed: int,
    **control: Unpack[Control],
) -> nn.Sequential:
    """Train a teacher on the processor; see `Control`.

    Args:
        x, labels: [N, F] and [N], everything that a teacher may see.
        seed: of its start, its training subset and the batches' order.
    """
    generator = torch.Generator().manual_seed(seed)
    network = build_network(recipe, x.shape[1], n_classes)
    initialise(network, generator)
    index, given = training_subset(recipe, labels, n_classes, generator)
    seen = x[index]
    fit(
        network,
        lambda batch: nn.functional.cross_entropy(network(seen[batch]), given[batch]),
        lambda: torch.randperm(len(seen), generator=generator).split(recipe.batch_size),
        epochs=recipe.epochs,
        learning_rate=lambda epoch, number, batches: recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        generator=generator,
        **control,
    )
    return network.eval()


def cache_path(task: str, name: str, digest: str) -> Path:
    """Where a trained teacher lies."""
    return home() / "teachers" / f"{task}-{name}-{digest}.safetensors"


def trained(
    task: str,
    name: str,
    recipe: Recipe,
    x: Tensor,
    labels: Tensor,
    n_classes: int,
    *,
    data_hash: str,
    seed: int,
    **control: Unpack[Control],
) -> nn.Sequential:
    """The teacher from the cache, or trained now and cached; arguments as `train` and `recipe_hash`.

    A cached file that cannot be read is logged and replaced.

    Raises:
        UserError: the home folder cannot be written.
        Cancelled: `should_stop` returned true.
    """
    path = cache_path(task, name, recipe_hash(recipe, data_hash, seed))
    if path.exists():
        network = build_network(recipe, x.shape[1], n_classes)
        try:
            network.load_state_dict(read_tensors(path))
            return network.eval()
        except (UserError, RuntimeError) as error:
            _log.warning("cached teacher %s cannot be used and is trained anew: %s", path.name, error)
    network = train(recipe, x, labels, n_classes, seed=seed, **control)
    make_folder(path.parent)
    write_tensors(path, dict(network.state_dict()))
    return network
