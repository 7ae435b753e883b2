"""Tasks of images in IDX files. The division of the images is fixed, so that the teachers' outputs can be kept.

The training images are divided into a part for students, a part for choosing settings ("validation"), and the rest for
training teachers, which see neither of the first two. `split_seed` draws the student's labelled images from its part.
Everything is measured on a fixed part of the test images.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mtbkd_core.common.files import content_hash
from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.config.models import DataConfig
from mtbkd_core.images.files import ImageFiles
from mtbkd_core.images.order import SEED, as_inputs, stratified_images
from mtbkd_core.tasks.base import Task, Teacher
from mtbkd_core.tasks.source import TaskInfo, check_split
from mtbkd_core.teachers.image_teachers import ImageRecipe, Trained, train


@dataclass(frozen=True)
class Sizes:
    """Numbers of images: the student's part and validation, both of the training images; the test part."""

    student: int
    validation: int
    test: int


@dataclass(frozen=True)
class ImagePool:
    """The images that a student may be given: all that teachers' logits are needed for.

    Attributes:
        x: [R, F] from 0 to 1: the student's part, validation and test, in this order.
        labels: [R].
        index: [R], an image's place among the training images and, after them, the test images.
        image_shape: (height, width).
        digest: of all of this.
    """

    x: Tensor
    labels: Tensor
    index: Tensor
    image_shape: tuple[int, int]
    digest: str


