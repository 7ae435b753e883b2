"""A set of images and the task of it."""

from pathlib import Path

import pytest

from mtbkd_core.catalog.adding_images import import_images
from mtbkd_core.imports.image_task import OwnImageTask
from tests.imports.files import SIZES, write_images


@pytest.fixture
def folder(tmp_path: Path, own_home: Path) -> Path:
    return write_images(tmp_path / "set")


@pytest.fixture
def marks(folder: Path) -> OwnImageTask:
    """A task of the folder; its teachers are not trained yet."""
    return import_images("marks", folder, title="Marks", sizes=SIZES, epochs=1)
