"""Teachers that take minutes to train: offered, watched, stopped and gone on with, on every page that needs them."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mtbkd_core.catalog.adding_images import import_images
from mtbkd_core.catalog.registry import own, untrained
from mtbkd_core.common.progress import Phase, Progress
from mtbkd_core.runs import store
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds.training import KIND, TrainingView, training_spec
from mtbkd_core.runs.rows import Rows
from tests.app.conftest import FakeEngine, show_as
from tests.imports.files import SIZES, write_images

PAGE = "setup/teachers.py"
TEACHERS = ("first-half", "second-half", "every-second", "generalist")


@pytest.fixture
def images(home: Path, tmp_path: Path) -> Path:
    """The home folder, with an image set whose teachers are not trained; no other test's folder learns of them."""
    shared = (home / "teachers").resolve()
    (home / "teachers").unlink()
    shutil.copytree(shared, home / "teachers")
    import_images("marks", write_images(tmp_path / "set"), title="Marks", sizes=SIZES, epochs=1)
    return home


@pytest.fixture
def trained(images: Path) -> TrainingView:
    return FakeEngine().submit(KIND, training_spec("marks"))


def press(app: AppTest, label: str) -> None:
    next(button for button in app.button if button.label == label).click()
    app.run()
    assert not app.exception


def look(view: TrainingView, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pages see this view of the one training, whose teachers' outputs are not there."""
    for name in set(TEACHERS) - set(view.scores()):
        (path,) = (view.folder.parents[1] / "teachers").glob(f"marks-{name}-*.safetensors")
        path.unlink()
    show_as(view, KIND, monkeypatch)


@pytest.mark.parametrize("page", [PAGE, "prior"])
def test_a_page_offers_to_train_them_and_goes_on_when_they_are(
    opened: Callable[..., AppTest], images: Path, fake_engine: FakeEngine, page: str
) -> None:
    app = opened(page, task="marks", teachers=",".join(TEACHERS))
    assert not app.exception
    assert app.info[0].value == "The teachers of this task are not trained yet."
    assert not app.get("plotly_chart")
    press(app, "Train the teachers")
    assert [spec.config.data.teachers for spec in fake_engine.submitted] == [TEACHERS]
    assert untrained("marks") == ()
    assert not app.info
    assert app.get("plotly_chart")


def test_one_under_way_shows_each_teacher_as_it_comes_and_can_be_cancelled(
    opened: Callable[..., AppTest], trained: TrainingView, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Rows({0: trained.rows.found[0]}, {0: 61.0})
    progress = (Progress(Phase.TEACHERS, 1, 4, 0.3, "2, 3, epoch 2 of 10"),)
    look(replace(trained, state=State.RUNNING, progress=progress, rows=rows), monkeypatch)
    app = opened(PAGE, task="marks")
    assert not app.exception
    (bar,) = app.main.get("progress")
    assert (bar.proto.value, bar.proto.text) == (30, "1 of 4 teachers trained · 2, 3, epoch 2 of 10")
    scores = trained.rows.found[0]["first-half"]
    said = [text.value for text in app.markdown]
    assert any(f"{scores['accuracy']:.1%}" in text and f"{scores['nll']:.4f}" in text for text in said)
    assert [caption.value for caption in app.caption].count("Not trained yet.") == 3
    app.button(key="cancel-training").click()
    app.run()
    assert fake_engine.cancelled == [trained.id]


def test_one_that_was_stopped_says_what_is_there_and_goes_on(
    opened: Callable[..., AppTest], trained: TrainingView, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Rows({0: trained.rows.found[0]}, {0: 61.0})
    look(replace(trained, state=State.CANCELLED, rows=rows), monkeypatch)
    app = opened(PAGE, task="marks")
    assert "This training was cancelled. 1 of 4 teachers is whole." in app.info[0].value
    monkeypatch.setattr(FakeEngine, "submit", lambda self, kind, spec, by: self.submitted.append(spec) or trained)
    press(app, "Go on")
    assert fake_engine.submitted == [trained.spec]


def test_outputs_that_were_deleted_are_made_anew(
    opened: Callable[..., AppTest], trained: TrainingView, fake_engine: FakeEngine
) -> None:
    for path in (trained.folder.parents[1] / "teachers").glob("marks-*.safetensors"):
        path.unlink()
    app = opened(PAGE, task="marks")
    press(app, "Train the teachers")
    assert untrained("marks") == ()
    assert app.get("plotly_chart")


def test_what_keeps_the_engine_from_it_is_said(
    opened: Callable[..., AppTest], images: Path, fake_engine: FakeEngine
) -> None:
    app = opened(PAGE, task="marks")
    fake_engine.problem = "engine: no worker is ready"
    press(app, "Train the teachers")
    assert any("no worker is ready" in each.value for each in (*app.error, *app.warning, *app.toast))
    assert untrained("marks") == TEACHERS


def test_forgetting_the_task_stops_its_training(
    opened: Callable[..., AppTest], trained: TrainingView, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = replace(trained, state=State.RUNNING)
    stopped: list[str] = []
    show_as(running, KIND, monkeypatch)
    monkeypatch.setattr(store, "request_cancel", lambda kind, id: stopped.append(id))
    app = opened("setup/own_data/page.py")
    press(app, "Forget")
    assert stopped == [trained.id]
    assert own() == ()
    app.switch_page("pages/start/overview.py").run()
    assert not app.exception
    assert any(caption.value == "Training · 4 teachers · marks" for caption in app.caption)


def test_a_batch_size_is_not_suggested_before_they_are_trained(
    opened: Callable[..., AppTest], images: Path, fake_engine: FakeEngine
) -> None:
    app = opened("setup/distill/page.py", task="marks", **{"sampler.algorithm": "baoab"})
    press(app, "Suggest a batch size")
    assert [error.value for error in app.error] == [
        "The teachers are not trained yet; the page Teachers shows how far they are."
    ]
    assert any(button.label == "Distill" for button in app.button)
