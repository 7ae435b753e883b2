"""A table with its files is read and checked as a whole: what is found, noted, warned of and refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from mtbkd_core import UserError
from mtbkd_core.imports import store
from mtbkd_core.imports.check import class_columns_between
from mtbkd_core.imports.spec import Files, TableSpec
from mtbkd_core.proteins.descriptors import names as descriptor_names
from mtbkd_core.proteins.descriptors import reach as descriptor_reach
from tests.imports.files import (
    CLASSES,
    ROWS,
    changed,
    check,
    labels,
    logits,
    spec_of,
    write_csv,
    write_table,
)

SHARED = Path(__file__).resolve().parents[2].parent / "shared"


def plain(files: Files) -> TableSpec:
    """The table without names of classes."""
    return TableSpec(files, "Label", "Sequence")


# Features


def test_features_are_descriptors_columns_or_a_file(files: Files, tmp_path: Path) -> None:
    data = check(spec_of(files)).data
    assert data.rows.features.shape == (ROWS, len(descriptor_names()))
    assert data.reach is not None
    assert torch.equal(data.reach, descriptor_reach())
    data = check(TableSpec(files, "Label", columns=CLASSES)).data
    assert data.reach is None
    assert data.rows.features.argmax(1).tolist() == labels().tolist()
    numbers = np.arange(2.0 * ROWS).reshape(ROWS, 2)
    np.savez(tmp_path / "e.npz", numbers)
    checked = check(TableSpec(replace(files, embeddings=tmp_path / "e.npz"), "Label"))
    assert checked.data.rows.features.tolist() == numbers.tolist()
    assert any(note.startswith("e.npz: no id is in it and in train.csv") for note in checked.notes)


def test_names_of_features_are_kept_with_the_task(files: Files, own_home: Path) -> None:
    checked = check(TableSpec(files, "Label", columns=("Golgi", "Nucleus")))
    store.write(checked.data, checked.sources, checked.notes, checked.warnings)
    manifest = store.folder_of("mine") / store.MANIFEST
    assert store.read(manifest.parent).split(["good"], 0, "test", 20).feature_names == ("Golgi", "Nucleus")
    former = json.loads(manifest.read_text())
    del former["feature_names"]
    manifest.write_text(json.dumps(former))
    assert store.read(manifest.parent).about.feature_names == ()


@pytest.mark.parametrize(
    ("first", "step", "what"),
    [
        (1_700_000_000, 60, "seconds since 1970"),
        (1_700_000_000_000, 9, "milliseconds since 1970"),
        (20_200_101, 1, "dates"),
        (20_209_901, 1, ""),
        (5_000, 1, ""),
    ],
)
@pytest.mark.parametrize("embedded", [False, True])
def test_a_feature_that_is_a_time_is_warned_of(
    files: Files, tmp_path: Path, first: int, step: int, what: str, embedded: bool
) -> None:
    times = {row: str(first + step * (row % 28)) for row in range(ROWS)}
    spec = TableSpec(changed(files, "timed.csv", Golgi=times), "Label", columns=("Golgi", "Nucleus"))
    if embedded:
        path = write_csv(tmp_path / "e.csv", ["Golgi", "b"], [[times[row], row % 5] for row in range(ROWS)])
        spec = TableSpec(replace(files, embeddings=path), "Label")
    said = [line for line in check(spec).warnings if "holds what looks like" in line]
    looks = f"feature 'Golgi' holds what looks like {what}: a student takes it as a plain number"
    assert said == ([f"{'e' if embedded else 'timed'}.csv: {looks}"] if what else [])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("nan", "got nan, expected a finite number, at most 1e30 in size"),
        ("0,5", "got '0,5', expected a number with a decimal point: ',' parts the cells"),
    ],
)
def test_a_feature_that_is_no_number_has_its_place(files: Files, cell: str, problem: str) -> None:
    wrong = changed(files, "wrong.csv", Golgi={3: cell})
    with pytest.raises(UserError) as raised:
        check(TableSpec(wrong, "Label", columns=("Nucleus", "Golgi")))
    assert str(raised.value) == f"wrong.csv: line 5, column 'Golgi': {problem}"


def test_features_that_give_the_label_away_are_refused_or_warned_of(files: Files, tmp_path: Path) -> None:
    for columns, problem in ((("Golgi", "Label"), "'Label' is the label"), (("Golgi",) * 2, "'Golgi' is named twice")):
        with pytest.raises(UserError, match=rf"^features: column {problem}"):
            TableSpec(files, "Label", columns=columns)
    why = "the same throughout each class, so that it gives the label away"
    found = check(TableSpec(files, "Label", columns=("Golgi", "Nucleus")))
    assert found.warnings == (f"train.csv: feature 'Golgi', 'Nucleus': {why}",)
    np.savez(tmp_path / "e.npz", np.column_stack([logits(), labels(), np.ones(ROWS)]))
    assert check(TableSpec(replace(files, embeddings=tmp_path / "e.npz"), "Label")).warnings == (
        "e.npz: feature 5: the same in every row, which tells the student nothing",
        f"e.npz: feature 4: {why}",
    )


@pytest.mark.parametrize(
    ("sequence", "problem"),
    [
        ("", "is empty, expected a sequence of amino acids"),
        ("MKv", "'v' in lower case at letter 3, expected capital letters alone"),
        ("MK V", "a space or line break at letter 3, expected capital letters alone"),
        ("MKV\n", "a space or line break at letter 4, expected capital letters alone"),
        ("MK*", "'*' at letter 3 is no amino acid, allowed: ACDEFGHIKLMNPQRSTVWY, and"),
        ("MK1", "'1' at letter 3 is no amino acid"),
        ("MKé", "'é' at letter 3 is no amino acid"),
        ("M" * 50_001, "50,001 letters, allowed: at most 50,000"),
    ],
)
def test_what_is_no_sequence_is_refused_with_its_place(files: Files, sequence: str, problem: str) -> None:
    with pytest.raises(UserError) as raised:
        check(spec_of(changed(files, "s.csv", Sequence={2: "MXUBZOJ", 3: sequence})))
    assert str(raised.value).startswith(f"s.csv: line 5, column 'Sequence': {problem}")
    assert "\n" not in str(raised.value)


# Labels and classes


def test_labels_that_are_numbers_take_their_classes_from_the_teachers(files: Files) -> None:
    floats = {row: f"{label}.0" for row, label in enumerate(labels() % 2)}
    found = check(plain(changed(files, "f.csv", Label=floats)))
    assert found.data.about.class_names == ("0", "1", "2")
    assert found.data.rows.labels.tolist() == (labels() % 2).tolist()


def test_a_column_beside_those_that_count_the_classes_is_no_class(files: Files) -> None:
    values = np.column_stack([logits(), np.arange(ROWS) + 0.5])
    write_csv(files.teachers["good"], ["0", "1", "2", "pred"], values.tolist())
    assert check(plain(files)).data.about.class_names == ("0", "1", "2")


def test_a_slip_in_a_label_is_found_where_it_stands(files: Files) -> None:
    with pytest.raises(UserError, match=r"^wrong\.csv: line 4, column 'Label': the label is class 'Nucleus', but"):
        check(spec_of(changed(files, "wrong.csv", Label={2: "1"})))
    names = {row: CLASSES[label] for row, label in enumerate(labels())}
    for texts, problem in (
        (names | {6: "Cytoplsam"}, "line 8, column 'Label': class 'Cytoplsam' has 1 row, expected 8 at least"),
        ({6: "Nucleus"}, "line 8, column 'Label': got 'Nucleus', which has no class, expected 0, 1, 2"),
        (dict.fromkeys(range(2, 30, 3), "0"), "line 34, column 'Label': class '2' has 2 rows, expected 8 at least"),
    ):
        with pytest.raises(UserError, match=rf"^slip\.csv: {problem}"):
            check(plain(changed(files, "slip.csv", Label=texts)))
    write_csv(files.teachers["good"], ["a", "b", "c"], logits().tolist())
    with pytest.raises(UserError, match=r"^slip\.csv: line 8, column 'Label': got '1\.x', which has no class"):
        check(plain(changed(files, "slip.csv", Label={6: "1.x"})))


@pytest.mark.parametrize("text", ["20230101", "1700000000", "9" * 5000], ids=["date", "seconds", "long"])
def test_a_large_number_among_labels_is_a_slip_that_takes_no_memory(files: Files, text: str) -> None:
    problem = f"wrong.csv: line 5, column 'Label': got '{text[:40]}', which has no class, expected 0, 1, 2"
    with pytest.raises(UserError) as raised:
        check(plain(changed(files, "wrong.csv", Label={3: text})))
    assert raised.value.problems == (problem,)


def test_large_numbers_alone_are_no_labels(files: Files) -> None:
    numbers = {row: str(400_000_000 + row) for row in range(ROWS)}
    with pytest.raises(UserError, match=r"^wrong\.csv: line 2, column 'Label': .* no class.*\(and 35 more rows\)$"):
        check(plain(changed(files, "wrong.csv", Label=numbers)))


@pytest.mark.parametrize("names", [("1", "2"), ("-1", "1"), ("0", "1")])
def test_one_column_is_of_two_classes_whatever_numbers_they_are(
    files: Files, tmp_path: Path, names: tuple[str]
) -> None:
    two = changed(files, "two.csv", Label={row: names[row % 2] for row in range(ROWS)})
    one = write_csv(tmp_path / "one.csv", ["p"], [[0.1 + 0.8 * (row % 2)] for row in range(ROWS)])
    checked = check(plain(replace(two, teachers={"good": one})))
    assert checked.data.about.class_names == names
    assert checked.data.rows.labels.tolist() == [row % 2 for row in range(ROWS)]
    said = any("two classes, of which teachers' only column is of" in note for note in checked.notes)
    assert said == (names != ("0", "1"))


@pytest.mark.parametrize("first", ["1" * 5000, "c" + "1" * 5000], ids=["digits", "c"])
def test_a_header_may_hold_a_number_of_any_length(files: Files, first: str) -> None:
    write_csv(files.teachers["good"], [first, "beta", "gamma"], logits().tolist())
    assert check(plain(files)).data.about.class_names == ("0", "1", "2")


# A test table


def test_the_test_table_needs_every_teacher_and_sequences_of_its_own(files: Files, tmp_path: Path) -> None:
    first = pd.read_csv(files.table)["Sequence"][0]
    test = Files(write_table(tmp_path / "test.csv", seed=9, Sequence={5: first}), files.teachers)
    assert check(replace(spec_of(files), test=test)).warnings == ("test.csv: 1 sequence stands in train.csv as well",)
    with pytest.raises(UserError, match="teacher fair: has no file for the test table"):
        replace(spec_of(files), test=replace(test, teachers={"good": files.teachers["good"]}))
    twice = check(spec_of(changed(files, "twice.csv", Sequence={5: first, 8: first})))
    assert twice.warnings == ("twice.csv: 2 sequences stand there more than once",)


def test_table_and_test_table_decide_together_what_numbers_mean(files: Files, tmp_path: Path) -> None:
    # class 3 does not occur in the table; its labels 1 and 2 count the classes as those of the test table do
    own = changed(files, "own.csv", Label=dict.fromkeys(range(0, ROWS, 3), "1"))
    test = replace(files, table=write_table(tmp_path / "test.csv", 7))
    data = check(TableSpec(own, "Label", "Sequence", classes=("1", "2", "3"), test=test)).data
    assert sorted(set(data.rows.labels.tolist())) == [1, 2]
    assert data.test is not None
    assert data.test.labels.tolist() == labels().tolist()


def test_a_test_files_columns_are_taken_by_name_or_refused(tmp_path: Path) -> None:
    truth, random = np.arange(60) % 3, np.random.default_rng(0)

    def written(name: str, order: list[int], features: str) -> Files:
        inputs, outputs = random.normal(size=(60, 3)) + 4 * np.eye(3)[truth], 4.0 * np.eye(3)[truth]
        table = write_csv(tmp_path / f"{name}.csv", ["y"], [["abc"[label]] for label in truth])
        teacher = write_csv(tmp_path / f"{name}-t.csv", ["pqr"[place] for place in order], outputs[:, order].tolist())
        header = [features[place] for place in order] if features else None
        embeddings = write_csv(tmp_path / f"{name}-e.csv", header, np.round(inputs, 4)[:, order].tolist())
        return Files(table, {"good": teacher}, embeddings)

    own = written("own", [0, 1, 2], "fgh")
    found = check(TableSpec(own, "y", test=written("other", [2, 0, 1], "fgh"))).data
    assert found.test is not None
    assert found.test.logits["good"].argmax(1).tolist() == truth.tolist()
    assert found.test.features.argmax(1).tolist() == found.rows.features.argmax(1).tolist()
    for features, problem in (("fgx", "has no feature 'h'"), ("", "names no features as the table's does")):
        with pytest.raises(UserError, match=rf"^other-e\.csv: {problem}"):
            check(TableSpec(own, "y", test=written("other", [0, 1, 2], features)))


def test_a_class_may_have_two_rows_where_a_table_is_for_testing(tmp_path: Path) -> None:
    truth = [0] * 10 + [1] * 2

    def written(name: str) -> Files:
        table = write_csv(tmp_path / f"{name}.csv", ["y", "u"], [["ab"[label], label + 0.5] for label in truth])
        return Files(table, {"good": write_csv(tmp_path / f"{name}-t.csv", None, np.eye(2)[truth].tolist())})

    own = TableSpec(written("own"), "y", columns=("u",))
    with pytest.raises(UserError, match="class 'b' has 2 rows, expected 8 at least"):
        check(own)
    assert len(check(replace(own, test=written("other"))).data.rows) == 12


@pytest.mark.parametrize("sequence", ["ACGTTGCAACGTNNACGTAC", "ACGTTRCAACGYNNACKTAC", "ACGUUGCAACGUWSACGUAC"])
def test_dna_is_no_protein(files: Files, sequence: str) -> None:
    dna = changed(files, "dna.csv", Sequence=dict.fromkeys(range(ROWS), sequence))
    with pytest.raises(UserError, match="this is DNA or RNA, expected amino acids"):
        check(spec_of(dna))


def test_short_dna_is_told_by_all_sequences_together(files: Files) -> None:
    short = {row: "ACGTTGCAACGTAC"[row % 3 :] for row in range(ROWS)}
    with pytest.raises(
        UserError, match=r"^dna\.csv: column 'Sequence': all sequences hold .* DNA or RNA, expected amino"
    ):
        check(plain(changed(files, "dna.csv", Sequence=short)))
    check(plain(changed(files, "peptides.csv", Sequence=short | {5: "MKV"})))


def test_dna_among_proteins_is_told(files: Files) -> None:
    mixed = changed(files, "mixed.csv", Sequence=dict.fromkeys(range(2, 6), "ACGTTGCAACGTNNACGTAC"))
    (line,) = [line for line in check(spec_of(mixed)).warnings if "DNA" in line]
    assert line.startswith(f"mixed.csv: line 4, column 'Sequence': 4 of {ROWS} sequences of 20 letters or more hold")


def test_silk_is_a_protein(files: Files) -> None:
    assert check(spec_of(changed(files, "silk.csv", Sequence=dict.fromkeys(range(30), "GAGAGSGAGAGSGAGAGSGAGA"))))


def test_one_row_of_each_class_gives_no_label_away(tmp_path: Path) -> None:
    def written(name: str, count: int) -> Files:
        rows = [["abc"[row % 3], row, 0.5 * row**2] for row in range(count)]
        teacher = write_csv(tmp_path / f"{name}-good.csv", None, (4.0 * np.eye(3)[np.arange(count) % 3]).tolist())
        return Files(write_csv(tmp_path / f"{name}.csv", ["y", "u", "v"], rows), {"good": teacher})

    assert not check(TableSpec(written("many", 36), "y", columns=("u", "v"), test=written("few", 3))).warnings


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "deeploc").is_dir(), reason="the example data is not beside the project")
def test_the_proteins_of_the_paper_are_read_as_they_are() -> None:
    folder = SHARED / "deeploc"
    own = Files(folder / "train.csv", {"esm2": folder / "esm2_650m_logits.csv", "prott5": folder / "prott5_logits.csv"})
    spec = TableSpec(own, "Label", "Sequence", classes=class_columns_between(own.table, "Cytoplasm", "Peroxisome"))
    found = check(spec)
    assert found.warnings == ()
    assert len(found.data.rows) == 2500
    accuracy = {
        name: float((logits.argmax(1) == found.data.rows.labels).float().mean())
        for name, logits in found.data.rows.logits.items()
    }
    assert accuracy == pytest.approx({"esm2": 0.812, "prott5": 0.830}, abs=5e-4)
