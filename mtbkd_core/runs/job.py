"""What a kind of job is, what one of its jobs asks for, and what a page sees of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, field_validator

from mtbkd_core.common.files import write_atomically
from mtbkd_core.common.progress import OnProgress, Progress, ShouldStop
from mtbkd_core.config.choices import Device
from mtbkd_core.config.models import RunConfig, without_aliases
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.rows import Rows

#: Less progress than this gives no time that is left; nor does less than the second where it took few seconds, for a
#: part of these went into the start.
_LEAST_PROGRESS, _LEAST_EARLY, _EARLY_SECONDS = 0.02, 0.15, 20.0


class JobSpec(BaseModel):
    """What a job is asked to compute: config.json. Equal ones with equal data are one job.

    Attributes:
        config: the settings that it starts from; in a file with the names of any time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    config: RunConfig

    @field_validator("config", mode="before")
    @classmethod
    def _with_todays_names(cls, config: Any) -> Any:
        return without_aliases(config)[0]

    def inputs(self) -> Sequence[RunConfig]:
        """Settings that name the data and the teachers that it is computed from; at least one."""
        return (self.config,)

    @property
    def device(self) -> Device:
        """Where it is computed."""
        return self.config.device


S = TypeVar("S", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class JobView(Generic[S]):
    """A job as it was when it was looked at.

    Attributes:
        id: 16 hexadecimal digits.
        spec: what it is asked to compute.
        reason: one line: why it ended as it did, or what happened on the way; none where there is nothing to say.
        created: when it was first submitted.
        attempt: number of the newest attempt, 0 before the first.
        name: what a person called it.
        owners: who launched it, on a server that several people use.
        progress: reports of the newest attempt, oldest first. From a list the newest alone, and only of live work.
        started, ended: of the newest attempt; none where it has not come to that.
        stopping: a cancel was asked for, and the worker has not stopped yet.
    """

    id: str
    folder: Path
    spec: S
    state: State
    reason: str | None
    created: datetime
    attempt: int
    name: str | None = None
    progress: tuple[Progress, ...] = ()
    owners: frozenset[str] = frozenset()
    started: datetime | None = None
    ended: datetime | None = None
    stopping: bool = False

    @classmethod
    def contents(cls, folder: Path, state: State) -> dict[str, Any]:
        """Fields that a kind adds, read from the job's folder; a list leaves them out.

        Raises:
            UserError: what is there cannot be shown.
        """
        return {}

    @property
    def config(self) -> RunConfig:
        """The settings that it starts from."""
        spec: Any = self.spec
        config: RunConfig = spec.config
        return config

    @property
    def finished(self) -> bool:
        """Nothing happens any more unless it is launched again."""
        return self.state.finished

    @property
    def parts_done(self) -> int:
        """Parts that are whole, and stay when the job ends early."""
        return 0

    @property
    def parts(self) -> int:
        """Parts in all; 0 for a job that has none, and begins anew where it ended early."""
        return 0

    @property
    def resumable(self) -> bool:
        """Whether a job that ended early goes on with what it has when it is launched again."""
        return self.parts_done > 0

    def is_torn(self) -> bool:
        """Whether the result of a job that is done cannot be shown, so that it has to be computed again."""
        return False

    def seconds_left(self, now: datetime | None = None) -> float | None:
        """How long the newest attempt will still take, if it goes on as it did; none where that cannot be said yet."""
        if self.finished or self.started is None or not self.progress:
            return None
        fraction = self.progress[-1].fraction
        done = fraction - self.progress[0].fraction
        spent = ((now or datetime.now(UTC)) - self.started).total_seconds()
        if done < (_LEAST_EARLY if spent < _EARLY_SECONDS else _LEAST_PROGRESS):
            return None
        return spent * (1 - fraction) / done


V = TypeVar("V", bound=JobView[Any])


@dataclass(frozen=True)
class Work:
    """What a computation is given beside its spec.

    Attributes:
        folder: the job's own.
        lent: parts of it that other jobs have computed, as `JobKind.reuse` found them.
        on_progress: takes reports.
        should_stop: asked at each step; where it says so the computation raises `Cancelled`.
        check_inputs: refuses data or teachers that are no more those that the job was launched with.
    """

    folder: Path
    lent: Rows
    on_progress: OnProgress
    should_stop: ShouldStop
    check_inputs: Callable[[], None]


def save_json(path: Path, result: dict[str, Any]) -> None:
    """Write a result that is one JSON file; errors as `write_atomically`."""
    write_atomically(path, json.dumps(result, indent=2, allow_nan=False))


def own_inputs(spec: Any) -> Sequence[RunConfig]:
    """As the spec's own method gives them."""
    inputs: Sequence[RunConfig] = spec.inputs()
    return inputs


def own_device(spec: Any) -> Device:
    """As the spec says."""
    device: Device = spec.device
    return device


def nothing(spec: object) -> Rows:
    """No part of what is asked has been computed elsewhere."""
    return Rows({}, {})


@dataclass(frozen=True, kw_only=True)
class JobKind(Generic[S, V]):
    """One kind of job: all that its life needs to know of it.

    Attributes:
        noun: what a person calls one of them.
        folder: below the home folder, where its jobs lie.
        result: the last file of a result to be written.
        spec: what config.json holds.
        view: what a page sees of one.
        compute: the work itself; it returns what `save` takes.
        reuse: parts of what is asked that other jobs have computed already.
        again: of a measurement, the spec of one more, for it is made again when it is asked for again; none: what is
            done is found.
        parse: reads config.json, as it was written at any time.
        inputs: as `JobSpec.inputs`.
        device: as `JobSpec.device`.
        more: a file that asks a job that is done to go on; its result stays until there is a new one. None: it cannot.
        save: writes a result into the folder; none: `compute` gives a mapping, and the spec, the data's fingerprints
            and the environment are written beside it.
    """

    noun: str
    folder: str
    result: str
    spec: type[S]
    view: type[V]
    compute: Callable[[S, Work], Any]
    reuse: Callable[[S], Rows] = nothing
    again: Callable[[S], S] | None = None
    parse: Callable[[bytes], S] | None = None
    inputs: Callable[[Any], Sequence[RunConfig]] = own_inputs
    device: Callable[[Any], Device] = own_device
    save: Callable[[Path, Any], None] | None = None
    more: str | None = None

    def goes_on(self, folder: Path) -> bool:
        """Whether a job that may be done was asked to go on."""
        return self.more is not None and (folder / self.more).exists()

    def parsed(self, content: bytes) -> S:
        """The spec that config.json holds.

        Raises:
            ValueError: it holds none.
        """
        return self.parse(content) if self.parse is not None else self.spec.model_validate_json(content)
