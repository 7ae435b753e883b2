"""Choices of the strength: the cross-validated path of labels and concentrations, and what is chosen on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mtbkd_core.catalog.registry import load_task
from mtbkd_core.common.progress import Progress, UserError
from mtbkd_core.config.choices import Device
from mtbkd_core.config.models import PriorConfig, RunConfig, SamplerConfig
from mtbkd_core.distillation import find_device, learner_of
from mtbkd_core.evaluation.strength_path import StrengthChoice
from mtbkd_core.run_progress import Reporter
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.job import JobKind, JobSpec, JobView, Work
from mtbkd_core.strength import with_strength

RESULT = "strength.json"
#: Of the whole progress, where teachers have to be trained first.
_TEACHERS_SHARE = 0.3


class StrengthSpec(JobSpec):
    """What is chosen for: settings with a strength that is left to the program; see `strength_spec`."""


@dataclass(frozen=True, kw_only=True)
class StrengthView(JobView[StrengthSpec]):
    """A choice as it was when it was looked at.

    Attributes:
        choice: what was chosen; None before the end, and from a list.
    """

    choice: StrengthChoice | None = None

    @classmethod
    def contents(cls, folder: Path, state: State) -> dict[str, Any]:
        """As `JobView.contents`.

        Raises:
            UserError: it is done, and its result cannot be read.
        """
        if state is not State.DONE:
            return {}
        try:
            return {"choice": StrengthChoice.model_validate(json.loads((folder / RESULT).read_bytes())["choice"])}
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            raise UserError(f"choice of the strength {folder.name}: {RESULT} cannot be read") from None

    def fits(self, config: RunConfig) -> bool:
        """Whether it was made for these settings, the strength and the concentration aside."""
        return _decisive(self.config) == _decisive(config)


def strength_spec(config: RunConfig) -> StrengthSpec:
    """The choice for these settings, without those that it does not depend on."""
    prior = config.prior.model_copy(update={"strength": None})
    plain = {"prior": prior, "sampler": SamplerConfig(), "seed": 0}
    return StrengthSpec(config=config.model_copy(update=plain))


def _decisive(config: RunConfig) -> RunConfig:
    spec = strength_spec(config).config
    chosen = {"concentration": PriorConfig().concentration}
    return spec.model_copy(update={"prior": spec.prior.model_copy(update=chosen), "device": Device.AUTO})


def _compute(spec: StrengthSpec, work: Work) -> Mapping[str, Any]:
    config, before = spec.config, 0.0

    def training(progress: Progress) -> None:
        nonlocal before
        before = _TEACHERS_SHARE
        work.on_progress(replace(progress, fraction=_TEACHERS_SHARE * progress.fraction))

    def choosing(progress: Progress) -> None:
        done = before + (1 - before) * progress.step / progress.steps
        work.on_progress(replace(progress, fraction=done))

    task = load_task(config.data, on_progress=training, should_stop=work.should_stop)
    learner = learner_of(config, task, find_device(config.device))
    _, choice = with_strength(config, *learner, Reporter(config, choosing, work.should_stop))
    assert choice is not None
    return {"choice": choice.model_dump(mode="json")}


KIND: JobKind[StrengthSpec, StrengthView] = JobKind(
    noun="choice of the strength",
    folder="strengths",
    result=RESULT,
    spec=StrengthSpec,
    view=StrengthView,
    compute=_compute,
)
