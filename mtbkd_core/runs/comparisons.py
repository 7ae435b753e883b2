"""Comparisons as a person sees them, and what a worker does with one: the life of a run, with rows that outlive it.

    <home>/comparisons/<id>/config.json  rows.jsonl  comparison.json  and what lies in every run's folder

The id is a hash of the settings (less their own seeds, which are replaced), of the seeds, and of each seed's data and
teachers. `rows.jsonl` grows while it is computed; `comparison.json` is the whole table at the end.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mtbkd_core import baselines
from mtbkd_core.baselines import Comparison, tabulate
from mtbkd_core.config import RunConfig
from mtbkd_core.distillation import find_device
from mtbkd_core.files import content_hash, write_atomically
from mtbkd_core.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.result import describe_environment
from mtbkd_core.runs import folder as files
from mtbkd_core.runs import jobs
from mtbkd_core.runs.execute import carry_out
from mtbkd_core.runs.jobs import JobView
from mtbkd_core.runs.rows import Rows, RowsLog, read_rows
from mtbkd_core.tasks import fingerprint

ROWS = "rows.jsonl"


class Asked(BaseModel):
    """What a comparison is of: config.json.

    Attributes:
        config: MT-BKD's settings; their own seeds are 0, for they are replaced.
        seeds: each a replication.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    config: RunConfig
    seeds: tuple[int, ...] = Field(min_length=1, max_length=1000)

    @field_validator("config")
    @classmethod
    def _without_seeds(cls, config: RunConfig) -> RunConfig:
        return config.model_copy(update={"seed": 0, "split_seed": 0})


@dataclass(frozen=True, kw_only=True)
class ComparisonView(JobView):
    """A comparison as it was when it was looked at.

    Attributes:
        config: MT-BKD's settings.
        seeds: of the whole comparison.
        rows: what is computed so far; from `list_comparisons` none.
    """

    config: RunConfig
    seeds: tuple[int, ...]
    rows: Rows

    def table(self, *, whole: bool = True) -> Comparison:
        """What the rows amount to: of whole seeds, or of all that is there."""
        return tabulate(self.config.task, self.rows.whole if whole else self.rows.found)


def comparison_id(config: RunConfig, seeds: Sequence[int]) -> str:
    """The comparison's name.

    Raises:
        UserError: the task or a teacher does not exist.
    """
    return _id(Asked(config=config, seeds=tuple(seeds)))


def enqueue(
    config: RunConfig, seeds: Sequence[int], *, engine: str, submitted_by: str | None = None
) -> tuple[ComparisonView, str | None]:
    """Find or make the comparison and, unless it is done or under way, note that `engine` is to execute it (again).

    Returns:
        The comparison, and the name of the new submission, or none where there was nothing to submit.

    Raises:
        UserError: no seed, or one twice; a task or teacher that does not exist; a home folder that cannot be written.
    """
    if not seeds or len(set(seeds)) < len(seeds):
        raise UserError("seeds: at least one is needed, and each once")
    asked = Asked(config=config, seeds=tuple(seeds))
    path = jobs.create(files.COMPARISON, _id(asked), asked.model_dump_json(indent=2), _asked)
    submission = jobs.enqueue(path, files.COMPARISON, engine=engine, submitted_by=submitted_by, is_torn=_is_torn)
    return _view(path, whole=True), submission


def read(id: str) -> ComparisonView:
    """Look at a comparison.

    Raises:
        UserError: no such comparison, a name that is none, or a folder whose configuration is torn or another's.
    """
    return _view(jobs.find(files.COMPARISON, id), whole=True)


def list_comparisons(on_problem: Callable[[str], None] | None = None) -> list[ComparisonView]:
    """All comparisons, newest first, without their rows; `on_problem` is told of each folder that cannot be shown.

    Raises:
        UserError: the home folder cannot be used.
    """
    return jobs.views(files.COMPARISON, lambda path: _view(path, whole=False), on_problem)


def request_cancel(id: str) -> ComparisonView:
    """Ask a comparison to stop; its rows stay, and launched again it goes on after the last whole seed.

    Raises:
        UserError: no such comparison, or its folder cannot be written.
    """
    path = jobs.find(files.COMPARISON, id)
    jobs.request_cancel(path, files.COMPARISON)
    return _view(path, whole=True)


