"""Pictures as people have them, as the arrays of an IDX set: folders by class, MedMNIST's NPZ, files with colours.

Colours become grey by their luma (ITU-R BT.601). Pictures of several sizes are brought to one.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mtbkd_core.common.progress import UserError
from mtbkd_core.images.idx import MOST_BYTES

#: Endings of files that are pictures.
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
#: The longest side of a picture that a student gets; of pictures of several sizes, each side.
LONGEST_SIDE, COMMON_SIDE = 64, 32
#: Pixels of a picture before it is made smaller, and how many pictures there may be.
_MOST_PIXELS, _MOST_PICTURES = 2**25, 200_000
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_PARTS = {"train": ("train", "training"), "test": ("test", "testing", "val", "valid", "validation")}
_TEST_SHARE = 5


@dataclass(frozen=True)
class Pictures:
    """A set of pictures.

    Attributes:
        parts: "train" and "test" -> pictures [N, height, width] and labels [N], both uint8.
        class_names: from the folders' names; None: the labels' numbers.
        notes: what was made of the files, a line each.
        names: likewise -> "class/file" of each picture; empty where they come from arrays.
        divided: whether the test pictures were chosen here.
    """

    parts: dict[str, tuple[np.ndarray, np.ndarray]]
    class_names: tuple[str, ...] | None
    notes: tuple[str, ...]
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    divided: bool = False


def read_pictures(folder: Path) -> Pictures | None:
    """The pictures of a folder that holds one NPZ, or a folder for each class; None where it holds neither.

    Raises:
        UserError: a file that cannot be read, or a set that is too large; one line.
    """
    archives = [path for path in _visible(folder) if path.suffix.lower() == ".npz"]
    if len(archives) == 1:
        return _of_npz(archives[0])
    if len(archives) > 1:
        names = ", ".join(path.name for path in archives[:6])
        raise UserError(
            f"{folder}: holds {len(archives)} NPZ files ({names}), expected one: put each in its own folder"
        )
    return _of_folders(folder)


def grey(images: np.ndarray) -> np.ndarray:
    """Pictures [N, height, width], of bytes, of some that may have colours as a last axis or a first."""
    if images.ndim == 3:
        return images
    if images.shape[-1] not in (1, 3, 4) and images.shape[1] in (1, 3, 4):
        images = np.moveaxis(images, 1, -1)
    if images.shape[-1] == 1:
        return images[..., 0]
    return np.stack([np.rint(image[..., :3] @ _LUMA) for image in images]).astype(np.uint8)


def _visible(folder: Path) -> list[Path]:
    """What a folder holds, without hidden files such as macOS's ._ ones."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX")))


