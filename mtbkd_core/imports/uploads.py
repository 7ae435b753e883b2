"""Files that came over the browser, in a folder under the home folder for as long as they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from tempfile import TemporaryDirectory

from mtbkd_core.common.files import home
from mtbkd_core.common.progress import UserError


@dataclass(frozen=True)
class Upload:
    """A file as the browser sent it."""

    name: str
    content: bytes


@contextmanager
def in_folder(uploads: Mapping[str, Upload]) -> Iterator[dict[str, Path]]:
    """Paths of uploads by what they are for; the files are gone afterwards. Refuses a home that cannot be written."""
    parent = home() / "uploads"
    try:
        parent.mkdir(exist_ok=True)
        with TemporaryDirectory(dir=parent, ignore_cleanup_errors=True) as folder:
            paths = {}
            for number, (role, upload) in enumerate(uploads.items()):
                paths[role] = Path(folder) / str(number) / plain_name(upload.name)  # two files may have one name
                paths[role].parent.mkdir()
                paths[role].write_bytes(upload.content)
            yield paths
    except OSError as error:
        raise UserError(f"{parent}: cannot be written ({error.strerror})") from None


def plain_name(name: str) -> str:
    """The last part of a file's name, whatever folders the browser names, short and without control characters."""
    last = PurePosixPath(PureWindowsPath(name).as_posix()).name
    return "".join(letter for letter in last if letter.isprintable())[-100:].lstrip(".") or "file"
