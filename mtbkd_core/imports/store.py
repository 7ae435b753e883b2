"""A checked table in a folder of its own under the home folder: tensors, and a manifest that says what they are."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter
from torch import Tensor

from mtbkd_core.common.files import home, read_tensors, sha256, write_atomically, write_tensors
from mtbkd_core.common.progress import UserError
from mtbkd_core.imports.data import About, Rows, TableData

#: Raise it when the meaning of a folder's files changes; older ones are then refused with the reason.
FORMAT = 1
MANIFEST, TENSORS, TEXTS, OWNERS = "manifest.json", "table.safetensors", "texts.json", "owners.txt"


@dataclass(frozen=True, kw_only=True)
class Manifest(About):
    """What lies in a folder.

    Attributes:
        n_rows, n_test, n_unlabelled: rows of the table, of a test table, and without a label; 0 where there are none.
        sources: what was read, such as "teacher esm2" -> {"file": its name, "sha256": of its content}.
        notes, warnings: what was found when the files were read.
        sha256, sha256_texts: of the tensors' file, and of the accessions and sequences.
        described: whether the features are the descriptors of sequences.
        n_features: how many there are; 0 in a folder of a former version.
    """

    n_rows: int
    n_test: int
    sources: dict[str, dict[str, str]]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    sha256: str
    sha256_texts: str
    format: int
    described: bool = False
    n_features: int = 0
    n_unlabelled: int = 0


_JSON = TypeAdapter(Manifest)


def write(
    data: TableData,
    sources: Mapping[str, dict[str, str]],
    notes: tuple[str, ...],
    warnings: tuple[str, ...],
    replaces: bool = False,
) -> None:
    """Write a table into its folder: a reader sees all of it or nothing.

    Args:
        sources, notes, warnings: as `Checked`.
        replaces: whether a table of that name goes, with its owners kept; otherwise it must not be there.

    Raises:
        UserError: the folder is there, or cannot be written.
    """
    folder = folder_of(data.about.name)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        temporary.mkdir(parents=True)
        write_tensors(temporary / TENSORS, _tensors(data))
        texts = {
            part: {"accessions": rows.accessions, "sequences": rows.sequences, "shown": rows.shown}
            for part, rows in data.parts().items()
        }
        write_atomically(temporary / TEXTS, json.dumps(texts))
        manifest = Manifest(
            **vars(data.about),
            n_rows=len(data.rows),
            n_test=len(data.test or ()),
            n_unlabelled=len(data.unlabelled or ()),
            sources=dict(sources),
            notes=notes,
            warnings=warnings,
            sha256=sha256(temporary / TENSORS),
            sha256_texts=sha256(temporary / TEXTS),
            format=FORMAT,
            described=data.reach is not None,
            n_features=data.rows.features.shape[1],
        )
        write_atomically(temporary / MANIFEST, _JSON.dump_json(manifest, indent=2))
        if folder.exists():
            if not replaces:
                raise UserError(f"name: {folder.name!r} is there already; forget it first, or choose another name")
            if (folder / OWNERS).exists():
                shutil.copy(folder / OWNERS, temporary / OWNERS)
        _put(temporary, folder)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror or error})") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _put(temporary: Path, folder: Path) -> None:
    """Give a folder its place; what was there goes once the new one stands.

    May raise `OSError`; then all is as before.
    """
    former = _former(folder)
    there = folder.exists()
    if there:
        os.rename(folder, former)
    try:
        os.rename(temporary, folder)
    except OSError:
        if there:
            os.rename(former, folder)
        raise
    shutil.rmtree(former, ignore_errors=True)


def remove(folder: Path) -> None:
    """Remove a table's folder, at once for every reader; the files may take their time. May raise `OSError`."""
    former = _former(folder)
    os.rename(folder, former)
    shutil.rmtree(former, ignore_errors=True)


def _former(folder: Path) -> Path:
    """Where a folder is put that is about to go; what could not be removed there before is now."""
    pattern = f".forgotten.{folder.name}."
    for left in folder.parent.glob(f"{pattern}*"):
        shutil.rmtree(left, ignore_errors=True)
    return folder.with_name(pattern + secrets.token_hex(4))


def read_manifest(folder: Path) -> Manifest:
    """What lies in a folder.

    Raises:
        UserError: there is no manifest, or it is torn or of another version.
    """
    path = folder / MANIFEST
    try:
        manifest = _JSON.validate_json(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise UserError(f"{path}: is no manifest of a table ({' '.join(str(error).split())[:120]})") from None
    if manifest.format != FORMAT:
        raise UserError(f"{path}: format {manifest.format}, this program reads {FORMAT}; import the table again")
    if manifest.name != folder.name or len(manifest.class_names) < 2 or not manifest.teachers:
        raise UserError(f"{path}: names another task, or no classes or teachers")
    return manifest


def read(folder: Path) -> TableData:
    """The table of a folder.

    Raises:
        UserError: a file is missing, torn, or not the one that the manifest was written for.
    """
    manifest = read_manifest(folder)
    for file, digest in ((folder / TENSORS, manifest.sha256), (folder / TEXTS, manifest.sha256_texts)):
        if not file.exists():
            raise UserError(f"{file}: not there; forget the task and import the table again")
        if sha256(file) != digest:
            raise UserError(f"{file}: is not what its manifest was written for; forget the task and import it again")
    tensors, texts = read_tensors(folder / TENSORS), json.loads((folder / TEXTS).read_text())
    rows = {part: _rows(tensors, texts, part, manifest) for part in texts}
    about = About(**{field.name: getattr(manifest, field.name) for field in fields(About)})
    return TableData(about, rows["rows"], rows.get("test"), tensors.get("reach"), rows.get("unlabelled"))


def folder_of(name: str) -> Path:
    """Where the table of a task lies; errors as `home`."""
    return home() / "tasks" / name


def _tensors(data: TableData) -> dict[str, Tensor]:
    tensors = {} if data.reach is None else {"reach": data.reach}
    for part, rows in data.parts().items():
        tensors |= {f"{part}.features": rows.features, f"{part}.labels": rows.labels}
        tensors |= {f"{part}.logits.{teacher}": logits for teacher, logits in rows.logits.items()}
        tensors |= {f"{part}.together.{teacher}": mask for teacher, mask in rows.together.items()}
    return tensors


def _rows(tensors: Mapping[str, Tensor], texts: Any, part: str, manifest: Manifest) -> Rows:
    return Rows(
        tensors[f"{part}.features"].float(),
        tensors[f"{part}.labels"].to(torch.int64),
        {teacher: tensors[f"{part}.logits.{teacher}"].float() for teacher in manifest.teachers},
        tuple(texts[part]["accessions"]),
        tuple(texts[part]["sequences"]),
        {who: tensors[name] for who in manifest.teachers if (name := f"{part}.together.{who}") in tensors},
        tuple(texts[part].get("shown", ())),  # folders of former versions have none
    )
