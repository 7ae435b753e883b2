"""Files that came over the browser, laid out in a folder under the home folder for as long as they are read."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from mtbkd_core.common.files import home
from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.reading import MAX_BYTES


@dataclass(frozen=True)
class Upload:
    """A file as the browser sent it."""

    name: str
    content: bytes


@contextmanager
def laid_out(uploads: Mapping[str, Upload]) -> Iterator[dict[str, Path]]:
    """Paths of uploads by what they are for; the files are gone afterwards.

    Raises:
        UserError: a file that is too large, or a home folder that cannot be written.
    """
    for upload in uploads.values():
        if len(upload.content) > MAX_BYTES:
            raise UserError(f"{plain_name(upload.name)}: larger than {MAX_BYTES // 2**20} MiB")
    parent = home() / "uploads"
    try:
        parent.mkdir(exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=parent))
    except OSError as error:
        raise UserError(f"{parent}: cannot be written ({error.strerror})") from None
    try:
        paths = {}
        for number, (role, upload) in enumerate(uploads.items()):
            place = folder / str(number)  # two files may bear one name
            place.mkdir()
            paths[role] = place / plain_name(upload.name)
            paths[role].write_bytes(upload.content)
        yield paths
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror})") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def plain_name(name: str) -> str:
    """The last part of a file's name, whatever folders the browser names, short and without control characters."""
    last = PurePosixPath(PureWindowsPath(name).as_posix()).name
    return "".join(letter for letter in last if letter.isprintable())[-100:].lstrip(".") or "file"
