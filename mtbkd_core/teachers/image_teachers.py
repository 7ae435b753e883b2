"""Training the teachers of a task of images, on images that no student uses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Unpack

import numpy as np
import torch
from torch import Tensor, nn

from mtbkd_core.common.files import content_hash, home
from mtbkd_core.common.progress import OnProgress, ShouldStop
from mtbkd_core.images.order import SEED, as_inputs, stratified_images
from mtbkd_core.teachers.training import Control, progress_of

#: Of a larger set, such as EMNIST's digits, teachers see only so many images: training takes minutes, not half an hour.
MOST_FOR_TEACHERS = 60_000


class ImageRecipe(Protocol):
    """How a teacher of images is made: each kind of network has its own.

    Attributes:
        version: raised when `outputs` changes what it computes; an interrupted training then starts anew.
    """

    version: ClassVar[int]

    def digest_content(self) -> dict[str, Any]:
        """The recipe for a digest, as JSON takes it."""

    def untrained(self, image_shape: tuple[int, int], n_classes: int) -> nn.Module:
        """A network of its kind that has learned nothing, from inputs [M, F] to logits, to be counted and timed."""

    def outputs(
        self,
        x: Tensor,
        labels: Tensor,
        shown: Tensor,
        image_shape: tuple[int, int],
        n_classes: int,
        *,
        seed: int,
        **control: Unpack[Control],
    ) -> Tensor:
        """Train a teacher, and give its logits [R, C] at `shown` [R, F].

        Args:
            x, labels: [N, F] and [N], everything that a teacher may see; F is height times width.
            seed: of all its random numbers.
        """


@dataclass(frozen=True)
class Trained:
    """A teacher that is trained.

    Attributes:
        name: its name.
        logits: [R, C] as float16, on the images that a student may be given.
        checkpoint: of its training; to be removed once the logits are kept.
    """

    name: str
    logits: Tensor
    checkpoint: Path


def train(
    recipes: Mapping[str, ImageRecipe],
    titles: Mapping[str, str],
    images: np.ndarray,
    labels: np.ndarray,
    n_classes: int,
    shown: Tensor,
    image_shape: tuple[int, int],
    *,
    digest: str,
    stem: str,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Iterator[Trained]:
    """Train teachers on images, one after another.

    Args:
        recipes, titles: by name of the teacher.
        images, labels: [N, height, width] bytes and [N], of which at most `MOST_FOR_TEACHERS` are used.
        shown: [R, F], the inputs for which the teachers' logits are wanted.
        digest: of `shown` and its labels.
        stem: begins the names of the checkpoints.
    Raises:
        UserError: the home folder cannot be written.
        Cancelled: `should_stop` returned true; the next call resumes after the last whole epoch.
    """
    if len(images) > MOST_FOR_TEACHERS:
        chosen = np.sort(stratified_images(labels, SEED)[:MOST_FOR_TEACHERS])
        images, labels = images[chosen], labels[chosen]
    x, y = as_inputs(images), torch.from_numpy(labels.astype(np.int64))
    data = content_hash(digest, x.numpy().tobytes(), y.numpy().tobytes())
    for place, (name, recipe) in enumerate(recipes.items()):
        point = checkpoint_path(stem, name, recipe, data, SEED)
        logits = recipe.outputs(
            x,
            y,
            shown,
            image_shape,
            n_classes,
            seed=SEED,
            checkpoint=point,
            on_epoch=progress_of(on_progress, titles[name], place, len(recipes)),
            should_stop=should_stop,
        )
        yield Trained(name, logits.half(), point)


def checkpoint_path(task: str, name: str, recipe: ImageRecipe, data_hash: str, seed: int) -> Path:
    """Where the checkpoint of a teacher lies, which is another for another recipe, data, seed, code or torch."""
    made = json.dumps(recipe.digest_content()), data_hash, str(seed), str(recipe.version), torch.__version__
    return home() / "teachers" / f"{task}-{name}-{content_hash(*made)}.checkpoint.safetensors"
