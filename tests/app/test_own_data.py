"""A table of one's own through the browser: what is guessed, what is found, and the task that comes of it."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from mtbkd_core import build_config, load_task, task_infos
from mtbkd_core.catalog.adding import import_table
from mtbkd_core.catalog.adding_images import import_images
from mtbkd_core.imports.spec import TableSpec
from mtbkd_core.runs.folder import State
from pages.setup.own_data import images
from tests.app.conftest import SMALL, FakeEngine, in_link
from tests.imports.files import CLASSES, logits, spec_of, write_csv, write_files, write_table
from tests.imports.test_images import SIZES, write_set

Upload = tuple[str, bytes, str]


def upload(path: Path) -> Upload:
    return path.name, path.read_bytes(), "text/csv"


@pytest.fixture
def with_table(opened: Callable[..., AppTest], tmp_path: Path) -> AppTest:
    app = opened("setup/own_data/page.py")
    app.file_uploader(key="own:table").set_value(upload(write_table(tmp_path / "train.csv")))
    app.run()
    return app


def give_teachers(app: AppTest, *paths: Path) -> AppTest:
    app.file_uploader(key="own:teachers").set_value([upload(path) for path in paths])
    app.run()
    assert not app.exception
    return app


def by_label(app: AppTest, kind: str, label: str) -> object:
    (found,) = [element for element in getattr(app, kind) if element.label == label]
    return found


def test_columns_and_classes_are_guessed_from_the_table(with_table: AppTest) -> None:
    app = with_table
    assert not app.exception
    assert by_label(app, "selectbox", "Label").value == "Label"  # type: ignore[attr-defined]
    assert by_label(app, "selectbox", "Sequence").value == "Sequence"  # type: ignore[attr-defined]
    assert by_label(app, "text_input", "Classes").value == ", ".join(CLASSES)  # type: ignore[attr-defined]
    assert "Choose a file for each teacher" in app.info[0].value


def test_a_checked_table_becomes_the_chosen_task(with_table: AppTest, tmp_path: Path, home: Path) -> None:
    files = write_files(tmp_path)
    app = give_teachers(with_table, files.teachers["good"], files.teachers["fair"])
    assert not app.error
    assert any("read as probabilities" in caption.value for caption in app.caption)
    by_label(app, "text_input", "Title").set_value("Where they live")  # type: ignore[attr-defined]
    app.run()
    app.button(key="own:add").click()
    app.run()
    assert not app.exception
    assert not app.error
    assert app.session_state.draft.data.task == "where-they-live"
    assert app.session_state.draft.data.teachers == ("good", "fair")
    assert in_link(app, "data.task") == "where-they-live"
    assert [title.value for title in app.title] == ["Teachers"]
    assert load_task("where-they-live").class_names == CLASSES
    assert list((home / "uploads").iterdir()) == []


def test_a_problem_of_a_file_is_one_line_and_nothing_can_be_added(with_table: AppTest, tmp_path: Path) -> None:
    short = write_csv(tmp_path / "short.csv", None, logits()[:-1].tolist())
    app = give_teachers(with_table, short)
    (error,) = app.error
    assert error.value == "short.csv: has 35 rows, one too few, expected 36: as many as train.csv"
    assert [button for button in app.button if button.key == "own:add"] == []
    # another file puts it right
    app = give_teachers(app, write_csv(tmp_path / "whole.csv", None, logits().tolist()))
    assert not app.error
    assert app.button(key="own:add")


def test_a_blank_in_classes_names_none(with_table: AppTest, tmp_path: Path) -> None:
    by_label(with_table, "text_input", "Classes").set_value("  ")  # type: ignore[attr-defined]
    app = give_teachers(with_table, write_csv(tmp_path / "good.csv", None, logits().tolist()))
    assert not app.error
    assert "3 classes" in app.success[0].value


def test_a_warning_is_counted_and_nothing_is_marked_as_right(with_table: AppTest, tmp_path: Path) -> None:
    app = give_teachers(with_table, write_csv(tmp_path / "unlike.csv", None, (-logits()).tolist()))
    (warning,) = app.warning
    assert "are probably in another order" in warning.value
    assert not app.success
    assert app.info[-1].value.startswith("1 remark above. 36 proteins")
    app = give_teachers(app, write_csv(tmp_path / "right.csv", None, logits().tolist()))
    assert not app.warning
    assert app.success


def test_with_embeddings_a_column_of_sequences_can_still_be_shown(with_table: AppTest, tmp_path: Path) -> None:
    app = give_teachers(with_table, write_files(tmp_path).teachers["good"])
    by_label(app, "segmented_control", "Features").set_value("A file")  # type: ignore[attr-defined]
    app.run()
    embeddings = write_csv(tmp_path / "e.csv", None, logits(5).tolist())
    app.file_uploader(key="own:embeddings").set_value(upload(embeddings))
    app.run()
    assert "36 proteins" in app.success[0].value
    by_label(app, "selectbox", "Sequence to show").set_value("")  # type: ignore[attr-defined]
    app.run()
    assert "36 examples" in app.success[0].value


def test_the_column_of_accessions_can_be_chosen(opened: Callable[..., AppTest], tmp_path: Path) -> None:
    content = write_table(tmp_path / "train.csv").read_bytes().replace(b"ACC,", b"Protein,", 1)
    app = opened("setup/own_data/page.py")
    app.file_uploader(key="own:table").set_value(("train.csv", content, "text/csv"))
    app.run()
    turned = [(f"P{row:05}", *values) for row, values in enumerate(logits().tolist())][::-1]
    teacher = write_csv(tmp_path / "t.csv", ["Protein", *CLASSES], turned)
    assert by_label(app, "selectbox", "Accession").value == ""  # type: ignore[attr-defined]
    by_label(app, "selectbox", "Accession").set_value("Protein")  # type: ignore[attr-defined]
    app = give_teachers(app, teacher)
    assert app.error[0].value.startswith("t.csv: line 2, column 'Protein': got 'P00035', expected 'P00000'")


def test_numbers_that_name_rows_or_the_class_are_no_features_at_first(
    opened: Callable[..., AppTest], tmp_path: Path
) -> None:
    rows = [[100 + row, row / 7, *np.eye(3, dtype=int)[row % 3], row % 3] for row in range(36)]
    app = opened("setup/own_data/page.py")
    table = write_csv(tmp_path / "n.csv", ["id", "weight", *CLASSES, "Label"], rows)
    app.file_uploader(key="own:table").set_value(upload(table))
    app.run()
    assert by_label(app, "multiselect", "Columns of numbers").value == ["weight"]  # type: ignore[attr-defined]


def test_a_class_may_have_a_comma_in_its_name_and_an_empty_one_is_refused(
    opened: Callable[..., AppTest], tmp_path: Path
) -> None:
    content = write_table(tmp_path / "train.csv").read_bytes().replace(b"Golgi", b'"Golgi, trans"', 1)
    app = opened("setup/own_data/page.py")
    app.file_uploader(key="own:table").set_value(("train.csv", content, "text/csv"))
    app.run()
    names = by_label(app, "text_input", "Classes")
    assert names.value == 'Cytoplasm, Nucleus, "Golgi, trans"'  # type: ignore[attr-defined]
    app = give_teachers(app, write_files(tmp_path).teachers["good"])
    assert app.success[0].value.startswith("36 proteins of 3 classes")
    by_label(app, "text_input", "Classes").set_value("Cytoplasm,,Nucleus, Golgi")  # type: ignore[attr-defined]
    app.run()
    assert app.error[0].value == "classes: name 2 of 4 is empty"


def test_a_table_that_cannot_be_read_is_one_line(opened: Callable[..., AppTest]) -> None:
    app = opened("setup/own_data/page.py")
    app.file_uploader(key="own:table").set_value(("table.csv", b"\xff\xfe\x00\x01", "text/csv"))
    app.run()
    assert not app.exception
    assert app.error[0].value == "table.csv: not a CSV file in UTF-8, nor Parquet: line 1 holds another encoding"


def test_a_built_in_tasks_name_is_refused(with_table: AppTest, tmp_path: Path) -> None:
    app = give_teachers(with_table, write_files(tmp_path).teachers["good"])
    by_label(app, "text_input", "Title").set_value("Digits")  # type: ignore[attr-defined]
    app.run()
    app.button(key="own:add").click()
    app.run()
    assert "built-in" in app.error[0].value
    assert "digits" in [info.name for info in task_infos()]


def test_a_forgotten_task_is_no_longer_chosen(app: AppTest, tmp_path: Path, home: Path) -> None:
    import_table("mine", spec_of(write_files(tmp_path)))
    app.query_params["task"] = "mine"
    app.run()
    assert app.session_state.draft.data.task == "mine"
    app.switch_page("pages/setup/own_data/page.py")
    app.run()
    app.button(key="own:forget:mine").click()
    app.run()
    assert app.session_state.draft.data.task == "digits"
    assert "mine" not in [info.name for info in task_infos()]


@pytest.mark.parametrize("page", ["setup/teachers.py", "setup/prior.py", "results/uncertainty.py"])
def test_pages_show_an_imported_task(
    opened: Callable[..., AppTest], fake_engine: object, tmp_path: Path, home: Path, page: str
) -> None:
    from mtbkd_core import build_config, default_config
    from tests.app.conftest import FakeEngine

    import_table("mine", spec_of(write_files(tmp_path)))
    config = build_config(SMALL.items(), base=default_config("mine"))
    run = FakeEngine().distill(config)
    app = opened(page, task="mine", run=run.id)
    assert not app.exception
    assert not app.error


def test_of_many_features_an_example_shows_the_first(
    opened: Callable[..., AppTest], tmp_path: Path, home: Path
) -> None:
    files = write_files(tmp_path)
    np.savez(tmp_path / "e.npz", np.arange(36 * 3000.0).reshape(36, 3000))
    import_table("mine", TableSpec(replace(files, embeddings=tmp_path / "e.npz"), "Label", classes=CLASSES))
    app = opened("setup/prior.py", task="mine")
    assert not app.exception
    (line,) = [text.value for text in app.markdown if text.value.startswith("Test example")]
    assert "3,000 features in all" in line
    assert len(line) < 200


def test_a_protein_model_is_asked_for_by_name_and_one_that_is_not_there_is_one_line(
    with_table: AppTest, tmp_path: Path
) -> None:
    app = give_teachers(with_table, write_files(tmp_path).teachers["good"])
    by_label(app, "segmented_control", "Features").set_value("A protein model")  # type: ignore[attr-defined]
    app.run()
    assert app.info[0].value.startswith("Name the protein model")
    nowhere = tmp_path / "no such model"
    by_label(app, "text_input", "Protein model").set_value(str(nowhere))  # type: ignore[attr-defined]
    app.run()
    assert not app.exception
    (error,) = app.error
    assert "\n" not in error.value
    assert str(nowhere) in error.value or "transformers" in error.value
    assert [button for button in app.button if button.key == "own:add"] == []


@pytest.fixture
def with_images(opened: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page with its form for images, of which few are enough."""
    monkeypatch.setattr(images, "import_images", partial(import_images, sizes=SIZES, epochs=1))
    app = opened("setup/own_data/page.py")
    app.button_group(key="own:kind").set_value("Images")
    app.run()
    return app


