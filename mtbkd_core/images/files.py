"""Where an image data set in the IDX format lies, how it is read, and how it is fetched."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mtbkd_core.common.files import expanded, home
from mtbkd_core.common.progress import OnProgress, Phase, Progress, ShouldStop, UserError, stop_if
from mtbkd_core.images.idx import axes_of, read_idx
from mtbkd_core.images.pictures import grey

#: What the four files of such a set are called, whatever stands before and behind; the older names have a dot.
_PATTERNS = {
    ("train", 3): "*train-images?idx3-ubyte*",
    ("train", 1): "*train-labels?idx1-ubyte*",
    ("test", 3): "*t*-images?idx3-ubyte*",
    ("test", 1): "*t*-labels?idx1-ubyte*",
}
_TIMEOUT = 30


@dataclass(frozen=True)
class ImageFiles:
    """An image data set in four files.

    Attributes:
        name: its folder below the home folder's `datasets`.
        variable: the environment's variable that may name its folder.
        installed: where a package of the system puts it; None: there is no such package.
        package: that package.
        url: folder that it is downloaded from; None: it is not.
        sha256: of each file there, by its name.
        transposed: whether pictures lie mirrored along their diagonal in the files, and are turned back when read.
        prefix: how the names of its files begin, in a folder that holds several sets.
        first_label: the number of the first class in the files; labels that are read count from 0.
    """

    name: str
    variable: str
    installed: Path | None = None
    package: str = ""
    url: str | None = None
    sha256: Mapping[str, str] = field(default_factory=dict, hash=False)
    transposed: bool = False
    prefix: str = ""
    first_label: int = 0

    def folder(self) -> Path | None:
        """Where it is: the variable's folder, else the system's, else the downloaded one; None where it is nowhere.

        A folder that lacks files is passed over where they could be downloaded; else `read` says which it lacks.

        Raises:
            UserError: the variable names something that is no folder.
        """
        if chosen := os.environ.get(self.variable, "").strip():
            if not (folder := expanded(chosen, self.variable)).is_dir():
                raise UserError(f"{self.variable}: {chosen} is no folder")
            return folder
        if (
            self.installed is not None
            and self.installed.is_dir()
            and (self.url is None or self.holds_all(self.installed))
        ):
            return self.installed
        fetched = self.fetched()
        return fetched if self.sha256 and all((fetched / name).exists() for name in self.sha256) else None

    def holds_all(self, folder: Path) -> bool:
        """Whether a folder has the four files, whatever is in them."""
        try:
            return all(find_file(folder, part, axes, self.prefix) for part, axes in _PATTERNS)
        except UserError:
            return False

    def fetched(self) -> Path:
        """Where a download goes; errors as `home`."""
        return home() / "datasets" / self.name

    def can_fetch(self) -> bool:
        """Whether the images are nowhere, and can be downloaded."""
        return self.url is not None and not os.environ.get(self.variable, "").strip() and self.folder() is None

    def missing(self, title: str, task: str) -> str | None:
        """One line that says how to get it; None where it is there."""
        try:
            if self.folder() is not None:
                return None
        except UserError as error:
            return str(error)
        ways = [f"set {self.variable} to a folder with its IDX files"]
        if self.package:
            ways.append(f"install Debian's {self.package}")
        if self.url:
            ways.append(f"download it: python -m mtbkd_core fetch {task}")
        return f"{title}: the images are not on this machine; {', or '.join(ways)}"

    def read(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        """Images [N, height, width] and labels [N] of "train" or "test", both uint8; colours are turned to grey.

        Errors as `originals`.
        """
        images, labels = self.originals(part)
        images = grey(images)
        return images.transpose(0, 2, 1) if self.transposed else images, labels

    def originals(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        """The same as the pictures lie in the files, with their colours, which may be a last axis or a first.

        Raises:
            UserError: a file that is missing, ambiguous or not what it should be; as many labels as images are needed.
        """
        folder = self.folder()
        if folder is None:
            raise UserError(f"{self.name}: its files are not on this machine")
        pictures = find_file(folder, part, 3, self.prefix)
        images = read_idx(pictures, 4 if axes_of(pictures) == 4 else 3)
        labels = read_idx(find_file(folder, part, 1, self.prefix), 1)
        if len(images) != len(labels):
            raise UserError(f"{folder}: holds {len(images):,} {part} images and {len(labels):,} labels")
        if self.first_label and labels.min(initial=255) < self.first_label:
            raise UserError(
                f"{folder}: a {part} image has the label {labels.min()}, expected {self.first_label} or more"
            )
        return images, labels - np.uint8(self.first_label)

    def has_colours(self) -> bool:
        """Whether the training images have colours; errors as `read`."""
        folder = self.folder()
        return folder is not None and axes_of(find_file(folder, "train", 3, self.prefix)) == 4

    def fetch(self, on_progress: OnProgress | None = None, should_stop: ShouldStop | None = None) -> Path:
        """Download what is not there yet, or is there damaged, by each file's sha256; the folder, as `folder` gives it.

        Raises:
            UserError: there is nothing to download from, no connection, or a file that is not the one expected.
            Cancelled: `should_stop` said so, between two files.
        """
        import pooch

        if self.url is None:
            raise UserError(f"{self.name}: there is no address to download it from")
        there, target = self.folder(), self.fetched()
        if there is not None and there != target:
            for part, axes in _PATTERNS:
                find_file(there, part, axes, self.prefix)  # says what it lacks
            return there
        pooch.get_logger().setLevel("ERROR")  # progress and errors are reported here
        for number, (name, digest) in enumerate(self.sha256.items()):
            stop_if(should_stop)
            if on_progress is not None:
                of = len(self.sha256)
                on_progress(
                    Progress(Phase.TEACHERS, number, of, number / of, f"Downloading {name} ({number + 1} of {of})")
                )
            try:
                pooch.retrieve(
                    self.url + name,
                    known_hash=f"sha256:{digest}",
                    fname=name,
                    path=target,
                    downloader=pooch.HTTPDownloader(timeout=_TIMEOUT),
                )
            except (OSError, ValueError) as error:
                raise UserError(f"{self.url}{name}: cannot be downloaded ({error})") from None
        return target


def find_file(folder: Path, part: str, axes: int, prefix: str = "") -> Path:
    """The one IDX file of "train" or "test" images (3 axes) or labels (1) in a folder; zipped ones do as well.

    Of a file that is there both zipped and not, it is the one that is not; one in a folder of its own name, as some
    programs unpack archives, counts where there is no other. Hidden files, such as macOS's, do not.

    Args:
        prefix: how its name begins.
    Raises:
        UserError: there is none, or more than one.
    """
    pattern = _PATTERNS[part, axes]
    fitting: dict[str, Path] = {}
    for path in sorted(folder.glob(pattern)):
        inside = [each for each in path.glob(pattern) if each.is_file()] if path.is_dir() else [path]
        if path.name.startswith(prefix) and not path.name.startswith(".") and len(inside) == 1:
            fitting[path.name] = inside[0]
    plain = {name: path for name, path in fitting.items() if path.parent == folder}
    fitting = plain or fitting
    found = sorted(
        name
        for name in fitting
        if (part == "train" or "train" not in name) and not (name.endswith(".gz") and name[:-3] in fitting)
    )
    if len(found) != 1:
        wanted = f"one file {pattern} of {part} data" + (f" that begins with {prefix}" if prefix else "")
        several = "; of several sets, a prefix says which, as emnist-digits does" if found else ""
        raise UserError(f"{folder}: needs {wanted}, has {', '.join(found) or 'none'}{several}")
    return fitting[found[0]]
