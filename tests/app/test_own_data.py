"""Data of one's own through the browser: what the page proposes, what it finds, and the task that comes of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from mtbkd_core import build_config, default_config, load_task, task_infos
from mtbkd_core.catalog.adding import import_table
from mtbkd_core.imports.spec import TableSpec
from tests.app.conftest import SMALL, FakeEngine, in_link
from tests.imports.files import CLASSES, logits, spec_of, write_csv, write_files, write_table
from tests.imports.hub.made import data_folder, text_model

PAGE = "setup/own_data/page.py"


def ran(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception
    return app


def give_table(app: AppTest, content: bytes) -> AppTest:
    app.file_uploader(key="own:table").set_value(("train.csv", content, "text/csv"))
    return ran(app)


def give_teachers(app: AppTest, *paths: Path) -> AppTest:
    app.file_uploader(key="own:teachers").set_value([(path.name, path.read_bytes(), "text/csv") for path in paths])
    return ran(app)


def by_label(app: AppTest, kind: str, label: str) -> Any:
    (found,) = [element for element in getattr(app, kind) if element.label == label]
    return found


def choose(app: AppTest, kind: str, label: str, value: str) -> AppTest:
    by_label(app, kind, label).set_value(value)
    return ran(app)


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click()
    return ran(app)


def can_be_added(app: AppTest) -> bool:
    return any(button.key == "own:add" for button in app.button)


@pytest.fixture
def with_table(opened: Callable[..., AppTest], tmp_path: Path) -> AppTest:
    return give_table(opened(PAGE), write_table(tmp_path / "train.csv").read_bytes())


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """The file of a teacher."""
    return write_csv(tmp_path / "good.csv", None, logits().tolist())


# A table


def test_columns_and_classes_are_proposed(with_table: AppTest) -> None:
    assert by_label(with_table, "selectbox", "Label").value == "Label"
    assert by_label(with_table, "selectbox", "Sequence").value == "Sequence"
    assert by_label(with_table, "text_input", "Classes").value == ", ".join(CLASSES)
    assert "Choose a file for each teacher" in with_table.info[0].value


def test_numbers_that_name_rows_or_the_class_are_no_features_at_first(
    opened: Callable[..., AppTest], tmp_path: Path
) -> None:
    rows = [[100 + row, row / 7, *np.eye(3, dtype=int)[row % 3], row % 3] for row in range(36)]
    table = write_csv(tmp_path / "n.csv", ["id", "weight", *CLASSES, "Label"], rows)
    app = give_table(opened(PAGE), table.read_bytes())
    assert by_label(app, "multiselect", "Columns of numbers").value == ["weight"]


def test_a_checked_table_becomes_the_chosen_task(with_table: AppTest, tmp_path: Path, home: Path) -> None:
    app = give_teachers(with_table, *write_files(tmp_path).teachers.values())
    assert not app.error
    assert any("read as probabilities" in caption.value for caption in app.caption)
    choose(app, "text_input", "Title", "Where they live")
    press(app, "own:add")
    assert not app.error
    draft = app.session_state.draft
    assert (draft.data.task, draft.data.teachers) == ("where-they-live", ("good", "fair"))
    assert in_link(app, "data.task") == "where-they-live"
    assert [title.value for title in app.title] == ["Teachers"]
    assert load_task("where-they-live").class_names == CLASSES
    assert list((home / "uploads").iterdir()) == []


def test_teachers_that_have_not_seen_the_labels_are_calibrated(with_table: AppTest, tmp_path: Path) -> None:
    app = give_teachers(with_table, *write_files(tmp_path).teachers.values())
    (box,) = [each for each in app.checkbox if each.label == "No teacher was trained on these labels"]
    box.check()
    press(app, "own:add")
    assert not app.error
    assert app.session_state.draft.prior.calibrated_teachers


def test_a_problem_of_a_file_is_one_line_and_nothing_can_be_added(with_table: AppTest, good: Path) -> None:
    short = write_csv(good.with_name("short.csv"), None, logits()[:-1].tolist())
    app = give_teachers(with_table, short)
    (error,) = app.error
    assert error.value == "short.csv: has 35 rows, one too few, expected 36: as many as train.csv"
    assert not can_be_added(app)
    # another file puts it right
    app = give_teachers(app, good)
    assert not app.error
    assert can_be_added(app)


def test_a_warning_is_counted_and_nothing_is_marked_as_right(with_table: AppTest, good: Path) -> None:
    app = give_teachers(with_table, write_csv(good.with_name("unlike.csv"), None, (-logits()).tolist()))
    (warning,) = app.warning
    assert "may be in another order" in warning.value
    assert not app.success
    assert app.info[-1].value.startswith("1 remark above. 36 proteins")
    app = give_teachers(app, good)
    assert not app.warning
    assert app.success


def test_a_table_that_cannot_be_read_is_one_line(opened: Callable[..., AppTest]) -> None:
    app = give_table(opened(PAGE), b"\xff\xfea")
    assert app.error[0].value == "train.csv: not a CSV file in UTF-8, nor Parquet: line 1 holds another encoding"


def test_the_column_that_names_the_rows_can_be_chosen(opened: Callable[..., AppTest], tmp_path: Path) -> None:
    content = write_table(tmp_path / "train.csv").read_bytes().replace(b"ACC,", b"Protein,", 1)
    app = give_table(opened(PAGE), content)
    assert by_label(app, "selectbox", "Accession").value == ""
    choose(app, "selectbox", "Accession", "Protein")
    turned = [(f"P{row:05}", *values) for row, values in enumerate(logits().tolist())][::-1]
    app = give_teachers(app, write_csv(tmp_path / "t.csv", ["Protein", *CLASSES], turned))
    joined = "t.csv: its rows were joined with those of train.csv by 'Protein'; 36 of 36 stood in another place"
    assert any(caption.value.startswith(joined) for caption in app.caption)
    foreign = write_csv(tmp_path / "f.csv", ["Protein", *CLASSES], [("Q1", *turned[0][1:]), *turned[1:]])
    app = give_teachers(app, foreign)
    assert app.error[0].value.startswith("f.csv: line 2, column 'Protein': got 'Q1', which train.csv has in no row")


def test_a_class_may_have_a_comma_in_its_name_and_blanks_name_none(
    opened: Callable[..., AppTest], tmp_path: Path, good: Path
) -> None:
    content = write_table(tmp_path / "train.csv").read_bytes().replace(b"Golgi", b'"Golgi, trans"', 1)
    app = give_table(opened(PAGE), content)
    assert by_label(app, "text_input", "Classes").value == 'Cytoplasm, Nucleus, "Golgi, trans"'
    app = give_teachers(app, good)
    assert app.success[0].value.startswith("36 proteins of 3 classes")
    choose(app, "text_input", "Classes", "  ")
    assert "3 classes" in app.success[0].value
    choose(app, "text_input", "Classes", "Cytoplasm,,Nucleus, Golgi")
    assert app.error[0].value == "classes: name 2 of 4 is empty"


def test_with_embeddings_a_column_of_sequences_can_still_be_shown(with_table: AppTest, good: Path) -> None:
    app = give_teachers(with_table, good)
    choose(app, "segmented_control", "Features", "A file")
    app.file_uploader(key="own:embeddings").set_value((good.name, good.read_bytes(), "text/csv"))
    assert "36 proteins" in ran(app).success[0].value
    choose(app, "selectbox", "Sequence to show", "")
    assert "36 examples" in app.success[0].value


def test_a_protein_model_that_is_not_there_is_one_line(with_table: AppTest, good: Path, tmp_path: Path) -> None:
    app = give_teachers(with_table, good)
    choose(app, "segmented_control", "Features", "A protein model")
    assert app.info[0].value.startswith("Name the protein model")
    nowhere = str(tmp_path / "no such model")
    choose(app, "text_input", "Protein model", nowhere)
    (error,) = app.error
    assert "\n" not in error.value
    assert nowhere in error.value or "transformers" in error.value
    assert not can_be_added(app)


def test_the_name_of_a_built_in_task_is_refused(with_table: AppTest, good: Path) -> None:
    app = give_teachers(with_table, good)
    choose(app, "text_input", "Title", "Digits")
    press(app, "own:add")
    assert "built-in" in app.error[0].value


# Imported tasks on the pages


def test_a_forgotten_task_is_no_longer_chosen(app: AppTest, tmp_path: Path, home: Path) -> None:
    import_table("mine", spec_of(write_files(tmp_path)))
    app.query_params["task"] = "mine"
    assert ran(app).session_state.draft.data.task == "mine"
    app.switch_page(f"pages/{PAGE}")
    assert press(ran(app), "own:forget:mine").session_state.draft.data.task == "digits"
    assert "mine" not in [info.name for info in task_infos()]


@pytest.mark.parametrize("page", ["setup/teachers.py", "prior", "results/uncertainty.py"])
def test_pages_show_an_imported_task(
    opened: Callable[..., AppTest], fake_engine: object, tmp_path: Path, home: Path, page: str
) -> None:
    import_table("mine", spec_of(write_files(tmp_path)))
    config = build_config(SMALL.items(), base=default_config("mine"))
    run = FakeEngine().distill(config)
    app = opened(page, task="mine", run=run.id)
    assert not app.exception
    assert not app.error


def test_of_many_features_an_example_shows_the_first(
    opened: Callable[..., AppTest], tmp_path: Path, home: Path
) -> None:
    np.savez(tmp_path / "e.npz", np.arange(36 * 3000.0).reshape(36, 3000))
    files = replace(write_files(tmp_path), embeddings=tmp_path / "e.npz")
    import_table("mine", TableSpec(files, "Label", classes=CLASSES))
    app = ran(opened("prior", task="mine"))
    (line,) = [text.value for text in app.markdown if text.value.startswith("Test example")]
    assert "3,000 features in all" in line
    assert len(line) < 200


def test_files_and_choices_survive_a_visit_to_another_page(with_table: AppTest, good: Path) -> None:
    app = give_teachers(with_table, good)
    choose(app, "text_input", "Classes", "one, two, three")
    app.switch_page("pages/start/overview.py")
    ran(app)
    app.switch_page(f"pages/{PAGE}")
    ran(app)
    assert by_label(app, "text_input", "Classes").value == "one, two, three"
    assert by_label(app, "text_input", "Name of the teacher in good.csv").value == "good"
    assert can_be_added(app)
    press(app, "own:remove:own:teachers")
    assert not can_be_added(app)


def test_everything_that_is_wrong_stands_on_the_page_at_once(
    opened: Callable[..., AppTest], tmp_path: Path, good: Path
) -> None:
    app = give_table(opened(PAGE), write_table(tmp_path / "t.csv", Label={2: "NA"}, Sequence={1: "M1"}).read_bytes())
    give_teachers(app, good)
    assert len(app.error) == 2
    by_label(app, "checkbox", "Use rows without a label").check()
    assert len(ran(app).error) == 1


# A data set and models


def test_a_data_set_and_a_model_become_a_task(
    opened: Callable[..., AppTest], own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for library in ("datasets", "transformers"):
        pytest.importorskip(library)
    app = ran(opened("own_data"))
    choose(app, "segmented_control", "What you have", "A data set and models")
    choose(app, "text_input", "Data set", data_folder(tmp_path))
    press(app, "own:hub:look")
    assert by_label(app, "selectbox", "Label").value == "label"
    assert by_label(app, "selectbox", "Test on").value == "test"
    choose(app, "text_area", "Teachers, a line each", text_model(tmp_path / "kind", ("LABEL_0", "LABEL_1")))
    choose(app, "text_input", "Encoder", text_model(tmp_path / "encoder", ()))
    press(app, "own:hub:check")
    assert "does not say which classes they are" in app.error[0].value
    choose(app, "text_input", "Outputs of kind", "Negative, Positive")
    press(app, "own:hub:check")
    assert not app.error
    assert any("worked out" in each.value or "torch sees" in each.value for each in app.caption)
    choose(app, "text_input", "Title", "Reviews")
    press(app, "own:add")
    assert load_task("reviews").class_names == ("Negative", "Positive")
