"""Comparisons as jobs: MT-BKD against every baseline, a part of the table for each seed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import Field, field_validator

from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.config.models import RunConfig
from mtbkd_core.runs import folder as files
from mtbkd_core.runs.kinds import base
from mtbkd_core.runs.kinds.base import Table, TableView
from mtbkd_core.runs.rows import Rows, RowsLog
from mtbkd_core.studies import comparison as study
from mtbkd_core.studies.comparison import Comparison, tabulate


class Asked(base.Asked):
    """What a comparison is of.

    Attributes:
        config: MT-BKD's settings; their own seeds are 0, for they are replaced.
        seeds: each a replication.
    """

    seeds: tuple[int, ...] = Field(min_length=1, max_length=1000)

    @field_validator("config")
    @classmethod
    def _without_seeds(cls, config: RunConfig) -> RunConfig:
        return config.model_copy(update={"seed": 0}).with_data(split_seed=0)

    def parts(self) -> Mapping[int, RunConfig]:
        """Each seed, and the settings with its split."""
        return {seed: self.config.with_data(split_seed=seed) for seed in self.seeds}


@dataclass(frozen=True, kw_only=True)
class ComparisonView(TableView[Asked]):
    """A comparison as it was when it was looked at."""

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of the whole comparison."""
        return self.asked.seeds

    def table(self, *, whole: bool = True) -> Comparison:
        """What the rows amount to: of whole seeds, or of all that is there."""
        return tabulate(self.config.data.task, self.rows.whole if whole else self.rows.found)


def ask(config: RunConfig, seeds: Sequence[int]) -> Asked:
    """The comparison of these settings with these seeds.

    Raises:
        UserError: no seed, or one twice.
    """
    if not seeds or len(set(seeds)) < len(seeds):
        raise UserError("seeds: at least one is needed, and each once")
    return Asked(config=config, seeds=tuple(seeds))


def _compute(
    asked: Asked, kept: Rows, log: RowsLog, on_progress: OnProgress, should_stop: ShouldStop
) -> Mapping[str, Any]:
    began = time.monotonic()

    def close(seed: int) -> None:
        nonlocal began
        now = time.monotonic()
        log.close(seed, now - began)
        began = now

    found = study.compare(
        asked.config,
        asked.seeds,
        known=kept.whole,
        on_step=log.write,
        on_seed=close,
        on_progress=on_progress,
        should_stop=should_stop,
    )
    return asdict(found)


def _lent(asked: Asked) -> Rows:
    """The seeds that comparisons of the same settings have computed already."""
    rows = Rows({}, {})
    for other, theirs in TABLE.lendable():
        if other.config.unchecked == asked.config.unchecked:
            rows.found.update(theirs.whole)
            rows.seconds.update(theirs.seconds)
    return rows


TABLE: Table[Asked, ComparisonView] = Table(files.COMPARISON, Asked, ComparisonView, _compute, _lent)
