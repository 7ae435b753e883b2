"""Loaded by every worker before it takes its first run, so that no run waits for imports."""

from __future__ import annotations

import mtbkd_core.runs.execute  # noqa: F401  (for its imports)
from mtbkd_core.common.parallel import limit_threads
from mtbkd_core.evaluation import load_libraries

load_libraries()


def dask_setup(worker: object) -> None:
    """What a run takes of the processor is for `parallel` to say, which the engine told how many threads."""
    limit_threads()
