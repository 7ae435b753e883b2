"""Images of one's own through the browser: the check, and tasks of pixels or of embeddings."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from mtbkd_core import build_config, load_task
from mtbkd_core.catalog.adding_images import import_images
from mtbkd_core.catalog.registry import own
from mtbkd_core.runs.folder import State
from pages.setup.own_data import images
from pages.ui.words import plain
from tests.app.conftest import SMALL, FakeEngine, in_link
from tests.app.test_own_data import PAGE, by_label, can_be_added, choose, press, ran
from tests.imports.files import SIZES, write_idx, write_images
from tests.imports.hub.made import picture_model
from tests.imports.test_embedded import save_parts
from tests.imports.test_image_outputs import write_outputs


@pytest.fixture
def with_images(opened: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page with its form for images, of which few are enough."""
    monkeypatch.setattr(images, "import_images", partial(import_images, sizes=SIZES, epochs=1))
    app = opened(PAGE)
    app.button_group(key="own:choice:kind").set_value("Images")
    return ran(app)


def check_images(app: AppTest, folder: Path, **more: str) -> AppTest:
    for name, text in ({"folder": str(folder)} | more).items():
        app.text_input(key=f"own:choice:images:{name}").set_value(text)
    return press(ran(app), "own:images:check")


def give(app: AppTest, key: str, path: Path) -> AppTest:
    app.file_uploader(key=f"own:images:{key}").set_value((path.name, path.read_bytes(), "text/csv"))
    return ran(app)


def give_teacher(app: AppTest, train: Path, test: Path) -> AppTest:
    app.file_uploader(key="own:images:teachers").set_value([("mine.csv", train.read_bytes(), "text/csv")])
    return give(ran(app), "test:mine", test)


def add(app: AppTest) -> AppTest:
    choose(app, "text_input", "Title", "My marks")
    app = press(app, "own:add")
    assert not app.error
    assert app.title[0].value == "Teachers"
    assert in_link(app, "data.task") == "my-marks"
    return app


def test_a_folder_of_images_becomes_the_chosen_task_and_can_be_distilled(
    with_images: AppTest, tmp_path: Path, fake_engine: FakeEngine
) -> None:
    app = check_images(with_images, write_images(tmp_path / "set"), classes='ring, dot, "bar, or stroke", hook')
    app = add(app)
    assert any("ring, dot" in text.value for text in app.markdown)
    view = fake_engine.distill(build_config(SMALL.items(), base=app.session_state.draft))
    assert view.state is State.DONE, view.reason


def test_what_was_made_of_images_is_said_before_they_are_added(
    with_images: AppTest, tmp_path: Path, own_home: Path
) -> None:
    folder = write_images(tmp_path / "set")
    for part, count in (("train", 120), ("test", 40)):
        write_idx(folder, f"{part}-labels-idx1", np.arange(count) % 4 + 1)
    app = check_images(with_images, folder)
    assert any("Its labels count from 1" in each.value for each in app.success)
    assert can_be_added(app)
    assert own() == ()


def test_images_with_teachers_of_ones_own_need_no_training(
    with_images: AppTest, tmp_path: Path, fake_engine: FakeEngine
) -> None:
    app, folder = with_images, write_images(tmp_path / "set")
    train, test = write_outputs(tmp_path, "mine")
    app = check_images(give_teacher(app, train, train), folder)
    (error,) = app.error
    assert "has 120 rows, expected 40: as many as the test set" in error.value
    app = press(give(app, "test:mine", test), "own:images:check")
    assert any("their order could not be checked" in each.value for each in app.caption)
    by_label(app, "checkbox", "No teacher was trained on these labels").check()
    app = add(ran(app))
    assert app.session_state.draft.prior.calibrated_teachers
    assert not any("not trained yet" in info.value for info in app.info)
    assert any("From mine.csv: names" in text.value for text in [*app.markdown, *app.caption])
    view = fake_engine.distill(build_config(SMALL.items(), base=app.session_state.draft))
    assert view.state is State.DONE, view.reason


def test_embeddings_stand_for_images_and_pages_show_the_pictures(
    with_images: AppTest, tmp_path: Path, fake_engine: FakeEngine
) -> None:
    app, folder = with_images, write_images(tmp_path / "set")
    paths = write_outputs(tmp_path, "mine")
    emb = save_parts(tmp_path)
    app.text_input(key="own:choice:images:folder").set_value(str(folder))
    choose(app, "segmented_control", "The student sees", "Embeddings")
    assert app.info[-1].value == "Choose the file of embeddings."
    app = press(give(app, "embeddings", emb["embeddings"]), "own:images:check")
    assert "needs teachers with outputs of their own" in app.error[0].value
    assert not any(toggle.label == "Train teachers as well" for toggle in app.toggle)
    app = press(give_teacher(app, *paths), "own:images:check")
    assert "there is no file for the test images" in app.error[0].value
    ran(app.switch_page("pages/start/overview.py"))
    ran(app.switch_page(f"pages/{PAGE}"))
    app = press(give(app, "test-embeddings", emb["tests"]), "own:images:check")
    assert any("120 images of 4 classes from set; tested on 40 others" in each.value for each in app.success)
    app = add(app)
    view = fake_engine.distill(build_config(SMALL.items(), base=app.session_state.draft))
    assert view.state is State.DONE, view.reason
    task = load_task("my-marks")
    assert task.x_train.shape == (120, 6)
    assert len(task.shown["test"]) == 40


def test_an_encoder_stands_for_files_of_embeddings(with_images: AppTest, tmp_path: Path, own_home: Path) -> None:
    pytest.importorskip("transformers")
    app, folder = with_images, write_images(tmp_path / "set")
    app = give_teacher(app, *write_outputs(tmp_path, "mine"))
    app.text_input(key="own:choice:images:folder").set_value(str(folder))
    choose(app, "segmented_control", "The student sees", "An encoder's outputs")
    assert app.info[-1].value.startswith("Name the encoder")
    choose(app, "text_input", "Encoder", picture_model(tmp_path / "vit"))
    app = add(press(app, "own:images:check"))
    assert load_task("my-marks").x_train.shape == (120, 8)


@pytest.mark.parametrize(
    ("folder", "more", "problem"),
    [
        ("nowhere", {}, "is no folder"),
        ("", {}, "needs one file *train-images?idx3-ubyte*"),
        ("set", {"prefix": "kmnist"}, "that begins with kmnist, has none"),
        ("set", {"classes": "a, b"}, "classes: got 2 names, needs 4"),
    ],
)
def test_a_folder_that_will_not_do_is_one_line(
    with_images: AppTest, tmp_path: Path, folder: str, more: dict[str, str], problem: str
) -> None:
    write_images(tmp_path / "set")
    app = check_images(with_images, tmp_path / folder, **more)
    (error,) = app.error
    assert plain(problem) in error.value
    assert not can_be_added(app)
