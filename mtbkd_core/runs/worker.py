"""Loaded by every worker before it takes its first run, so that no run waits for imports."""

from __future__ import annotations

import os

import torch

import mtbkd_core.runs.comparisons
import mtbkd_core.runs.execute  # noqa: F401  (for its imports)
from mtbkd_core.evaluation import load_libraries

load_libraries()


def dask_setup(worker: object) -> None:
    """Let torch use as many threads as the engine gave this worker."""
    threads = os.environ.get("MTBKD_THREADS")
    if threads:
        torch.set_num_threads(int(threads))