def _of_npz(path: Path) -> Pictures:
    """MedMNIST's arrays: train_images, train_labels, test_images, test_labels; val_ ones are left out."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > MOST_BYTES:
                raise UserError(f"{path}: more than {MOST_BYTES // 2**20} MiB once it is unpacked")
        with np.load(path, allow_pickle=False) as arrays:
            wanted = [f"{part}_{what}" for part in ("train", "test") for what in ("images", "labels")]
            if absent := [name for name in wanted if name not in arrays]:
                raise UserError(
                    f"{path}: has no array {absent[0]!r}; expected {', '.join(wanted)}, as MedMNIST has them"
                )
            found = {name: np.asarray(arrays[name]) for name in wanted}
    except UserError:
        raise
    except Exception as error:  # zipfile and numpy raise whatever their parts raise
        raise UserError(f"{path}: cannot be read as NPZ ({' '.join(str(error).split())[:120]})") from None
    parts: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    notes: list[str] = []
    for part in ("train", "test"):
        images, labels = found[f"{part}_images"], found[f"{part}_labels"]
        if images.dtype != np.uint8 or images.ndim not in (3, 4) or labels.dtype.kind not in "iu":
            got = f"{images.dtype} of shape {list(images.shape)} and labels of {labels.dtype}"
            raise UserError(
                f"{path}: its {part} images are {got}, expected bytes of [N, height, width] or with colours"
            )
        if labels.size != len(images) or (labels.size and not 0 <= labels.min() <= labels.max() < 256):
            raise UserError(f"{path}: its {part} labels are not one a picture, from 0 to 255")
        parts[part] = (grey(images), labels.reshape(-1).astype(np.uint8))
        notes += ["Colours were turned to grey."] if images.ndim == 4 and not notes else []
    return Pictures(parts, None, tuple(notes))


def _of_folders(folder: Path) -> Pictures | None:
    """Pictures in folders that are named after their classes, below "train" and "test" or in one set."""
    below = {path.name.lower(): path for path in _visible(folder) if path.is_dir()}
    roots = {part: next((below[name] for name in names if name in below), None) for part, names in _PARTS.items()}
    train = roots["train"] or folder
    names = [path.name for path in _visible(train) if path.is_dir() and any(_pictures_in(path))]
    if len(names) < 2:
        return None
    if len(names) > 256:
        raise UserError(f"{train}: has {len(names):,} folders with pictures, expected one a class, at most 256")
    notes: list[str] = []
    files = {"train": _listed(train, names), "test": _listed(roots["test"], names) if roots["test"] else []}
    if divided := roots["train"] is None or roots["test"] is None:
        files = _divided(files["train"])
        notes.append("Every fifth picture of each class is for testing, as there is no folder for it.")
    if sum(map(len, files.values())) > _MOST_PICTURES:
        raise UserError(f"{folder}: more than {_MOST_PICTURES:,} pictures, which is the most that is allowed")
    sizes = {_size_of(path) for part in files.values() for path, _ in part}
    size = _common_size(folder, sizes, notes)
    colours = False
    parts = {}
    for part, listed in files.items():
        pixels = np.empty((len(listed), size[1], size[0]), dtype=np.uint8)
        for place, (path, _) in enumerate(listed):
            pixels[place], coloured = _read(path, size)
            colours |= coloured
        parts[part] = (pixels, np.array([label for _, label in listed], dtype=np.uint8))
    notes += ["Colours were turned to grey."] if colours else []
    spelled = {part: tuple(f"{path.parent.name}/{path.name}" for path, _ in listed) for part, listed in files.items()}
    return Pictures(parts, tuple(names), tuple(notes), spelled, divided)


def _pictures_in(folder: Path) -> list[Path]:
    return [path for path in _visible(folder) if path.suffix.lower() in PICTURES]


def _listed(root: Path, names: Sequence[str]) -> list[tuple[Path, int]]:
    others = sorted({path.name for path in _visible(root) if path.is_dir()} - set(names))
    if others:
        raise UserError(f"{root}: has a folder {others[0]!r}, which is no class of the training pictures")
    return [
        (path, label)
        for label, name in enumerate(names)
        if (root / name).is_dir()
        for path in _pictures_in(root / name)
    ]


def _divided(files: list[tuple[Path, int]]) -> dict[str, list[tuple[Path, int]]]:
    """Every fifth picture of each class for testing."""
    parts: dict[str, list[tuple[Path, int]]] = {"train": [], "test": []}
    seen: dict[int, int] = {}
    for path, label in files:
        seen[label] = seen.get(label, 0) + 1
        parts["train" if seen[label] % _TEST_SHARE else "test"].append((path, label))
    return parts


def _size_of(path: Path) -> tuple[int, int]:
    """(width, height) by a picture's header; refuses what is none, or is too large to be opened."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            size = (int(image.size[0]), int(image.size[1]))
    except Exception as error:  # Pillow raises whatever its parts raise
        raise UserError(f"{path}: is no picture ({type(error).__name__})") from None
    if size[0] * size[1] > _MOST_PIXELS:
        raise UserError(f"{path}: is of {size[0]:,} x {size[1]:,} pixels, allowed: at most {_MOST_PIXELS:,} in all")
    return size


def _common_size(folder: Path, sizes: set[tuple[int, int]], notes: list[str]) -> tuple[int, int]:
    if not sizes:
        raise UserError(f"{folder}: holds no picture")
    if len(sizes) > 1:
        notes.append(f"Pictures of {len(sizes):,} sizes were brought to {COMMON_SIDE} x {COMMON_SIDE} pixels.")
        return COMMON_SIDE, COMMON_SIDE
    ((width, height),) = sizes
    if max(width, height) <= LONGEST_SIDE:
        return width, height
    shrink = LONGEST_SIDE / max(width, height)
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    notes.append(f"Pictures of {width} x {height} were brought to {size[0]} x {size[1]} pixels.")
    return size


def _read(path: Path, size: tuple[int, int]) -> tuple[np.ndarray, bool]:
    """A picture in grey, [height, width] of bytes, and whether it had colours."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            coloured = image.mode not in ("1", "L", "I;16", "I", "F")
            deep = image.mode in ("I;16", "I")
            values = np.asarray(image, dtype=np.float32) / 257 if deep else None
            plain = image.convert("L") if values is None else Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
            fitted = plain if plain.size == size else plain.resize(size, Image.Resampling.BILINEAR)
            pixels = np.asarray(fitted, dtype=np.uint8)
            return pixels, coloured and bool(np.ptp(np.asarray(image.convert("RGB")), axis=-1).any())
    except Exception as error:  # as above
        raise UserError(f"{path}: cannot be read as a picture ({type(error).__name__})") from None
