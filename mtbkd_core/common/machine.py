"""The machine and the versions that something is computed with."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import torch

from mtbkd_core.common.parallel import find_threads


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Version of this program, of Python and torch, platform, device and threads."""
    return {
        "version": _version("mtbkd-explorer"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
        "threads": find_threads(),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except ModuleNotFoundError:
        return "source"
