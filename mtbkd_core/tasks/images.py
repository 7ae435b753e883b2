"""Tasks of images in IDX files: one split for all, so that what teachers say can be shipped.

Of the training images a fixed part is for students, which no teacher sees; another fixed part is what settings are
settled on ("validation"), which no teacher sees either; teachers are trained on the rest. `split_seed` draws the
student's labelled images from its part. A fixed part of the test images is what everything is measured on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mtbkd_core.common.files import content_hash
from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.images.files import ImageFiles
from mtbkd_core.images.order import SEED, as_inputs, spread
from mtbkd_core.tasks.base import Task, TaskInfo, Teacher
from mtbkd_core.teachers import shipped
from mtbkd_core.teachers.convolutional import Recipe
from mtbkd_core.teachers.image_teachers import Trained, train

_SPLITS = ("test", "validation")


@dataclass(frozen=True)
class Sizes:
    """How many images are for whom: the student's part, validation, both of the training images; the test's."""

    student: int
    validation: int
    test: int


@dataclass(frozen=True)
class Shown:
    """The images that a student may be shown.

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
    """A task of images, as the registry takes it; where its teachers' outputs come from, its two kinds say.

    Attributes:
        INFO: with the teachers that `recipes` names, in that order.
        files: where the images are.
        class_names: of all classes of the files, also of those left out.
        recipes: of each teacher.
        sizes: of the parts.
        digest: of the images that it has to be about; "": whatever is there.
        left_out: classes that the student is never told of; teachers' logits of them are dropped, and the test images
            that show them are the shift "left-out".
        shifts: name -> a call that gives images [M, F] from elsewhere.
    """

    INFO: TaskInfo
    files: ImageFiles
    class_names: tuple[str, ...]
    recipes: Mapping[str, Recipe]
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
        self,
        teachers: Sequence[str] | None = None,
        split_seed: int = 0,
        split: str = "test",
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
        n_train: int | None = None,
    ) -> Task:
        """Load the images and what the teachers say of them.

        Args:
            teachers: names; None for all.
            split_seed: of the draw of the student's images from its part; the teachers are the same for all.
            split: "test", or "validation" for settling settings without a look at the test images.
            n_train: labelled images for the student; None for as many as the task says.
        Raises:
            UserError: an unknown teacher or split; more labelled images than there are; images or outputs that are not
                on this machine or not what they should be.
            Cancelled: `should_stop` said so, while teachers were trained.
        """
        names = self._chosen(teachers)
        shown = self.shown()
        student, spare, test, foreign = self._rows(shown, split_seed, split, n_train)
        outputs = self.outputs(names, shown, on_progress, should_stop)
        kept = self._kept
        new_label = torch.full((len(self.class_names),), -1)
        new_label[kept] = torch.arange(len(kept))
        offered = {teacher.name: teacher for teacher in self.INFO.teachers}
        shifts = {name: give() for name, give in self.shifts.items()}
        known: dict[str, tuple[tuple[str, ...], ...]] = {}
        if self.left_out:
            shifts["left-out"] = shown.x[foreign]
            known["left-out"] = tuple((self.class_names[label],) for label in shown.labels[foreign].tolist())
        return Task(
            name=self.INFO.name,
            title=self.INFO.title,
            description=self.INFO.description,
            x_train=shown.x[student],
            y_train=new_label[shown.labels[student]],
            x_test=shown.x[test],
            y_test=new_label[shown.labels[test]],
            class_names=tuple(self.class_names[label] for label in kept.tolist()),
            teachers={
                name: Teacher(
                    name,
                    offered[name].title,
                    offered[name].description,
                    outputs[name][student][:, kept],
                    outputs[name][test][:, kept],
                    self.hash_of_teacher(name, shown),
                    logits_unlabelled=outputs[name][spare][:, kept],
                )
                for name in names
            },
            fingerprint=self._hash_of_data(shown, student, test),
            shifts={info.name: shifts[info.name] for info in self.INFO.shifts},
            image_shape=shown.image_shape,
            x_unlabelled=shown.x[spare],
            shift_labels=known,
        )

    def fingerprint(
        self, teachers: Sequence[str] | None, split_seed: int, split: str = "test", n_train: int | None = None
    ) -> str:
        """What `Task.fingerprint_of` these teachers would be; errors as `load`."""
        shown = self.shown()
        student, _, test, _ = self._rows(shown, split_seed, split, n_train)
        parts = [self.hash_of_teacher(name, shown) for name in self._chosen(teachers)]
        return content_hash(self._hash_of_data(shown, student, test), *parts)

    def shown(self) -> Shown:
        """The images that a student may be shown, read once as long as the files stay as they are.

        Raises:
            UserError: images that are not there, cannot be read, are too few, or are not those of the outputs.
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
        """Train teachers on the training images that no student sees; errors as `image_teachers.train`."""
        shown = self.shown()
        images, labels = self.files.read("train")
        rest = np.setdiff1d(np.arange(len(images)), shown.index.numpy())
        titles = {teacher.name: teacher.title for teacher in self.INFO.teachers}
        return train(
            {name: self.recipes[name] for name in names},
            titles,
            images[rest],
            labels[rest],
            len(self.class_names),
            shown.x,
            shown.image_shape,
            digest=shown.digest,
            stem=self.stem,
            on_progress=on_progress,
            should_stop=should_stop,
        )

    @property
    def stem(self) -> str:
        """Begins the names of the files from which a teacher's training that was broken off goes on."""
        return self.INFO.name

    @cached_property
    def _read(self) -> dict[object, Shown]:
        return {}

    @property
    def _kept(self) -> Tensor:
        return torch.tensor([label for label in range(len(self.class_names)) if label not in self.left_out])

    def _select(self) -> Shown:
        (images, labels), (test_images, test_labels) = self.files.read("train"), self.files.read("test")
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
            ("training", len(labels), self.sizes.student + self.sizes.validation + 1),
            ("test", len(test_labels), self.sizes.test),
        ):
            if given < needed:
                raise UserError(f"{where} are {given:,} {part} images, needed: at least {needed:,}")
        order = spread(labels, SEED)[: self.sizes.student + self.sizes.validation]
        tested = spread(test_labels, SEED)[: self.sizes.test]
        index = np.concatenate([order, len(labels) + tested])
        pixels = np.concatenate([images[order], test_images[tested]])
        chosen = np.concatenate([labels[order], test_labels[tested]]).astype(np.int64)
        digest = content_hash(pixels.tobytes(), chosen.tobytes(), index.astype(np.int64).tobytes())
        if self.digest and digest != self.digest:
            raise UserError(f"{where} are not those of {self.INFO.title}; their digest is {digest}, not {self.digest}")
        shape = (pixels.shape[1], pixels.shape[2])
        return Shown(as_inputs(pixels), torch.from_numpy(chosen), torch.from_numpy(index), shape, digest)

    def _rows(self, shown: Shown, split_seed: int, split: str, n_train: int | None) -> tuple[Tensor, ...]:
        """Rows of `shown`: the student's with labels and without; to be measured, of classes told and left out.

        What the labelled ones leave of the student's part can be shown without labels.
        """
        if split not in _SPLITS:
            raise UserError(f"split: got {split!r}, allowed: {', '.join(_SPLITS)}")
        known = ~torch.isin(shown.labels, torch.tensor(self.left_out, dtype=torch.int64))
        part = torch.arange(self.sizes.student)
        part = part[known[part]]
        order = torch.from_numpy(spread(shown.labels[part].numpy(), split_seed))
        labelled = self.INFO.check_n_train(n_train)
        student, spare = part[order][:labelled], part[order][labelled:]
        first = self.sizes.student + (0 if split == "validation" else self.sizes.validation)
        measured = torch.arange(first, first + (self.sizes.validation if split == "validation" else self.sizes.test))
        return student, spare, measured[known[measured]], measured[~known[measured]]

    @abstractmethod
    def outputs(
        self, names: Sequence[str], shown: Shown, on_progress: OnProgress | None, should_stop: ShouldStop | None
    ) -> dict[str, Tensor]:
        """What teachers say of what is shown: logits [R, C] by name, of those named at least; errors as `load`."""

    @abstractmethod
    def hash_of_teacher(self, name: str, shown: Shown) -> str:
        """Another for another teacher, without training any."""

    def _chosen(self, teachers: Sequence[str] | None) -> list[str]:
        names = list(self.recipes) if teachers is None else list(teachers)
        unknown = [name for name in names if name not in self.recipes]
        if unknown or not names:
            wrong = f"{self.INFO.name} has no {unknown[0]!r}" if unknown else "none is named"
            raise UserError(f"teachers: {wrong}; {self.INFO.name} has {', '.join(self.recipes)}")
        return names

    def _hash_of_data(self, shown: Shown, student: Tensor, test: Tensor) -> str:
        return content_hash(shown.digest, str(self.left_out), student.numpy().tobytes(), test.numpy().tobytes())


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
