"""Numbers from files: headers, index columns and accessions are told from data."""

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from mtbkd_core import UserError
from mtbkd_core.imports.matrix import check_size, read_matrix
from mtbkd_core.imports.order import check_order
from mtbkd_core.imports.reading import Places

NUMBERS = [[0.5, 1.5, -2.0], [3.0, 4.0, 5.0]]


def csv(folder: Path, text: str) -> Path:
    path = folder / "m.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "0.5,1.5,-2\n3,4,5\n",
        "a,b,c\n0.5,1.5,-2\n3,4,5\n",
        "0,1,2\n0.5,1.5,-2\n3,4,5\n",
        "1,2,3\n0.5,1.5,-2\n3,4,5\n",
        ",0,1,2\n0,0.5,1.5,-2\n1,3,4,5\n",
        "index,a,b,c\n1,0.5,1.5,-2\n2,3,4,5\n",
        "0,0.5,1.5,-2\n1,3,4,5\n",
        ",a,b,c\n31,0.5,1.5,-2\n7,3,4,5\n",
        "a,row,b,c\n0.5,0,1.5,-2\n3,1,4,5\n",
        ",a,b,c\nP1,0.5,1.5,-2\nP2,3,4,5\n",
        "a,id,b,c\n0.5,12,1.5,-2\n3,7,4,5\n",
        "ACC,a,b,c\nP1,0.5,1.5,-2\nP2,3,4,5\n",
    ],
)
def test_headers_index_columns_and_accessions_leave_the_numbers(tmp_path: Path, text: str) -> None:
    assert read_matrix(csv(tmp_path, text), 2).values.tolist() == NUMBERS


def test_a_counting_header_is_one_however_many_rows_follow(tmp_path: Path) -> None:
    # else a file that lacks its last row would have as many lines as are expected, its header taken for an example
    assert read_matrix(csv(tmp_path, "0,1,2\n3,4,5.5\n"), 2).values.tolist() == [[3, 4, 5.5]]


def test_a_first_line_that_counts_over_whole_numbers_is_a_row_where_there_are_as_many_lines_as_rows(
    tmp_path: Path,
) -> None:
    path = csv(tmp_path, "0,1,2\n3,4,5\n")
    assert read_matrix(path, 2).values.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert read_matrix(path, 1).values.tolist() == [[3, 4, 5]]


@pytest.mark.parametrize("bad", ["x", "", "1_0"])
def test_a_bad_cell_in_the_first_line_is_blamed_where_there_are_as_many_lines_as_rows(tmp_path: Path, bad: str) -> None:
    with pytest.raises(UserError, match=rf"^m\.csv: line 1, column '2': got '{bad}', expected a number$"):
        read_matrix(csv(tmp_path, f"0.5,{bad},-2\n3,4,5\n"), 2)
    for header in ("ACC,0,1", ",0,1", "a,b,c"):
        assert len(read_matrix(csv(tmp_path, f"{header}\n3,4,5.5\n"), 2).values) == 1


def test_class_numbers_in_another_order_are_a_header_where_there_is_one_line_too_many(tmp_path: Path) -> None:
    for first in ("2,0,1", "3,1,2"):
        path = csv(tmp_path, f"{first}\n3,4,5\n0.5,1,2\n")
        assert read_matrix(path, 2).values.tolist() == [[3, 4, 5], [0.5, 1, 2]]
        assert read_matrix(path, 2).names == tuple(first.split(","))
        assert len(read_matrix(path, 3).values) == 3
    for first in ("2,0,4", "2.0,0.0,1.0"):
        assert len(read_matrix(csv(tmp_path, f"{first}\n3,4,5\n0.5,1,2\n"), 2).values) == 3
    assert len(read_matrix(csv(tmp_path, "2,0,2\n3,4,5\n0,1,2\n"), 2).values) == 3
    with pytest.raises(UserError, match=r"^m\.csv: line 1 names the column '2' twice$"):
        read_matrix(csv(tmp_path, "2,0,2\n3,4,5\n0.5,1,2\n"), 2)


def test_certain_answers_to_two_classes_may_begin_like_a_header(tmp_path: Path) -> None:
    path = csv(tmp_path, "0,1\n1,0\n")
    assert len(read_matrix(path, 2).values) == 2
    assert len(read_matrix(path, 1).values) == 1


