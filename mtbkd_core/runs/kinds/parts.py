"""Jobs that are computed part by part: a comparison's seeds, a grid's runs, a training's teachers, a study's settings.

`rows.jsonl` grows while the job is computed and stays when it ends early; the result file holds the whole at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from mtbkd_core.config.models import RunConfig
from mtbkd_core.evaluation.scores import Row
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.job import JobSpec, JobView, Work
from mtbkd_core.runs.rows import Rows, RowsLog, read_rows

ROWS = "rows.jsonl"


class PartsSpec(JobSpec):
    """A job that has numbered parts."""

    def parts(self) -> Mapping[int, RunConfig]:
        """Each part, in order, and the settings that name its data and its teachers."""
        raise NotImplementedError

    def inputs(self) -> Sequence[RunConfig]:
        """As `JobSpec.inputs`."""
        return list(self.parts().values())


P = TypeVar("P", bound=PartsSpec)


@dataclass(frozen=True, kw_only=True)
class PartsView(JobView[P]):
    """A job with parts as it was when it was looked at.

    Attributes:
        rows: what is computed so far; from a list none.
    """

    rows: Rows = field(default_factory=lambda: Rows({}, {}))

    @classmethod
    def contents(cls, folder: Path, state: State) -> dict[str, Any]:
        """As `JobView.contents`."""
        return {"rows": read_rows(folder / ROWS)}

    @property
    def parts_done(self) -> int:
        """As `JobView.parts_done`."""
        return len(self.rows.whole)

    @property
    def parts(self) -> int:
        """As `JobView.parts`."""
        return len(self.spec.parts())

    @property
    def seconds_per_part(self) -> float | None:
        """How long a part took, mean over those that are whole; none before the first."""
        seconds = self.rows.seconds.values()
        return sum(seconds) / len(seconds) if seconds else None

    def is_torn(self) -> bool:
        """Whether rows are gone: they are what is shown."""
        return set(self.rows.whole) != set(self.spec.parts())


#: Computes the parts that are missing: the spec, those that are there, where new ones are written, reports and stops.
#: It returns what the result file holds beside the spec, the fingerprints and the environment.
Fill = Callable[[P, Rows, RowsLog, Work], Mapping[str, Any]]


def filled_by(
    fill: Fill[P], current: Callable[[Mapping[str, Row]], bool] = lambda rows: True
) -> Callable[[P, Work], Mapping[str, Any]]:
    """The `JobKind.compute` that keeps the parts that are there, of earlier attempts and of other jobs.

    Args:
        current: whether a part's rows are what would be computed today; others are computed anew.
    """

    def compute(spec: P, work: Work) -> Mapping[str, Any]:
        # A job's name holds its data's fingerprints, so what lies in its folder was computed from them.
        own, lent = read_rows(work.folder / ROWS), work.lent
        whole = {**lent.whole, **own.whole}
        kept = Rows(whole, {**lent.seconds, **own.seconds}).of(
            part for part in spec.parts() if current(whole.get(part, {}))
        )
        with RowsLog(work.folder / ROWS, kept, work.check_inputs) as log:
            return fill(spec, kept, log, work)

    return compute
