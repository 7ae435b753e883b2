"""Image sets of one's own as tasks: each has up to four teachers, which are trained on this machine.

Three are specialists, of half the classes each and of every second class, where that is more than one class; one is a
generalist. A teacher is trained when it is first asked for, and its outputs are kept in the home folder. Teachers whose
outputs were imported stand in their place or beside them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
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
from mtbkd_core.imports.image_sets import GivenTeacher, ImageSet
from mtbkd_core.imports.table_task import SEEN
from mtbkd_core.tasks.fashion import FASHION, FILES, UNLABELLED, clothing_images, digit_images
from mtbkd_core.tasks.images import ImagePool, ImageTask
from mtbkd_core.tasks.source import ShiftInfo, TaskInfo
from mtbkd_core.teachers.base import TeacherInfo
from mtbkd_core.teachers.convolutional import TRAINING_VERSION, Recipe

_TEACHERS = "teachers"
#: Before the name of a given teacher: the classes of which it states the sum alone.
TOGETHER = "together."
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
    """A task of images with teachers that are trained on this machine when they are first asked for.

    Attributes:
        given: teachers whose outputs were imported.
        given_file: where these are.
    """

    given: Mapping[str, GivenTeacher] = field(default_factory=dict)
    given_file: Path | None = None

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
        return tuple(name for name in names if name in self.recipes and not self._path(name, pool).exists())

    def _read_outputs(self, name: str, pool: ImagePool) -> Tensor:
        if name in self.given:
            return self._given_tensors[name]
        path = self._path(name, pool)
        logits = read_tensors(path).get(name)
        if logits is None or logits.shape != (len(pool.index), len(self.class_names)) or not logits.isfinite().all():
            raise UserError(f"{path}: is not what it should be; delete it, and the teacher is trained anew")
        return logits.float()

    def together(self, name: str) -> Tensor | None:
        """As `ImageTask.together`."""
        return self._given_tensors.get(TOGETHER + name) if name in self.given else None

    @cached_property
    def _given_tensors(self) -> dict[str, Tensor]:
        """What was imported of teachers; refuses a file that has gone or is another."""
        path = self.given_file
        tensors = read_tensors(path) if path is not None and path.exists() else {}
        if any(digest_of(tensors, name) != teacher.digest for name, teacher in self.given.items()):
            raise UserError(f"{path}: is not what was imported; forget the task {self.INFO.name} and import it again")
        return tensors

    def _path(self, name: str, pool: ImagePool) -> Path:
        """Where a teacher's outputs are kept, by all that they are made of."""
        return home_path() / _TEACHERS / f"{self.INFO.name}-{name}-{self._stamp(pool)}.safetensors"

    def hash_of_teacher(self, name: str, pool: ImagePool) -> str:
        """As `ImageTask.hash_of_teacher`."""
        if name in self.given:
            return content_hash(pool.digest, name, self.given[name].digest)
        return content_hash(self._stamp(pool), name)

    def _hash_of_data(self, pool: ImagePool, student: Tensor, test: Tensor) -> str:
        """Another with clothes, so that a run from before they were there is not taken for one with them."""
        data = super()._hash_of_data(pool, student, test)
        return content_hash(data, "clothes") if "clothes" in self.shifts else data

    def _stamp(self, pool: ImagePool) -> str:
        """Of all that the teachers are made of; of the images, those that a student is shown stand for the set."""
        recipes = json.dumps({name: recipe.digest_content() for name, recipe in self.recipes.items()})
        return content_hash(pool.digest, recipes, str(TRAINING_VERSION), torch.__version__)


def digest_of(tensors: Mapping[str, Tensor], name: str) -> str:
    """Of a given teacher's outputs; "" where there are none."""
    parts = [tensors[key].numpy().tobytes() for key in (name, TOGETHER + name) if key in tensors]
    return content_hash(*parts) if parts else ""


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
    own = [TeacherInfo(teacher.name, teacher.name, teacher.line) for teacher in images.given]
    taught, recipes = _trained(images)
    trained = " Teachers are trained on others, on this machine, once." if taught else ""
    first = tuple(teacher.name for teacher in (*own, *(taught[:-1] or taught)))  # without the generalist
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
            f"labelled ones{without}.{trained}{notes}",
            n_classes=len(names),
            teachers=(*own, *taught),
            default_teachers=first,
            item="image",
            n_labelled=labelled,
            most_labelled=images.sizes.student,
            image_shape=shape,
            spare=True,
            defaults=_defaults(len(names), shape, unlabelled) | _calibration(images, first),
            presets=FASHION.INFO.presets,
            shifts=tuple(info for info, _ in shifts),
            stamp=content_hash(repr(images), *(info.name for info, _ in shifts), *_mark(images)),
            remark=SEEN if images.given and not images.unseen else "",
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
        recipes=recipes,
        sizes=images.sizes,
        digest=images.digest,
        shifts={info.name: partial(pictures, shape) for info, pictures in shifts},
        given={teacher.name: teacher for teacher in images.given},
        given_file=images.outputs,
    )


def _trained(images: ImageSet) -> tuple[list[TeacherInfo], dict[str, Recipe]]:
    """The teachers that are trained on this machine, the generalist last, and their recipes."""
    if not images.trains:
        return [], {}
    names = images.class_names
    every = tuple(range(len(names)))
    half = len(every) // 2
    parts = {"first-half": every[:half], "second-half": every[half:], "every-second": every[::2]}
    parts = {name: part for name, part in parts.items() if len(part) > 1}
    known = {name: _listed([names[label] for label in part]) for name, part in parts.items()}
    teachers = [
        TeacherInfo(name, known[name], f"Knows {known[name]} well; of the others it saw 6 %.") for name in parts
    ]
    teachers.append(TeacherInfo("generalist", "Generalist", "Saw every class."))
    return teachers, {name: Recipe(part, epochs=images.epochs) for name, part in {**parts, "generalist": every}.items()}


def _mark(images: ImageSet) -> tuple[str, ...]:
    """Differs for other given teachers; nothing where there are none, as stamps of former versions have it."""
    return (repr(images.given), f"trains {images.trains}, unseen {images.unseen}") if images.given else ()


def _calibration(images: ImageSet, teachers: Sequence[str]) -> dict[str, str]:
    """Settings that calibrate given teachers, where their temperatures are known; trained ones stay as they are."""
    known = {teacher.name: teacher.temperature for teacher in images.given if teacher.temperature is not None}
    if not known:
        return {}
    numbers = ",".join(f"{known.get(name, 1):g}" for name in teachers)
    return {"prior.entropy_temperatures": numbers, "prior.calibrated_teachers": "True"}


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
