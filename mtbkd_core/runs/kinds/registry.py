"""Every kind of table that is computed as a job, and the one call that a worker executes any of them by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mtbkd_core.runs.kinds import comparison, shapley, sweep, training
from mtbkd_core.runs.kinds.base import Table

TABLES: tuple[Table[Any, Any], ...] = (comparison.TABLE, sweep.TABLE, shapley.TABLE, training.TABLE)


def execute_table(folder: str) -> None:
    """Compute the table in `folder`; see `Table.execute`. Its kind is told by where the folder lies."""
    (table,) = (table for table in TABLES if table.kind.place == Path(folder).parent.name)
    table.execute(folder)
