"""Image sets of one's own as tasks: each has up to four teachers, which are trained on this machine.

Three are specialists, of half the classes each and of every second class, where that is more than one class; one is a
generalist. A teacher is trained when it is first asked for, and its outputs are kept in the home folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from threading import Event

import torch
from torch import Tensor

from mtbkd_core.common import lock
from mtbkd_core.common.files import content_hash, home, home_path, make_folder, read_tensors, write_tensors
from mtbkd_core.common.progress import OnProgress, Phase, Progress, ShouldStop, UserError, stop_if
from mtbkd_core.config.choices import PATCH
from mtbkd_core.images.files import ImageFiles
from mtbkd_core.imports import image_sets
from mtbkd_core.imports.image_sets import ImageSet
from mtbkd_core.tasks.fashion import FASHION, FILES, UNLABELLED, clothing_images, digit_images
from mtbkd_core.tasks.images import ImagePool, ImageTask
from mtbkd_core.tasks.source import ShiftInfo, TaskInfo
from mtbkd_core.teachers.base import TeacherInfo
from mtbkd_core.teachers.convolutional import TRAINING_VERSION, Recipe

_TEACHERS = "teachers"
_LOOK_EVERY = 0.2
#: Images that a student gets where nothing else is asked for, of a set that has as many.
_LABELLED = FASHION.INFO.n_labelled
_CONCENTRATION = float(FASHION.INFO.defaults["prior.concentration"]) / FASHION.INFO.n_classes
_DIGITS = frozenset("0123456789")
_Pictures = Callable[[tuple[int, int]], Tensor]


class _Trained(Exception):
    """Another process has trained the teachers that were waited for."""


@dataclass(frozen=True, eq=False, kw_only=True)
class OwnImageTask(ImageTask):
    """A task of images with teachers that are trained on this machine when they are first asked for."""

    def missing(self) -> str | None:
        """One line where the images have gone."""
        folder = self.files.installed
        if folder is not None and folder.is_dir():
            return None
        return f"task {self.INFO.name}: {folder} is no folder any more; forget the task and import it again"

    def untrained(self, teachers: Sequence[str] | None = None) -> tuple[str, ...]:
        """As `Trains.untrained`."""
        names = [teacher.name for teacher in self.INFO.choose_teachers(teachers)]
        return self._untrained(names, self.image_pool())

    def outputs(
        self, names: Sequence[str], pool: ImagePool, on_progress: OnProgress | None, should_stop: ShouldStop | None
    ) -> dict[str, Tensor]:
        """As `ImageTask.outputs`: from the home folder or, the first time, from teachers that are trained now.

        Where another process is training teachers of this set, its end is awaited.
        """
        if self._untrained(names, pool):
            self._train(names, pool, on_progress, should_stop)
        return {name: self._read_outputs(name, pool) for name in names}

    def _train(
        self, names: Sequence[str], pool: ImagePool, on_progress: OnProgress | None, should_stop: ShouldStop | None
    ) -> None:
        """Train and keep the teachers that are missing, or wait for the process that does."""
        make_folder(home() / _TEACHERS)
        lock_file = home() / _TEACHERS / f".{self.INFO.name}-{self._stamp(pool)}.lock"

        def meanwhile() -> None:
            stop_if(should_stop)
            if not self._untrained(names, pool):
                raise _Trained
            if on_progress is not None:
                on_progress(Progress(Phase.TEACHERS, 0, 1, 0.0, "Another run is training them; waiting"))
            Event().wait(_LOOK_EVERY)

        with ExitStack() as stack:
            try:
                stack.enter_context(lock.hold(lock_file, meanwhile))
            except _Trained:
                return
            except OSError as error:
                raise UserError(f"{lock_file}: cannot be locked ({error.strerror or error})") from None
            if missing := self._untrained(names, pool):
                for teacher in self.train(missing, on_progress, should_stop):
                    write_tensors(self._path(teacher.name, pool), {teacher.name: teacher.logits})
                    teacher.checkpoint.unlink(missing_ok=True)

    def _untrained(self, names: Sequence[str], pool: ImagePool) -> tuple[str, ...]:
        return tuple(name for name in names if not self._path(name, pool).exists())

    def _read_outputs(self, name: str, pool: ImagePool) -> Tensor:
        path = self._path(name, pool)
        logits = read_tensors(path).get(name)
        if logits is None or logits.shape != (len(pool.index), len(self.class_names)) or not logits.isfinite().all():
            raise UserError(f"{path}: is not what it should be; delete it, and the teacher is trained anew")
        return logits.float()

    def _path(self, name: str, pool: ImagePool) -> Path:
        """Where a teacher's outputs are kept, by all that they are made of."""
        return home_path() / _TEACHERS / f"{self.INFO.name}-{name}-{self._stamp(pool)}.safetensors"

    def hash_of_teacher(self, name: str, pool: ImagePool) -> str:
        """As `ImageTask.hash_of_teacher`."""
        return content_hash(self._stamp(pool), name)

    def _hash_of_data(self, pool: ImagePool, student: Tensor, test: Tensor) -> str:
        """Another with clothes, so that a run from before they were there is not taken for one with them."""
        data = super()._hash_of_data(pool, student, test)
        return content_hash(data, "clothes") if "clothes" in self.shifts else data

    def _stamp(self, pool: ImagePool) -> str:
        """Of all that the teachers are made of; of the images, those that a student is shown stand for the set."""
        recipes = json.dumps({name: recipe.digest_content() for name, recipe in self.recipes.items()})
        return content_hash(pool.digest, recipes, str(TRAINING_VERSION), torch.__version__)


