"""Pictures as people have them, before a task is made of them: folders by class, MedMNIST's NPZ, arrays."""

from __future__ import annotations

import zipfile
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from mtbkd_core.common.progress import UserError
from mtbkd_core.images.idx import MOST_BYTES

#: Endings of files that are pictures.
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
#: Of a picture that is kept for people to see, the longest side.
_THUMBNAIL = 64
#: Pixels of a picture, and how many pictures there may be.
_MOST_PIXELS, _MOST_PICTURES = 2**25, 200_000
#: Pixels of all pictures, and more for each byte that they have on the disk: photographs have some four a byte.
_PIXELS, _PIXELS_A_BYTE = 2**27, 16
_PARTS = {"train": ("train", "training"), "test": ("test", "testing", "val", "valid", "validation")}
_TEST_SHARE = 5


@dataclass(frozen=True)
class Part:
    """Pictures of one part of a set, as they are.

    Attributes:
        name: for people, such as "moles, training".
        held: their files; or bytes [N, height, width], or with colours as a last axis or a first.
        labels: [N] uint8.
        names: "class/file" of each; empty where they come from arrays.
        transposed: whether they have to be mirrored along their diagonal to stand upright.
    """

    name: str
    held: Sequence[Path] | np.ndarray
    labels: np.ndarray
    names: tuple[str, ...] = ()
    transposed: bool = False

    def __len__(self) -> int:
        return len(self.held)

    def at(self, row: int, column: str = "") -> str:
        """A picture as the beginning of a message."""
        return f"{self.name}: {self.names[row] if self.names else f'image {row + 1}'}"

    def pictures(self, column: str, start: int, end: int) -> list[Any]:
        """Some of them in colours, as Pillow has them; refuses a file that is none."""
        from PIL import Image

        found = []
        for held in self.held[start:end]:
            picture = (
                read_picture(held) if isinstance(held, Path) else Image.fromarray(colours_last(held[None])[0])
            ).convert("RGB")
            found.append(picture.transpose(Image.Transpose.TRANSPOSE) if self.transposed else picture)
        return found


@dataclass(frozen=True)
class Originals:
    """A set of pictures as they are.

    Attributes:
        parts: "train" and "test" -> what there is.
        class_names, notes, divided: as `Pictures`.
    """

    parts: dict[str, Part]
    class_names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    divided: bool = False


def find_pictures(folder: Path) -> Originals | None:
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


def colours_last(images: np.ndarray) -> np.ndarray:
    """Pictures with three colours or four as a last axis, or without that axis."""
    if images.ndim == 4 and images.shape[-1] not in (1, 3, 4) and images.shape[1] in (1, 3, 4):
        images = np.moveaxis(images, 1, -1)
    return images[..., 0] if images.ndim == 4 and images.shape[-1] == 1 else images


