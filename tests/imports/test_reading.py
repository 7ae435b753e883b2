"""Files are read as they are, and every problem has its place."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from mtbkd_core import UserError
from mtbkd_core.imports import guessing, reading
from mtbkd_core.imports.guessing import look
from mtbkd_core.imports.reading import column_names, read_text


def text(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_columns_are_chosen_by_name_and_rows_know_their_lines(tmp_path: Path) -> None:
    table = read_text(text(tmp_path, 'a,b,c\n1,2,3\n4,"x\ny",6\n7,8,9\n'), ["c", "b"])
    assert table.columns == {"c": ["3", "6", "9"], "b": ["2", "x\ny", "8"]}
    assert table.names == ("a", "b", "c")
    assert table.places.at(2, "c") == "t.csv: line 5, column 'c'"


def test_a_cell_that_reads_like_a_missing_number_stays_text(tmp_path: Path) -> None:
    assert read_text(text(tmp_path, "a,b\nNA,nan\n,x\n"), ["a", "b"]).columns == {"a": ["NA", ""], "b": ["nan", "x"]}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_told_from_the_first_line(tmp_path: Path, separator: str) -> None:
    path = text(tmp_path, f"\ufeffa{separator}b\n1{separator}2\n")
    assert read_text(path, ["a"]).columns == {"a": ["1"]}


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ('a;"b, c, d, e";f', ["a", "b, c, d, e", "f"]),
        ('a,"b; c; d; e",f', ["a", "b; c; d; e", "f"]),
        ("0,5;1,5;2,5", ["0,5", "1,5", "2,5"]),
        ("0,1,2", ["0", "1", "2"]),
        ('"a;b;c', None),
    ],
)
def test_what_parts_cells_is_neither_within_quotes_nor_a_decimal_comma(
    tmp_path: Path, line: str, cells: list[str] | None
) -> None:
    path = text(tmp_path, f"{line}\n")
    if cells is None:
        with pytest.raises(UserError, match=r"^t\.csv: line 1 is not CSV"):
            column_names(path)
    else:
        assert column_names(path) == tuple(cells)


def test_a_long_cell_is_read(tmp_path: Path) -> None:
    assert read_text(text(tmp_path, f"a,b\n1,{'M' * 200_000}\n"), ["b"]).columns == {"b": ["M" * 200_000]}


def test_bytes_and_categories_in_parquet_are_text_and_lists_are_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [b"Golgi", b"x"], "b": pd.Categorical(["y", "z"]), "c": [[1], [2]], "d": [{"e": 1}] * 2})
    frame.to_parquet(tmp_path / "t.parquet")
    assert read_text(tmp_path / "t.parquet", ["a", "b"]).columns == {"a": ["Golgi", "x"], "b": ["y", "z"]}
    for column in ("c", "d"):
        with pytest.raises(UserError, match=rf"^t\.parquet: column '{column}' holds .*, expected text or numbers$"):
            read_text(tmp_path / "t.parquet", [column])
    assert look(tmp_path / "t.parquet").head["c"] == ["[1]", "[2]"]


def test_parquet_is_told_by_its_first_bytes_and_counts_rows(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    pd.DataFrame({"a": ["x", None], "b": [1, 2]}).to_parquet(path)
    table = read_text(path, ["b", "a"])
    assert table.columns == {"b": ["1", "2"], "a": ["x", ""]}
    assert table.places.at(1, "a") == "t.csv: row 2, column 'a'"
    assert len(table) == 2


def test_lines_at_the_end_may_be_empty_and_one_in_the_middle_may_not(tmp_path: Path) -> None:
    assert len(read_text(text(tmp_path, "a,b\n1,2\n\n\n"), ["a"])) == 1
    for middle in ("", ","):
        with pytest.raises(UserError, match=r"^t\.csv: line 3 is empty, expected a row$"):
            read_text(text(tmp_path, f"a,b\n1,2\n{middle}\n3,4\n"), ["a"])


def test_a_row_of_empty_cells_is_refused_at_the_end_too(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^t\.csv: line 3 is empty, expected a row$"):
        read_text(text(tmp_path, "a,b\n1,2\n,\n"), ["a"])


def broken_parquet(folder: Path) -> Path:
    """Three columns: one sound, one whose second text is not UTF-8, one of a time that Python cannot hold."""
    bounds, letters = (pa.py_buffer(content) for content in (np.array([0, 1, 3], "<i4").tobytes(), b"x\xff\xfe"))
    columns = {
        "a": pa.array([1, 2]),
        "b": pa.Array.from_buffers(pa.string(), 2, [None, bounds, letters]),
        "c": pa.array([2**60] * 2, pa.timestamp("us")),
    }
    pq.write_table(pa.table(columns), folder / "t.parquet")
    return folder / "t.parquet"


def test_text_that_is_not_utf_8_in_parquet_has_its_place(tmp_path: Path) -> None:
    path = broken_parquet(tmp_path)
    assert read_text(path, ["a"]).columns == {"a": ["1", "2"]}
    with pytest.raises(UserError, match=r"^t\.parquet: row 2, column 'b': is not text in UTF-8$"):
        read_text(path, ["b"])


def test_a_look_survives_columns_that_cannot_be_read_as_they_are(tmp_path: Path) -> None:
    seen = look(broken_parquet(tmp_path))
    assert seen.numbers == ("a",)
    assert seen.head["b"] == ["x", "\ufffd\ufffd"]


def test_a_parquet_file_with_a_column_twice_has_no_line_1(tmp_path: Path) -> None:
    pq.write_table(pa.table([[1], [2]], names=["a", "a"]), tmp_path / "t.parquet")
    with pytest.raises(UserError, match=r"^t\.parquet: its schema names the column 'a' twice$"):
        column_names(tmp_path / "t.parquet")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a,b\n1,2\n3\n", "t.csv: line 3 has 1 cell, expected 2 as in its header"),
        ("a,b\n1,2,3\n", "t.csv: line 2 has 3 cells, expected 2 as in its header"),
        ("a,a\n1,2\n", "t.csv: line 1 names the column 'a' twice"),
        ("", "t.csv: the file is empty"),
        (b"\xff\xfe\x00a", "t.csv: not a CSV file in UTF-8, nor Parquet: line 1 holds another encoding"),
        (b"a,b\n1,2\n3,\xfc\n4,\xe4\n", "t.csv: not a CSV file in UTF-8, nor Parquet: line 3 holds another encoding"),
        ('a,b\n1,"2\n', "t.csv: line 2 is not CSV"),
        (b"PAR1 and nothing", "t.csv: cannot be read as Parquet"),
        ("b,c\n1,2\n", "t.csv: has no column 'a'; it has 'b', 'c'"),
        (",".join(f"f{n}" for n in range(10_000)) + "\n", "t.csv: line 1 has 10,000 columns, allowed: at most 6,000"),
        ("x" * 300_000, "t.csv: line 1 is longer than 262,144 characters, which no header is"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, content: str | bytes, problem: str) -> None:
    with pytest.raises(UserError) as raised:
        read_text(text(tmp_path, content), ["a"])
    assert str(raised.value).startswith(problem)
    assert "\n" not in str(raised.value)


def test_a_parquet_file_of_ten_thousand_columns_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({f"f{n}": [0.0] for n in range(10_000)}).to_parquet(path)
    with pytest.raises(UserError, match="10,000 columns, allowed: at most 6,000"):
        column_names(path)


def test_too_many_rows_and_too_large_a_file_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = text(tmp_path, "a\n1\n2\n3\n")
    monkeypatch.setattr(reading, "MAX_ROWS", 2)
    with pytest.raises(UserError, match="more than 2 rows"):
        read_text(path, ["a"])
    monkeypatch.setattr(reading, "MAX_BYTES", 3)
    with pytest.raises(UserError, match="allowed: at most"):
        read_text(path, ["a"])


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.csv: cannot be read \(No such file"):
        read_text(tmp_path / "none.csv", ["a"])


@pytest.mark.parametrize("seed", range(8))
def test_classes_are_the_longest_run_of_columns_with_one_1_in_each_row(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    cells = random.integers(0, 2, (3, 12))
    place = random.integers(0, 8)
    cells[:, place : place + 4] = np.eye(4, dtype=int)[random.integers(0, 4, 3)]
    names = [f"c{number}" for number in range(12)]
    pd.DataFrame(cells, columns=names).to_csv(tmp_path / "t.csv", index=False)
    spans = [(start, end) for start in range(12) for end in range(start + 2, 13)]
    start, end = max(
        (span for span in spans if (cells[:, span[0] : span[1]].sum(1) == 1).all()), key=lambda span: span[1] - span[0]
    )
    assert look(tmp_path / "t.csv").classes == tuple(names[start:end])


def test_many_columns_of_0_and_1_are_looked_at_once_each(tmp_path: Path) -> None:
    class Counted(dict[str, list[str]]):
        asked = 0

        def __getitem__(self, name: str) -> list[str]:
            self.asked += 1
            return super().__getitem__(name)

    names = [f"c{number}" for number in range(256)]
    head = Counted({name: ["0", "1"] for name in names})
    assert guessing._one_hot(names, head) == ()
    assert head.asked < 5 * len(names)
