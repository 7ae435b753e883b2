"""Jobs that fill a table part by part: what was asked, the rows that outlive an attempt, and what a worker does.

    <home>/<kind>s/<id>/config.json  rows.jsonl  <kind>.json  and what lies in every run's folder

The id is a hash of what was asked and of each part's data and teachers. `rows.jsonl` grows while the table is computed;
the kind's own file is the whole of it at the end. Comparisons, sweeps, valuations and trainings are such tables.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json, to_json

from mtbkd_core.catalog.registry import fingerprint, task_info
from mtbkd_core.common.files import content_hash, write_atomically
from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.config.models import RunConfig
from mtbkd_core.distillation import find_device
from mtbkd_core.result import describe_environment
from mtbkd_core.runs import folder as files
from mtbkd_core.runs import jobs
from mtbkd_core.runs.execute import carry_out
from mtbkd_core.runs.folder import Kind
from mtbkd_core.runs.jobs import JobView
from mtbkd_core.runs.rows import Rows, RowsLog, read_rows

ROWS = "rows.jsonl"


class Asked(BaseModel):
    """What a table is of: config.json. Equal ones with equal data are one table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    config: RunConfig

    def parts(self) -> Mapping[int, RunConfig]:
        """The table's parts by number, each with the settings that say which data and teachers it is computed from."""
        raise NotImplementedError


A = TypeVar("A", bound=Asked)


@dataclass(frozen=True, kw_only=True)
class TableView(JobView, Generic[A]):
    """A table as it was when it was looked at.

    Attributes:
        asked: what it is of.
        rows: what is computed so far; from a list none.
    """

    asked: A
    rows: Rows

    @property
    def config(self) -> RunConfig:
        """The settings that it starts from."""
        return self.asked.config


V = TypeVar("V", bound=TableView[Any])

#: Computes what is missing of a table: what was asked, the parts that are there, where new ones are written, whom to
#: tell, whom to ask. It returns what the file at the end holds beside the settings and the environment.
Compute = Callable[[A, Rows, RowsLog, OnProgress, ShouldStop], Mapping[str, Any]]


