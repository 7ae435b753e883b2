"""Image sets of one's own as tasks: a folder of IDX files, such as MNIST's, with teachers that are trained here.

Known by a small file each in the home folder, which says where the images are; they are not copied. Each has
four teachers, specialists of half the classes each, of every second class, and a generalist; one is trained when it is
first asked for, and what it says is kept.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from threading import Event

import torch
from torch import Tensor

from mtbkd_core.common import lock
from mtbkd_core.common.files import (
    content_hash,
    home,
    home_path,
    make_folder,
    read_tensors,
    write_atomically,
    write_tensors,
)
from mtbkd_core.common.progress import OnProgress, Phase, Progress, ShouldStop, UserError, stop_if
from mtbkd_core.config.models import RunConfig
from mtbkd_core.config.parse import apply_settings
from mtbkd_core.images.files import ImageFiles
from mtbkd_core.students.registry import build_student
from mtbkd_core.tasks.fashion import FASHION, FILES, SIZES, UNLABELLED, clothing_images, digit_images
from mtbkd_core.tasks.images import ImageTask, Shown, Sizes
from mtbkd_core.tasks.source import ShiftInfo, TaskInfo
from mtbkd_core.teachers.base import TeacherInfo
from mtbkd_core.teachers.convolutional import TRAINING_VERSION, Recipe

_log = logging.getLogger(__name__)
_TEACHERS = "teachers"
_LOOK_EVERY = 0.2
#: Images that a student gets where nothing else is asked for, of a set that has as many.
_LABELLED = FASHION.INFO.n_train
_CONCENTRATION = float(FASHION.INFO.defaults["prior.concentration"]) / FASHION.INFO.n_classes
#: Pixels on a side of the first map; what was settled for the clothes is for them alone.
_FIRST_MAP = 7
_WARM_START_BATCH = int(FASHION.INFO.defaults["sampler.warm_start_batch_size"])
FEWEST_CLASSES, MOST_CLASSES = 4, 100
_DIGITS = frozenset("0123456789")
_Pictures = Callable[[tuple[int, int]], Tensor]


class _Trained(Exception):
    """Another process has trained the teachers that were waited for."""


@dataclass(frozen=True)
class ImageSet:
    """What the home folder holds of an image set.

    Attributes:
        name: of the task.
        title: for people.
        folder: where its four IDX files are.
        class_names: in the order of the labels.
        shape: (height, width) in the files.
        transposed: whether its pictures have to be mirrored along their diagonal to stand upright, as EMNIST's.
        sizes: images for the student, for validation and for testing.
        epochs: of each teacher's training.
        digest: `Shown.digest` when it was imported, so that other images under the same name are another set.
        prefix: as `ImageFiles.prefix`.
    """

    name: str
    title: str
    folder: Path
    class_names: tuple[str, ...]
    shape: tuple[int, int]
    transposed: bool = False
    sizes: Sizes = field(default=SIZES)
    epochs: int = Recipe(()).epochs
    digest: str = ""
    prefix: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class OwnImageTask(ImageTask):
    """A task of images whose teachers are trained on this machine when they are first asked for."""

    def missing(self) -> str | None:
        """One line where the images have gone."""
        folder = self.files.installed
        if folder is not None and folder.is_dir():
            return None
        return f"task {self.INFO.name}: {folder} is no folder any more; forget the task and import it again"

    def untrained(self, teachers: Sequence[str] | None = None) -> tuple[str, ...]:
        """As `Trains.untrained`."""
        names = [teacher.name for teacher in self.INFO.choose_teachers(teachers)]
        return self._untrained(names, self.shown())

    def outputs(
        self, names: Sequence[str], shown: Shown, on_progress: OnProgress | None, should_stop: ShouldStop | None
    ) -> dict[str, Tensor]:
        """As `ImageTask.outputs`: from the home folder or, the first time, from teachers that are trained now.

        Where another process is training teachers of this set, its end is awaited.
        """
        if self._untrained(names, shown):
            self._train(names, shown, on_progress, should_stop)
        return {name: self._read_outputs(name, shown) for name in names}

    def _train(
        self, names: Sequence[str], shown: Shown, on_progress: OnProgress | None, should_stop: ShouldStop | None
    ) -> None:
        """Train and keep what is missing of some teachers, or wait for whoever does."""
        make_folder(home() / _TEACHERS)
        lock_file = home() / _TEACHERS / f".{self.INFO.name}-{self._stamp(shown)}.lock"

        def meanwhile() -> None:
            stop_if(should_stop)
            if not self._untrained(names, shown):
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
            if missing := self._untrained(names, shown):
                for teacher in self.train(missing, on_progress, should_stop):
                    write_tensors(self._path(teacher.name, shown), {teacher.name: teacher.logits})
                    teacher.checkpoint.unlink(missing_ok=True)

    def _untrained(self, names: Sequence[str], shown: Shown) -> tuple[str, ...]:
        return tuple(name for name in names if not self._path(name, shown).exists())

    def _read_outputs(self, name: str, shown: Shown) -> Tensor:
        path = self._path(name, shown)
        found = read_tensors(path).get(name)
        if found is None or found.shape != (len(shown.index), len(self.class_names)) or not found.isfinite().all():
            raise UserError(f"{path}: is not what it should be; delete it, and the teacher is trained anew")
        return found.float()

    def _path(self, name: str, shown: Shown) -> Path:
        """Where a teacher's outputs are kept, by all that they are made of."""
        return home_path() / _TEACHERS / f"{self.INFO.name}-{name}-{self._stamp(shown)}.safetensors"

    def hash_of_teacher(self, name: str, shown: Shown) -> str:
        """As `ImageTask.hash_of_teacher`."""
        return content_hash(self._stamp(shown), name)

    def _hash_of_data(self, shown: Shown, student: Tensor, test: Tensor) -> str:
        """Another with clothes, so that a run from before them is not taken for one that was held against them."""
        found = super()._hash_of_data(shown, student, test)
        return content_hash(found, "clothes") if "clothes" in self.shifts else found

    def _stamp(self, shown: Shown) -> str:
        """Of all that the teachers are made of; of the images, those that a student is shown stand for the set."""
        recipes = json.dumps({name: recipe.digest_content() for name, recipe in self.recipes.items()})
        return content_hash(shown.digest, recipes, str(TRAINING_VERSION), torch.__version__)


