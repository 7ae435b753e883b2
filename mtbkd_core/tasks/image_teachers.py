"""Teachers of a task of images: trained on what no student is shown, and shipped with the program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mtbkd_core.files import content_hash
from mtbkd_core.progress import OnProgress, Phase, Progress, ShouldStop, UserError
from mtbkd_core.tasks.images import SEED, ImageTask, Shown, as_inputs, spread
from mtbkd_core.teachers import convolutional, shipped

#: Of a larger set, such as EMNIST's digits, teachers are trained on so many images: minutes, not half an hour.
MOST_FOR_TEACHERS = 60_000


@dataclass(frozen=True)
class Trained:
    """A teacher that is trained.

    Attributes:
        name: its name.
        logits: [R, C] as float16, what it says of what a student is shown.
        checkpoint: from which its training would go on; whoever has kept the logits removes it.
    """

    name: str
    logits: Tensor
    checkpoint: Path


def train(
    task: ImageTask,
    names: Sequence[str],
    stem: str,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Iterator[Trained]:
    """Train teachers of a task on the rest of the training images, one after another.

    Args:
        names: which.
        stem: begins the names of the files from which a training that was broken off goes on.
    Raises:
        UserError: the images are not on this machine, or the home folder cannot be written.
        Cancelled: `should_stop` said so; the next call goes on after the last whole epoch.
    """
    shown = task.shown()
    images, all_labels = task.files.read("train")
    rest = np.setdiff1d(np.arange(len(images)), shown.index.numpy())
    if len(rest) > MOST_FOR_TEACHERS:
        rest = rest[np.sort(spread(all_labels[rest], SEED)[:MOST_FOR_TEACHERS])]
    x, labels = as_inputs(images[rest]), torch.from_numpy(all_labels[rest].astype(np.int64))
    data = content_hash(shown.digest, x.numpy().tobytes(), labels.numpy().tobytes())
    titles = {teacher.name: teacher.title for teacher in task.INFO.teachers}
    for place, name in enumerate(names):

        def report(epoch: int, epochs: int, place: int = place, name: str = name) -> None:
            if on_progress is not None:
                done, of = place + epoch / epochs, len(names)
                message = f"Training teacher {place + 1} of {of}: {titles[name]}, epoch {epoch} of {epochs}"
                on_progress(Progress(Phase.TEACHERS, epoch, epochs, done / of, message))

        recipe = task.recipes[name]
        point = convolutional.checkpoint_path(stem, name, recipe, data, SEED)
        network = convolutional.train(
            recipe,
            x,
            labels,
            shown.image_shape,
            len(task.class_names),
            seed=SEED,
            checkpoint=point,
            on_epoch=report,
            should_stop=should_stop,
        )
        yield Trained(name, convolutional.says(network, shown.x, shown.image_shape).half(), point)


@dataclass(frozen=True, eq=False, kw_only=True)
class ShippedImageTask(ImageTask):
    """A task of images whose teachers' outputs come with the program.

    Attributes:
        shipped_as: the name under which they are shipped.
        origin_of_data: for the manifest.
    """

    shipped_as: str
    origin_of_data: shipped.Origin

    def missing(self) -> str | None:
        """One line that says how to get the images, or the teachers' outputs; None where both are there."""
        return super().missing() or shipped.absent(self.shipped_as)

    def origin(self) -> shipped.Origin:
        """Where the images come from."""
        return self.origin_of_data

    def rebuild(
        self, on_progress: OnProgress | None = None, should_stop: ShouldStop | None = None
    ) -> dict[str, Tensor]:
        """Train every teacher anew: see `shipped.Rebuilds`."""
        trained = list(train(self, list(self.recipes), self.shipped_as, on_progress, should_stop))
        for teacher in trained:  # so that the next training begins anew
            teacher.checkpoint.unlink(missing_ok=True)
        return {shipped.INDEX: self.shown().index.int()} | {teacher.name: teacher.logits for teacher in trained}

    def outputs(
        self, names: Sequence[str], shown: Shown, on_progress: OnProgress | None, should_stop: ShouldStop | None
    ) -> dict[str, Tensor]:
        """As `ImageTask.outputs`; nothing is trained."""
        found = shipped.read(self.shipped_as)
        path = shipped.path_of(self.shipped_as)
        if not torch.equal(found["index"], shown.index):
            raise UserError(
                f"{path}: is about other images than {self.INFO.name} shows; {shipped.command(self.shipped_as)}"
            )
        absent = [name for name in self.recipes if name not in found]
        if absent or found[next(iter(self.recipes))].shape[1] != len(self.class_names):
            raise UserError(f"{path}: needs {len(self.class_names)} logits of {', '.join(self.recipes)}")
        return found

    def hash_of_teacher(self, name: str, shown: Shown) -> str:
        """As `ImageTask.hash_of_teacher`."""
        return content_hash(self.shipped_as, name, shipped.digest(self.shipped_as))
