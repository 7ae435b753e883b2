"""The home folder, and files that a reader never sees half written."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import tempfile
from pathlib import Path
from typing import Any, Literal

import platformdirs
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from mtbkd_core.common.progress import UserError


def expanded(path: str | Path, what: str) -> Path:
    """A path that a person gave, its `~` replaced; nothing is made.

    Raises:
        UserError: no file or folder can have this name; the message begins with `what`.
    """
    try:
        found = Path(path).expanduser()
        found.exists()
        return found.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # too long; ~ of an unknown user; a zero in it
        shown = str(path) if len(str(path)) <= 100 else f"{str(path)[:100]}…"
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{what}: {shown!r} can be no path ({reason})") from None


def home_path() -> Path:
    """Where the home folder is or would be; nothing is made or tried.

    Raises:
        UserError: `MTBKD_HOME` is no path.
    """
    chosen = os.environ.get("MTBKD_HOME")
    return expanded(chosen, "MTBKD_HOME") if chosen else Path(platformdirs.user_data_dir("mtbkd-explorer"))


def home() -> Path:
    """The user's data folder: `MTBKD_HOME` if set, else the platform's own place. Made if missing.

    Raises:
        UserError: it cannot be made or written.
    """
    folder = home_path()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder.resolve()
    except OSError as error:
        raise UserError(
            f"home folder {folder}: cannot be written ({error.strerror}); set MTBKD_HOME to a folder that can"
        ) from None


def make_folder(folder: Path) -> None:
    """Make a folder with those above it.

    Raises:
        UserError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made ({error.strerror})") from None


def write_atomically(path: Path, content: bytes | memoryview | str, *, sync: bool = True) -> None:
    """Write to a temporary name beside `path`, sync, rename. On failure nothing is left behind.

    Args:
        sync: wait for the disk; without it, the file may be torn after a crash of the whole machine.
    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:  # with the user's own permissions: a shared home stays readable to its group
            file.write(data)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from None


class LineLog:
    """A file that grows by whole lines: each is one write, so a reader sees it at once and whole."""

    def __init__(self, path: Path, mode: Literal["wb", "ab"]) -> None:
        """Start the file anew, or go on behind what it holds; errors as `write`."""
        self._path = path
        try:
            self._file = path.open(mode, buffering=0)
        except OSError as error:
            raise self._refused(error) from None

    def write(self, line: bytes) -> None:
        """Add a line.

        Raises:
            UserError: the disk is full or the folder is gone.
        """
        try:
            written = self._file.write(line)
        except OSError as error:
            raise self._refused(error) from None
        if written != len(line):  # a disk that fills up takes a part, and refuses only the next write
            raise UserError(f"{self._path}: cannot be written (the disk is full)")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _refused(self, error: OSError) -> UserError:
        return UserError(f"{self._path}: cannot be written ({error.strerror or error})")


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write tensors as safetensors, atomically; errors as `write_atomically`."""
    write_atomically(
        path, save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, metadata)
    )


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file.

    Raises:
        UserError: it is missing, torn or not a safetensors file.
    """
    try:
        return load_file(path)
    except FileNotFoundError:
        raise UserError(f"{path}: not there") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from None


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        UserError: it is missing, torn or something else.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path}: not there") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds no object")
    return content


def content_hash(*parts: bytes | str) -> str:
    """A 16-digit hexadecimal digest of the parts; equal parts, equal digest."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()[:16]


def sha256(path: Path) -> str:
    """Digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
