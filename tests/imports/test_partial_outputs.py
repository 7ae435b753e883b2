"""Files of teachers that know only some of the classes, or abstain in some rows."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from mtbkd_core import UserError
from mtbkd_core.imports import store
from mtbkd_core.imports.check import check_table
from mtbkd_core.imports.scales import SMALLEST
from mtbkd_core.imports.spec import Files, TableSpec
from mtbkd_core.imports.teacher_outputs import TeacherOutputs, described, read_teacher
from tests.imports.files import softmax, table_of, write_csv

NAMES = ("a", "b", "c", "d")
ROWS = 40
LABELS = np.arange(ROWS) % 4
KNOWN = [0, 1]

Read = Callable[..., TeacherOutputs]


def logits(columns: Sequence[int] = (0, 1, 2, 3)) -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=(ROWS, 4))
    whole: np.ndarray = np.round(3 * np.eye(4)[LABELS] + noise, 4)
    return whole[:, list(columns)]


def lacking(value: float) -> np.ndarray:
    """Logits with one value in the columns of the last two classes."""
    values = logits()
    values[:, 2:] = value
    return values


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads a teacher's file t.csv of some rows."""

    def outputs(
        rows: Sequence[Sequence[object]],
        header: Sequence[object] | None = NAMES,
        labels: np.ndarray = LABELS,
        **how: bool,
    ) -> TeacherOutputs:
        table = table_of("ACC", [f"P{row}" for row in range(len(labels))])
        return read_teacher(write_csv(tmp_path / "t.csv", header, rows), table, labels, NAMES, **how)

    return outputs


def whole_of(found: TeacherOutputs) -> np.ndarray:
    """The probabilities of the two classes that are known."""
    assert np.isneginf(found.logits[:, 2:]).all()
    assert found.known.tolist() == [True, True, False, False]
    return softmax(found.logits[:, :2])


@pytest.mark.parametrize(
    ("rows", "header"),
    [
        (logits(KNOWN), ["a", "b"]),
        (logits(KNOWN)[:, ::-1], ["B", " a"]),
        (lacking(-np.inf), NAMES),
        (lacking(-np.inf), None),
        (lacking(-1e9), NAMES),
        (lacking(-1e4), NAMES),
        (lacking(float(np.finfo(np.float32).min)), NAMES),
        (softmax(lacking(-np.inf)), NAMES),
        (np.log(np.maximum(softmax(lacking(-np.inf)), 1e-300)).clip(-600), NAMES),
        (softmax(logits(KNOWN)), ["a", "b"]),
    ],
    ids=[
        "columns",
        "columns in another order",
        "-inf",
        "no header",
        "-1e9",
        "-1e4",
        "least",
        "0",
        "log of 1e-300",
        "shares",
    ],
)
def test_a_teacher_knows_the_classes_that_its_file_speaks_of(
    read: Read, rows: np.ndarray, header: Sequence[str] | None
) -> None:
    if header is NAMES and rows[0, 2] == -600:
        rows = np.where(rows == -600, -np.inf, rows)
    found = read(rows.tolist(), header)
    np.testing.assert_allclose(whole_of(found), softmax(logits(KNOWN)), atol=1e-6)
    assert "t.csv: knows 2 of 4 classes: 'a', 'b'" in found.notes


def test_log_probabilities_of_minus_infinity_are_said_to_be_log_probabilities(read: Read) -> None:
    with np.errstate(divide="ignore"):
        found = read(np.log(softmax(lacking(-np.inf))).tolist())
    assert any("log probabilities" in note for note in found.notes)
    np.testing.assert_allclose(whole_of(found), softmax(logits(KNOWN)), atol=1e-6)


def test_a_zero_in_some_rows_is_a_statement_and_in_all_logits_a_logit(read: Read) -> None:
    shares = softmax(logits())
    shares[3] = [0.0, 0.5, 0.5, 0.0]
    assert read(shares.tolist()).logits[3, 0] == pytest.approx(np.log(SMALLEST))
    zeros = logits()
    zeros[:, 3] = 0
    assert read(zeros.tolist()).logits[:, 3].tolist() == [0] * ROWS