@dataclass(frozen=True)
class Table(Generic[A, V]):
    """One kind of table, and all that is done with its jobs.

    Attributes:
        kind: where its folders are.
        asked: what its config.json holds.
        view: what a page sees of one.
        compute: see `Compute`.
        lent: whole parts of what was asked that have been computed elsewhere.
    """

    kind: Kind
    asked: type[A]
    view: type[V]
    compute: Compute[A]
    lent: Callable[[A], Rows]

    def id(self, asked: A) -> str:
        """The table's name.

        Raises:
            UserError: the task or a teacher does not exist.
        """
        return content_hash(asked.model_dump_json(), *fingerprints(asked))

    def enqueue(self, asked: A, *, engine: str, submitted_by: str | None = None) -> tuple[V, str | None]:
        """Find or make the table and, unless it is done or under way, note that `engine` is to execute it (again).

        Returns:
            The table, and the name of the new submission, or none where there was nothing to submit.

        Raises:
            UserError: a task or teacher that does not exist; a home folder that cannot be written.
        """
        path = jobs.create(self.kind, self.id(asked), asked.model_dump_json(indent=2), self.read_asked)
        submission = jobs.enqueue(path, self.kind, engine=engine, submitted_by=submitted_by, is_torn=self._is_torn)
        return self._look(path, whole=True), submission

    def find(self, asked: A) -> V | None:
        """The table of what is asked, if there is one; errors as `id` and `read`."""
        known = jobs.exists(self.kind, self.id(asked))
        return self._look(known, whole=True) if known is not None else None

    def read(self, id: str) -> V:
        """Look at a table.

        Raises:
            UserError: no such table, a name that is none, or a folder whose config.json is torn or another's.
        """
        return self._look(jobs.find(self.kind, id), whole=True)

    def all(self, on_problem: Callable[[str], None] | None = None) -> list[V]:
        """All tables, newest first, without their rows; `on_problem` is told of each folder that cannot be shown.

        Raises:
            UserError: the home folder cannot be used.
        """
        return jobs.views(self.kind, lambda path: self._look(path, whole=False), on_problem)

    def request_cancel(self, id: str) -> V:
        """Ask a table to stop; its rows stay, and launched again it goes on with the parts that are missing.

        Raises:
            UserError: no such table, or its folder cannot be written.
        """
        path = jobs.find(self.kind, id)
        jobs.request_cancel(path, self.kind)
        return self._look(path, whole=True)

    def delete(self, id: str) -> None:
        """Delete a table and its rows.

        Raises:
            UserError: no such table, it is queued or running, or it cannot be deleted.
        """
        jobs.delete(jobs.find(self.kind, id), self.kind)

    def execute(self, folder: str) -> None:
        """Compute the table in `folder`, as `mtbkd_core.runs.execute.execute` computes a run; errors as there."""
        carry_out(Path(folder), self.kind, self._work)

    def lendable(self) -> Iterator[tuple[A, Rows]]:
        """What every table of the kind is of, and its rows, where today's data and teachers are theirs."""
        for other in self.all():
            with suppress(UserError, OSError):  # a task or teacher that is no more
                if _is_todays(other.id, (other.folder / files.CONFIG).read_bytes(), other.asked):
                    yield other.asked, read_rows(other.folder / ROWS)

    def read_asked(self, path: Path) -> A:
        """config.json.

        Raises:
            UserError: it is torn, or another table's.
        """
        noun = self.kind.noun
        try:
            raw = (path / files.CONFIG).read_bytes()
            asked: A = _parse(self.asked, raw)
        except OSError as error:
            raise UserError(f"{noun} {path.name}: config.json cannot be read ({error.strerror or error})") from None
        except ValidationError as error:
            raise UserError(f"{noun} {path.name}: config.json is torn ({error.error_count()} problems)") from None
        if not self._is_own(path, raw, asked):
            raise UserError(
                f"{noun} {path.name}: config.json is not this {noun}'s; it was changed, or the {noun} was made by "
                "another version of this program and has no result"
            )
        return asked

    def _is_own(self, path: Path, raw: bytes, asked: A) -> bool:
        """Whether the folder's name is the hash of what config.json says, field by field, and of fingerprints.

        These are the data's and the teachers' of today, or those that the result was computed with: it is not to vanish
        with the next version, which may know more settings.
        """
        with suppress(UserError):  # a task or teacher that is no more
            if _is_todays(path.name, raw, asked):
                return True
        result = files.read_result(path, self.kind)
        told = result.get("fingerprints") if result is not None else None
        if not isinstance(told, list) or not all(isinstance(one, str) for one in told):
            return False
        return content_hash(_fields(raw), *told) == path.name

    def _is_torn(self, path: Path) -> bool:
        """Whether the result is there, but rows of it are gone: they are what is shown."""
        return set(read_rows(path / ROWS).whole) != set(self.read_asked(path).parts())

    def _look(self, path: Path, *, whole: bool) -> V:
        asked = self.read_asked(path)
        common = jobs.look_at(path, self.kind, whole=whole)
        return self.view(asked=asked, rows=read_rows(path / ROWS) if whole else Rows({}, {}), **common)

    def _work(self, path: Path, on_progress: OnProgress, should_stop: ShouldStop) -> Callable[[], None]:
        asked = self.read_asked(path)
        # A table's name holds its data's fingerprints, so what lies in a folder that is found was computed from them.
        own, lent = read_rows(path / ROWS), self.lent(asked)
        parts = list(asked.parts())
        kept = Rows({**lent.whole, **own.whole}, {**lent.seconds, **own.seconds}).of(parts)
        with RowsLog(path / ROWS, kept) as log:
            found = self.compute(asked, kept, log, on_progress, should_stop)
        content = {
            **found,
            "config": asked.config.model_dump(mode="json"),
            "fingerprints": list(fingerprints(asked)),
            "environment": describe_environment(find_device(asked.config.device)),
        }
        return partial(write_atomically, path / self.kind.result, json.dumps(content, indent=2, allow_nan=False))


def _fields(raw: bytes) -> bytes:
    """What config.json says, without the spaces; a version that knows more settings must not add any."""
    return to_json(from_json(raw))


def _is_todays(id: str, raw: bytes, asked: Asked) -> bool:
    return content_hash(_fields(raw), *fingerprints(asked)) == id


@lru_cache(maxsize=1024)
def _parse(asked: type[A], content: bytes) -> A:
    # A list is looked at every second while something runs, and a sweep's values are each checked against the settings.
    return asked.model_validate_json(content)


def fingerprints(asked: Asked) -> tuple[str, ...]:
    """Of each part's data and teachers; it takes milliseconds a part, and every look at a table asks for it again.

    Raises:
        UserError: the task or a teacher does not exist.
    """
    return _fingerprints(asked, task_info(asked.config.data.task).stamp)


@lru_cache(maxsize=1024)
def _fingerprints(asked: Asked, stamp: str) -> tuple[str, ...]:
    """`fingerprints`, where the task is the one of that stamp: a name may come to mean other data."""
    known: dict[object, str] = {}
    found = []
    for config in asked.parts().values():
        key = (
            config.data.task,
            config.data.teachers,
            config.data.split_seed,
            config.data.n_labelled,
            config.data.n_unlabelled,
        )
        if key not in known:
            known[key] = fingerprint(config)
        found.append(known[key])
    return tuple(found)
