"""The libraries that an export needs, which are an extra of the package."""

from __future__ import annotations

from importlib.util import find_spec

from mtbkd_core.common.progress import UserError

LIBRARIES = ("onnx", "onnxruntime", "huggingface_hub")


def check_libraries() -> None:
    """Nothing where all libraries are there.

    Raises:
        UserError: one line that says how to install what is missing.
    """
    if missing := [name for name in LIBRARIES if find_spec(name) is None]:
        raise UserError(f"export: needs {', '.join(missing)}; install with: pip install .[export]")
