"""Two who want the same name at the same moment, and folders that cannot be removed: no task is lost."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mtbkd_core import UserError, load_task, task_info
from mtbkd_core.catalog import adding, adding_images
from mtbkd_core.catalog.adding import forget, import_table, save_table
from mtbkd_core.catalog.adding_images import import_images
from mtbkd_core.imports import image_sets, store
from mtbkd_core.imports.check import check_table
from mtbkd_core.imports.spec import Files
from tests.imports.files import SIZES, spec_of, write_files, write_images, write_table

pytestmark = pytest.mark.usefixtures("own_home")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return write_files(tmp_path)


@pytest.fixture
def other(files: Files, tmp_path: Path) -> Files:
    (tmp_path / "other").mkdir()
    return replace(files, table=write_table(tmp_path / "other" / "train.csv", seed=1))


def test_images_do_not_take_the_place_of_a_table_that_came_meanwhile(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = adding_images._made

    def slowly(*given: Any) -> Any:
        import_table("mine", spec_of(files))
        return made(*given)

    monkeypatch.setattr(adding_images, "_made", slowly)
    with pytest.raises(UserError, match="'mine' is there already"):
        import_images("mine", write_images(tmp_path / "set"), sizes=SIZES)
    assert len(load_task("mine").class_names) == 3
    assert not image_sets.path_of("mine").exists()
    assert not list(image_sets.path_of("mine").parent.glob("mine.*"))


def test_a_table_does_not_take_the_place_of_images_that_came_meanwhile(files: Files, tmp_path: Path) -> None:
    checked = check_table("mine", spec_of(files))
    import_images("mine", write_images(tmp_path / "set"), sizes=SIZES)
    with pytest.raises(UserError, match="'mine' is there already"):
        save_table(checked, unseen=False)
    assert task_info("mine").image_shape is not None


def test_one_waits_while_another_takes_the_name(files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[Path] = []
    monkeypatch.setattr(adding.lock, "hold", lambda path: waits.append(path) or _nothing())
    import_table("mine", spec_of(files))
    import_images("theirs", write_images(tmp_path / "set"), sizes=SIZES)
    assert len(waits) == 2
    assert len(set(waits)) == 1


def test_a_former_folder_that_cannot_be_removed_costs_no_task(
    files: Files, other: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_table("mine", spec_of(files))
    before = task_info("mine").stamp
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", _busy)
        import_table("mine", spec_of(other), replaces=True)
    assert task_info("mine").stamp != before
    (left,) = store.folder_of("mine").parent.glob(".forgotten.*")
    forget("mine")
    assert not left.exists()


def test_a_new_folder_that_cannot_be_put_in_place_leaves_the_former_there(
    files: Files, other: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_table("mine", spec_of(files))
    before, rename = task_info("mine").stamp, os.rename

    def fails(source: Path, target: Path) -> None:
        if target == store.folder_of("mine") and not source.name.startswith(".forgotten."):
            raise OSError("Directory not empty")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fails)
    with pytest.raises(UserError, match="cannot be written"):
        import_table("mine", spec_of(other), replaces=True)
    assert task_info("mine").stamp == before


def _busy(path: Path, ignore_errors: bool = False) -> None:
    """What `rmtree` does where a file of the folder is open on a network's disk."""
    if not ignore_errors:
        raise OSError("Directory not empty")


@adding.contextmanager
def _nothing() -> Any:
    yield