@pytest.mark.parametrize("unknown", [-np.inf, float(np.finfo(np.float32).min)])
def test_minus_infinity_in_a_single_row_is_unknown_there_and_said(read: Read, unknown: float) -> None:
    values = logits()
    values[5, 2] = unknown
    found = read(values.tolist())
    assert np.argwhere(~np.isfinite(found.logits)).tolist() == [[5, 2]]
    assert "t.csv: knows not all of these in 1 row" in found.notes


def test_rows_that_are_empty_or_have_one_class_left_are_abstentions_and_counted(read: Read) -> None:
    rows = logits().astype(object)
    rows[4], rows[7] = "", "NA"
    rows[9, 1:] = "-inf"
    found = read(rows.tolist())
    assert np.isneginf(found.logits[[4, 7, 9]]).all()
    assert np.isfinite(np.delete(found.logits, [4, 7, 9], 0)).all()
    assert (found.abstains, "t.csv: abstains in 3 of 40 rows" in found.notes) == (3, True)


def test_empty_rows_at_the_end_are_abstentions_where_rows_are_lacking(read: Read) -> None:
    rows = logits().astype(object)
    rows[38:] = ""
    assert read(rows.tolist()).abstains == 2
    assert read([*logits().tolist(), ["", "", "", ""]]).abstains == 0


def test_a_row_that_is_half_empty_is_refused_with_its_place(read: Read) -> None:
    rows = logits().astype(object)
    rows[4, 1] = ""
    with pytest.raises(UserError, match=r"^t\.csv: line 6, column 'b': is empty, expected a number: a row in which"):
        read(rows.tolist())


def test_nan_rows_of_an_array_are_abstentions(tmp_path: Path) -> None:
    values = logits()
    values[4] = np.nan
    np.save(tmp_path / "t.npy", values)
    pq.write_table(pa.table({name: values[:, place] for place, name in enumerate(NAMES)}), tmp_path / "t.parquet")
    table = table_of("ACC", [f"P{row}" for row in range(ROWS)])
    for name in ("t.npy", "t.parquet"):
        assert read_teacher(tmp_path / name, table, LABELS, NAMES).abstains == 1


def test_the_hit_rate_is_of_the_labels_that_it_knows(read: Read) -> None:
    values = np.where(np.eye(4)[LABELS] > 0, 5.0, 0.0)[:, :2]
    values[4] = [0, 5]
    found = read(values.tolist(), ["a", "b"])
    assert found.accuracy == pytest.approx(19 / 20)
    assert described("t.csv", found, NAMES) == (
        "From t.csv: knows 'a', 'b'; names 95.0% of those labels that it knows."
    )


@pytest.mark.parametrize(
    ("rows", "header", "problem"),
    [
        (logits([0]), ["a"], "knows fewer than two classes in every row"),
        (logits([0, 1, 2]), ["a", "b", "e"], "names 2 of 4 classes, and 'e', which is none"),
        (lacking(-np.inf)[:, [2, 3]], ["c", "d"], "says in no row anything of a class"),
        (np.eye(4)[np.zeros(ROWS, int)], NAMES, "knows fewer than two classes in every row"),
        (softmax(logits()) * 0.5, NAMES, "sums to .* some are not there, --normalise divides by"),
        (logits() + np.eye(ROWS, 4) * -1e200, NAMES, "line 2, column 'a': got -1e[+]200, expected a finite"),
    ],
    ids=["one class", "another name", "nothing", "one class of probability 1", "a part of the mass", "beyond all"],
)
def test_a_file_that_says_nothing_or_something_else_is_refused_in_one_line(
    read: Read, rows: np.ndarray, header: list[str], problem: str
) -> None:
    with pytest.raises(UserError, match=problem) as raised:
        read(rows.tolist(), header)
    assert "\n" not in str(raised.value)


