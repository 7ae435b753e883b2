"""Rows of all files of a table are joined by an id, or taken as they come where there is none."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from mtbkd_core import UserError
from mtbkd_core.imports.spec import Files, TableSpec
from tests.imports.files import CLASSES, ROWS, changed, check, labels, logits, spec_of

INPUTS = Path(__file__).resolve().parents[3] / "shared" / "inputs"
needs_inputs = pytest.mark.skipif(not INPUTS.is_dir(), reason="the inputs are not beside the project")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("column", ["ACC", "filename", ""])
def test_rows_of_all_files_are_joined_by_an_id(files: Files, tmp_path: Path, kind: str, column: str) -> None:
    def written(name: str, frame: pd.DataFrame) -> Path:
        path = tmp_path / f"{name}.{kind}"
        frame = frame.set_index(column).rename_axis(column or None).sample(frac=1, random_state=len(name))
        frame.to_csv(path) if kind == "csv" else frame.to_parquet(path)
        return path

    table = pd.read_csv(files.table).rename(columns={"ACC": column})
    numbers = pd.DataFrame(logits(), columns=list(CLASSES)).assign(**{column: table[column]})
    teachers = {"good": written("good", numbers)}
    embeddings = written("embeddings", numbers.rename(columns=dict(zip(CLASSES, "abc", strict=True))))
    rows = check(TableSpec(Files(written("t", table), teachers, embeddings), "Label", classes=CLASSES)).data.rows
    assert torch.equal(rows.logits["good"], rows.features)
    agree = (rows.logits["good"].argmax(1) == rows.labels).float().mean()
    assert agree == (logits().argmax(1) == labels()).mean()
    assert rows.accessions[:1] != (table[column][0],) or column == "filename"


def test_a_file_that_lacks_a_row_of_the_table_is_refused_with_the_row(files: Files, tmp_path: Path) -> None:
    names = pd.read_csv(files.table)["ACC"]
    short = pd.DataFrame(logits(), columns=list(CLASSES)).assign(ACC=names).drop(index=[7, 20])
    short.to_csv(tmp_path / "short.csv", index=False)
    problem = r"^short\.csv: has no row for 'P00007' of train\.csv: line 9, column 'ACC', nor for 1 more of its rows$"
    for spec in (
        spec_of(replace(files, teachers={"good": tmp_path / "short.csv"})),
        TableSpec(replace(files, embeddings=tmp_path / "short.csv"), "Label"),
    ):
        with pytest.raises(UserError, match=problem):
            check(spec)


@pytest.mark.parametrize(("rows", "more"), [((3,), ""), ((3, 5), ", one of 2 rows that it does not tell apart")])
def test_an_id_that_does_not_tell_rows_apart_is_warned_of(files: Files, rows: tuple[int, ...], more: str) -> None:
    (warning,) = check(spec_of(changed(files, "same.csv", ACC=dict.fromkeys(rows, "P00001")))).warnings
    place = "same.csv: line 5, column 'ACC': 'P00001' stands in same.csv: line 3 as well"
    assert warning == f"{place}{more}: rows of other files cannot be joined by it"


@pytest.mark.parametrize("ids", [["im0", "im0"], ["", ""]], ids=["doubled", "empty"])
def test_a_shuffled_file_is_refused_where_an_id_tells_not_all_rows_apart(
    files: Files, tmp_path: Path, ids: list[str]
) -> None:
    names = [*ids, *(f"im{row}" for row in range(2, ROWS))]
    table = pd.read_csv(files.table).drop(columns="ACC").assign(filename=names)
    table.to_csv(tmp_path / "t.csv", index=False)
    frame = pd.DataFrame(logits(), columns=list(CLASSES)).assign(Filename=names)
    for name, rows in (
        ("same", frame),
        ("shuffled", pd.concat([frame[:20], frame[20:].sample(frac=1, random_state=0)])),
    ):
        rows.to_csv(tmp_path / f"{name}.csv", index=False)
        spec = spec_of(Files(tmp_path / "t.csv", {"good": tmp_path / f"{name}.csv"}))
        if name == "same":
            assert any("'Filename' is the same in each" in note for note in check(spec).notes)
            continue
        with pytest.raises(UserError, match=r"^t\.csv: line \d, column 'filename': .* expected an id"):
            check(spec)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_is_joined_by_names_of_another_column(files: Files, tmp_path: Path, kind: str) -> None:
    frame = pd.read_csv(files.table).rename(columns={"ACC": "picture"})
    numbers = pd.DataFrame(logits(), columns=list(CLASSES)).assign(file=frame.picture)[::-1]
    for name, each in (("t", frame), ("good", numbers)):
        path = tmp_path / f"{name}.{kind}"
        each.to_csv(path, index=False) if kind == "csv" else each.to_parquet(path, index=False)
    own = Files(tmp_path / f"t.{kind}", {"good": tmp_path / f"good.{kind}"})
    checked = check(spec_of(own))
    assert checked.data.rows.logits["good"].numpy() == pytest.approx(logits(), abs=1e-6)
    assert any("by 'file', there 'picture'" in note for note in checked.notes)


def test_a_number_that_both_files_have_as_an_id_is_no_feature(files: Files, tmp_path: Path) -> None:
    pd.read_csv(files.table).drop(columns="ACC").assign(number=range(100, 136)).to_csv(tmp_path / "t.csv", index=False)
    numbers = pd.DataFrame(logits()).rename(columns="e{}".format).assign(Number=range(100, 136))
    numbers[::-1].to_csv(tmp_path / "e.csv", index=False)
    own = Files(tmp_path / "t.csv", {"good": files.teachers["good"]}, tmp_path / "e.csv")
    assert check(TableSpec(own, "Label")).data.rows.features.numpy() == pytest.approx(logits(), abs=1e-6)


def test_a_feature_is_no_id_whatever_its_name(files: Files) -> None:
    twice = changed(files, "acc.csv", ACC={row: str(row % 5) for row in range(ROWS)})
    checked = check(TableSpec(twice, "Label", columns=("ACC", "Golgi")))
    assert not [warning for warning in checked.warnings if "'ACC': " in warning]
    assert checked.data.rows.features.shape == (ROWS, 2)


@needs_inputs
@pytest.mark.parametrize(
    ("files", "moved"),
    [
        ("shared-id-column-not-held-against/train right_order.csv", "the same order"),
        ("shared-id-column-not-held-against/train last_third_shuffled.csv", "47 of 150"),
        ("shared-id-column-not-held-against/train last_third_shuffled.parquet", "47 of 150"),
        ("shared-id-column-not-held-against/train sorted_by_class.csv", "150 of 150"),
        ("shared-id-column-not-held-against/train shuffled.csv embeddings_shuffled.csv", "47 of 150"),
        ("fasta-identifiers/train plain.csv", "the same order"),
        ("fasta-identifiers/train uniprot_header.csv", "the same order"),
        ("fasta-identifiers/train full_header.csv", "the same order"),
        ("fasta-identifiers/train shuffled.csv", "90 of 90"),
        ("fasta-identifiers/train_pid pid_ok.csv", "the same order"),
        ("fasta-identifiers/train_pid pid_partly.csv", "29 of 90"),
    ],
)
def test_files_as_people_have_them_are_joined_by_id(files: str, moved: str) -> None:
    table, *others = files.split()
    path = INPUTS / f"{table}.csv"
    own = Files(path, {"t": path.with_name(others[0])})
    right = check(TableSpec(own, "label", columns=("f0", "f1", "f2", "f3")))
    checked = right
    if len(others) > 1:
        checked = check(TableSpec(replace(own, embeddings=path.with_name(others[1])), "label"))
    assert not checked.warnings
    assert any("names 94." in note for note in checked.notes)
    assert [note for note in checked.notes if "joined" in note][-1].find(moved) > 0
    assert torch.equal(checked.data.rows.features, right.data.rows.features)
