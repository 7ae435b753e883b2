"""New inputs are read from a table in the order of time; what cannot be one is refused in one line."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mtbkd_core import Task, UserError
from mtbkd_core.imports.new_inputs import read_new_inputs


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_rows_stand_in_the_order_of_time_with_labels_and_names(tiny: Task, tmp_path: Path) -> None:
    file = write(tmp_path / "new.csv", "id,day,a,b,label\np,10,1,2,c\nq,9,3,4,\nr,10,5,6,a\n")
    found = read_new_inputs(file, tiny, labels="label", time="day")
    assert found.x.tolist() == [[3, 4], [1, 2], [5, 6]]
    assert found.labels is not None
    assert found.labels.tolist() == [-1, 2, 0]
    assert (found.times, found.rows, found.names) == (["9", "10", "10"], [1, 0, 2], ["q", "p", "r"])


def test_without_columns_of_labels_and_time_rows_stay_as_they_are(tiny: Task, tmp_path: Path) -> None:
    np.save(tmp_path / "new.npy", np.arange(6).reshape(3, 2))
    found = read_new_inputs(tmp_path / "new.npy", tiny)
    assert found.x.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert (found.labels, found.times, found.names) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "named", "message"),
    [
        ("a,b,c\n1,2,3\n", {}, "has 3 columns of inputs, expected the 2 of tiny"),
        ("a,b\n1,x\n", {}, "line 2, column 'b': got 'x', expected a number"),
        ("a,b,label\n1,2,d\n", {"labels": "label"}, "got 'd', expected a class"),
        ("a,b\n1,2\n", {"labels": "label"}, "has no column 'label'"),
        ("a,b\n1,2\n", {"time": "day"}, "has no column 'day'"),
    ],
)
def test_what_is_no_input_is_refused(
    tiny: Task, tmp_path: Path, text: str, named: dict[str, str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        read_new_inputs(write(tmp_path / "new.csv", text), tiny, **named)


def with_names(task: Task) -> Task:
    return replace(task, feature_names=("x1", "x2"))


@pytest.mark.parametrize("header", ["x2,x1", "X2, x1", "x2,name,x1"])
def test_columns_are_taken_by_the_names_of_the_tasks_inputs(tiny: Task, tmp_path: Path, header: str) -> None:
    cells = [{"name": "p"}.get(name, str(place)) for place, name in enumerate(header.split(","))]
    found = read_new_inputs(write(tmp_path / "new.csv", f"{header}\n{','.join(cells)}\n"), with_names(tiny))
    assert found.x.tolist() == [[float(cells[-1]), 0.0]]
    assert not found.notes


def test_a_column_that_is_no_input_is_left_out_and_said(tiny: Task, tmp_path: Path) -> None:
    found = read_new_inputs(write(tmp_path / "new.csv", "x1,age,x2\n1,50,2\n"), with_names(tiny))
    assert (found.x.tolist(), found.notes) == ([[1, 2]], ("new.csv: left out, for tiny has no such input: 'age'",))


def test_columns_of_other_names_are_refused(tiny: Task, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^new\.csv: has no input 'x1' of tiny, nor 1 more; it has 'a', 'b'$"):
        read_new_inputs(write(tmp_path / "new.csv", "a,b\n1,2\n"), with_names(tiny))


@pytest.mark.parametrize(("keeps", "header", "whose"), [(False, "x2,x1", "tiny keeps"), (True, "0,1", "new.csv names")])
def test_an_order_that_could_not_be_checked_is_said(
    tiny: Task, tmp_path: Path, keeps: bool, header: str, whose: str
) -> None:
    found = read_new_inputs(write(tmp_path / "new.csv", f"{header}\n1,2\n"), with_names(tiny) if keeps else tiny)
    assert found.x.tolist() == [[1, 2]]
    assert any(f"which could not be checked, for {whose} no" in note for note in found.notes)


def test_pixels_on_another_scale_are_refused(few_digits: Task, tmp_path: Path) -> None:
    np.save(tmp_path / "new.npy", 16 * few_digits.x_test[:3].numpy())
    with pytest.raises(UserError, match=r"pixels from 0 to 16, expected from 0 to 1"):
        read_new_inputs(tmp_path / "new.npy", few_digits)


def test_pixels_are_the_tasks_inputs(few_digits: Task, tmp_path: Path) -> None:
    np.save(tmp_path / "new.npy", few_digits.x_test[:3].numpy())
    torch.testing.assert_close(read_new_inputs(tmp_path / "new.npy", few_digits).x, few_digits.x_test[:3])


def test_an_array_beside_the_inputs_is_none_of_them(tiny: Task, tmp_path: Path) -> None:
    np.savez(tmp_path / "new.npz", x=np.array([[0.5, 1.5], [2.5, 3.5]]), number=np.array([7, 5]))
    assert read_new_inputs(tmp_path / "new.npz", tiny).x.tolist() == [[0.5, 1.5], [2.5, 3.5]]


def test_text_beside_the_inputs_names_the_rows(tiny: Task, tmp_path: Path) -> None:
    found = read_new_inputs(write(tmp_path / "new.csv", "picture,a,b\nb/2.png,1,2\na/1.png,3,4\n"), tiny)
    assert (found.x.tolist(), found.names) == ([[1, 2], [3, 4]], ["b/2.png", "a/1.png"])