def thumbnail(picture: Any) -> str:
    """A picture of Pillow, made small, as a data URI."""
    picture.thumbnail((_THUMBNAIL, _THUMBNAIL))
    written = BytesIO()
    picture.save(written, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{b64encode(written.getvalue()).decode()}"


def _visible(folder: Path) -> list[Path]:
    """What a folder holds, without hidden files such as macOS's ._ ones."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX")))


def _of_npz(path: Path) -> Originals:
    """MedMNIST's arrays: train_images, train_labels, test_images, test_labels; val_ ones are left out."""
    try:
        wanted = [f"{part}_{what}" for part in ("train", "test") for what in ("images", "labels")]
        with zipfile.ZipFile(path) as archive:
            sizes = {part.filename.removesuffix(".npy"): part.file_size for part in archive.infolist()}
            if sum(sizes.get(name, 0) for name in wanted) > MOST_BYTES:
                raise UserError(f"{path}: its pictures are more than {MOST_BYTES // 2**20} MiB once they are unpacked")
        with np.load(path, allow_pickle=False) as arrays:
            if absent := [name for name in wanted if name not in arrays]:
                raise UserError(
                    f"{path}: has no array {absent[0]!r}; expected {', '.join(wanted)}, as MedMNIST has them"
                )
            found = {name: np.asarray(arrays[name]) for name in wanted}
    except UserError:
        raise
    except Exception as error:  # zipfile and numpy raise whatever their parts raise
        raise UserError(f"{path}: cannot be read as NPZ ({' '.join(str(error).split())[:120]})") from None
    parts: dict[str, Part] = {}
    for part in ("train", "test"):
        images, labels = found[f"{part}_images"], found[f"{part}_labels"]
        if images.dtype != np.uint8 or images.ndim not in (3, 4) or labels.dtype.kind not in "iu":
            got = f"{images.dtype} of shape {list(images.shape)} and labels of {labels.dtype}"
            raise UserError(
                f"{path}: its {part} images are {got}, expected bytes of [N, height, width] or with colours"
            )
        if labels.size != len(images) or (labels.size and not 0 <= labels.min() <= labels.max() < 256):
            raise UserError(f"{path}: its {part} labels are not one a picture, from 0 to 255")
        parts[part] = Part(f"{path.name}, {part}", images, labels.reshape(-1).astype(np.uint8))
    return Originals(parts)


def _of_folders(folder: Path) -> Originals | None:
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
    parts = {
        part: Part(
            f"{folder.name}, {part}",
            [path for path, _ in listed],
            np.array([label for _, label in listed], dtype=np.uint8),
            tuple(f"{path.parent.name}/{path.name}" for path, _ in listed),
        )
        for part, listed in files.items()
    }
    return Originals(parts, tuple(names), tuple(notes), divided)


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


@dataclass(frozen=True)
class Look:
    """What a picture's header tells; `fractions`: whether its pixels are fractions."""

    width: int
    height: int
    fractions: bool


def look_at(folder: Path, paths: Sequence[Path]) -> list[Look]:
    """What the headers of pictures tell.

    Raises:
        UserError: as `read_picture`; or pictures that hold far more pixels than bytes.
    """
    looks, pixels, most = list[Look](), 0, _PIXELS
    for path in paths:
        with _opened(path) as image:
            width, height = image.size
            looks.append(Look(int(width), int(height), image.mode == "F"))
        pixels += looks[-1].width * looks[-1].height
        most += _PIXELS_A_BYTE * path.stat().st_size
    if pixels > most:
        raise UserError(
            f"{folder}: its {len(paths):,} pictures have {pixels:,} pixels, far more than their files are for "
            f"(allowed: {most:,}): make them smaller"
        )
    return looks


def read_picture(path: Path, wanted: tuple[int, int] | None = None) -> Any:
    """A picture as Pillow has it, in colours (RGB) or in grey (L): of 16 bits the upper eight, of fractions 0 to 255.

    Args:
        wanted: (width, height) that it is brought to later: a JPEG may be read as small as twice that.
    Raises:
        UserError: a file that is none, or too large to be read, whole numbers of 32 bits, or fractions beyond 0 and 1.
    """
    from PIL import Image

    with _opened(path) as image:
        try:
            if wanted is not None:
                image.draft(None, (2 * wanted[0], 2 * wanted[1]))
            if image.mode not in ("I;16", "I", "F"):
                return image.convert("L" if image.mode in ("1", "L") else "RGB")
            whole = image.mode == "I" and image.format != "PNG"
            values: np.ndarray = np.array(image, dtype=np.float32)
        except Exception as error:  # as below
            raise UserError(f"{path}: cannot be read as a picture ({type(error).__name__})") from None
        if whole:
            raise UserError(f"{path}: its pixels are whole numbers of 32 bits: save it with bytes, such as PNG")
        if image.mode == "F" and not (values.min() >= 0 and values.max() <= 1):
            got = f"its pixels are fractions from {values.min():g} to {values.max():g}, expected 0 to 1"
            raise UserError(f"{path}: {got}: save it with bytes, such as PNG")
        values = np.rint(values * 255) if image.mode == "F" else values / 257
        return Image.fromarray(np.clip(values, 0, 255, out=values).astype(np.uint8))


def _opened(path: Path) -> Any:
    from PIL import Image

    try:
        image = Image.open(path)
    except Exception as error:  # Pillow raises whatever its parts raise
        raise UserError(f"{path}: is no picture ({type(error).__name__})") from None
    if image.size[0] * image.size[1] > _MOST_PIXELS:
        width, height = image.size
        image.close()
        raise UserError(f"{path}: is of {width:,} x {height:,} pixels, allowed: at most {_MOST_PIXELS:,} in all")
    return image