@pytest.mark.parametrize("kind", ["npz", "safetensors", "parquet"])
def test_other_formats_hold_the_same_numbers(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"m.{kind}"
    if kind == "npz":
        np.savez(path, np.array(NUMBERS))
    elif kind == "safetensors":
        save_file({"m": torch.tensor(NUMBERS)}, path)
    else:
        pd.DataFrame(NUMBERS, columns=["a", "b", "c"]).assign(entry=["P1", "P2"]).to_parquet(path)
    found = read_matrix(path, 2)
    assert found.values.tolist() == NUMBERS
    assert found.accessions == (("P1", "P2") if kind == "parquet" else None)


def test_an_array_of_objects_is_never_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    np.savez(path, np.array([{"a": 1}], dtype=object))
    with pytest.raises(UserError, match=r"m\.npz: cannot be read as NPZ"):
        read_matrix(path, 1)


def as_npy(shape: str) -> bytes:
    head = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode() + bytes(64)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", b"hello"),
        ("a.npy", as_npy("(1000000000000000, 3)")),
        ("a.npy", as_npy("(1000000000000000000000000000000, 3)")),
        ("a.npy", as_npy("(-1, 3)")),
    ],
)
def test_an_archive_without_a_readable_array_is_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    with zipfile.ZipFile(tmp_path / "m.npz", "w") as archive:
        archive.writestr(name, content)
    with pytest.raises(UserError, match=r"^m\.npz: (cannot be read as NPZ \(.+\)|holds 'a\.txt', which is no array)"):
        read_matrix(tmp_path / "m.npz", 1)


@pytest.mark.parametrize("field", ["encrypted", "method"])
def test_an_encrypted_archive_or_one_of_an_unknown_method_is_one_line(tmp_path: Path, field: str) -> None:
    path = tmp_path / "m.npz"
    np.savez(path, np.zeros((2, 2)))
    content = bytearray(path.read_bytes())
    central = content.find(b"PK\x01\x02")
    for place in (6, central + 8) if field == "encrypted" else (8, central + 10):
        content[place] = 1 if field == "encrypted" else 99
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"^m\.npz: cannot be read as NPZ \(.+\)$"):
        read_matrix(path, 2)


def test_tensors_that_cannot_be_read_are_named_without_their_folder(tmp_path: Path) -> None:
    (tmp_path / "m.safetensors").write_text("hello world hello")
    with pytest.raises(UserError, match=r"^m\.safetensors: cannot be read") as raised:
        read_matrix(tmp_path / "m.safetensors", 2)
    assert str(tmp_path) not in str(raised.value)


def test_complex_tensors_are_refused(tmp_path: Path) -> None:
    save_file({"m": torch.tensor([[1 + 2j, 3]])}, tmp_path / "m.safetensors")
    with pytest.raises(UserError, match=r"^m\.safetensors: expected numbers of shape .* got complex64"):
        read_matrix(tmp_path / "m.safetensors", 1)


