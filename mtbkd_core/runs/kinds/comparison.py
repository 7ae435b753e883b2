"""Comparisons: MT-BKD against every baseline, a part for each seed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import Field, field_validator

from mtbkd_core.common.progress import UserError
from mtbkd_core.config.models import RunConfig
from mtbkd_core.runs import store
from mtbkd_core.runs.job import JobKind, Work
from mtbkd_core.runs.kinds.parts import PartsSpec, PartsView, filled_by
from mtbkd_core.runs.rows import Rows, RowsLog
from mtbkd_core.studies import comparison as study
from mtbkd_core.studies.comparison import Comparison, tabulate
from mtbkd_core.studies.tuning import is_tuned


class ComparisonSpec(PartsSpec):
    """What is compared.

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
class ComparisonView(PartsView[ComparisonSpec]):
    """A comparison as it was when it was looked at."""

    def table(self, *, whole: bool = True) -> Comparison:
        """What the rows amount to: of whole seeds, or of all that is there."""
        return tabulate(self.config.data.task, self.rows.whole if whole else self.rows.found)

    def is_torn(self) -> bool:
        """As `PartsView.is_torn`; seeds with methods that were not tuned can be shown, and are computed anew, too."""
        return super().is_torn() or not all(is_tuned(found) for found in self.rows.whole.values())


def comparison_spec(config: RunConfig, seeds: Sequence[int]) -> ComparisonSpec:
    """The comparison of these settings with these seeds.

    Raises:
        UserError: no seed, or one twice.
    """
    if not seeds or len(set(seeds)) < len(seeds):
        raise UserError("seeds: at least one is needed, and each once")
    return ComparisonSpec(config=config, seeds=tuple(seeds))


def _fill(spec: ComparisonSpec, kept: Rows, log: RowsLog, work: Work) -> Mapping[str, Any]:
    began = time.monotonic()

    def close(seed: int) -> None:
        nonlocal began
        now = time.monotonic()
        log.close(seed, now - began)
        began = now

    found = study.compare(
        spec.config,
        spec.seeds,
        known=kept.whole,
        on_step=log.write,
        on_seed=close,
        on_progress=work.on_progress,
        should_stop=work.should_stop,
    )
    return asdict(found)


def _reuse(spec: ComparisonSpec) -> Rows:
    """The seeds that comparisons of the same settings have computed already."""
    rows = Rows({}, {})
    for other in store.reusable(KIND):
        if other.config.unchecked == spec.config.unchecked:
            rows.found.update(other.rows.whole)
            rows.seconds.update(other.rows.seconds)
    return rows


KIND: JobKind[ComparisonSpec, ComparisonView] = JobKind(
    noun="comparison",
    folder="comparisons",
    result="comparison.json",
    spec=ComparisonSpec,
    view=ComparisonView,
    compute=filled_by(_fill, is_tuned),
    reuse=_reuse,
)