def _elsewhere(images: ImageSet) -> tuple[tuple[ShiftInfo, _Pictures], ...]:
    """Inputs from elsewhere for a set: digits; clothes where its classes are named 0 to 9; nothing where these lack."""
    if not _DIGITS.issuperset(images.class_names) or images.digest == FASHION.digest:  # clothes, by their numbers
        digits = ShiftInfo("digits", "scikit-learn's digits", "Their test images, enlarged to the size of these.")
        return ((digits, digit_images),)
    if not _clothes_are_there():
        return ()
    clothes = ShiftInfo("clothes", "Clothing (Fashion-MNIST)", "Its test images, brought to the size of these.")
    return ((clothes, clothing_images),)


def _clothes_are_there() -> bool:
    try:
        folder = FILES.folder()
    except UserError:
        return False
    return folder is not None and FILES.holds_all(folder)


def task_of(images: ImageSet) -> OwnImageTask:
    """The task of an image set."""
    elsewhere = _elsewhere(images)
    names = images.class_names
    every = tuple(range(len(names)))
    half = len(every) // 2
    parts = {"first-half": every[:half], "second-half": every[half:], "every-second": every[::2]}
    said = {name: _listed([names[label] for label in part]) for name, part in parts.items()}
    specialists = tuple(
        TeacherInfo(name, said[name], f"Knows {said[name]} well; of the others it saw 6 %.") for name in parts
    )
    sizes = images.sizes
    labelled = min(_LABELLED, sizes.student)
    unlabelled = min(UNLABELLED, sizes.student - labelled)
    shape = images.shape[::-1] if images.transposed else images.shape
    # as for the clothes, the concentration too: so much for each class; but what was settled for a finer map, and
    # fitted to the clothes' own teachers, is not for these
    defaults = {
        **FASHION.INFO.defaults,
        "n_unlabelled": str(unlabelled),
        "prior.concentration": str(round(_CONCENTRATION * len(names), 1)),
        "sampler.warm_start_batch_size": str(min(_WARM_START_BATCH, labelled + unlabelled)),
        "prior.strength": "6",
        "prior.entropy_temperatures": "none",
        "prior.calibrated_teachers": "False",
        "student.first_map": str(min(_FIRST_MAP, *shape)),
        "sampler.thinning": "16",
        "sampler.step_size": "none",
    }
    student = build_student(
        apply_settings(RunConfig(), defaults.items()).student, shape[0] * shape[1], len(names), shape
    )
    if not student.fits_laplace:  # a rival that every comparison should have
        defaults["student.kind"] = "mlp"
    return OwnImageTask(
        INFO=TaskInfo(
            name=images.name,
            title=images.title,
            description=f"Images of your own: {sizes.test:,} for testing. The student starts with {labelled:,} "
            "labelled ones"
            + (f" and {unlabelled:,} of which it hears from the teachers alone" if unlabelled else "")
            + ". Teachers are trained on others, on this machine, once.",
            n_classes=len(names),
            teachers=(*specialists, TeacherInfo("generalist", "Generalist", "Saw every class.")),
            default_teachers=tuple(parts),
            item="image",
            n_train=labelled,
            most_train=sizes.student,
            image_shape=shape,
            spare=True,
            defaults=defaults,
            shifts=tuple(info for info, _ in elsewhere),
            stamp=content_hash(json.dumps(_plain(images)), *(info.name for info, _ in elsewhere)),
        ),
        files=ImageFiles(images.name, "", installed=images.folder, transposed=images.transposed, prefix=images.prefix),
        class_names=names,
        recipes={name: Recipe(part, epochs=images.epochs) for name, part in {**parts, "generalist": every}.items()},
        sizes=sizes,
        digest=images.digest,
        shifts={info.name: partial(pictures, shape) for info, pictures in elsewhere},
    )


