"""Coverage studies: how often credible intervals hold a known truth, a part for each setting of the study."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from pydantic import Field

from mtbkd_core.catalog.settings import default_config
from mtbkd_core.common.progress import Phase, Progress, stop_if
from mtbkd_core.config.choices import Device
from mtbkd_core.config.models import RunConfig, SamplerConfig
from mtbkd_core.evaluation.errors import interval
from mtbkd_core.evaluation.scores import Row
from mtbkd_core.runs.job import JobKind, Work
from mtbkd_core.runs.kinds.parts import PartsSpec, PartsView, filled_by
from mtbkd_core.runs.rows import Rows, RowsLog
from mtbkd_core.studies import coverage as study
from mtbkd_core.studies.coverage import SETTINGS, TASK, Coverage

#: Points at which the intervals are compared with the truth.
TESTS = 60
#: Some seconds for everything; benchmarks/coverage.py takes more replications and longer chains.
SAMPLER = SamplerConfig(chains=6, draws=40, thinning=8, warm_start_steps=80, burn_in=100, friction=1.0)
#: Factors of the wrong teacher's logits that a person may choose.
FACTORS = tuple(quarter / 4 for quarter in range(17))
#: The settings of studies that don't name theirs: all that there were when those were made.
FIRST_SETTINGS = (
    "no teacher",
    "experts, inverse_entropy",
    "experts, softmin",
    "experts, fixed",
    "experts and wrong, inverse_entropy",
    "experts and wrong, softmin",
    "experts and wrong, fixed",
    "the wrong one alone",
)
#: What is measured in each data set.
_COLUMNS = tuple(field.name for field in fields(Coverage) if field.name != "setting")


def _config() -> RunConfig:
    return default_config(TASK.INFO.name).model_copy(update={"sampler": SAMPLER, "device": Device.CPU})


class CoverageSpec(PartsSpec):
    """What is measured, with the task's default prior and the sampler of the settings.

    Attributes:
        points: labelled points of each data set.
        replications: data sets, each with a posterior of its own in every setting.
        wrong_factor: what the logits of the confidently wrong teacher are multiplied by.
        seed: of the data sets and of the chains.
        settings: names of the study's settings, one a part: parts keep their names when settings are added.
    """

    config: RunConfig = Field(default_factory=_config)
    points: int = Field(ge=4, le=2000)
    replications: int = Field(24, ge=1, le=1000)
    wrong_factor: float = Field(2.0, ge=0, le=100)
    seed: int = Field(0, ge=0, lt=2**31)
    settings: tuple[str, ...] = Field(default_factory=lambda: tuple(SETTINGS), min_length=1)

    def parts(self) -> Mapping[int, RunConfig]:
        """A part for each setting of the study."""
        return dict.fromkeys(range(len(self.settings)), self.config)


def _parse(content: bytes) -> CoverageSpec:
    spec = CoverageSpec.model_validate_json(content)
    return spec if "settings" in spec.model_fields_set else spec.model_copy(update={"settings": FIRST_SETTINGS})


@dataclass(frozen=True)
class Change:
    """A mean difference over data sets, with its 95 % interval by Student's t; NaN where there is one data set."""

    value: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True, kw_only=True)
class CoverageView(PartsView[CoverageSpec]):
    """A coverage study as it was when it was looked at."""

    def found(self) -> list[Coverage]:
        """What was measured in each setting that is whole."""
        names = self.spec.settings
        return [_of_rows(names[part], list(rows.values())) for part, rows in sorted(self.rows.whole.items())]

    @property
    def posteriors(self) -> int:
        """How many were sampled, over data sets and settings."""
        return self.spec.replications * self.parts_done

    def change(self, column: str, setting: str, reference: str) -> Change:
        """A column of `Coverage` in a setting minus that in another one, paired by data set."""
        found = {each.setting: each for each in self.found()}
        gaps = (getattr(found[setting], column) - getattr(found[reference], column)).double()
        mean = float(gaps.mean())
        if len(gaps) < 2:
            return Change(mean)
        return Change(mean, *interval(mean, float(gaps.std()) / math.sqrt(len(gaps)), len(gaps) - 1))


def _row(columns: Mapping[str, Sequence[float]], number: int) -> Row:
    each = {name: float(values[number]) for name, values in columns.items()}
    return {name: value if math.isfinite(value) else None for name, value in each.items()}


def _of_rows(setting: str, rows: Sequence[Row]) -> Coverage:
    def column(name: str) -> torch.Tensor:
        return torch.tensor([float("nan") if (value := row.get(name)) is None else value for row in rows])

    return Coverage(setting, **{name: column(name) for name in _COLUMNS})


def _fill(spec: CoverageSpec, kept: Rows, log: RowsLog, work: Work) -> Mapping[str, Any]:
    names = spec.settings
    for part in (part for part in spec.parts() if part not in kept.whole):

        def watch(fraction: float, name: str, part: int = part) -> None:
            stop_if(work.should_stop)
            done = (part + fraction) / len(names)
            work.on_progress(Progress(Phase.STUDY, part, len(names), done, names[part]))

        began = time.monotonic()
        (found,) = study.coverage_study(
            spec.replications,
            spec.points,
            tests=TESTS,
            seed=spec.seed,
            wrong_factor=spec.wrong_factor,
            settings=[names[part]],
            sampler=spec.config.sampler,
            watch=watch,
        )
        columns = {name: getattr(found, name).tolist() for name in _COLUMNS}
        for number in range(spec.replications):
            log.write(part, str(number), _row(columns, number))
        log.close(part, time.monotonic() - began)
    return {"settings": names}


KIND: JobKind[CoverageSpec, CoverageView] = JobKind(
    noun="coverage study",
    folder="coverages",
    result="coverage.json",
    spec=CoverageSpec,
    view=CoverageView,
    parse=_parse,
    compute=filled_by(_fill),
)
