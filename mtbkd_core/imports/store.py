"""A checked table in a folder of its own under the home folder: tensors, and a manifest that says what they are."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mtbkd_core.common.files import home, read_tensors, write_atomically, write_tensors
from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.data import Rows, TableData

#: Raise it when the meaning of a folder's files changes; older ones are then refused with the reason.
FORMAT = 1
MANIFEST, TENSORS, TEXTS = "manifest.json", "table.safetensors", "texts.json"


@dataclass(frozen=True)
class Manifest:
    """What lies in a folder.

    Attributes:
        n_rows, n_test: rows of the table and of a test table, 0 where there is none.
        teachers: name -> one line.
        sources: what was read, such as "teacher esm2" -> {"file": its name, "sha256": of its content}.
        notes, warnings: what was said of the files when they were read.
        sha256, sha256_texts: of the tensors' file, and of the accessions and sequences.
        described: whether the features are the descriptors of sequences.
    """

    name: str
    title: str
    description: str
    item: str
    class_names: tuple[str, ...]
    n_rows: int
    n_test: int
    teachers: Mapping[str, str]
    fingerprint: str
    sources: Mapping[str, Mapping[str, str]]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    sha256: str
    sha256_texts: str
    format: int = FORMAT
    described: bool = False


def write(
    data: TableData, sources: Mapping[str, Path], notes: tuple[str, ...], warnings: tuple[str, ...], folder: Path
) -> Manifest:
    """Write a table into `folder`, which must not be there: a reader sees all of it or nothing.

    Raises:
        UserError: the folder is there, or cannot be written.
    """
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        temporary.mkdir(parents=True)
        write_tensors(temporary / TENSORS, _tensors(data))
        write_atomically(temporary / TEXTS, json.dumps(_texts(data)))
        manifest = Manifest(
            name=data.name,
            title=data.title,
            description=data.description,
            item=data.item,
            class_names=data.class_names,
            n_rows=len(data.rows),
            n_test=len(data.test) if data.test is not None else 0,
            teachers=dict(data.teacher_notes),
            fingerprint=data.fingerprint,
            sources={role: {"file": path.name, "sha256": sha256(path)} for role, path in sources.items()},
            notes=notes,
            warnings=warnings,
            sha256=sha256(temporary / TENSORS),
            sha256_texts=sha256(temporary / TEXTS),
            described=data.reach is not None,
        )
        write_atomically(temporary / MANIFEST, json.dumps(asdict(manifest), indent=2))
        if folder.exists():
            raise UserError(f"name: {folder.name!r} is there already; forget it first, or choose another name")
        os.rename(temporary, folder)
        return manifest
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror or error})") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read_manifest(folder: Path) -> Manifest:
    """What lies in a folder.

    Raises:
        UserError: there is no manifest, or it is torn or of another version.
    """
    path = folder / MANIFEST
    try:
        values: Any = json.loads(path.read_text())
        if values["format"] != FORMAT:
            raise UserError(f"{path}: format {values['format']}, this program reads {FORMAT}; import the table again")
        for name in ("class_names", "notes", "warnings"):
            values[name] = tuple(str(each) for each in values[name])
        manifest = Manifest(**values)
        teachers = {str(name): str(line) for name, line in manifest.teachers.items()}
        if manifest.name != folder.name or len(manifest.class_names) < 2 or not teachers:
            raise ValueError("it names another task, or no classes or teachers")
        int(manifest.n_rows), int(manifest.n_test)
        return manifest
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: is no manifest of a table ({error})") from None


def read(folder: Path) -> TableData:
    """The table of a folder.

    Raises:
        UserError: a file is missing, torn, or not the one that the manifest was written for.
    """
    manifest = read_manifest(folder)
    path = folder / TENSORS
    for file, digest in ((path, manifest.sha256), (folder / TEXTS, manifest.sha256_texts)):
        if not file.exists():
            raise UserError(f"{file}: not there; forget the task and import the table again")
        if sha256(file) != digest:
            raise UserError(f"{file}: is not what its manifest was written for; forget the task and import it again")
    tensors = read_tensors(path)
    texts = json.loads((folder / TEXTS).read_text())
    try:
        return TableData(
            name=manifest.name,
            title=manifest.title,
            description=manifest.description,
            item=manifest.item,
            class_names=manifest.class_names,
            rows=_rows(tensors, texts, "rows", manifest),
            test=_rows(tensors, texts, "test", manifest) if manifest.n_test else None,
            teacher_notes=manifest.teachers,
            fingerprint=manifest.fingerprint,
            reach=tensors.get("reach"),
        )
    except KeyError as error:
        raise UserError(f"{path}: has no {error.args[0]}; import the table again") from None


def folder_of(name: str) -> Path:
    """Where the table of a task lies; errors as `home`."""
    return home() / "tasks" / name


def sha256(path: Path) -> str:
    """Digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _tensors(data: TableData) -> dict[str, Tensor]:
    parts = {"rows": data.rows} | ({"test": data.test} if data.test is not None else {})
    tensors = {} if data.reach is None else {"reach": data.reach}
    for part, rows in parts.items():
        tensors |= {f"{part}.features": rows.features, f"{part}.labels": rows.labels}
        tensors |= {f"{part}.logits.{teacher}": logits for teacher, logits in rows.logits.items()}
    return tensors


def _texts(data: TableData) -> dict[str, dict[str, tuple[str, ...]]]:
    parts = {"rows": data.rows} | ({"test": data.test} if data.test is not None else {})
    return {part: {"accessions": rows.accessions, "sequences": rows.sequences} for part, rows in parts.items()}


def _rows(tensors: Mapping[str, Tensor], texts: Any, part: str, manifest: Manifest) -> Rows:
    return Rows(
        tensors[f"{part}.features"].float(),
        tensors[f"{part}.labels"].to(torch.int64),
        {teacher: tensors[f"{part}.logits.{teacher}"].float() for teacher in manifest.teachers},
        tuple(texts[part]["accessions"]),
        tuple(texts[part]["sequences"]),
    )
