"""From files to a task: what is written, how it is split, and that it can be run, found and forgotten."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from mtbkd_core import UserError, build_config, default_config, distill, fingerprint, load_task, task_info, task_infos
from mtbkd_core.catalog.adding import forget, import_table
from mtbkd_core.imports import store
from mtbkd_core.imports.assembling import check_table, class_columns
from mtbkd_core.imports.spec import Files, TableSpec
from mtbkd_core.proteins.descriptors import names as descriptor_names
from mtbkd_core.proteins.descriptors import reach as descriptor_reach
from tests.app.conftest import SMALL
from tests.imports.files import CLASSES, ROWS, labels, logits, sequences, spec_of, write_csv, write_files, write_table

DEEPLOC = Path(__file__).resolve().parents[2].parent / "shared" / "deeploc"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return write_files(tmp_path)


def test_an_imported_table_is_a_task_that_runs(files: Files) -> None:
    import_table("mine", spec_of(files), title="Mine")
    info = task_info("mine")
    assert (info.title, info.n_classes, info.default_teachers) == ("Mine", 3, ("good", "fair"))
    # 8 of 36 are held out
    assert (info.n_train, info.most_train) == (28, 28)
    result = distill(build_config(SMALL.items(), base=default_config("mine")))
    assert set(result.metrics.dump()) >= {"student", "teachers_mean", "teacher:good", "teacher:fair"}
    assert result.environment["class_names"] == list(CLASSES)


def test_the_fingerprint_is_known_without_loading_and_changes_with_data_teachers_and_split(
    files: Files, tmp_path: Path
) -> None:
    import_table("mine", spec_of(files))
    config = default_config("mine")
    first = fingerprint(config)
    assert load_task("mine").fingerprint_of(config.data.teachers) == first
    found = {first, fingerprint(config.with_data(split_seed=1))}
    found |= {fingerprint(config.with_data(n_labelled=20))}
    found |= {fingerprint(config.with_data(teachers=("fair",)))}
    assert len(found) == 4
    stamp = task_info("mine").stamp
    forget("mine")
    write_csv(files.teachers["good"], None, logits(7).tolist())
    import_table("mine", spec_of(files))
    assert fingerprint(config) not in found
    assert task_info("mine").stamp != stamp


def test_a_split_is_stratified_and_what_teachers_say_goes_with_its_rows(files: Files) -> None:
    import_table("mine", spec_of(files))
    task = load_task("mine", split_seed=3)
    assert torch.bincount(task.y_train).tolist() in ([9, 9, 10], [9, 10, 9], [10, 9, 9])
    said = {tuple(row): int(label) for row, label in zip(logits().astype(np.float32).tolist(), labels(), strict=True)}
    for part, truth in (("train", task.y_train), ("test", task.y_test)):
        rows = [tuple(row) for row in task.teacher_logits(["good"], part)[0].tolist()]
        assert [said[row] for row in rows] == truth.tolist()
    assert task.proteins is not None
    letters = dict(zip(sequences(), labels(), strict=True))
    assert [letters[sequence] for sequence in task.proteins.sequences["test"]] == task.y_test.tolist()
    few = load_task("mine", split_seed=3, n_train=10)
    assert torch.equal(few.y_train, task.y_train[:10])
    assert torch.equal(few.y_test, task.y_test)


def test_validation_sees_no_test_row(files: Files) -> None:
    import_table("mine", spec_of(files))
    test, validation = load_task("mine"), load_task("mine", split="validation")

    def rows(task_logits: torch.Tensor) -> set[tuple[float, ...]]:
        return {tuple(row) for row in task_logits.tolist()}

    seen = rows(validation.teacher_logits(["good"])[0]) | rows(validation.teacher_logits(["good"], "test")[0])
    assert seen == rows(test.teacher_logits(["good"])[0])


def test_folds_hold_every_row_out_once(files: Files) -> None:
    data = check_table("mine", spec_of(files)).data
    held = [tuple(row) for k in range(4) for row in data.fold(k, folds=4).teacher_logits(["good"], "test")[0].tolist()]
    assert len(held) == len(set(held)) == ROWS
    for k in range(4):
        assert torch.bincount(data.fold(k, folds=4).y_test).tolist() == [3, 3, 3]
    assert data.fold(0, folds=4).fingerprint != data.fold(1, folds=4).fingerprint
    for k, folds in ((4, 4), (-1, 4), (0, 1), (0, 13)):
        with pytest.raises(UserError):
            data.fold(k, folds=folds)


def test_a_test_table_is_what_is_measured_on(files: Files, tmp_path: Path) -> None:
    test = Files(write_table(tmp_path / "test.csv", seed=9), dict(files.teachers))
    import_table("mine", replace(spec_of(files), test=test))
    task = load_task("mine")
    assert (len(task.y_train), task.y_test.tolist()) == (ROWS, labels().tolist())
    with pytest.raises(UserError, match="teacher fair: has no file for the test table"):
        replace(spec_of(files), test=replace(test, teachers={"good": files.teachers["good"]}))


def test_sequences_shared_with_the_test_table_are_warned_of(files: Files, tmp_path: Path) -> None:
    first = sequences()[0]
    test = Files(write_table(tmp_path / "test.csv", seed=9, Sequence={5: first}), dict(files.teachers))
    found = check_table("mine", replace(spec_of(files), test=test))
    assert found.warnings == ("test.csv: 1 sequence stands in train.csv as well",)


def test_features_are_descriptors_columns_or_a_file(files: Files, tmp_path: Path) -> None:
    data = check_table("mine", spec_of(files)).data
    assert data.rows.features.shape == (ROWS, len(descriptor_names()))
    assert data.reach is not None
    assert torch.equal(data.reach, descriptor_reach())
    plain = TableSpec(files, "Label", columns=CLASSES)
    assert check_table("mine", plain).data.reach is None
    assert check_table("mine", plain).data.rows.features.argmax(1).tolist() == labels().tolist()
    numbers = np.arange(2.0 * ROWS).reshape(ROWS, 2)
    np.savez(tmp_path / "e.npz", numbers)
    from_file = TableSpec(replace(files, embeddings=tmp_path / "e.npz"), "Label")
    assert check_table("mine", from_file).data.rows.features.tolist() == numbers.tolist()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("1e39", "a finite number, at most 1e30 in size"),
        ("nan", "a finite number, at most 1e30 in size"),
        ("x", "a number"),
        ("1_0", "a number"),
        ("0,5", "a number with a decimal point: ',' parts the cells"),
    ],
)
def test_a_feature_that_is_no_number_has_its_place(files: Files, tmp_path: Path, cell: str, expected: str) -> None:
    wrong = replace(files, table=write_table(tmp_path / "wrong.csv", Golgi={3: cell}))
    spec = TableSpec(wrong, "Label", columns=("Nucleus", "Golgi"))
    with pytest.raises(UserError) as raised:
        check_table("mine", spec)
    assert str(raised.value) == f"wrong.csv: line 5, column 'Golgi': got {cell!r}, expected {expected}"


def test_embeddings_in_another_order_by_their_own_numbers_are_refused(files: Files, tmp_path: Path) -> None:
    order = np.random.default_rng(0).permutation(ROWS)
    embeddings = write_csv(tmp_path / "e.csv", ["row", "a"], [[int(place), place + 0.5] for place in order])
    spec = TableSpec(replace(files, embeddings=embeddings), "Label")
    with pytest.raises(
        UserError, match=r"^e\.csv: line 2, column 'row': got \d+, expected 0 as of train\.csv: line 2: wr"
    ):
        check_table("mine", spec)
    write_csv(embeddings, ["row", "a"], [[place, place + 0.5] for place in range(ROWS)])
    assert check_table("mine", spec).data.rows.features.shape == (ROWS, 1)


def test_a_shuffled_table_that_keeps_its_index_has_its_files_in_its_order(files: Files, tmp_path: Path) -> None:
    order = np.random.default_rng(0).permutation(ROWS)
    table = pd.read_csv(files.table).iloc[order].drop(columns="ACC")
    frame = pd.DataFrame(logits(), columns=list(CLASSES)).iloc[order]
    teachers = {"good": tmp_path / "good.csv", "fair": tmp_path / "fair.csv"}
    frame.to_csv(teachers["good"])
    frame.to_csv(teachers["fair"], index=False)
    table.to_csv(tmp_path / "t.csv")
    checked = check_table("mine", spec_of(Files(tmp_path / "t.csv", teachers)))
    assert torch.equal(checked.data.rows.logits["good"], checked.data.rows.logits["fair"])
    table.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(
        UserError, match=r"^good\.csv: line 2, column '': got \d+, expected 0 as of t\.csv: line 2: wrong"
    ):
        check_table("mine", spec_of(Files(tmp_path / "t.csv", teachers)))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_whose_index_names_its_rows_is_held_against_files_that_do_so_too(
    files: Files, tmp_path: Path, kind: str
) -> None:
    def written(name: str, frame: pd.DataFrame) -> Path:
        path = tmp_path / f"{name}.{kind}"
        frame.to_csv(path) if kind == "csv" else frame.to_parquet(path)
        return path

    table = pd.read_csv(files.table).set_index("ACC").rename_axis(None)
    numbered = pd.DataFrame(logits(), columns=list(CLASSES))
    named = numbered.set_axis(table.index)
    teachers = {"good": written("good", named), "fair": written("fair", numbered)}
    found = check_table("mine", spec_of(Files(written("t", table), teachers)))
    assert found.data.rows.accessions == tuple(table.index)
    assert torch.equal(found.data.rows.logits["good"], found.data.rows.logits["fair"])
    written("good", named[::-1])
    with pytest.raises(UserError, match="the rows are in another order than the table's"):
        check_table("mine", spec_of(Files(tmp_path / f"t.{kind}", teachers)))


@pytest.mark.parametrize("embeddings", [False, True])
def test_a_file_that_lacks_a_row_of_the_table_says_which(files: Files, tmp_path: Path, embeddings: bool) -> None:
    names = pd.read_csv(files.table)["ACC"]
    short = pd.DataFrame(logits(), columns=list(CLASSES)).assign(ACC=names).drop(index=[7, 20])
    short.to_csv(tmp_path / "short.csv", index=False)
    spec = spec_of(replace(files, teachers={"good": tmp_path / "short.csv"}))
    if embeddings:
        spec = TableSpec(replace(files, embeddings=tmp_path / "short.csv"), "Label", accession="ACC")
    with pytest.raises(
        UserError, match=rf"^short\.csv: has 34 rows, .*; the first that it lacks is {names[7]!r}, train"
    ):
        check_table("mine", spec)


def test_labels_that_are_numbers_take_their_classes_from_the_teachers(files: Files, tmp_path: Path) -> None:
    fewer = write_table(tmp_path / "two.csv", Label=dict.fromkeys(range(2, ROWS, 3), "0"))
    found = check_table("mine", TableSpec(replace(files, table=fewer), "Label", "Sequence"))
    assert found.data.class_names == ("0", "1", "2")


def test_whole_numbers_take_their_classes_from_the_teachers_however_they_are_written(
    files: Files, tmp_path: Path
) -> None:
    floats = {row: f"{label}.0" for row, label in enumerate(labels() % 2)}
    found = check_table(
        "mine", TableSpec(replace(files, table=write_table(tmp_path / "f.csv", Label=floats)), "Label", "Sequence")
    )
    assert found.data.class_names == ("0", "1", "2")
    assert found.data.rows.labels.tolist() == (labels() % 2).tolist()


def test_a_column_beside_those_of_the_classes_is_no_class(files: Files, tmp_path: Path) -> None:
    values = np.column_stack([logits(), np.arange(ROWS) + 0.5])
    write_csv(files.teachers["good"], ["0", "1", "2", "pred"], values.tolist())
    with pytest.raises(UserError, match=r"^good\.csv: its header counts the classes, but its column 'pred' is none of"):
        check_table("mine", TableSpec(files, "Label", "Sequence"))
    only = replace(files, teachers={"good": write_csv(tmp_path / "good.csv", ["a", "b", "c", "pred"], values.tolist())})
    assert (
        "good.csv: its column 'pred' was taken for class 3, which no label names"
        in check_table("mine", TableSpec(only, "Label", "Sequence")).warnings
    )


@pytest.mark.parametrize(
    ("texts", "line", "got"),
    [({6: "1.x"}, 8, "1.x"), ({row: "-1" if row % 2 else "+1" for row in range(ROWS)}, 3, "-1")],
)
def test_a_label_that_is_no_number_of_a_class_is_named_where_the_header_has_words(
    files: Files, tmp_path: Path, texts: dict[int, str], line: int, got: str
) -> None:
    write_csv(files.teachers["good"], ["a", "b", "c"], logits().tolist())
    slip = replace(files, table=write_table(tmp_path / "slip.csv", Label=texts))
    with pytest.raises(
        UserError, match=rf"^slip\.csv: line {line}, column 'Label': got '{re.escape(got)}', which has no"
    ):
        check_table("mine", TableSpec(slip, "Label", "Sequence"))


def test_an_index_that_is_not_finite_is_no_index(files: Files) -> None:
    index = np.where(np.arange(ROWS) == 7, np.inf, np.arange(ROWS))
    write_csv(files.teachers["good"], ["index", "0", "1", "2"], np.column_stack([index, logits()]).tolist())
    with pytest.raises(UserError, match=r"^good\.csv: .*index"):
        check_table("mine", TableSpec(files, "Label", "Sequence"))


def test_a_slip_in_a_label_is_found_where_it_stands(files: Files, tmp_path: Path) -> None:
    names = {row: CLASSES[label] for row, label in enumerate(labels())}
    for labels_of, problem in (
        (names | {6: "Cytoplsam"}, "class 'Cytoplsam' has 1 row, expected 8 at least"),
        ({6: "Nucleus"}, "got 'Nucleus', which has no class, expected 0, 1, 2"),
    ):
        slip = replace(files, table=write_table(tmp_path / "slip.csv", Label=labels_of))
        with pytest.raises(UserError, match=rf"^slip\.csv: line 8, column 'Label': {problem}"):
            check_table("mine", TableSpec(slip, "Label", "Sequence"))


def test_table_and_test_table_decide_together_what_numbers_mean(files: Files, tmp_path: Path) -> None:
    # class 3 does not occur in the table, whose labels 1 and 2 count the classes as those of the test table do
    own = replace(files, table=write_table(tmp_path / "own.csv", Label=dict.fromkeys(range(0, ROWS, 3), "1")))
    test = replace(files, table=write_table(tmp_path / "test.csv", 7))
    data = check_table("mine", TableSpec(own, "Label", "Sequence", classes=("1", "2", "3"), test=test)).data
    assert sorted(set(data.rows.labels.tolist())) == [1, 2]
    assert data.test is not None
    assert data.test.labels.tolist() == labels().tolist()


def test_labels_that_are_not_what_the_classes_columns_say_are_refused(files: Files, tmp_path: Path) -> None:
    wrong = replace(files, table=write_table(tmp_path / "wrong.csv", Label={2: "1"}))
    with pytest.raises(UserError, match=r"^wrong\.csv: line 4, column 'Label': the label is class 'Nucleus', but"):
        check_table("mine", spec_of(wrong))


def test_a_class_with_few_rows_is_named_with_its_file_and_column(files: Files, tmp_path: Path) -> None:
    few = replace(files, table=write_table(tmp_path / "few.csv", Label=dict.fromkeys(range(2, 30, 3), "0")))
    with pytest.raises(
        UserError, match=r"^few\.csv: line 34, column 'Label': class '2' has 2 rows, expected 8 at least"
    ):
        check_table("mine", TableSpec(few, "Label", "Sequence"))


def test_features_that_tell_the_label_are_refused_or_warned_of(files: Files, tmp_path: Path) -> None:
    for columns, problem in ((("Golgi", "Label"), "'Label' is the label"), (("Golgi",) * 2, "'Golgi' is named twice")):
        with pytest.raises(UserError, match=rf"^features: column {problem}"):
            TableSpec(files, "Label", columns=columns)
    (warning,) = check_table("mine", TableSpec(files, "Label", columns=("Golgi", "Nucleus"))).warnings
    told = "the same throughout each class, so that the student is told the label"
    assert warning == f"train.csv: feature 'Golgi', 'Nucleus': {told}"
    np.savez(tmp_path / "e.npz", np.column_stack([logits(), labels(), np.ones(ROWS)]))
    found = check_table("mine", TableSpec(replace(files, embeddings=tmp_path / "e.npz"), "Label")).warnings
    assert found == (
        "e.npz: feature 5: the same in every row, which tells the student nothing",
        f"e.npz: feature 4: {told}",
    )


def test_accessions_that_do_not_tell_rows_apart_are_warned_of(files: Files, tmp_path: Path) -> None:
    same = replace(files, table=write_table(tmp_path / "same.csv", ACC={3: "P00001", 5: "P00001"}))
    (warning,) = check_table("mine", spec_of(same)).warnings
    assert warning.startswith("same.csv: line 5, column 'ACC': 'P00001' stands in same.csv: line 3 as well, one of 2 r")
    same = replace(files, table=write_table(tmp_path / "same.csv", ACC={3: "P00001"}))
    (warning,) = check_table("mine", spec_of(same)).warnings
    assert "stands in same.csv: line 3 as well: another order" in warning


def test_classes_are_named_by_columns(files: Files) -> None:
    assert class_columns(files, "Cytoplasm", "Golgi") == CLASSES
    for first, last in (("Golgi", "Cytoplasm"), ("Cytoplasm", "nothing")):
        with pytest.raises(UserError, match="class columns"):
            class_columns(files, first, last)


def test_a_table_of_descriptors_starts_with_what_suits_them_and_another_with_the_usual(files: Files) -> None:
    usual = default_config("digits").student.weight_scale
    for name, spec, concentration, scale in (
        ("mine", spec_of(files), 12, 0.14),
        ("other", TableSpec(files, "Label", columns=CLASSES), 6, usual),
    ):
        import_table(name, spec)
        config = default_config(name)
        assert (config.prior.concentration, config.student.weight_scale) == (concentration, scale)
    # one that was imported before that was written down
    path = store.folder_of("mine") / store.MANIFEST
    manifest = json.loads(path.read_text())
    del manifest["described"]
    path.write_text(json.dumps(manifest))
    assert default_config("mine").prior.concentration == 6


def test_what_was_read_is_in_the_manifest(files: Files) -> None:
    import_table("mine", spec_of(files))
    manifest = store.read_manifest(store.folder_of("mine"))
    assert manifest.sources["teacher good"] == {"file": "good.csv", "sha256": store.sha256(files.teachers["good"])}
    assert any("fair.csv: read as probabilities" in note for note in manifest.notes)
    data = store.read(store.folder_of("mine"))
    assert data.rows.sequences == tuple(sequences())
    assert data.rows.accessions[1] == "P00001"
    assert data.reach is not None
    assert torch.equal(data.reach, descriptor_reach())


@pytest.mark.parametrize("name", ["digits", "mine", "Mine", "a b", "", "-a", "x" * 41, "../up"])
def test_a_name_that_is_taken_or_none_is_refused(files: Files, name: str) -> None:
    import_table("mine", spec_of(files))
    with pytest.raises(UserError, match=r"^name: "):
        import_table(name, spec_of(files))
    assert [folder.name for folder in store.folder_of("mine").parent.iterdir()] == ["mine"]


def test_a_refused_table_leaves_nothing_behind(files: Files, tmp_path: Path) -> None:
    bad = replace(files, table=write_table(tmp_path / "bad.csv", Sequence={3: "MKx"}))
    with pytest.raises(UserError, match=r"^bad\.csv: line 5, column 'Sequence': 'x' in lower case at letter 3"):
        import_table("mine", spec_of(bad))
    assert not store.folder_of("mine").exists()


@pytest.mark.parametrize("broken", ["manifest", "format", "empty"])
def test_a_broken_folder_hides_no_other_task(files: Files, broken: str, caplog: pytest.LogCaptureFixture) -> None:
    import_table("mine", spec_of(files))
    folder = store.folder_of("other")
    folder.mkdir()
    if broken == "manifest":
        (folder / store.MANIFEST).write_text("{")
    elif broken == "format":
        values = json.loads((store.folder_of("mine") / store.MANIFEST).read_text())
        (folder / store.MANIFEST).write_text(json.dumps(values | {"format": 99}))
    names = [info.name for info in task_infos()]
    assert "mine" in names
    assert "other" not in names
    assert "a task is left out" in caplog.text


def test_a_table_that_is_not_what_was_written_is_refused(files: Files) -> None:
    import_table("mine", spec_of(files))
    path = store.folder_of("mine") / store.TENSORS
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(UserError, match="is not what its manifest was written for"):
        load_task("mine")
    path.unlink()
    with pytest.raises(UserError, match="task mine"):
        load_task("mine")


def test_a_forgotten_task_is_gone(files: Files) -> None:
    import_table("mine", spec_of(files))
    forget("mine")
    assert "mine" not in [info.name for info in task_infos()]
    assert list(store.folder_of("mine").parent.iterdir()) == []
    with pytest.raises(UserError, match="imported are: none"):
        forget("mine")


@pytest.mark.slow
@pytest.mark.skipif(not DEEPLOC.is_dir(), reason="the example data is not beside the project")
def test_the_papers_proteins_are_read_as_they_are() -> None:
    own = Files(
        DEEPLOC / "train.csv",
        {"esm2": DEEPLOC / "esm2_650m_logits.csv", "prott5": DEEPLOC / "prott5_logits.csv"},
    )
    spec = TableSpec(own, "Label", "Sequence", classes=class_columns(own, "Cytoplasm", "Peroxisome"))
    found = check_table("deeploc", spec)
    assert found.warnings == ()
    assert len(found.data.rows) == 2500
    accuracy = {
        name: float((said.argmax(1) == found.data.rows.labels).float().mean())
        for name, said in found.data.rows.logits.items()
    }
    assert accuracy == pytest.approx({"esm2": 0.812, "prott5": 0.830}, abs=5e-4)


def test_one_row_of_each_class_tells_no_label(files: Files, tmp_path: Path) -> None:
    columns = {"y": [*"abc" * 12], "u": [*range(36)], "v": [0.5 * each**2 for each in range(36)]}
    few = {name: values[:3] for name, values in columns.items()}
    for name, table in (("many.csv", columns), ("few.csv", few)):
        write_csv(tmp_path / name, list(table), [list(row) for row in zip(*table.values(), strict=True)])
    says = {number: [[4.0 * (row % 3 == each) - 1 for each in range(3)] for row in range(number)] for number in (36, 3)}
    for number, rows in says.items():
        write_csv(tmp_path / f"says{number}.csv", None, rows)
    test = Files(tmp_path / "few.csv", {"good": tmp_path / "says3.csv"})
    checked = check_table(
        "mine",
        TableSpec(Files(tmp_path / "many.csv", {"good": tmp_path / "says36.csv"}), "y", columns=("u", "v"), test=test),
    )
    assert not checked.warnings


def test_a_feature_is_no_accession_whatever_its_name(tmp_path: Path) -> None:
    rows = [["abc"[row % 3], row % 5, row] for row in range(36)]
    write_csv(tmp_path / "t.csv", ["y", "acc", "v"], rows)
    write_csv(tmp_path / "s.csv", None, [[4.0 * (row % 3 == each) - 1 for each in range(3)] for row in range(36)])
    checked = check_table(
        "mine", TableSpec(Files(tmp_path / "t.csv", {"good": tmp_path / "s.csv"}), "y", columns=("acc", "v"))
    )
    assert not checked.warnings
    assert checked.data.rows.features.shape == (36, 2)
