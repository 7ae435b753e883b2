"""Tasks of images with teachers whose outputs come with the program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mtbkd_core.common.files import content_hash
from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.tasks.images import ImagePool, ImageTask
from mtbkd_core.teachers import shipped


@dataclass(frozen=True, eq=False, kw_only=True)
class ShippedImageTask(ImageTask):
    """A task of images with teachers' outputs that come with the program.

    Attributes:
        shipped_as: the name under which they are shipped.
        origin_of_data: for the manifest.
    """

    shipped_as: str
    origin_of_data: shipped.Origin

    def missing(self) -> str | None:
        """One line that says how to get the images, or the teachers' outputs; None where both are there."""
        return super().missing() or shipped.absent(self.shipped_as)

    @property
    def stem(self) -> str:
        """As `ImageTask.stem`: tasks that share their teachers share their training."""
        return self.shipped_as

    def origin(self) -> shipped.Origin:
        """Where the images come from."""
        return self.origin_of_data

    def rebuild(
        self, on_progress: OnProgress | None = None, should_stop: ShouldStop | None = None
    ) -> dict[str, Tensor]:
        """Train every teacher anew: see `shipped.Rebuilds`."""
        trained = list(self.train(list(self.recipes), on_progress, should_stop))
        for teacher in trained:  # the next training begins anew
            teacher.checkpoint.unlink(missing_ok=True)
        return {shipped.INDEX: self.image_pool().index.int()} | {teacher.name: teacher.logits for teacher in trained}

    def outputs(
        self, names: Sequence[str], pool: ImagePool, on_progress: OnProgress | None, should_stop: ShouldStop | None
    ) -> dict[str, Tensor]:
        """As `ImageTask.outputs`; nothing is trained."""
        found = shipped.read(self.shipped_as)
        path = shipped.path_of(self.shipped_as)
        if not torch.equal(found["index"], pool.index):
            raise UserError(
                f"{path}: is about other images than {self.INFO.name} has; {shipped.command(self.shipped_as)}"
            )
        absent = [name for name in self.recipes if name not in found]
        if absent or found[next(iter(self.recipes))].shape[1] != len(self.class_names):
            raise UserError(f"{path}: needs {len(self.class_names)} logits of {', '.join(self.recipes)}")
        return found

    def hash_of_teacher(self, name: str, pool: ImagePool) -> str:
        """As `ImageTask.hash_of_teacher`."""
        return content_hash(self.shipped_as, name, shipped.digest(self.shipped_as))