def test_shares_of_some_classes_are_normalised_when_asked_for(read: Read) -> None:
    shares = 0.7 * softmax(logits())[:, :2]
    found = read(shares.tolist(), ["a", "b"], normalise=True)
    np.testing.assert_allclose(whole_of(found), shares / shares.sum(1, keepdims=True), atol=1e-6)


def test_one_column_of_two_classes_is_of_the_class_of_its_name(tmp_path: Path) -> None:
    labels = np.arange(ROWS) % 2
    table = table_of("ACC", [f"P{row}" for row in range(ROWS)])
    shares = np.where(labels == 0, 0.75, 0.25)[:, None].tolist()
    shares[3] = [""]
    path = write_csv(tmp_path / "t.csv", ["no", "x"], [[*cell, 0.5] for cell in shares])
    path.write_text("\n".join(line.split(",")[0] for line in path.read_text().splitlines()) + "\n")
    found = read_teacher(path, table, labels, ("no", "yes"))
    assert found.accuracy == 1
    assert found.abstains == 1


def write_task(
    folder: Path, teachers: dict[str, tuple[Sequence[str], np.ndarray]], numbered: bool = False
) -> TableSpec:
    """A table of two features and its teachers."""
    features = np.round(np.random.default_rng(1).normal(size=(ROWS, 2)), 3)
    labels = LABELS if numbered else [NAMES[label] for label in LABELS]
    table = write_csv(
        folder / "train.csv", ["f0", "f1", "label"], [[*row, at] for row, at in zip(features, labels, strict=True)]
    )
    files = {
        name: write_csv(folder / f"{name}.csv", header, values.tolist()) for name, (header, values) in teachers.items()
    }
    return TableSpec(Files(table, files), "label", columns=("f0", "f1"))


def test_a_task_says_what_each_of_its_teachers_knows(tmp_path: Path) -> None:
    spec = write_task(tmp_path, {"one": (NAMES[:2], logits([0, 1])), "other": (NAMES[2:], logits([2, 3]))})
    checked = check_table("t", spec)
    assert checked.data.about.class_names == NAMES
    assert checked.data.about.teachers["one"].startswith("From one.csv: knows 'a', 'b'; names ")
    assert np.isneginf(checked.data.rows.logits["other"][:, :2].numpy()).all()


def test_columns_named_by_some_of_the_classes_numbers_are_those_classes(tmp_path: Path) -> None:
    spec = write_task(tmp_path, {"one": (["0", "1"], logits([0, 1])), "other": (["2", "3"], logits([2, 3]))}, True)
    rows = check_table("t", spec).data.rows
    assert np.isfinite(rows.logits["one"].numpy()).all(0).tolist() == [True, True, False, False]
    assert np.isfinite(rows.logits["other"].numpy()).all(0).tolist() == [False, False, True, True]


