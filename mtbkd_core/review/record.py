"""A verdict as it is kept: JSON with what was asked, what was found, and whether the requirements came first."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mtbkd_core.review.requirements import Requirements
from mtbkd_core.review.verdict import Review


def record(run: str, asked: Requirements, found: Review, *, late: bool) -> dict[str, Any]:
    """A verdict on a run as JSON holds it.

    Args:
        run: its name.
        late: whether the requirements were set after the run's results could be seen.
    """
    return {
        "run": run,
        "verdict": found.verdict,
        "requirements": [asdict(each) for each in found.requirements],
        "classes": [asdict(each) for each in found.classes],
        "asked": asked.model_dump(mode="json"),
        "requirements_after_results": late,
    }