def delete_comparison(id: str) -> None:
    """Delete a comparison and its rows.

    Raises:
        UserError: no such comparison, it is queued or running, or it cannot be deleted.
    """
    jobs.delete(jobs.find(files.COMPARISON, id), files.COMPARISON)


def execute_comparison(folder: str) -> None:
    """Compute the comparison in `folder`, as `mtbkd_core.runs.execute.execute` computes a run; errors as there."""
    carry_out(Path(folder), files.COMPARISON, _compare)


def _compare(path: Path, on_progress: OnProgress, should_stop: ShouldStop) -> Callable[[], None]:
    asked = _asked(path)
    kept = _reusable(path, asked)
    began = time.monotonic()
    with RowsLog(path / ROWS, kept) as log:

        def close(seed: int) -> None:
            nonlocal began
            now = time.monotonic()
            log.close_seed(seed, now - began)
            began = now

        found = baselines.compare(
            asked.config,
            asked.seeds,
            known=kept.whole,
            on_step=log.write,
            on_seed=close,
            on_progress=on_progress,
            should_stop=should_stop,
        )
    content = asdict(found) | {
        "config": asked.config.model_dump(mode="json"),
        "fingerprints": list(_fingerprints(asked)),
        "environment": describe_environment(find_device(asked.config.device)),
    }
    return partial(write_atomically, path / files.COMPARISON.result, json.dumps(content, indent=2, allow_nan=False))


def _reusable(path: Path, asked: Asked) -> Rows:
    """The whole seeds of this comparison, and those that others of the same settings have computed already.

    A comparison's name holds its data's fingerprints, so what lies in a folder that is found was computed from them.
    """
    own = read_rows(path / ROWS)
    rows, seconds = dict(own.whole), dict(own.seconds)
    for other in list_comparisons():
        if other.config == asked.config and other.id != path.name and other.id == _id(_asked(other.folder)):
            theirs = read_rows(other.folder / ROWS)
            for seed, found in theirs.whole.items():
                if seed in asked.seeds and seed not in rows:
                    rows[seed], seconds[seed] = found, theirs.seconds[seed]
    return Rows({seed: rows[seed] for seed in asked.seeds if seed in rows}, seconds)


def _id(asked: Asked) -> str:
    return content_hash(asked.model_dump_json(), *_fingerprints(asked))


def _fingerprints(asked: Asked) -> tuple[str, ...]:
    return tuple(_fingerprint(asked.config.model_copy(update={"split_seed": seed})) for seed in asked.seeds)


@lru_cache(maxsize=4096)
def _fingerprint(config: RunConfig) -> str:
    # It takes milliseconds, and every comparison of a list asks for it again, once a seed.
    return fingerprint(config)


def _asked(path: Path) -> Asked:
    """config.json.

    Raises:
        UserError: it is torn, or another comparison's.
    """
    try:
        asked = Asked.model_validate_json((path / files.CONFIG).read_bytes())
    except OSError as error:
        raise UserError(f"comparison {path.name}: config.json cannot be read ({error.strerror or error})") from None
    except ValidationError as error:
        raise UserError(f"comparison {path.name}: config.json is torn ({error.error_count()} problems)") from None
    if not _is_own(path, asked):
        raise UserError(
            f"comparison {path.name}: config.json is not this comparison's; it was changed, or the comparison was made "
            "by another version of this program and has no result"
        )
    return asked


def _is_own(path: Path, asked: Asked) -> bool:
    """Whether the folder's name is the hash of what config.json says, and of the data's and teachers' fingerprints.

    These are today's, or those that the result was computed with: it is not to vanish with the next version.
    """
    with suppress(UserError):  # a task or teacher that is no more
        if _id(asked) == path.name:
            return True
    result = files.read_result(path, files.COMPARISON)
    told = result.get("fingerprints") if result is not None else None
    if not isinstance(told, list) or not all(isinstance(one, str) for one in told):
        return False
    return content_hash(asked.model_dump_json(), *told) == path.name


def _is_torn(path: Path) -> bool:
    """Whether the table is there, but rows of it are gone: they are what is shown."""
    return set(read_rows(path / ROWS).whole) != set(_asked(path).seeds)


def _view(path: Path, *, whole: bool) -> ComparisonView:
    asked = _asked(path)
    common = jobs.look_at(path, files.COMPARISON, whole=whole)
    rows = read_rows(path / ROWS) if whole else Rows({}, {})
    return ComparisonView(config=asked.config, seeds=asked.seeds, rows=rows, **common)
