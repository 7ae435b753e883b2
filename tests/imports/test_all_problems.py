"""All that is wrong with files is said at once; rows without a label are refused or used, as one chooses."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mtbkd_core import UserError
from mtbkd_core.imports.check import Checked, check_table
from mtbkd_core.imports.spec import Files, TableSpec
from tests.imports.files import CLASSES, ROWS, logits, spec_of, write_csv, write_files, write_table


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return write_files(tmp_path)


def check(spec: TableSpec) -> Checked:
    return check_table("mine", spec)


def changed(files: Files, name: str, **changes: dict[int, str]) -> Files:
    return replace(files, table=write_table(files.table.with_name(name), **changes))


def test_a_check_says_everything_that_is_wrong_at_once(files: Files, tmp_path: Path) -> None:
    wrong = changed(files, "wrong.csv", Label={3: "9"}, Sequence={5: "MK1", 6: ""})
    short = write_csv(tmp_path / "short.csv", ["ACC", *CLASSES], [["P00000", 1, 2, 3]])
    spec = spec_of(replace(wrong, teachers={**wrong.teachers, "short": short}))
    with pytest.raises(UserError) as raised:
        check(spec)
    assert [problem.partition(":")[0] for problem in raised.value.problems] == ["wrong.csv", "wrong.csv", "short.csv"]
    assert all("\n" not in problem for problem in raised.value.problems)


def test_files_that_cannot_be_read_hide_nothing_that_is_wrong_with_others(files: Files, tmp_path: Path) -> None:
    (tmp_path / "b.pkl").write_bytes(b"\x80\x04\x95")
    wrong = changed(files, "wrong.csv", Label={3: ""}, Golgi={5: "bad"})
    teachers = {**wrong.teachers, "none": tmp_path / "none.csv", "pickle": tmp_path / "b.pkl"}
    with pytest.raises(UserError) as raised:
        check(TableSpec(replace(wrong, teachers=teachers), "Label", columns=("Golgi",)))
    named = [problem.partition(":")[0].rpartition("/")[2] for problem in raised.value.problems]
    assert sorted(named) == ["b.pkl", "none.csv", "wrong.csv", "wrong.csv"]


@pytest.mark.parametrize("cell", ["", "9", "1\u200b", "x"])
def test_all_files_are_checked_where_a_label_is_wrong(files: Files, tmp_path: Path, cell: str) -> None:
    frame = pd.DataFrame(logits(), columns=list(CLASSES)).astype(object)
    text, rows = frame.copy(), frame[:30]
    text.iloc[4, 1] = "abc"
    written = {"text": text, "few": frame.iloc[:, :2].assign(more=0.5), "short": rows, "beside": frame.assign(said="x")}
    for name, each in written.items():
        each.to_csv(tmp_path / f"{name}.csv", index=False)
    own = changed(files, "wrong.csv", Label={3: cell}, Golgi={5: "bad"})
    teachers = {name: tmp_path / f"{name}.csv" for name in written}
    with pytest.raises(UserError) as raised:
        check(TableSpec(replace(own, teachers=teachers), "Label", columns=("Nucleus", "Golgi"), classes=CLASSES))
    found = sorted(problem.partition(":")[0] for problem in raised.value.problems)
    assert found == ["few.csv", "short.csv", "text.csv", "wrong.csv", "wrong.csv"]


def test_teachers_numbers_are_checked_where_there_is_no_label(files: Files, tmp_path: Path) -> None:
    values = pd.DataFrame(logits()).astype(object).assign(said="x")
    values.iloc[4, 1] = "abc"
    values.to_csv(tmp_path / "text.csv", index=False)
    none = changed(files, "none.csv", Label=dict.fromkeys(range(ROWS), ""))
    with pytest.raises(UserError) as raised:
        check(TableSpec(replace(none, teachers={"text": tmp_path / "text.csv"}), "Label", "Sequence"))
    assert [problem.partition(":")[0] for problem in raised.value.problems] == ["none.csv", "text.csv"]


def test_rows_without_a_label_become_unlabelled_examples(files: Files) -> None:
    some = changed(files, "some.csv", Label={3: "NA", 4: "", 30: "nan"})
    with pytest.raises(UserError, match=r"3 rows without a label, the first at line 5, .*--unlabelled$"):
        check(spec_of(some))
    data = check(replace(spec_of(some), unlabelled=True)).data
    assert data.unlabelled is not None
    assert (len(data.rows), len(data.unlabelled)) == (ROWS - 3, 3)
    task = data.split(["good"], 0, "test", 100)
    assert task.x_unlabelled is not None
    assert task.training_set(["good"], 3).labels.tolist()[-3:] == [-1] * 3
    assert np.allclose(task.training_logits(["good"], 3)[0, -3:], logits()[[3, 4, 30]], atol=1e-6)
