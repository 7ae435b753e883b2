"""Runs: one configuration, distilled. The result is a saved `Result`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mtbkd_core import distillation, extension, snapshot
from mtbkd_core.common.files import read_json
from mtbkd_core.common.progress import UserError
from mtbkd_core.config.models import RunConfig
from mtbkd_core.config.parse import parse_config
from mtbkd_core.evaluation.metrics import Metrics
from mtbkd_core.extension import More
from mtbkd_core.result import Result
from mtbkd_core.runs import store
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.job import JobKind, JobView, Work
from mtbkd_core.runs.kept import CHAINS, SNAPSHOT, Kept
from mtbkd_core.runs.naming import id_of
from mtbkd_core.snapshot import Moment, Snapshot

#: Asks a run that is done to go on; see `extension.More`.
MORE = "more.json"


class _TornResult(UserError):
    """A result that cannot be loaded, on any machine."""


@dataclass(frozen=True, kw_only=True)
class RunView(JobView[RunConfig]):
    """A run as it was when it was looked at."""

    @property
    def config(self) -> RunConfig:
        """What it computes."""
        return self.spec

    @property
    def moment(self) -> tuple[Moment, Metrics] | None:
        """How far its newest snapshot is, and the scores then; None where there is none."""
        return snapshot.look(self.folder / SNAPSHOT)

    @property
    def has_result(self) -> bool:
        """Whether there is a result; one of a run that goes on is shown until there is a newer snapshot."""
        return (self.folder / KIND.result).exists()

    @property
    def resumable(self) -> bool:
        """As `JobView.resumable`."""
        return (self.folder / CHAINS).exists()

    def is_torn(self) -> bool:
        """Whether its result cannot be loaded; it is looked into only here, for a list has to stay cheap."""
        try:
            _load(self.folder)
        except _TornResult:
            return True
        return False


def _compute(config: RunConfig, work: Work) -> Result:
    """From the start, from where an earlier attempt was stopped, or longer than it was asked for at first."""
    folder = work.folder
    if (folder / MORE).exists() and (folder / KIND.result).exists():
        return _longer(folder, work)
    kept = Kept(folder)
    return distillation.distill_from(
        kept.read(),
        config,
        on_progress=work.on_progress,
        should_stop=work.should_stop,
        on_snapshot=kept.show,
        on_keep=kept.keep,
    )


def _longer(folder: Path, work: Work) -> Result:
    result, more = _load(folder), More.model_validate(read_json(folder / MORE))
    kept = Kept(folder, extension.draws_of(result))
    return extension.extend_from(
        kept.read(),
        result,
        more,
        on_progress=work.on_progress,
        should_stop=work.should_stop,
        on_snapshot=kept.show,
        on_keep=kept.keep,
    )


def _save(path: Path, result: Result) -> None:
    there = (path / KIND.result).exists()  # of a run that went on: what it had stays
    try:
        result.save(path)
        (path / MORE).unlink(missing_ok=True)
        Kept(path).forget()
    except BaseException:
        if there:
            raise
        # Half a result is none, and on a full disk its room is needed to say so.
        for name in ("posterior.safetensors", "predictions.safetensors"):
            with suppress(OSError):
                (path / name).unlink(missing_ok=True)
        raise


KIND: JobKind[RunConfig, RunView] = JobKind(
    noun="run",
    folder="runs",
    result="metrics.json",
    spec=RunConfig,
    view=RunView,
    compute=_compute,
    parse=parse_config,
    inputs=lambda config: (config,),
    device=lambda config: config.device,
    save=_save,
    more=MORE,
)


def run_id(config: RunConfig) -> str:
    """The name of a configuration's run; errors as `id_of`."""
    return id_of(KIND, config)


def load_snapshot(view: RunView) -> Snapshot | None:
    """The posterior so far of a run that is under way or ended early; None where there is none that can be read."""
    return Snapshot.load(view.folder / SNAPSHOT)


def load_result(id: str) -> Result:
    """The result of a run that is done.

    Raises:
        UserError: no such run, not done, or a file of the result is torn, or its configuration is another run's.
    """
    view = store.read(KIND, id)
    if view.state is not State.DONE and not view.has_result:
        raise UserError(f"run {id}: no result, it is {view.state}" + (f" ({view.reason})" if view.reason else ""))
    return _load(view.folder)


def _load(path: Path) -> Result:
    try:
        return Result.load(path)
    except MemoryError:
        raise UserError(f"run {path.name}: there is not enough memory to load its result") from None
    except Exception as error:  # whatever lies in the folder
        line = " ".join(str(error).split()) or type(error).__name__
        raise _TornResult(
            f"run {path.name}: its result cannot be read ({line}); press Distill to compute it again"
        ) from None
