"""Making a task of files: checked, converted, written under the home folder; and forgetting one."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from mtbkd_core.catalog.registry import built_in, own
from mtbkd_core.common.owners import read_owners, refuse_others, write_owners
from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.imports import image_sets, store
from mtbkd_core.imports.check import Checked, check_table
from mtbkd_core.imports.spec import TableSpec, check_name


def import_table(
    name: str,
    spec: TableSpec,
    *,
    title: str = "",
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Checked:
    """Check files and make a task of them, which every process with this home folder then has.

    Args:
        name: of the task; as `check_name`.
        title: for people; empty: the name.
        on_progress, should_stop: as `check_table`.
    Returns:
        the checked table, with what was made of the files.
    Raises:
        UserError: the first problem of the files, one line; a name that is taken; a home folder that cannot be written.
        Cancelled: `should_stop` said so.
    """
    check_free(name)
    checked = check_table(name, spec, title=title, on_progress=on_progress, should_stop=should_stop)
    save_table(checked, spec)
    return checked


def check_free(name: str) -> None:
    """Refuse a name that is no name, a built-in task's, or an imported one's."""
    check_name("name", name)
    if name in built_in():
        raise UserError(f"name: {name!r} is a built-in task's; choose another, such as my-{name}"[:200])
    if store.folder_of(name).exists() or image_sets.path_of(name).exists():
        raise UserError(f"name: {name!r} is there already; forget it first, or choose another name")


def save_table(checked: Checked, spec: TableSpec) -> None:
    """Write a table that was checked, its teachers calibrated where its labels can do it; errors as `import_table`."""
    check_free(checked.data.about.name)
    data = checked.data.calibrated() if spec.unseen else checked.data
    store.write(data, spec.sources(), checked.notes, checked.warnings)


def claim(name: str, by: str | None) -> None:
    """Note whose a task is that was just imported, on a server that several people use; errors as `write_owners`."""
    if by is not None:
        write_owners(_owners_file(name), {by})


def owners_of(name: str) -> frozenset[str]:
    """Who owns an imported task, on a server that several people use."""
    return read_owners(_owners_file(name))


def forget(name: str, *, by: str | None = None) -> None:
    """Remove an imported task; runs of it stay, with what they saved.

    Raises:
        UserError: there is none of that name, it is not `by`'s, or it cannot be removed.
    """
    check_name("name", name)
    refuse_others(owners_of(name), by, f"task {name}")
    if image_sets.forget(name):
        return
    folder = store.folder_of(name)
    if not folder.is_dir():
        raise UserError(f"name: got {name!r}, imported are: {', '.join(own()) or 'none'}")
    gone = folder.with_name(f".forgotten.{name}.{secrets.token_hex(4)}")
    try:
        os.rename(folder, gone)  # at once for every reader; the files may take their time
        shutil.rmtree(gone)
    except OSError as error:
        raise UserError(f"{folder}: cannot be removed ({error.strerror})") from None


def _owners_file(name: str) -> Path:
    """Where the owners of an imported task are named: in its folder, or beside the file that an image set is."""
    return image_sets.owners_of(name) if image_sets.path_of(name).exists() else store.folder_of(name) / "owners.txt"
