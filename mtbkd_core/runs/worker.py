"""Loaded by every worker before it takes its first job, so that no job waits for imports."""

from __future__ import annotations

import mtbkd_core.runs.execute  # noqa: F401  (for its imports)
from mtbkd_core.common.parallel import limit_threads
from mtbkd_core.evaluation import load_libraries

load_libraries()


def dask_setup(worker: object) -> None:
    """`parallel` divides the processor; the engine has set its number of threads."""
    limit_threads()