def test_more_than_one_array_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", a=np.zeros((1, 2)), b=np.zeros((1, 2)))
    with pytest.raises(UserError, match="holds 2 arrays, expected one"):
        read_matrix(tmp_path / "m.npz", 1)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a,b\n1,2\n3,x\n", "m.csv: line 3, column 'b': got 'x', expected a number"),
        ("a,b\n1,2\n3,1_0\n", "m.csv: line 3, column 'b': got '1_0', expected a number"),
        (
            "a;b\n1;2\n3;4,5\n",
            "m.csv: line 3, column 'b': got '4,5', expected a number with a decimal point: ';' parts the cells",
        ),
        ("1,2\n3,\n", "m.csv: line 2, column '2': got '', expected a number"),
        ("1,2\n3\n", "m.csv: line 2 has 1 cell, expected 2 as in line 1"),
    ],
)
def test_a_cell_that_is_no_number_has_its_place(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(UserError) as raised:
        read_matrix(csv(tmp_path, text), 2)
    assert str(raised.value) == problem


@pytest.mark.parametrize("cell", ["nan", "inf", "-inf", "1e39"])
def test_a_number_that_is_not_finite_has_its_place(tmp_path: Path, cell: str) -> None:
    found = read_matrix(csv(tmp_path, f"a,b\n1,2\n3,{cell}\n"), 2)
    with pytest.raises(UserError, match=r"^m\.csv: line 3, column 'b': got .*, expected a finite number"):
        check_size(found, 2, "t.csv")


def test_another_number_of_rows_is_refused(tmp_path: Path) -> None:
    found = read_matrix(csv(tmp_path, "a,b\n1,2\n3,4\n"), 3)
    with pytest.raises(UserError, match=r"^m\.csv: has 2 rows, one too few, expected 3: as many as t\.csv$"):
        check_size(found, 3, "t.csv")
    with pytest.raises(UserError, match=r"^m\.csv: has 2 rows, expected 9: as many as t\.csv$"):
        check_size(found, 9, "t.csv")
    with pytest.raises(UserError, match=r"^m\.csv: has 1 row, one too few, expected 2: as many as t\.csv$"):
        check_size(read_matrix(csv(tmp_path, "a,b\n1,2\n"), 2), 2, "t.csv")


def test_another_order_is_caught_by_accession(tmp_path: Path) -> None:
    found = read_matrix(csv(tmp_path, "ACC,a,b\nP2,1,2\nP1,3,4\n"), 2)
    table = Places("t.csv", (2, 3))
    with pytest.raises(UserError) as raised:
        check_order(found, ["P1", "P2"], table)
    assert str(raised.value) == (
        "m.csv: line 2, column 'ACC': got 'P2', expected 'P1' as in t.csv: line 2: the rows are in another order than "
        "the table's"
    )
    assert check_order(found, ["P2", "P1"], table)
    assert check_order(found, None, table) == (
        "m.csv: its column 'ACC' names the rows and was left out; t.csv names none",
    )
    with pytest.raises(UserError, match="the rows are not the table's"):
        check_order(found, ["P2", "P9"], table)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("name", ["id", "entry", "Number"])
def test_rows_are_held_against_the_tables_by_numbers_too(tmp_path: Path, kind: str, name: str) -> None:
    path = tmp_path / f"m.{kind}"
    frame = pd.DataFrame({name: [12, 7], "a": [1.0, 2.0]})
    if kind == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    found = read_matrix(path, 2, "Number")
    assert found.values.tolist() == [[1], [2]]
    table = Places("t.csv", (2, 3))
    assert check_order(found, ["12.0", "7.0"], table, "Number")
    for wrong in (["7", "12"], ["12", "8"]):
        with pytest.raises(UserError, match=r"got '(12|7)', expected '(7|8)' as in t\.csv"):
            check_order(found, wrong, table, "Number")


def test_numbers_of_rows_that_the_table_does_not_have_say_nothing_of_the_order(tmp_path: Path) -> None:
    table = Places("t.csv", (2, 3))
    for numbers, accessions in ((("5", "8"), ["P1", "P2"]), (("0", "1"), ["1", "2"])):
        found = read_matrix(csv(tmp_path, f"id,a\n{numbers[0]},1\n{numbers[1]},2\n"), 2, "ACC")
        (line,) = check_order(found, accessions, table, "ACC")
        assert line == (
            "m.csv: its column 'id' numbers the rows in its own way and was left out; their order could not be held "
            "against t.csv"
        )


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("name", ["id", "row", "index", "__index_level_0__"])
@pytest.mark.parametrize("start", [0, 1])
def test_rows_whose_own_numbers_count_in_another_order_are_refused(
    tmp_path: Path, kind: str, name: str, start: int
) -> None:
    path = tmp_path / f"m.{kind}"
    table = Places("t.csv", (2, 3, 4))
    frame = pd.DataFrame({name: np.array([0, 2, 1]) + start, "a": [1.0, 2.0, 3.5]})
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    found = read_matrix(path, 3)
    assert found.values.tolist() == [[1], [2], [3.5]]
    for accessions in (None, ["P1", "P2", "P3"]):
        with pytest.raises(UserError) as raised:
            check_order(found, accessions, table, "ACC")
        where = "line 3" if kind == "csv" else "row 2"
        assert str(raised.value) == (
            f"m.{kind}: {where}, column {name!r}: got {2 + start}, expected {1 + start} as of t.csv: line 3: wrong "
            "order of rows; sort them by this column, or leave it out if they are in the table's order"
        )
    # a table that was shuffled keeps its numbers, and so may its teachers' files
    own = [str(number) for number in np.array([0, 2, 1]) + start]
    check_order(found, None, table, None, own)
    check_order(found, ["P1", "P2", "P3"], table, "ACC", own)


def test_rows_that_count_up_are_the_tables_whatever_numbers_a_shuffled_table_has(tmp_path: Path) -> None:
    found = read_matrix(csv(tmp_path, ",a\n0,1\n1,2\n2,3.5\n"), 3)
    check_order(found, None, Places("t.csv", (2, 3, 4)), None, ["2", "0", "1"])
    found = read_matrix(csv(tmp_path, ",a\n31,1\n7,2\n9,3.5\n"), 3)
    check_order(found, None, Places("t.csv", (2, 3, 4)), None, ["0", "1", "2"])
    with pytest.raises(UserError, match=r"^m\.csv: line 2, column '': got 31, expected 7 as of t\.csv: line 2: wrong"):
        check_order(found, None, Places("t.csv", (2, 3, 4)), None, ["7", "31", "9"])


def test_a_number_of_the_row_is_nothing_where_accessions_put_rows_in_order(tmp_path: Path) -> None:
    found = read_matrix(csv(tmp_path, ",ACC,a\n1,P1,1\n0,P2,2.5\n"), 2)
    assert check_order(found, ["P1", "P2"], Places("t.csv", (2, 3)), "ACC") == (
        "m.csv: its rows are the table's by ACC",
    )


def test_an_index_without_a_name_that_holds_accessions_is_held_against_the_tables(tmp_path: Path) -> None:
    table = Places("t.csv", (2, 3))
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.5, 4.0]}, index=["P1", "P2"])
    frame.to_csv(tmp_path / "m.csv")
    frame.to_parquet(tmp_path / "m.parquet")
    for kind in ("csv", "parquet"):
        found = read_matrix(tmp_path / f"m.{kind}", 2)
        assert found.values.tolist() == [[1, 3.5], [2, 4]]
        assert check_order(found, ["P1", "P2"], table, "ACC")
        with pytest.raises(UserError, match="the rows are in another order than the table's"):
            check_order(found, ["P2", "P1"], table, "ACC")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_text_beside_columns_with_all_the_classes_names_is_left_out(tmp_path: Path, kind: str) -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "said": ["b", "a"], "b": [3.5, 4.0], "p": [0.5, 0.25]})
    path = tmp_path / f"m.{kind}"
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    found = read_matrix(path, 2, None, ("B", "A"))
    assert found.names == ("a", "b", "p")
    assert f"m.{kind}: its column 'said' holds text beside the classes and was left out" in found.notes
    with pytest.raises(UserError, match=r"column 'said': got 'b', expected a number$"):
        read_matrix(path, 2, None, ("a", "c"))


