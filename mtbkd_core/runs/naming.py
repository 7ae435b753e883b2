"""Names of jobs: what a folder's name says about what is in it, today and for folders of earlier versions."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from mtbkd_core.catalog.registry import fingerprint, task_info
from mtbkd_core.common.files import content_hash, write_atomically
from mtbkd_core.common.once import once
from mtbkd_core.common.progress import UserError
from mtbkd_core.config.models import DataConfig
from mtbkd_core.runs import folder as files
from mtbkd_core.runs.job import JobKind, S, V


def id_of(kind: JobKind[S, V], spec: S) -> str:
    """The name of the job that computes a spec: a hash of it, and of its data's and teachers' fingerprints.

    Raises:
        UserError: the task or a teacher does not exist.
    """
    return content_hash(spec.model_dump_json(), *fingerprints(kind, spec))


def name_of(config: bytes, *fingerprints: str) -> str:
    """The name of a job with this config.json and these fingerprints of its inputs."""
    return content_hash(_fields(config), *fingerprints)


def fingerprints(kind: JobKind[S, V], spec: S) -> tuple[str, ...]:
    """Of the data and the teachers of each of a spec's inputs.

    Raises:
        UserError: the task or a teacher does not exist.
    """
    stamps = {data.task: task_info(data.task).stamp for data in {config.data for config in kind.inputs(spec)}}
    return tuple(_fingerprint(config.data, stamps[config.data.task]) for config in kind.inputs(spec))


@once
def _fingerprint(data: DataConfig, stamp: str) -> str:
    # A list asks for it of every job at every look, and each takes milliseconds; a name may come to mean other data.
    return fingerprint(data)


def write_spec(kind: JobKind[S, V], path: Path, spec: S) -> None:
    """Write into a job's folder what it asks for and of which data; a folder that held nothing goes where that fails.

    Raises:
        UserError: the folder cannot be written.
    """
    try:
        write_atomically(path / files.INPUTS, json.dumps({"fingerprints": fingerprints(kind, spec)}))
        write_atomically(path / files.CONFIG, spec.model_dump_json(indent=2))
    except UserError:
        if files.is_bare(path):
            shutil.rmtree(path, ignore_errors=True)  # needs no space
        raise


def read_spec(kind: JobKind[S, V], path: Path) -> S:
    """config.json of a job's folder.

    Raises:
        UserError: it is torn, or another job's.
    """
    name = f"{kind.noun} {path.name}"
    try:
        raw = (path / files.CONFIG).read_bytes()
        spec: S = _parse(kind, raw)
        own = _is_own(kind, path, raw, spec)
    except OSError as error:
        raise UserError(f"{name}: config.json cannot be read ({error.strerror or error})") from None
    except ValidationError as error:
        raise UserError(f"{name}: config.json is torn ({error.error_count()} problems)") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{name}: config.json is torn ({' '.join(str(error).split())})") from None
    if not own:
        raise UserError(
            f"{name}: config.json is not this {kind.noun}'s; it was changed, or the {kind.noun} was made by another "
            "version of this program and has no result"
        )
    return spec


@lru_cache(maxsize=1024)
def _parse(kind: JobKind[S, V], content: bytes) -> S:
    # A list is looked at every second while something runs, and a sweep's values are each checked against the settings.
    return kind.parsed(content)


def is_todays(kind: JobKind[S, V], view: V) -> bool:
    """Whether a job was computed from the data and the teachers that its spec means today."""
    try:
        return name_of((view.folder / files.CONFIG).read_bytes(), *fingerprints(kind, view.spec)) == view.id
    except (UserError, OSError):  # a task or teacher that is no more, or a job that was deleted meanwhile
        return False


def is_of_former_data(kind: JobKind[S, V], view: V) -> bool:
    """Whether the data or the teachers of a job's tasks have changed since, as where one was imported anew.

    Not where a task is no more.
    """
    try:
        today = fingerprints(kind, view.spec)
        kept = _of_result(kind, view.folder) or read_inputs(view.folder)
        if kept is None:
            return name_of((view.folder / files.CONFIG).read_bytes(), *today) != view.id
    except (UserError, OSError):
        return False
    return kept != today


def read_inputs(path: Path) -> tuple[str, ...] | None:
    """The fingerprints that a job was launched with; None in a folder of a former version."""
    return _texts((files.read_json(path / files.INPUTS) or {}).get("fingerprints"))


def _of_result(kind: JobKind[S, V], path: Path) -> tuple[str, ...] | None:
    """Fingerprints of what a job's result was computed with; None where there is none."""
    result = files.read_json(path / kind.result) or {}
    environment = files.read_json(path / "environment.json") or {}
    return _texts(result.get("fingerprints", [environment.get("fingerprint")]))


def _texts(found: object) -> tuple[str, ...] | None:
    return tuple(found) if isinstance(found, list) and all(isinstance(one, str) for one in found) else None


def _is_own(kind: JobKind[S, V], path: Path, raw: bytes, spec: S) -> bool:
    """Whether the folder's name is the hash of what config.json says, field by field, and of fingerprints.

    These are the data's and the teachers' of today, those that it was launched with, or those that its result was
    computed with: they hold torch's version, and a job is not to vanish with the next one, with more settings, or with
    other data under the same name.
    """
    if kind.again is not None:
        return True  # a measurement is not found by what was asked, and those made before kept no fingerprint
    with suppress(UserError):  # a task or teacher that is no more
        if name_of(raw, *fingerprints(kind, spec)) == path.name:
            return True
    known = (read_inputs(path), _of_result(kind, path))
    return any(kept is not None and name_of(raw, *kept) == path.name for kept in known)


def _fields(raw: bytes) -> bytes:
    """What config.json says, without the spaces; a version that knows more settings must not add any."""
    return to_json(from_json(raw))
