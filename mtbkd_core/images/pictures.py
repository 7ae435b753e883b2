"""Pictures as people have them, as the arrays of an IDX set: folders by class, MedMNIST's NPZ, files with colours.

Colours become grey by their luma (ITU-R BT.601). Pictures of several sizes are brought to one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mtbkd_core.common.progress import UserError
from mtbkd_core.images.idx import AT_ONCE, MOST_BYTES
from mtbkd_core.images.originals import colours_last, find_pictures, look_at, read_picture

#: The longest side of a picture that a student gets; of pictures of several sizes, each side.
LONGEST_SIDE, COMMON_SIDE = 64, 32
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


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
    """The pictures of a folder as arrays; None where it holds none. Errors as `find_pictures`, or no picture."""
    found = find_pictures(folder)
    if found is None:
        return None
    notes = list(found.notes)
    arrays = {part: each.held for part, each in found.parts.items() if isinstance(each.held, np.ndarray)}
    files = {part: each.held for part, each in found.parts.items() if not isinstance(each.held, np.ndarray)}
    pixels = {part: grey(each) for part, each in arrays.items()}
    colours = any(each.ndim == 4 for each in arrays.values())
    if files:
        looks = look_at(folder, [path for paths in files.values() for path in paths])
        size = _common_size(folder, {(each.width, each.height) for each in looks}, notes)
        if sum(map(len, files.values())) * size[0] * size[1] > MOST_BYTES:
            most = f"more than {MOST_BYTES // 2**20} MiB of pixels: keep fewer pictures, or smaller ones"
            raise UserError(f"{folder}: {len(looks):,} pictures of {size[0]} x {size[1]} are {most}")
        if any(each.fractions for each in looks):
            notes.append("Fractions from 0 to 1 were read as shades of grey.")
        for part, paths in files.items():
            pixels[part] = np.empty((len(paths), size[1], size[0]), dtype=np.uint8)
            for place, path in enumerate(paths):
                pixels[part][place], coloured = _read(path, size, not colours)
                colours |= coloured
    notes += ["Colours were turned to grey."] if colours else []
    names = {part: each.names for part, each in found.parts.items() if each.names}
    parts = {part: (pixels[part], each.labels) for part, each in found.parts.items()}
    return Pictures(parts, found.class_names, tuple(notes), names, found.divided)


def grey(images: np.ndarray) -> np.ndarray:
    """Pictures [N, height, width], of bytes, of some that may have colours as a last axis or a first."""
    images = colours_last(images)
    if images.ndim == 3:
        return images
    found = np.empty(images.shape[:3], dtype=np.uint8)
    rows = max(1, AT_ONCE // max(1, found[:1].size))
    for start in range(0, len(images), rows):
        found[start : start + rows] = np.rint(images[start : start + rows, ..., :3] @ _LUMA)
    return found


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


def _read(path: Path, size: tuple[int, int], look: bool) -> tuple[np.ndarray, bool]:
    """A picture in grey, [height, width] of bytes, and whether it has colours, where one looks for them."""
    from PIL import Image

    picture = read_picture(path, size)
    coloured = False
    if look and picture.mode == "RGB":
        small = picture if picture.size == size else picture.resize(size, Image.Resampling.BOX)
        coloured = bool(np.ptp(np.asarray(small), -1).any())
    plain = picture.convert("L")
    fitted = plain if plain.size == size else plain.resize(size, Image.Resampling.BILINEAR)
    return np.asarray(fitted, dtype=np.uint8), coloured
