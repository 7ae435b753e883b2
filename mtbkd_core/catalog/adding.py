"""Making a task of files: checked, converted, written under the home folder; and forgetting one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mtbkd_core.catalog.registry import built_in, own
from mtbkd_core.common import lock
from mtbkd_core.common.files import home
from mtbkd_core.common.owners import read_owners, refuse_others, write_owners
from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.imports import image_sets, store
from mtbkd_core.imports.check import Checked, check_table
from mtbkd_core.imports.embedded import EmbeddedImages, check_embedded
from mtbkd_core.imports.hub.check import check_hub
from mtbkd_core.imports.hub.spec import HubSpec
from mtbkd_core.imports.spec import TableSpec, check_name


def import_table(
    name: str,
    spec: TableSpec,
    *,
    title: str = "",
    replaces: bool = False,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Checked:
    """Check files and make a task of them, which every process with this home folder then has.

    Args:
        name: of the task; as `check_name`.
        title: for people; empty: the name.
        replaces: whether an imported task of that name goes; its runs stay, and are then of former data.
        on_progress, should_stop: as `check_table`.
    Returns:
        the checked table, with what was made of the files.
    Raises:
        UserError: the first problem of the files, one line; a name that is taken; a home folder that cannot be written.
        Cancelled: `should_stop` said so.
    """
    check_free(name, replaces)
    checked = check_table(name, spec, title=title, on_progress=on_progress, should_stop=should_stop)
    save_table(checked, unseen=spec.unseen, replaces=replaces)
    return checked


def import_hub(
    name: str,
    spec: HubSpec,
    *,
    title: str = "",
    replaces: bool = False,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Checked:
    """Make a task of a data set and models, each in a folder or on the Hub; arguments and errors as `import_table`."""
    check_free(name, replaces)
    checked = check_hub(name, spec, title=title, on_progress=on_progress, should_stop=should_stop)
    save_table(checked, unseen=spec.unseen, replaces=replaces)
    return checked


def import_embedded(
    name: str,
    images: EmbeddedImages,
    *,
    title: str = "",
    replaces: bool = False,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> Checked:
    """Make a task of images of which a student sees embeddings; arguments and errors as `import_table`."""
    check_free(name, replaces)
    checked = check_embedded(name, images, title=title, on_progress=on_progress, should_stop=should_stop)
    save_table(checked, unseen=images.outputs is not None and images.outputs.unseen, replaces=replaces)
    return checked


def check_free(name: str, replaces: bool = False) -> None:
    """Refuse a name that is no name, a built-in task's, or, unless it is to be replaced, an imported one's."""
    check_name("name", name)
    if name in built_in():
        raise UserError(f"name: {name!r} is a built-in task's; choose another, such as my-{name}"[:200])
    if not replaces and is_imported(name):
        raise UserError(f"name: {name!r} is there already; choose another name, or --replace it")


@contextmanager
def taking(name: str, replaces: bool = False) -> Iterator[None]:
    """Be the only one that makes a task for the block, which is short; errors as `check_free`."""
    place = home() / ".tasks.lock"
    with ExitStack() as stack:
        try:
            stack.enter_context(lock.hold(place))
        except OSError as error:
            raise UserError(f"{place}: cannot be locked ({error.strerror or error})") from None
        check_free(name, replaces)
        yield


def is_imported(name: str) -> bool:
    """Whether there is an imported task of that name, be it one that cannot be read."""
    return store.folder_of(name).exists() or image_sets.path_of(name).exists()


def save_table(checked: Checked, *, unseen: bool, replaces: bool = False) -> None:
    """Write a checked table, its teachers calibrated on its labels where `unseen`; errors as `import_table`."""
    name = checked.data.about.name
    data = checked.data.calibrated() if unseen else checked.data
    with taking(name, replaces):
        owners = owners_of(name)
        store.write(data, checked.sources, checked.notes, checked.warnings, replaces)
        if image_sets.forget(name):
            write_owners(_owners_file(name), owners)


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
    try:
        store.remove(folder)
    except OSError as error:
        raise UserError(f"{folder}: cannot be removed ({error.strerror})") from None


def _owners_file(name: str) -> Path:
    """Where the owners of an imported task are named: in its folder, or beside the file that an image set is."""
    return image_sets.owners_of(name) if image_sets.path_of(name).exists() else store.folder_of(name) / store.OWNERS
