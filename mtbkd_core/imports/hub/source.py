"""Where a data set or a model is: a folder, or a name on the Hub; what went wrong there, in one line."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtbkd_core.common.files import expanded
from mtbkd_core.common.progress import UserError

_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)
#: Seconds until the Hub counts as out of reach.
_PATIENCE = 10.0


@dataclass(frozen=True)
class Source:
    """A data set or a model.

    Attributes:
        where: a folder, or a name on the Hub.
        revision: the commit there; None: a folder, or what was loaded before.
    """

    where: str
    revision: str | None = None

    @property
    def name(self) -> str:
        """A short name for people and files."""
        return Path(self.where).name

    def __str__(self) -> str:
        """As a note names it."""
        return self.where + (f" at revision {self.revision[:12]}" if self.revision else "")


def library(name: str) -> Any:
    """`datasets` or `transformers`, without telemetry; refuses where it is not installed."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        found = importlib.import_module(name)
    except ImportError:
        raise UserError(f"this needs the package {name}, which is not installed: pip install '.[hub]'") from None
    logging = getattr(importlib.import_module(f"{name}.utils"), "logging", None)
    if logging is not None:  # what they say goes into our own lines
        logging.set_verbosity_error()
        logging.disable_progress_bar()
    return found


def find(given: str, what: str, kind: str) -> Source:
    """A folder of this name; else a data set or a model on the Hub.

    Args:
        what: begins the message.
        kind: "dataset" or "model".
    Raises:
        UserError: no folder and no name on the Hub, the Hub out of reach, or one that it does not show; one line.
    """
    place = expanded(given, what)
    if place.is_dir():
        return Source(str(place))
    if not _NAME.fullmatch(given) or given.startswith("."):
        raise UserError(f"{what}: {given[:100]!r} is no folder on this machine, and can be no name on the Hub")
    library("datasets" if kind == "dataset" else "transformers")
    from huggingface_hub import HfApi

    try:
        found = HfApi().repo_info(given, repo_type=kind, timeout=_PATIENCE)
    except Exception as error:  # errors of the Hub's own, of its libraries for the net, of the system
        if type(error).__name__ == "OfflineModeIsEnabled":
            return Source(given)
        raise UserError(f"{what}: {given!r} {_reason(error, kind)}") from None
    return Source(given, found.sha)


def attempt(what: str, source: Source, wanted: str, load: Callable[[], Any]) -> Any:
    """What `load` returns; what it raises is one line: `what: 'name' cannot be read as <wanted> (reason)`."""
    try:
        return load()
    except (UserError, MemoryError):
        raise
    except Exception as error:  # the libraries raise whatever their parts raise
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise UserError(f"{what}: {source.where!r} cannot be read as {wanted} ({reason})") from None


def _reason(error: Exception, kind: str) -> str:
    """Why the Hub does not show something."""
    known = "data set" if kind == "dataset" else kind
    if "Gated" in (name := type(error).__name__):
        return f"asks for consent on the Hub first: give it there, then log in here (hf auth login), for a {known}"
    if name in ("RepositoryNotFoundError", "HFValidationError"):
        return f"is no folder on this machine, and no {known} on the Hub that is shown to you"
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return f"cannot be asked for: the Hub answered with status {status}"
    return (
        "is no folder on this machine, and the Hub cannot be reached from it: download it elsewhere and name the "
        "folder, or set HF_HUB_OFFLINE=1 where it was loaded before"
    )