def test_an_index_that_pandas_wrote_is_no_number_of_a_row(tmp_path: Path) -> None:
    frame = pd.DataFrame(NUMBERS, columns=["a", "b", "c"], index=[31, 7])
    frame.to_parquet(tmp_path / "m.parquet")
    found = read_matrix(tmp_path / "m.parquet", 2)
    assert (found.values.tolist(), found.names) == (NUMBERS, ("a", "b", "c"))
    assert "its last column numbers the rows in an order of its own and was left out" in found.notes[0]


def test_a_file_that_only_names_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^m\.csv: has no column of numbers beside 'id'$"):
        check_size(read_matrix(csv(tmp_path, "id\n1\n2\n"), 2), 2, "t.csv")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_fractions_name_no_rows_whatever_their_column_is_called(tmp_path: Path, kind: str) -> None:
    table = pd.DataFrame({"acc": [0.5, 0.25], "x": [1.0, 2.0]})
    path = tmp_path / f"m.{kind}"
    table.to_csv(path, index=False) if kind == "csv" else table.to_parquet(path)
    found = read_matrix(path, 2)
    assert found.names == ("acc", "x")
    assert found.values.tolist() == [[0.5, 1.0], [0.25, 2.0]]


def test_class_names_that_are_numbers_are_a_header(tmp_path: Path) -> None:
    path = csv(tmp_path, "3,5,7\n0.5,1.5,-2\n3,4,5\n")
    assert read_matrix(path, 2, None, ("3", "5", "7")).values.tolist() == NUMBERS
    assert read_matrix(path, 3, None, ("3", "5", "7")).values.shape == (3, 3)


def test_a_parquet_column_of_lists_is_no_column_of_numbers(tmp_path: Path) -> None:
    pd.DataFrame({"e": [[0.5, 1.5], [3.0, 4.0]]}).to_parquet(tmp_path / "m.parquet")
    with pytest.raises(
        UserError, match=r"^m\.parquet: column 'e' holds list<.*>, expected one column for each number$"
    ):
        read_matrix(tmp_path / "m.parquet", 2)


def test_accessions_that_parquet_holds_as_bytes_are_text(tmp_path: Path) -> None:
    pd.DataFrame({"id": [b"P1", b"P2"], "a": [0.5, 1.5]}).to_parquet(tmp_path / "m.parquet")
    assert read_matrix(tmp_path / "m.parquet", 2).accessions == ("P1", "P2")
