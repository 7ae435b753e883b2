"""The posterior so far: what a run that is under way, or ended early, can show.

A snapshot is one file that is replaced as a whole, so that a reader sees the old one or the new one. It is not synced:
it is worth less than the time that this takes, and one that is torn counts as none.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from mtbkd_core.common.files import write_atomically
from mtbkd_core.config.models import RunConfig
from mtbkd_core.evaluation.metrics import Metrics
from mtbkd_core.evaluation.predictions import Predictions
from mtbkd_core.result import Result

_DRAWS = "draws"
#: Snapshots may take one part of the run's time in so many; between two there are so many seconds at least.
_SHARE, _LEAST_SECONDS = 10, 0.5


class Moment(BaseModel):
    """How far a run was.

    Attributes:
        number: of the snapshot, from 1; with it what is worked out of one can be told from what is of another.
        draws: kept of each chain so far; 0: the predictions are those of the warm start's ensemble.
        gradients: of one chain since the tuning.
        seconds: of warm start and sampling.
        precision: the sampler's error of the predictive mean, as a total variation distance; None: not known yet.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    draws: int
    gradients: int
    seconds: float
    precision: float | None = None

    @property
    def is_warm_start(self) -> bool:
        """Whether nothing has been sampled yet."""
        return self.draws == 0


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The posterior so far.

    Attributes:
        moment: how far the run was.
        result: as of a run that ended there, with some of its draws.
    """

    moment: Moment
    result: Result

    def save(self, path: Path) -> None:
        """Write it in the place of the one before; errors as `write_atomically`."""
        result = self.result
        tensors = result.predictions.tensors() | {_DRAWS: result.draws.cpu()}
        about = {
            "moment": self.moment.model_dump_json(),
            "config": result.config.model_dump_json(),
            "metrics": json.dumps(result.metrics.dump()),
            "environment": json.dumps(result.environment),
        }
        whole = save({name: value.contiguous() for name, value in tensors.items()}, about)
        write_atomically(path, whole, sync=False)

    @classmethod
    def load(cls, path: Path) -> Snapshot | None:
        """Read it; None where there is none, it is torn, or another version wrote it."""
        try:
            with safe_open(path, "pt") as file:
                about = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no mapping)
            moment, config, metrics = _read(about)
            environment, draws = json.loads(about["environment"]), tensors.pop(_DRAWS)
            return cls(moment, Result(config, metrics, draws, Predictions.from_tensors(tensors), environment))
        except (OSError, SafetensorError, ValidationError, ValueError, KeyError):
            return None


def look(path: Path) -> tuple[Moment, Metrics] | None:
    """How far it is and its scores, without its tensors; None as in `Snapshot.load`."""
    try:
        with safe_open(path, "pt") as file:
            moment, _, metrics = _read(file.metadata() or {})
            return moment, metrics
    except (OSError, SafetensorError, ValidationError, ValueError, KeyError):
        return None


def _read(about: dict[str, str]) -> tuple[Moment, RunConfig, Metrics]:
    return (
        Moment.model_validate_json(about["moment"]),
        RunConfig.model_validate_json(about["config"]),
        Metrics.model_validate_json(about["metrics"]),
    )


@dataclass
class Pace:
    """How often snapshots are taken.

    Attributes:
        began: when the run did, on a clock in seconds.
        due: when the next one is; the first of draws as soon as there are some.
        count, seconds: of all so far, and what they took.
    """

    began: float
    due: float = -math.inf
    count: int = 0
    seconds: float = 0.0
    _last: float = 0.0

    def took(self, seconds: float) -> None:
        """One more has been taken, in so many seconds."""
        self.count, self.seconds, self._last = self.count + 1, self.seconds + seconds, seconds

    def next(self, now: float, end: float | None) -> None:
        """Say when the next one is due, if it takes as long as the last.

        What is left of the snapshots' share is spread evenly over what is left of the run. Where its end is not known,
        the next one comes when all of them have had no more than their share of the time until then.
        """
        if end is None:
            due = self.began + _SHARE * (self.seconds + self._last)
        else:
            left = (end - self.began) - _SHARE * self.seconds
            due = now + (end - now) * _SHARE * self._last / left if left > 0 else math.inf
        self.due = max(now + _LEAST_SECONDS, due)


#: Takes each snapshot of a run.
OnSnapshot = Callable[[Snapshot], None]
