"""A table with its teachers, a set of images and the task of it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtbkd_core.catalog.adding_images import import_images
from mtbkd_core.imports.image_task import OwnImageTask
from mtbkd_core.imports.spec import Files
from tests.imports.files import SIZES, write_files, write_images


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return write_files(tmp_path)


@pytest.fixture
def folder(tmp_path: Path, own_home: Path) -> Path:
    return write_images(tmp_path / "set")


@pytest.fixture
def marks(folder: Path) -> OwnImageTask:
    """A task of the folder; its teachers are not trained yet."""
    return import_images("marks", folder, title="Marks", sizes=SIZES, epochs=1)


@pytest.fixture
def by_class(tmp_path: Path, own_home: Path) -> Path:
    """75 pictures in a folder for each of three classes, of which each shows its number."""
    root = tmp_path / "pictures"
    for place in range(75):
        (root / "abc"[place % 3]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), place, np.uint8)).save(root / "abc"[place % 3] / f"im{place:03}.png")
    return root
