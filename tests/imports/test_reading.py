"""Files are read as they are, and every problem has its place."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from mtbkd_core import UserError
from mtbkd_core.imports import limits, reading
from mtbkd_core.imports.reading import column_names, read_table


def text(folder: Path, content: str | bytes) -> Path:
    path = folder / "t.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def columns(path: Path) -> dict[str, list[str]]:
    table = read_table(path)
    return {name: table.texts(name) for name in table.names}


def test_rows_know_their_lines_where_cells_hold_line_breaks(tmp_path: Path) -> None:
    path = text(tmp_path, 'a,"b\nb",c\n1,2,3\n4,"x\ny",6\n7,8,9\n')
    assert columns(path) == {"a": ["1", "4", "7"], "b\nb": ["2", "x\ny", "8"], "c": ["3", "6", "9"]}
    assert read_table(path).at(2, "c") == "t.csv: line 6, column 'c'"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a,b\nNA,nan\n,x\n", {"a": ["NA", ""], "b": ["nan", "x"]}),
        ("\ufeffa,b\n1,2\n", {"a": ["1"], "b": ["2"]}),
        ("a;b\n1;2", {"a": ["1"], "b": ["2"]}),
        ("a\tb\r\n1\t2\r\n", {"a": ["1"], "b": ["2"]}),
        ("a,b\n1,2\n\n,\n\n", {"a": ["1"], "b": ["2"]}),
        ('a,b\n"5"" pipe",x"y\n', {"a": ['5" pipe'], "b": ['x"y']}),
        ('a,b\n1,"2\n"\n', {"a": ["1"], "b": ["2\n"]}),
        (f"a,b\n1,{'M' * 200_000}\n", {"a": ["1"], "b": ["M" * 200_000]}),
    ],
)
def test_every_cell_is_the_text_that_stands_there(tmp_path: Path, content: str, expected: dict[str, list[str]]) -> None:
    assert columns(text(tmp_path, content)) == expected


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ('a;"b, c, d, e";f', ("a", "b, c, d, e", "f")),
        ('a,"b; c; d; e",f', ("a", "b; c; d; e", "f")),
        ("0,5;1,5;2,5", ("0.5", "1.5", "2.5")),
        ("0,1,2", ("0", "1", "2")),
    ],
)
def test_what_parts_cells_is_neither_within_quotes_nor_a_decimal_comma(
    tmp_path: Path, line: str, cells: tuple[str, ...]
) -> None:
    assert column_names(text(tmp_path, f"{line}\n")) == cells


def test_parquet_is_told_by_its_first_bytes_and_counts_rows(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    cells = {"a": ["x", None], "b": [1, 2], "c": [b"Golgi", b"y"], "d": pd.Categorical(["y", "z"])}
    pd.DataFrame(cells).to_parquet(path)
    assert columns(path) == {"a": ["x", ""], "b": ["1", "2"], "c": ["Golgi", "y"], "d": ["y", "z"]}
    assert read_table(path, ["b", "a"]).at(1, "a") == "t.csv: row 2, column 'a'"
    assert column_names(path) == ("a", "b", "c", "d")


@pytest.mark.parametrize(("column", "value"), [("c", ["x"]), ("d", {"e": 1})])
def test_a_parquet_column_of_lists_or_records_is_no_text(tmp_path: Path, column: str, value: object) -> None:
    pd.DataFrame({column: [value] * 2}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(UserError, match=rf"^t\.parquet: column '{column}' holds .*, expected text or numbers$"):
        columns(tmp_path / "t.parquet")


def broken_parquet(folder: Path) -> Path:
    """Three columns: one sound, one with a second text that is not UTF-8, one of a time that Python cannot hold."""
    bounds, letters = (pa.py_buffer(content) for content in (np.array([0, 1, 3], "<i4").tobytes(), b"x\xff\xfe"))
    cells = {
        "a": pa.array([1, 2]),
        "b": pa.Array.from_buffers(pa.string(), 2, [None, bounds, letters]),
        "c": pa.array([2**60] * 2, pa.timestamp("us")),
    }
    pq.write_table(pa.table(cells), folder / "t.parquet")
    return folder / "t.parquet"


def test_text_that_is_not_utf_8_in_parquet_has_its_place(tmp_path: Path) -> None:
    table = read_table(broken_parquet(tmp_path))
    assert table.texts("a") == ["1", "2"]
    assert len(table.texts("c")) == 2
    with pytest.raises(UserError, match=r"^t\.parquet: column 'b' holds text that is not UTF-8$"):
        table.texts("b")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a,b\n1,2\n3\n", "t.csv: line 3 has 1 cell, expected 2 as in line 1"),
        ('a,b\n1,"2\nx"\n3,4,5\n6\n', "t.csv: line 4 has 3 cells, expected 2 as in line 1"),
        ("a,b\n1,2\n\n3,4\n", "t.csv: line 3 is empty, expected a row"),
        ("a,b\n1,2\n,\n3,4\n", "t.csv: line 3 is empty, expected a row"),
        ("a,a\n1,2\n", "t.csv: line 1 names the column 'a' twice"),
        ("", "t.csv: the file is empty"),
        ("\n\n", "t.csv: has no line"),
        (b"\xff\xfea", "t.csv: not a CSV file in UTF-8, nor Parquet: line 1 holds another encoding"),
        (
            "a,b\n1,é\n3,".encode() + b"\xfc\n4,\xe4\n",
            "t.csv: not a CSV file in UTF-8, nor Parquet: line 3 holds another encoding",
        ),
        ('a,b\n1,"2\n', "t.csv: line 2: a quoted cell does not end"),
        ('a,b\n1,"2\n3,4\n', "t.csv: line 2: a quoted cell does not end"),
        ('a,b\n"1,2\n3,4\n', "t.csv: line 2 has 1 cell, expected 2 as in line 1"),
        ('"a;b\n', "t.csv: is not CSV ("),
        (b"PAR1 and nothing", "t.csv: cannot be read as Parquet"),
        ("b,c\n1,2\n", "t.csv: has no column 'a'; it has 'b', 'c'"),
        (",".join(f"f{n}" for n in range(10_000)) + "\n", "t.csv: 10,000 columns, allowed: at most 6,000"),
        ("x" * 300_000, "t.csv: line 1 is longer than 262,144 characters, which no header is"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, content: str | bytes, problem: str) -> None:
    with pytest.raises(UserError) as raised:
        read_table(text(tmp_path, content), ["a"])
    assert str(raised.value).startswith(problem)
    assert "\n" not in str(raised.value)


def test_a_parquet_file_with_a_column_twice_has_no_line_1(tmp_path: Path) -> None:
    pq.write_table(pa.table([[1], [2]], names=["a", "a"]), tmp_path / "t.parquet")
    with pytest.raises(UserError, match=r"^t\.parquet: its schema names the column 'a' twice$"):
        column_names(tmp_path / "t.parquet")


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("[3, x]", "got 'x' in a list, expected numbers"),
        ("[3, 1_0]", "got '1_0' in a list, expected numbers"),
        ("[3]", "got a list of 1, expected 2 as in the first row"),
        ("x_y", "got no list of numbers, expected 2 as in the first row"),
    ],
)
def test_a_list_that_is_none_is_refused_with_its_place(tmp_path: Path, cell: str, problem: str) -> None:
    with pytest.raises(UserError, match=rf"^t\.csv: line 3, column 'a': {problem}$"):
        read_table(text(tmp_path, f'a\n"[1, 2]"\n"{cell}"\n'))


def test_too_large_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = tmp_path / "t.parquet"
    pd.DataFrame({f"f{n}": [0.0] for n in range(10_000)}).to_parquet(wide)
    with pytest.raises(UserError, match="10,000 columns, allowed: at most 6,000"):
        column_names(wide)
    path = text(tmp_path, "a\n1\n2\n3\n")
    monkeypatch.setattr(limits, "MAX_ROWS", 2)
    with pytest.raises(UserError, match="more than 2 rows"):
        read_table(path)
    monkeypatch.setattr(reading, "MAX_BYTES", 3)
    with pytest.raises(UserError, match="allowed: at most"):
        read_table(path)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.csv: cannot be read \(No such file"):
        read_table(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["9.170", "384", "1.002"], True),
        (["9.170", "384", ""], True),
        (["9.170", "3840"], False),
        (["9.170", "0.384", "1"], False),
        (["9.170", "3.84", "1"], False),
        (["9.170", "1.002"], False),
        (["917", "384"], False),
    ],
)
def test_points_that_may_part_thousands_are_said(tmp_path: Path, cells: list[str], said: bool) -> None:
    (tmp_path / "t.csv").write_text("x;name\n" + "".join(f"{cell};n\n" for cell in cells))
    notes = " ".join(read_table(tmp_path / "t.csv").notes)
    assert ("in column 'x' the points were read as decimal ones, though they may part thousands" in notes) == said
