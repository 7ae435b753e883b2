"""Numbers from files: headers, index columns and ids are separated from the data."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from safetensors.torch import save_file

from mtbkd_core import UserError
from mtbkd_core.imports.number_file import NumberFile, open_numbers
from mtbkd_core.imports.table import Table
from tests.imports.files import table_of

NUMBERS = [[0.5, 1.5, -2.0], [3.0, 4.0, 5.0]]


def rows(count: int) -> Table:
    """A table of so many rows that are called r0, r1 and so on."""
    return table_of("ACC", [f"r{row}" for row in range(count)])


def opened(folder: Path, text: str, count: int = 2, classes: tuple[str, ...] = ()) -> NumberFile:
    path = folder / "m.csv"
    path.write_text(text)
    return open_numbers(path, rows(count), classes=classes)


@pytest.mark.parametrize(
    "text",
    [
        "0.5,1.5,-2\n3,4,5\n",
        "a,b,c\n0.5,1.5,-2\n3,4,5\n",
        "0,1,2\n0.5,1.5,-2\n3,4,5\n",
        "1,2,3\n0.5,1.5,-2\n3,4,5\n",
        "2,0,1\n0.5,1.5,-2\n3,4,5\n",
        ",0,1,2\n0,0.5,1.5,-2\n1,3,4,5\n",
        "index,a,b,c\n1,0.5,1.5,-2\n2,3,4,5\n",
        "0,0.5,1.5,-2\n1,3,4,5\n",
        ",a,b,c\n31,0.5,1.5,-2\n7,3,4,5\n",
        "a,row,b,c\n0.5,0,1.5,-2\n3,1,4,5\n",
        ",a,b,c\nP1,0.5,1.5,-2\nP2,3,4,5\n",
        "a,id,b,c\n0.5,12,1.5,-2\n3,7,4,5\n",
        "ACC,a,b,c\nr0,0.5,1.5,-2\nr1,3,4,5\n",
        "a,b,c\n 0.5,1.5,-2\n+3,4,5\n\n",
    ],
)
def test_headers_index_columns_and_ids_leave_the_numbers(tmp_path: Path, text: str) -> None:
    assert opened(tmp_path, text).values().tolist() == NUMBERS


@pytest.mark.parametrize("text", ["ACC,a\nr1,1.5\nr0,0.5\n", "a,ACC\n1.5,r1\n0.5,r0\n"])
def test_numbers_are_put_in_the_order_of_the_table(tmp_path: Path, text: str) -> None:
    file = opened(tmp_path, text)
    assert file.in_order(file.values()).tolist() == [[0.5], [1.5]]
    assert "joined" in file.matching


def test_without_an_id_the_order_is_taken_as_it_is_and_a_line_says_so(tmp_path: Path) -> None:
    file = opened(tmp_path, "id,a\n7,1.5\n5,0.5\n")
    assert file.in_order(file.values()).tolist() == [[1.5], [0.5]]
    assert file.matching == (
        "m.csv: no id is in it and in t.csv, so its rows were taken as they come; their order could not be checked"
    )
    assert "m.csv: its column 'id' numbers or names the rows and was left out" in file.notes


@pytest.mark.parametrize(
    ("text", "expected", "count"),
    [
        ("0,1,2\n3,4,5.5\n", 2, 1),  # a file that lacks its last row
        ("0,1,2\n3,4,5\n", 2, 2),
        ("0,1,2\n3,4,5\n", 1, 1),
        ("2,0,1\n3,4,5\n0.5,1,2\n", 3, 3),
        ("2,0,4\n3,4,5\n0.5,1,2\n", 2, 3),
        ("0,1\n1,0\n", 2, 2),
        ("0,1\n1,0\n", 1, 1),
    ],
)
def test_a_first_line_that_counts_is_a_header_unless_all_lines_are_rows(
    tmp_path: Path, text: str, expected: int, count: int
) -> None:
    assert len(opened(tmp_path, text, expected).file) == count


def test_class_names_that_are_numbers_are_a_header(tmp_path: Path) -> None:
    text = "3,5,7\n0.5,1.5,-2\n3,4,5\n"
    assert opened(tmp_path, text, 2, ("3", "5", "7")).values().tolist() == NUMBERS
    assert opened(tmp_path, text, 3, ("3", "5", "7")).values().shape == (3, 3)


@pytest.mark.parametrize("kind", ["npz", "safetensors", "parquet"])
def test_other_formats_hold_the_same_numbers(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"m.{kind}"
    if kind == "npz":
        np.savez(path, np.array(NUMBERS))
    elif kind == "safetensors":
        save_file({"m": torch.tensor(NUMBERS)}, path)
    else:
        pd.DataFrame(NUMBERS, columns=["a", "b", "c"]).assign(entry=[b"r0", b"r1"]).to_parquet(path)
    assert open_numbers(path, rows(2)).values().tolist() == NUMBERS


@pytest.mark.parametrize("kind", ["npz", "safetensors"])
def test_an_array_of_whole_numbers_is_an_id_where_the_table_has_it_and_nothing_else_anywhere(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / f"m.{kind}"
    arrays = {"e": np.array(NUMBERS), "number": np.array([8, 3]), "labels": np.array([0, 1])}
    if kind == "npz":
        np.savez(path, **arrays)
    else:
        save_file({name: torch.from_numpy(values) for name, values in arrays.items()}, path)
    file = open_numbers(path, table_of("Number", ["3", "8"]))
    assert file.in_order(file.values()).tolist() == NUMBERS[::-1]
    file = open_numbers(path, rows(2))
    assert (file.joined, file.values().tolist(), file.feature_names()) == (None, NUMBERS, ())


@pytest.mark.parametrize("empty", [",", "NA,NA"])
def test_a_first_row_that_abstains_is_no_header(tmp_path: Path, empty: str) -> None:
    path = tmp_path / "m.csv"
    path.write_text(f"{empty}\n0.5,1.5\n")
    assert np.isnan(open_numbers(path, rows(2), gaps=True).values()).tolist() == [[True, True], [False, False]]
    path.write_text('""\n0.5\n1.5\n')
    assert open_numbers(path, rows(2), gaps=True).values().tolist() == [[0.5], [1.5]]


SHUFFLED = [2, 0, 1, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("kind", ["csv", "headerless", "parquet", "npz"])
def test_an_index_that_says_that_rows_were_shuffled_is_no_order_that_a_table_without_it_has(
    tmp_path: Path, kind: str
) -> None:
    path, frame = tmp_path / f"m.{kind}", pd.DataFrame({"a": np.arange(8) / 3, "b": np.ones(8)}, index=SHUFFLED)
    if kind == "npz":
        np.savez(path, e=frame.to_numpy(), order=np.array(SHUFFLED))
    elif kind == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, header=kind == "csv")
    with pytest.raises(UserError, match=r"its column '.*' numbers the rows from 0 in another order than they stand in"):
        open_numbers(path, rows(8))
    if kind != "headerless":
        name = {"csv": "", "npz": "order", "parquet": "__index_level_0__"}[kind]
        assert open_numbers(path, table_of(name, [*"01234567"])).joined is not None


def test_names_of_rows_that_the_table_does_not_hold_are_warned_of(tmp_path: Path) -> None:
    file = opened(tmp_path, "file,a\nx/r0,1.5\nx/r1,0.5\n")
    names_them = "its column 'file' names the rows, such as 'x/r0', and no column of t.csv holds these names"
    assert file.warnings == (f"m.csv: {names_them}: rows were not matched",)


@pytest.mark.parametrize("name", ["seq_id", "no"])
def test_a_column_that_tells_rows_apart_is_no_feature_beside_another_id(tmp_path: Path, name: str) -> None:
    (tmp_path / "m.csv").write_text(f"ACC,{name},a\nr1,0,1.5\nr0,1,0.5\n")
    table = Table("t.csv", ("ACC", "no"), pa.table({"ACC": ["r0", "r1"], "no": ["0", "1"]}), 2)
    assert open_numbers(tmp_path / "m.csv", table).names == ("a",)


def test_fractions_name_no_rows_and_an_index_of_pandas_is_left_out(tmp_path: Path) -> None:
    assert opened(tmp_path, "acc,x\n0.5,1\n0.25,2\n").values().tolist() == [[0.5, 1.0], [0.25, 2.0]]
    frame = pd.DataFrame(NUMBERS, columns=["acc", "b", "c"], index=[31, 7])
    frame.assign(acc=frame.acc + 0.25).to_parquet(tmp_path / "m.parquet")
    assert open_numbers(tmp_path / "m.parquet", rows(2)).names == ("acc", "b", "c")


def test_a_column_of_lists_is_as_many_columns_of_numbers(tmp_path: Path) -> None:
    pd.DataFrame({"e": NUMBERS}).to_parquet(tmp_path / "m.parquet")
    assert open_numbers(tmp_path / "m.parquet", rows(2)).values().tolist() == NUMBERS
    (tmp_path / "m.csv").write_text('e\n"[0.5, 1.5, -2.0]"\n"[3. 4. 5.]"\n')
    assert open_numbers(tmp_path / "m.csv", rows(2)).values().tolist() == NUMBERS
    pd.DataFrame({"e": [[0.5, 1.5], [3.0]]}).to_parquet(tmp_path / "m.parquet")
    with pytest.raises(UserError, match=r"row 2, column 'e': got a list of 1, expected 2 as in the first row$"):
        open_numbers(tmp_path / "m.parquet", rows(2))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a,b\n1,2\n3,x\n", "m.csv: line 3, column 'b': got 'x', expected a number"),
        ("a,b\n1,2\n3,1_0\n", "m.csv: line 3, column 'b': got '1_0', expected a number"),
        (
            "a;b\n1;2.5\n3;4,5\n",
            "m.csv: line 3, column 'b': got '4,5', expected a number: other cells of the column have a decimal point",
        ),
        ("1,2\n3,\n", "m.csv: line 2, column '2': is empty, expected a number"),
        ("0.5,x,-2\n3,4,5\n", "m.csv: line 1, column '2': got 'x', expected a number"),
        ("1,2\n3\n", "m.csv: line 2 has 1 cell, expected 2 as in line 1"),
        ("a,b\n1,2\n3,nan\n", "m.csv: line 3, column 'b': got nan, expected a finite number, at most 1e30 in size"),
        ("a,b\n1,-inf\n3,4\n", "m.csv: line 2, column 'b': got -inf, expected a finite number, at most 1e30 in size"),
        ("a,b\n1,2\n3,1e39\n", "m.csv: line 3, column 'b': got 1e+39, expected a finite number, at most 1e30 in size"),
        ("a,b\n1,2\n", "m.csv: has 1 row, one too few, expected 2: as many as t.csv"),
        ("a,b\n1,2\n3,4\n5,6\n", "m.csv: has 3 rows, expected 2: as many as t.csv"),
        ("id\n1\n2\n", "m.csv: has no column of numbers"),
    ],
)
def test_what_is_wrong_has_its_place(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(UserError) as raised:
        opened(tmp_path, text).values()
    assert str(raised.value) == problem


def npz_of(name: str, content: bytes, flags: int = 0, method: int = 0) -> bytes:
    """An archive of one file; its headers may claim that it is encrypted, or of an unknown method."""
    with zipfile.ZipFile(packed := io.BytesIO(), "w") as archive:
        archive.writestr(name, content)
    changed = bytearray(packed.getvalue())
    central = changed.find(b"PK\x01\x02")
    for place in (6, central + 8):
        changed[place] |= flags
        changed[place + 2] |= method
    return bytes(changed)


def npy_of(shape: str, kind: str = "<f8") -> bytes:
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode() + bytes(64)


@pytest.mark.parametrize(
    "content",
    [
        npz_of("a.txt", b"hello"),
        npz_of("a.npy", npy_of("(1000000000000000, 3)")),
        npz_of("a.npy", npy_of("(1000000000000000000000000000000, 3)")),
        npz_of("a.npy", npy_of("(-1, 3)")),
        npz_of("a.npy", npy_of("(2, 3)", "|O")),  # objects, which would have to be unpickled
        npz_of("a.npy", npy_of("(2, 3)"), flags=1),
        npz_of("a.npy", npy_of("(2, 3)"), method=99),
    ],
)
def test_an_archive_without_a_readable_array_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.npz").write_bytes(content)
    with pytest.raises(
        UserError, match=r"^m\.npz: (cannot be read as NPZ \(.+\)|more than 100,000 rows|holds Python objects)"
    ):
        open_numbers(tmp_path / "m.npz", rows(1))


def test_arrays_of_another_shape_or_number_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "two.npz", a=np.zeros((1, 2)), b=np.zeros((1, 2)))
    np.savez(tmp_path / "flat.npz", np.zeros(3))
    save_file({"m": torch.tensor([[1 + 2j, 3]])}, tmp_path / "complex.safetensors")
    (tmp_path / "torn.safetensors").write_text("hello world hello")
    for name, problem in (
        ("two.npz", "holds 2 arrays, expected one"),
        ("flat.npz", "has 3 rows, expected 1"),
        ("complex.safetensors", "expected numbers of shape .* got complex64"),
        ("torn.safetensors", "cannot be read"),
    ):
        with pytest.raises(UserError, match=rf"^{name}: {problem}") as raised:
            open_numbers(tmp_path / name, rows(1)).values()
        assert str(tmp_path) not in str(raised.value)
