"""Every kind of job: the `KIND` of each file beside this one. A new kind is registered by its file being here."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import Any

from mtbkd_core.runs import kinds
from mtbkd_core.runs.job import JobKind


def _found() -> tuple[JobKind[Any, Any], ...]:
    names = [f"{kinds.__name__}.{file.name}" for file in pkgutil.iter_modules(kinds.__path__)]
    modules = [importlib.import_module(name) for name in names if name != __name__]
    return tuple(module.KIND for module in modules if hasattr(module, "KIND"))


KINDS = _found()


def kind_of(path: Path) -> JobKind[Any, Any]:
    """The kind of the job in a folder: where the folder lies says it."""
    return next(kind for kind in KINDS if kind.folder == path.parent.name)
