"""From files to a task: what is written, how it is split, and that it can be run, found and forgotten."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import numpy as np
import pytest
import torch

from mtbkd_core import UserError, build_config, default_config, distill, fingerprint, load_task, task_info, task_infos
from mtbkd_core.catalog.adding import claim, forget, import_table, owners_of
from mtbkd_core.catalog.adding_images import import_images
from mtbkd_core.common.files import sha256
from mtbkd_core.export.package import make_package
from mtbkd_core.imports import store
from mtbkd_core.imports.spec import Files, TableSpec
from mtbkd_core.imports.table_task import SEEN, defaults
from mtbkd_core.proteins.descriptors import reach as descriptor_reach
from mtbkd_core.report.html import build_report
from mtbkd_core.teachers.temperatures import fit_temperatures
from tests.app.conftest import SMALL
from tests.imports.files import (
    CLASSES,
    ROWS,
    SIZES,
    labels,
    logits,
    sequences,
    spec_of,
    write_csv,
    write_files,
    write_images,
    write_table,
)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return write_files(tmp_path)


@pytest.fixture
def mine(files: Files) -> Path:
    """The folder of an imported task."""
    import_table("mine", spec_of(files), title="Mine")
    return store.folder_of("mine")


@pytest.mark.parametrize("title", ["My\nproteins", "p" * 61])
def test_a_title_is_one_short_line(files: Files, title: str) -> None:
    with pytest.raises(UserError, match="title: got"):
        import_table("mine", spec_of(files), title=title)


def names() -> list[str]:
    return [info.name for info in task_infos()]


def test_an_imported_table_is_a_task_that_runs(mine: Path) -> None:
    info = task_info("mine")
    assert (info.title, info.n_classes, info.default_teachers) == ("Mine", 3, ("good", "fair"))
    # 8 of 36 are held out
    assert (info.n_labelled, info.most_labelled) == (28, 28)
    result = distill(build_config(SMALL.items(), base=default_config("mine")))
    assert set(result.metrics.dump()) >= {"student", "teachers_mean", "teacher:good", "teacher:fair"}
    assert result.environment["class_names"] == list(CLASSES)


def test_labels_that_no_teacher_has_seen_calibrate_the_teachers(files: Files) -> None:
    import_table("mine", replace(spec_of(files), unseen=True))
    prior, task = default_config("mine").prior, load_task("mine")
    fitted = fit_temperatures(task.teacher_logits(["good", "fair"]), task.y_train).values
    assert (prior.calibrated_teachers, prior.entropy_temperatures) == (True, pytest.approx(fitted))


@pytest.mark.parametrize("unseen", [False, True])
def test_report_and_card_say_where_teachers_may_have_seen_the_rows(files: Files, unseen: bool) -> None:
    import_table("mine", replace(spec_of(files), unseen=unseen))
    result = distill(build_config(SMALL.items(), base=default_config("mine")))
    report = build_report(result, run="0123456789abcdef", created=datetime(2026, 5, 27, tzinfo=UTC))
    card = make_package(result).files["README.md"].decode()
    assert (SEEN in unescape(report), SEEN in card) == (not unseen, not unseen)


def test_labels_that_teachers_may_have_seen_calibrate_nothing(mine: Path) -> None:
    prior = default_config("mine").prior
    assert (prior.calibrated_teachers, prior.entropy_temperatures) == (False, None)


def test_the_fingerprint_is_known_without_loading_and_changes_with_data_teachers_and_split(
    mine: Path, files: Files
) -> None:
    config = default_config("mine")
    first = fingerprint(config)
    assert load_task("mine").fingerprint_of(config.data.teachers) == first
    changes: list[dict[str, object]] = [{"split_seed": 1}, {"n_labelled": 20}, {"teachers": ("fair",)}]
    found = {first, *(fingerprint(config.with_data(**change)) for change in changes)}
    assert len(found) == 4
    stamp = task_info("mine").stamp
    forget("mine")
    write_csv(files.teachers["good"], None, logits(7).tolist())
    import_table("mine", spec_of(files))
    assert fingerprint(config) not in found
    assert task_info("mine").stamp != stamp


def test_a_split_is_stratified_and_the_teachers_outputs_go_with_its_rows(mine: Path) -> None:
    task = load_task("mine", split_seed=3)
    assert torch.bincount(task.y_train).tolist() in ([9, 9, 10], [9, 10, 9], [10, 9, 9])
    label_of = {
        tuple(row): int(label) for row, label in zip(logits().astype(np.float32).tolist(), labels(), strict=True)
    }
    for part, truth in (("train", task.y_train), ("test", task.y_test)):
        rows = [tuple(row) for row in task.teacher_logits(["good"], part)[0].tolist()]
        assert [label_of[row] for row in rows] == truth.tolist()
    assert task.proteins is not None
    letters = dict(zip(sequences(), labels(), strict=True))
    assert [letters[sequence] for sequence in task.proteins.sequences["test"]] == task.y_test.tolist()
    few = load_task("mine", split_seed=3, n_labelled=10)
    assert torch.equal(few.y_train, task.y_train[:10])
    assert torch.equal(few.y_test, task.y_test)


def test_validation_sees_no_test_row(mine: Path) -> None:
    test, validation = load_task("mine"), load_task("mine", split="validation")

    def rows(task_logits: torch.Tensor) -> set[tuple[float, ...]]:
        return {tuple(row) for row in task_logits.tolist()}

    seen = rows(validation.teacher_logits(["good"])[0]) | rows(validation.teacher_logits(["good"], "test")[0])
    assert seen == rows(test.teacher_logits(["good"])[0])


def test_a_student_is_tested_on_the_test_table(files: Files, tmp_path: Path) -> None:
    test = Files(write_table(tmp_path / "test.csv", seed=9), files.teachers)
    import_table("mine", replace(spec_of(files), test=test))
    task = load_task("mine")
    assert (len(task.y_train), task.y_test.tolist()) == (ROWS, labels().tolist())


def test_a_table_of_descriptors_starts_with_what_suits_them_and_another_with_the_usual(
    mine: Path, files: Files
) -> None:
    import_table("other", TableSpec(files, "Label", columns=CLASSES))
    usual = default_config("digits").student.weight_scale
    for name, width, scale in (("mine", 128, 0.14), ("other", 64, usual)):
        student = default_config(name).student
        assert (student.hidden, student.weight_scale) == ((width,), scale)
    # one that was imported before that was written down
    manifest = json.loads((mine / store.MANIFEST).read_text())
    del manifest["described"], manifest["n_features"]
    (mine / store.MANIFEST).write_text(json.dumps(manifest))
    assert default_config("mine").student.hidden == (64,)


@pytest.mark.parametrize(
    ("rows", "features", "width", "chains"),
    [(2_000, 217, "128", "8"), (4_000, 217, "64", "8"), (8_000, 217, "32", "8"), (20_000, 1_280, "32", "4")],
)
def test_the_larger_a_table_the_narrower_its_student_so_that_a_run_does_not_take_long(
    rows: int, features: int, width: str, chains: str
) -> None:
    found = defaults(10, rows, features, True)
    assert (found["student.hidden"], found["sampler.chains"]) == (width, chains)


def test_what_was_read_is_in_the_manifest(mine: Path, files: Files) -> None:
    manifest = store.read_manifest(mine)
    assert manifest.sources["teacher good"] == {"file": "good.csv", "sha256": sha256(files.teachers["good"])}
    assert any("fair.csv: read as probabilities" in note for note in manifest.notes)
    data = store.read(mine)
    assert data.rows.sequences == tuple(sequences())
    assert data.rows.accessions[1] == "P00001"
    assert data.reach is not None
    assert torch.equal(data.reach, descriptor_reach())


@pytest.mark.parametrize("name", ["digits", "mine", "Mine", "a b", "", "-a", "x" * 41, "../up"])
def test_a_name_that_is_taken_or_none_is_refused(mine: Path, files: Files, name: str) -> None:
    with pytest.raises(UserError, match=r"^name: "):
        import_table(name, spec_of(files))
    assert [folder.name for folder in mine.parent.iterdir()] == ["mine"]


def test_a_refused_table_leaves_nothing_behind(files: Files, tmp_path: Path) -> None:
    bad = replace(files, table=write_table(tmp_path / "bad.csv", Sequence={3: "MKx"}))
    with pytest.raises(UserError, match=r"^bad\.csv: line 5, column 'Sequence': 'x' in lower case at letter 3"):
        import_table("mine", spec_of(bad))
    assert not store.folder_of("mine").exists()


@pytest.mark.parametrize("broken", ["manifest", "format", "empty"])
def test_a_broken_folder_hides_no_other_task(mine: Path, broken: str, caplog: pytest.LogCaptureFixture) -> None:
    folder = store.folder_of("other")
    folder.mkdir()
    values = json.loads((mine / store.MANIFEST).read_text())
    if broken != "empty":
        text = "{" if broken == "manifest" else json.dumps(values | {"format": 99})
        (folder / store.MANIFEST).write_text(text)
    assert "mine" in names()
    assert "other" not in names()
    assert "a task is left out" in caplog.text


def test_a_table_that_is_not_what_was_written_is_refused(mine: Path) -> None:
    path = mine / store.TENSORS
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(UserError, match="is not what its manifest was written for"):
        load_task("mine")
    path.unlink()
    with pytest.raises(UserError, match="task mine"):
        load_task("mine")


def test_a_forgotten_task_is_gone(mine: Path) -> None:
    forget("mine")
    assert "mine" not in names()
    assert list(mine.parent.iterdir()) == []
    with pytest.raises(UserError, match="imported are: none"):
        forget("mine")


def test_a_task_that_replaces_another_keeps_its_owners(mine: Path, files: Files, tmp_path: Path) -> None:
    claim("mine", "someone")
    import_table("mine", spec_of(files), title="Anew", replaces=True)
    assert task_info("mine").title == "Anew"
    assert owners_of("mine") == {"someone"}
    folder = write_images(tmp_path / "set")
    import_images("mine", folder, sizes=SIZES, replaces=True)
    assert task_info("mine").image_shape is not None
    assert owners_of("mine") == {"someone"}
    import_table("mine", spec_of(files), replaces=True)
    assert task_info("mine").image_shape is None
    assert owners_of("mine") == {"someone"}


def test_a_table_that_is_refused_replaces_nothing(mine: Path, files: Files, tmp_path: Path) -> None:
    bad = replace(files, table=write_table(tmp_path / "bad.csv", Label={3: "x"}))
    with pytest.raises(UserError):
        import_table("mine", spec_of(bad), replaces=True)
    assert task_info("mine").title == "Mine"