@dataclass(frozen=True, eq=False, kw_only=True)
class ImageTask(ABC):
    """A task of images, as the registry takes it; a subclass gives the teachers' outputs.

    Attributes:
        INFO: with the teachers.
        files: where the images are.
        class_names: of all classes of the files, also of those left out.
        recipes: of each teacher that is trained.
        sizes: of the parts.
        digest: `ImagePool.digest` of the expected images; "": any.
        left_out: classes that the student does not have: the teachers' logits of them are dropped, and the test images
            of them are the shift "left-out".
        shifts: name -> a call that gives images [M, F] of none of the classes.
    """

    INFO: TaskInfo
    files: ImageFiles
    class_names: tuple[str, ...]
    recipes: Mapping[str, ImageRecipe]
    sizes: Sizes
    digest: str = ""
    left_out: tuple[int, ...] = ()
    shifts: Mapping[str, Callable[[], Tensor]] = field(default_factory=dict)

    def missing(self) -> str | None:
        """One line that says how to get the images; None where they are there."""
        return self.files.missing(self.INFO.title, self.INFO.name)

    def can_fetch(self) -> bool:
        """Whether the images are nowhere on this machine, and can be downloaded."""
        return self.files.can_fetch()

    def fetch(self, on_progress: OnProgress | None = None, should_stop: ShouldStop | None = None) -> Path:
        """Download the images; see `ImageFiles.fetch`."""
        return self.files.fetch(on_progress, should_stop)

    def load(
        self, data: DataConfig, split: str, on_progress: OnProgress | None, should_stop: ShouldStop | None
    ) -> Task:
        """The images and the teachers' logits; the split seed draws the student's images, the teachers stay the same.

        Raises:
            UserError: as `catalog.registry.load_task`; images or outputs that are not what they should be.
            Cancelled: `should_stop` returned true, while teachers were trained.
        """
        chosen = self.INFO.choose_teachers(data.teachers)
        pool = self.image_pool()
        student, spare, test, left_out = self._rows(pool, data, split)
        outputs = self.outputs([teacher.name for teacher in chosen], pool, on_progress, should_stop)
        kept, places = self._kept, {"train": student, "test": test, "unlabelled": spare}
        new_label = torch.full((len(self.class_names),), -1)
        new_label[kept] = torch.arange(len(kept))
        shifts = {name: give() for name, give in self.shifts.items()}
        shift_labels: dict[str, tuple[tuple[str, ...], ...]] = {}
        if self.left_out:
            shifts["left-out"] = pool.x[left_out]
            shift_labels["left-out"] = tuple((self.class_names[label],) for label in pool.labels[left_out].tolist())
        return Task(
            name=self.INFO.name,
            title=self.INFO.title,
            description=self.INFO.description,
            x_train=pool.x[student],
            y_train=new_label[pool.labels[student]],
            x_test=pool.x[test],
            y_test=new_label[pool.labels[test]],
            class_names=tuple(self.class_names[label] for label in kept.tolist()),
            teachers={
                teacher.name: Teacher(
                    **vars(teacher),
                    logits_train=outputs[teacher.name][student][:, kept],
                    logits_test=outputs[teacher.name][test][:, kept],
                    logits_unlabelled=outputs[teacher.name][spare][:, kept],
                    fingerprint=self.hash_of_teacher(teacher.name, pool),
                    network=self._network(teacher.name, pool),
                    together={part: mask[which][:, kept] for part, which in places.items()}
                    if (mask := self.together(teacher.name)) is not None
                    else {},
                )
                for teacher in chosen
            },
            fingerprint=self._hash_of_data(pool, student, test),
            shifts={info.name: shifts[info.name] for info in self.INFO.shifts},
            image_shape=pool.image_shape,
            x_unlabelled=pool.x[spare],
            shift_labels=shift_labels,
        )

    def fingerprint(self, data: DataConfig, split: str) -> str:
        """What `Task.fingerprint_of` these teachers would be; errors as `load`."""
        pool = self.image_pool()
        student, _, test, _ = self._rows(pool, data, split)
        parts = [self.hash_of_teacher(teacher.name, pool) for teacher in self.INFO.choose_teachers(data.teachers)]
        return content_hash(self._hash_of_data(pool, student, test), *parts)

    def image_pool(self) -> ImagePool:
        """The images that a student may be given, read once as long as the files stay as they are.

        Raises:
            UserError: images that are not there, cannot be read, are too few, or are not those expected.
        """
        folder = self.files.folder()
        if folder is None:
            raise UserError(str(self.missing()))
        try:
            changed = [path.stat().st_mtime_ns for path in sorted(folder.glob("*ubyte*"))]
        except OSError as error:
            raise UserError(f"{error.filename}: cannot be read ({error.strerror})") from None
        key = (folder, *changed)
        if key not in self._read:
            self._read.clear()
            self._read[key] = self._select()
        return self._read[key]

    def train(
        self, names: Sequence[str], on_progress: OnProgress | None = None, should_stop: ShouldStop | None = None
    ) -> Iterator[Trained]:
        """Train teachers on the training images that no student is given; errors as `image_teachers.train`."""
        pool = self.image_pool()
        images, labels = self.files.read("train")
        rest = np.setdiff1d(np.arange(len(images)), pool.index.numpy())
        titles = {teacher.name: teacher.title for teacher in self.INFO.teachers}
        return train(
            {name: self.recipes[name] for name in names},
            titles,
            images[rest],
            labels[rest],
            len(self.class_names),
            pool.x,
            pool.image_shape,
            digest=pool.digest,
            stem=self.stem,
            on_progress=on_progress,
            should_stop=should_stop,
        )

    def together(self, name: str) -> Tensor | None:
        """[R, C] on `shown`, the classes of which a teacher states the sum alone; None: of none."""
        return None

    def _network(self, name: str, pool: ImagePool) -> Callable[[], torch.nn.Module] | None:
        recipe = self.recipes.get(name)
        return None if recipe is None else partial(recipe.untrained, pool.image_shape, len(self.class_names))

    @property
    def stem(self) -> str:
        """Begins the names of the checkpoints of the teachers' training."""
        return self.INFO.name

    @cached_property
    def _read(self) -> dict[object, ImagePool]:
        return {}

    @property
    def _kept(self) -> Tensor:
        return torch.tensor([label for label in range(len(self.class_names)) if label not in self.left_out])

    def _select(self) -> ImagePool:
        images, labels = self.files.read("train")
        order = stratified_images(labels, SEED)[: self.sizes.student + self.sizes.validation]
        images = images[order]  # those alone, before the others are read
        test_images, test_labels = self.files.read("test")
        where = f"{self.INFO.name}: the images in {self.files.folder()}"
        if images.shape[1:] != test_images.shape[1:]:
            training, testing = (" x ".join(map(str, part.shape[1:])) for part in (images, test_images))
            raise UserError(
                f"{self.files.folder()}: its pictures are of {training} for training, {testing} for testing"
            )
        highest = max(labels.max(), test_labels.max())
        if highest >= len(self.class_names):
            raise UserError(f"{where} have a label {highest}, allowed: 0 to {len(self.class_names) - 1}")
        for part, given, needed in (
            ("training", len(labels), self.sizes.student + self.sizes.validation + bool(self.recipes)),
            ("test", len(test_labels), self.sizes.test),
        ):
            if given < needed:
                raise UserError(f"{where} are {given:,} {part} images, needed: at least {needed:,}")
        tested = stratified_images(test_labels, SEED)[: self.sizes.test]
        index = np.concatenate([order, len(labels) + tested])
        pixels = np.concatenate([images, test_images[tested]])
        chosen = np.concatenate([labels[order], test_labels[tested]]).astype(np.int64)
        digest = content_hash(pixels.tobytes(), chosen.tobytes(), index.astype(np.int64).tobytes())
        if self.digest and digest != self.digest:
            raise UserError(f"{where} are not those of {self.INFO.title}; their digest is {digest}, not {self.digest}")
        shape = (pixels.shape[1], pixels.shape[2])
        return ImagePool(as_inputs(pixels), torch.from_numpy(chosen), torch.from_numpy(index), shape, digest)

    def _rows(self, pool: ImagePool, data: DataConfig, split: str) -> tuple[Tensor, ...]:
        """Rows of `shown`: the student's, labelled and unlabelled; those of the split, of classes kept and left out."""
        known = ~torch.isin(pool.labels, torch.tensor(self.left_out, dtype=torch.int64))
        part = torch.arange(self.sizes.student)
        part = part[known[part]]
        order = part[torch.from_numpy(stratified_images(pool.labels[part].numpy(), data.split_seed))]
        labelled = self.INFO.check_labelled(data.n_labelled)
        validation = self.sizes.student + self.sizes.validation
        if check_split(split) == "validation":
            measured = torch.arange(self.sizes.student, validation)
        else:
            measured = torch.arange(validation, validation + self.sizes.test)
        return order[:labelled], order[labelled:], measured[known[measured]], measured[~known[measured]]

    @abstractmethod
    def outputs(
        self, names: Sequence[str], pool: ImagePool, on_progress: OnProgress | None, should_stop: ShouldStop | None
    ) -> dict[str, Tensor]:
        """Logits [R, C] on `shown` by name, of the named teachers at least; errors as `load`."""

    @abstractmethod
    def hash_of_teacher(self, name: str, pool: ImagePool) -> str:
        """Differs for another teacher; trains none."""

    def _hash_of_data(self, pool: ImagePool, student: Tensor, test: Tensor) -> str:
        return content_hash(pool.digest, str(self.left_out), student.numpy().tobytes(), test.numpy().tobytes())