def test_a_class_that_has_a_probability_of_zero_in_one_file_alone_is_known(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    shares = softmax(logits())
    without = softmax(lacking(-np.inf))
    own = write_task(tmp_path, {"one": (NAMES, without)})
    other = write_task(tmp_path / "test", {"one": (NAMES, shares)})
    data = check_table("t", TableSpec(own.files, "label", columns=("f0", "f1"), test=other.files)).data
    assert data.test is not None
    np.testing.assert_allclose(data.rows.logits["one"][:, 2:].numpy(), np.log(SMALLEST), rtol=1e-6)
    assert np.isfinite(data.test.logits["one"].numpy()).all()


def top_two() -> tuple[np.ndarray, np.ndarray]:
    """Indices and logits of the two leading classes of each row."""
    whole = logits()
    indices = np.argsort(-whole, 1)[:, :2]
    return indices, np.take_along_axis(whole, indices, 1)


def write_top_two(folder: Path, kind: str, values: np.ndarray) -> Path:
    indices, _ = top_two()
    path = folder / f"t.{kind}"
    if kind == "npz":
        np.savez(path, values=values, indices=indices)
    elif kind == "parquet":
        columns = {"topk_indices": indices.tolist(), "topk_logits": values.tolist()}
        pq.write_table(pa.table(columns), path)
    else:
        write_csv(path, ["idx 1", "idx 2", "prob 1", "prob 2"], np.hstack([indices, values]).tolist())
    return path


@pytest.mark.parametrize("kind", ["npz", "parquet", "csv"])
def test_indices_and_values_of_leading_classes_are_what_it_knows_in_each_row(tmp_path: Path, kind: str) -> None:
    indices, values = top_two()
    table = table_of("ACC", [f"P{row}" for row in range(ROWS)])
    found = read_teacher(write_top_two(tmp_path, kind, values), table, LABELS, NAMES)
    assert np.isfinite(found.logits).sum(1).tolist() == [2] * ROWS
    np.testing.assert_allclose(np.take_along_axis(found.logits, indices, 1), values, rtol=1e-6)
    assert any("read as logits of 2 classes in each row" in note for note in found.notes)


#: Scales of probabilities, and how they are called.
SCALES = [
    (lambda shares: shares, "probabilities"),
    (np.log, "log probabilities"),
    (np.log10, "logarithms to base 10 of probabilities"),
]


@pytest.mark.parametrize(("scale", "words"), SCALES)
def test_what_leading_probabilities_leave_is_of_the_others_together(
    tmp_path: Path, scale: Callable[[np.ndarray], np.ndarray], words: str
) -> None:
    indices, _ = top_two()
    whole = softmax(logits())
    shares = np.take_along_axis(whole, indices, 1)
    table = table_of("ACC", [f"P{row}" for row in range(ROWS)])
    found = read_teacher(write_top_two(tmp_path, "csv", scale(shares)), table, LABELS, NAMES)
    assert any(f"read as {words} of 2 classes in each row" in note for note in found.notes)
    said = softmax(found.logits)
    np.testing.assert_allclose(np.take_along_axis(said, indices, 1), shares, atol=1e-6)
    assert found.together is not None
    assert found.together.sum(1).tolist() == [2] * ROWS
    rest = np.where(found.together, said, 0)
    np.testing.assert_allclose(rest.sum(1), 1 - shares.sum(1), atol=1e-5)
    np.testing.assert_allclose(rest.max(1), rest.sum(1) / 2, atol=1e-6)
    assert any("what they leave is of the others together" in note for note in found.notes)


@pytest.mark.parametrize("values", [(-9.0, -11.0), (-0.1, -0.2), (0.0, -2.5)], ids=["least", "most", "shifted"])
def test_leading_logits_that_are_all_below_0_stay_logits_where_they_can_be_nothing_else(
    tmp_path: Path, values: tuple[float, float]
) -> None:
    table = table_of("ACC", [f"P{row}" for row in range(ROWS)])
    found = read_teacher(write_top_two(tmp_path, "csv", np.tile(values, (ROWS, 1))), table, LABELS, NAMES)
    assert np.isfinite(found.logits).sum(1).tolist() == [2] * ROWS
    assert any("read as logits of 2 classes in each row" in note for note in found.notes)


@pytest.mark.parametrize(("scale", "words"), SCALES)
def test_probabilities_of_some_classes_that_leave_a_part_are_so_too(
    read: Read, scale: Callable[[np.ndarray], np.ndarray], words: str
) -> None:
    whole = softmax(logits())
    found = read(scale(whole[:, :2]).tolist(), ["a", "b"])
    assert found.together is not None
    assert any(f"read as {words} of some of the classes; what they leave" in note for note in found.notes)
    assert found.together.all(0).tolist() == [False, False, True, True]
    np.testing.assert_allclose(softmax(found.logits)[:, :2], whole[:, :2], atol=1e-6)


def test_a_task_keeps_which_classes_are_stated_together(tmp_path: Path) -> None:
    spec = write_task(tmp_path, {"one": (NAMES[:2], softmax(logits())[:, :2]), "other": (NAMES, logits())})
    checked = check_table("tops", spec)
    store.write(checked.data, {}, (), ())
    task = store.read(store.folder_of("tops")).split(["one", "other"], 0, "test", 20)
    together = task.together(["one", "other"])
    assert together is not None
    assert together.all(1).tolist() == [[False, False, True, True], [False] * 4]
    assert torch.equal(task.training_set(["one", "other"]).together, together)
    assert task.together(["other"]) is None
    whole = check_table("tops", write_task(tmp_path, {"one": (NAMES, softmax(logits())), "other": (NAMES, logits())}))
    assert whole.data.about.fingerprint != checked.data.about.fingerprint


@pytest.mark.parametrize("ids", [[f"P{row}" for row in range(ROWS)], [*range(7, 7 + ROWS)]], ids=["texts", "numbers"])
@pytest.mark.parametrize("column", ["ids", "Image"])
def test_indices_and_values_beside_ids_are_joined_by_them(tmp_path: Path, ids: Sequence[object], column: str) -> None:
    order = np.random.default_rng(0).permutation(ROWS)
    indices, values = top_two()
    arrays = {column: np.array(ids)[order], "labels": LABELS[order]}
    np.savez(tmp_path / "t.npz", values=values[order], indices=indices[order], **arrays)
    found = read_teacher(tmp_path / "t.npz", table_of(column.lower(), ids), LABELS, NAMES)
    np.testing.assert_allclose(np.take_along_axis(found.logits, indices, 1), values, rtol=1e-6)
    assert any(f"joined with those of t.csv by {column!r}" in note for note in found.notes)


@pytest.mark.parametrize("header", ["top1_class top2_class top1_prob top2_prob", "pred_1 pred_2 score_1 score_2"])
@pytest.mark.parametrize("named", [False, True])
def test_leading_classes_have_other_headers_and_may_be_named(tmp_path: Path, header: str, named: bool) -> None:
    indices, values = top_two()
    cells = np.array(NAMES)[indices].tolist() if named else indices.tolist()
    rows = [[*cells[row], *values[row].tolist()] for row in range(ROWS)]
    path, table = (
        write_csv(tmp_path / "t.csv", header.split(), rows),
        table_of("ACC", [f"P{row}" for row in range(ROWS)]),
    )
    found = read_teacher(path, table, LABELS, NAMES)
    np.testing.assert_allclose(np.take_along_axis(found.logits, indices, 1), values, atol=1e-6)
    if named:
        write_csv(path, header.split(), [["z", *rows[0][1:]], *rows[1:]])
        with pytest.raises(UserError, match=r"^t\.csv: line 2, column '.*1.*': got 'z', expected the name of a class"):
            read_teacher(path, table, LABELS, NAMES)


@pytest.mark.parametrize(
    ("change", "problem"), [((0, 9), "got 9, expected a class's index, 0 to 3"), ((0, None), "twice")]
)
def test_an_index_that_is_no_classes_or_stands_twice_is_refused(
    tmp_path: Path, change: tuple[int, int | None], problem: str
) -> None:
    indices, values = top_two()
    indices[5, change[0]] = indices[5, 1] if change[1] is None else change[1]
    np.savez(tmp_path / "t.npz", values=values, indices=indices)
    with pytest.raises(UserError, match=rf"^t\.npz: row 6.*{problem}"):
        read_teacher(tmp_path / "t.npz", table_of("ACC", [f"P{row}" for row in range(ROWS)]), LABELS, NAMES)


def test_labels_from_one_beside_columns_from_zero_are_refused_and_read_by_the_way_out(tmp_path: Path) -> None:
    table = write_csv(tmp_path / "t.csv", ["label", "x", "y"], [[1 + row % 3, row, row % 7] for row in range(60)])
    outputs = 3 * np.eye(3)[np.arange(60) % 3] + np.random.default_rng(0).normal(size=(60, 3))
    teacher = write_csv(tmp_path / "a.csv", ["0", "1", "2"], outputs.tolist())
    spec = TableSpec(Files(table, {"a": teacher}), "label", columns=("x", "y"))
    with pytest.raises(UserError, match=r"the labels count from 1; name the classes in order: --classes 1,2,3"):
        check_table("mine", spec)
    found = check_table("mine", replace(spec, classes=("1", "2", "3"))).data.rows
    assert float((found.logits["a"].argmax(1) == found.labels).float().mean()) > 0.8
