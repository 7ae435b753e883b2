"""What the home folder holds of image sets of one's own: a small file each, which says where the images are."""

from __future__ import annotations

import logging
import secrets
import shutil
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from pydantic import TypeAdapter

from mtbkd_core.common.files import home, home_path, make_folder, write_atomically
from mtbkd_core.common.progress import UserError
from mtbkd_core.tasks.fashion import SIZES
from mtbkd_core.tasks.images import Sizes
from mtbkd_core.teachers.convolutional import Recipe

_log = logging.getLogger(__name__)
FEWEST_CLASSES, MOST_CLASSES = 2, 100


@dataclass(frozen=True)
class GivenTeacher:
    """A teacher whose outputs are a person's own.

    Attributes:
        line: what it is, for people.
        digest: of its outputs.
        temperature: the one that calibrates it; None: it was not fitted.
    """

    name: str
    line: str
    digest: str
    temperature: float | None = None


@dataclass(frozen=True)
class ImageSet:
    """An image set.

    Attributes:
        name: of the task.
        title: for people.
        folder: where its four IDX files are; they are not copied. Other pictures are, to `new_copies`.
        class_names: in the order of the labels.
        shape: (height, width) in the files.
        transposed: whether its pictures have to be mirrored along their diagonal to stand upright, as EMNIST's.
        sizes: images for the student, for validation and for testing.
        epochs: of each teacher's training.
        digest: `ImagePool.digest` when it was imported, so that other images under the same name are another set.
        prefix, first_label: as `ImageFiles`.
        notes: what was made of the files, sentences.
        given: teachers whose outputs are in the file `outputs`.
        trains: whether teachers are trained on this machine.
        unseen: whether no given teacher was trained on these images.
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
    first_label: int = 0
    notes: tuple[str, ...] = ()
    # not in `repr`, of which stamps of former versions are made
    given: tuple[GivenTeacher, ...] = field(default=(), repr=False)
    outputs: Path | None = field(default=None, repr=False)
    trains: bool = field(default=True, repr=False)
    unseen: bool = field(default=False, repr=False)


_FORMAT = TypeAdapter(ImageSet)


def path_of(name: str) -> Path:
    """Where the home folder says what an image set is."""
    return home_path() / "image-sets" / f"{name}.json"


def owners_of(name: str) -> Path:
    """The file that names an image set's owners, on a server that several people use."""
    return path_of(name).with_suffix(".owners")


def new_copies(name: str) -> Path:
    """Where the home folder will keep a set's pictures, of no IDX files, and teachers' outputs: beside a former's."""
    return home_path() / "image-sets" / f"{name}.{secrets.token_hex(4)}"


def remove_copies(name: str, but: Collection[Path] = ()) -> None:
    """Remove what the home folder keeps of sets of this name, but for some folders."""
    folder = path_of(name).parent
    for copies in (folder / name, *folder.glob(f"{name}.*/")):  # the first as former versions called it
        if copies not in but:
            shutil.rmtree(copies, ignore_errors=True)


def write(images: ImageSet) -> None:
    """Say in the home folder what an image set is; `found` then has it; refuses a folder that cannot be written."""
    home()
    path = path_of(images.name)
    make_folder(path.parent)
    write_atomically(path, _FORMAT.dump_json(images, indent=2))


def found() -> tuple[ImageSet, ...]:
    """The image sets; a file that cannot be read is left out, which the log says once."""
    try:
        files = sorted(path for path in path_of("").parent.glob("*.json") if not path.name.startswith("."))
    except OSError:
        return ()
    read = (_read(path, path.stat().st_mtime_ns) for path in files)
    return tuple(images for images in read if images is not None)


def forget(name: str) -> bool:
    """Remove an image set; the images stay. False where there is none of that name.

    Raises:
        UserError: it cannot be removed.
    """
    try:
        path_of(name).unlink()
        owners_of(name).unlink(missing_ok=True)
        remove_copies(name)
        return True
    except FileNotFoundError:
        return False
    except OSError as error:
        raise UserError(f"{path_of(name)}: cannot be removed ({error.strerror})") from None


@lru_cache(maxsize=64)
def _read(path: Path, stamp: int) -> ImageSet | None:
    """What a file holds that was written at `stamp`: a new one is read anew."""
    try:
        images = _FORMAT.validate_json(path.read_bytes())
        if images.name != path.stem or not FEWEST_CLASSES <= len(images.class_names) <= MOST_CLASSES:
            raise ValueError("it names another task, or too few or too many classes")
        return images
    except (OSError, ValueError) as error:
        _log.warning("a task is left out: %s: is no image set (%s)", path, error)
        return None