def add_images(app: AppTest, folder: Path, title: str, **more: str) -> AppTest:
    for name, text in ({"folder": str(folder), "title": title} | more).items():
        app.text_input(key=f"own:images:{name}").set_value(text)
    app.run()
    app.button(key="own:images:add").click()
    app.run()
    assert not app.exception
    return app


def test_a_folder_of_images_becomes_the_chosen_task_and_can_be_distilled(
    with_images: AppTest, tmp_path: Path, fake_engine: FakeEngine
) -> None:
    app = add_images(with_images, write_set(tmp_path / "set"), "My marks", classes='ring, dot, "bar, or stroke", hook')
    assert not app.error
    assert app.title[0].value == "Teachers"
    assert in_link(app, "data.task") == "my-marks"
    assert any("ring, dot" in text.value for text in app.markdown)
    view = fake_engine.distill(build_config(SMALL.items(), base=app.session_state.draft))
    assert view.state is State.DONE, view.reason


@pytest.mark.parametrize(
    ("folder", "more", "said"),
    [
        ("nowhere", {}, "is no folder"),
        ("", {}, "needs one file *train-images?idx3-ubyte*"),
        ("set", {"prefix": "kmnist"}, "that begins with kmnist, has none"),
        ("set", {"classes": "a, b"}, "classes: got 2 names, needs 4"),
    ],
)
def test_a_folder_that_will_not_do_is_one_line(
    with_images: AppTest, tmp_path: Path, folder: str, more: dict[str, str], said: str
) -> None:
    write_set(tmp_path / "set")
    app = add_images(with_images, tmp_path / folder, "My marks", **more)
    (error,) = app.error
    assert said in error.value
    assert app.session_state.draft.data.task == "digits"
    assert app.text_input(key="own:images:title").value == "My marks"