def found() -> dict[str, OwnImageTask]:
    """The tasks of the home folder's image sets, by name."""
    sets = image_sets.found()
    clothes = _clothes_are_there() if sets else False
    return {images.name: _task_of(images, clothes) for images in sets}


def task_of(images: ImageSet) -> OwnImageTask:
    """The task of an image set."""
    return _task_of(images, _clothes_are_there())


@lru_cache(maxsize=64)
def _task_of(images: ImageSet, clothes: bool) -> OwnImageTask:
    """The task of an image set on a machine with the clothes' images, or without."""
    names = images.class_names
    every = tuple(range(len(names)))
    half = len(every) // 2
    parts = {"first-half": every[:half], "second-half": every[half:], "every-second": every[::2]}
    parts = {name: part for name, part in parts.items() if len(part) > 1}
    known = {name: _listed([names[label] for label in part]) for name, part in parts.items()}
    specialists = (
        TeacherInfo(name, known[name], f"Knows {known[name]} well; of the others it saw 6 %.") for name in parts
    )
    labelled = min(_LABELLED, images.sizes.student)
    unlabelled = min(UNLABELLED, images.sizes.student - labelled)
    without = f" and {unlabelled:,} for which it has only the teachers' answers" if unlabelled else ""
    shape = images.shape[::-1] if images.transposed else images.shape
    shifts = _other_inputs(images, clothes)
    notes = "".join(f" {note}" for note in images.notes)
    return OwnImageTask(
        INFO=TaskInfo(
            name=images.name,
            title=images.title,
            description=f"Images of your own: {images.sizes.test:,} for testing. The student starts with {labelled:,} "
            f"labelled ones{without}. Teachers are trained on others, on this machine, once.{notes}",
            n_classes=len(names),
            teachers=(*specialists, TeacherInfo("generalist", "Generalist", "Saw every class.")),
            default_teachers=tuple(parts) or ("generalist",),
            item="image",
            n_labelled=labelled,
            most_labelled=images.sizes.student,
            image_shape=shape,
            spare=True,
            defaults=_defaults(len(names), shape, unlabelled),
            presets=FASHION.INFO.presets,
            shifts=tuple(info for info, _ in shifts),
            stamp=content_hash(repr(images), *(info.name for info, _ in shifts)),
        ),
        files=ImageFiles(
            images.name,
            "",
            installed=images.folder,
            transposed=images.transposed,
            prefix=images.prefix,
            first_label=images.first_label,
        ),
        class_names=names,
        recipes={name: Recipe(part, epochs=images.epochs) for name, part in {**parts, "generalist": every}.items()},
        sizes=images.sizes,
        digest=images.digest,
        shifts={info.name: partial(pictures, shape) for info, pictures in shifts},
    )


def _defaults(n_classes: int, shape: tuple[int, int], unlabelled: int) -> dict[str, str]:
    """The settings that such a task starts with: the clothes', but for what was fitted to their teachers."""
    defaults = {
        **FASHION.INFO.defaults,
        "n_unlabelled": str(unlabelled),
        "prior.concentration": str(round(_CONCENTRATION * n_classes, 1)),
        "prior.strength": "6",
        "prior.entropy_temperatures": "none",
        "prior.calibrated_teachers": "False",
    }
    if min(shape) < PATCH:
        defaults["student.features"] = "none"
    return defaults


def _other_inputs(images: ImageSet, clothes: bool) -> tuple[tuple[ShiftInfo, _Pictures], ...]:
    """Out-of-distribution inputs: digits; clothes, if they are there, for a set with classes named 0 to 9."""
    if not _DIGITS.issuperset(images.class_names) or images.digest == FASHION.digest:  # clothes, by their numbers
        digits = ShiftInfo("digits", "scikit-learn's digits", "Their test images, enlarged to the size of these.")
        return ((digits, digit_images),)
    info = ShiftInfo("clothes", "Clothing (Fashion-MNIST)", "Its test images, brought to the size of these.")
    return ((info, clothing_images),) if clothes else ()


def _clothes_are_there() -> bool:
    try:
        folder = FILES.folder()
    except UserError:
        return False
    return folder is not None and FILES.holds_all(folder)


def _listed(names: list[str]) -> str:
    """Few names in full; of more, the first three and the last."""
    if len(names) > 5:
        names = [*names[:3], "…", names[-1]]
    return ", ".join(names)