def found() -> dict[str, OwnImageTask]:
    """The image sets by name; a file that cannot be read is said in the log, once, and left out."""
    try:
        files = sorted(path for path in _folder().glob("*.json") if not path.name.startswith("."))
    except OSError:
        return {}
    # one that was read while there were no clothes knows of none
    clothes = _clothes_are_there() if files else False
    tasks = {path.stem: _read(path, path.stat().st_mtime_ns, clothes) for path in files}
    return {name: task for name, task in tasks.items() if task is not None}


def path_of(name: str) -> Path:
    """Where the home folder says what an image set is."""
    return _folder() / f"{name}.json"


def write(images: ImageSet) -> Path:
    """Say in the home folder what an image set is; `found` then has it.

    Raises:
        UserError: the home folder cannot be written.
    """
    home()
    path = path_of(images.name)
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise UserError(f"{path.parent}: cannot be made ({error.strerror})") from None
    write_atomically(path, json.dumps(_plain(images), indent=2))
    return path


def forget(name: str) -> bool:
    """Remove an image set; the images stay. False where there is none of that name.

    Raises:
        UserError: it cannot be removed.
    """
    try:
        path_of(name).unlink()
        return True
    except FileNotFoundError:
        return False
    except OSError as error:
        raise UserError(f"{path_of(name)}: cannot be removed ({error.strerror})") from None


def _folder() -> Path:
    return home_path() / "image-sets"


def _plain(images: ImageSet) -> dict[str, object]:
    return asdict(images) | {"folder": str(images.folder)}


@lru_cache(maxsize=64)
def _read(path: Path, stamp: int, clothes: bool) -> OwnImageTask | None:
    """The task of a file that was written at `stamp`, while there were clothes or none; another is read anew."""
    try:
        values = json.loads(path.read_text())
        sizes = Sizes(**{name: int(count) for name, count in values["sizes"].items()})
        names = tuple(str(name) for name in values["class_names"])
        if values["name"] != path.stem or not FEWEST_CLASSES <= len(names) <= MOST_CLASSES:
            raise ValueError("it names another task, or too few or too many classes")
        return task_of(
            ImageSet(
                path.stem,
                str(values["title"]),
                Path(values["folder"]),
                names,
                (int(values["shape"][0]), int(values["shape"][1])),
                bool(values["transposed"]),
                sizes,
                int(values["epochs"]),
                str(values.get("digest", "")),  # the first sets were kept without, and without a prefix
                str(values.get("prefix", "")),
            )
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        _log.warning("a task is left out: %s: is no image set (%s)", path, error)
        return None


def _listed(names: list[str]) -> str:
    """Few names in full; of more, the first three and the last."""
    if len(names) > 5:
        names = [*names[:3], "…", names[-1]]
    return ", ".join(names)
