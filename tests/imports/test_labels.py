"""Labels: names or numbers of classes; one without a class is named with its place."""

import re

import numpy as np
import pyarrow as pa
import pytest

from mtbkd_core import UserError
from mtbkd_core.common.progress import UserErrors
from mtbkd_core.imports.labels import check_one_hot, read_labels
from mtbkd_core.imports.table import Table
from tests.imports.files import table_of

Found = tuple[np.ndarray, tuple[str, ...], tuple[str, ...]]
ABC = ["a", "b", "c"]


def check(texts: list[str], classes: list[str] | None, others: list[str] | None = None) -> Found:
    found = read_labels(table_of("y", texts), "y", classes, others or ())
    if found.problems:
        raise UserErrors(found.problems)
    return found.indices, found.names, found.notes


@pytest.mark.parametrize("texts", [["b", "a", "c"], ["1", "0", "2"], ["1.0", "0.0", "2.0"]])
def test_labels_may_be_names_or_numbers_of_given_classes(texts: list[str]) -> None:
    found, names, _ = check(texts, ABC)
    assert (found.tolist(), names) == ([1, 0, 2], ("a", "b", "c"))


def test_without_classes_names_are_sorted_and_numbers_count_from_0() -> None:
    found, names, notes = check(["x", "b", "x"], None)
    assert (found.tolist(), names) == ([1, 0, 1], ("b", "x"))
    assert "alphabetical order: b, x" in notes[0]
    found, names, notes = check(["3", "0", "1"], None)
    assert (found.tolist(), names) == ([3, 0, 1], ("0", "1", "2", "3"))
    assert notes == ("t.csv: no row has the label 2",)


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        (["0", "3", "1"], "t.csv: line 3, column 'y': got '3', which has no class, expected 0 to 2"),
        (["0", "-1", "1"], "t.csv: line 3, column 'y': got '-1', which has no class, expected 0 to 2"),
        (["a", "d", "b"], "t.csv: line 3, column 'y': got 'd', which has no class, expected a, b, c"),
        (["a", " ", "b"], "t.csv: 1 row without a label, the first at line 3, column 'y': leave them out, or use"),
        (["a", "b\u200b", "b"], "t.csv: line 3, column 'y': got 'b\\u200b', which holds the invisible sign U+200B"),
        (["a", "b\x00", "b"], "t.csv: line 3, column 'y': got 'b\\x00', which holds the invisible sign U+0000"),
        (["0", "1.5", "1"], "t.csv: line 3, column 'y': got '1.5', which has no class, expected 0 to 2"),
        (["0", "nan", "1"], "t.csv: 1 row without a label, the first at line 3, column 'y': leave them out, or use"),
        (
            ["1", "2", "3"],
            "t.csv: line 4, column 'y': got '3', which has no class, expected 0 to 2, which count a, b, c",
        ),
        (["a", "1", "b"], "t.csv: line 3, column 'y': got '1', which has no class, expected a, b, c"),
        (["0", "9" * 400, "1"], "t.csv: line 3, column 'y': got '999"),
        (["b", "b", "b"], "t.csv: column 'y': every label is the same, expected two classes at least"),
    ],
)
def test_a_label_without_a_class_is_refused_with_its_place(texts: list[str], problem: str) -> None:
    with pytest.raises(UserError) as raised:
        check(texts, ABC)
    assert str(raised.value).startswith(problem)


@pytest.mark.parametrize("wrong", ["1.5", "-1", "1024", "9" * 5000])
def test_among_numbers_the_row_that_holds_another_is_named(wrong: str) -> None:
    with pytest.raises(UserError, match=rf"^t\.csv: line 3, column 'y': got '{wrong[:40]}', which has no class"):
        check(["0", wrong, "1"], None)


@pytest.mark.parametrize("odd", ["Nucleus", "x", "1_0"])
def test_one_odd_label_among_numbers_is_no_class_of_its_own(odd: str) -> None:
    with pytest.raises(UserError, match=rf"^t\.csv: line 9, column 'y': got '{odd}', .* expected 0 to 2$"):
        check([*"0120120", odd, *"0120"], None)
    # but on rows enough for a class it is a name
    assert check([*"12" * 10, *["3a"] * 8], None)[1] == ("1", "2", "3a")


def test_a_column_that_holds_no_labels_is_named() -> None:
    with pytest.raises(UserError, match=r"^t\.csv: column 'y': different labels: got 1,100, allowed: 2 to 1,024$"):
        check([f"P{number}" for number in range(1_100)], None)


@pytest.mark.parametrize(
    ("texts", "columns", "way"),
    [("123123", 3, "the labels count from 1; .* --classes 1,2,3$"), ("025025", 3, "the labels leave gaps; .* 0,2,5$")],
)
def test_labels_that_do_not_count_from_0_are_told_how_to_be_named(texts: str, columns: int, way: str) -> None:
    counted = [str(number) for number in range(columns)]
    with pytest.raises(UserError, match=way):
        check(list(texts), counted)


def test_labels_below_0_are_told_how_to_be_named_and_nothing_else() -> None:
    with pytest.raises(UserError) as raised:
        check(["-1", "1"] * 8, ["0", "1"])
    (problem,) = raised.value.problems
    assert problem.endswith("(and 7 more rows): some are below 0; name the classes in order: --classes=-1,1")


@pytest.mark.parametrize(
    ("texts", "differ"),
    [
        (["alpha", "ALPHA"], "'ALPHA' and 'alpha' differ in case, blanks or letters that look the same alone: if"),
        (["a b", "ab"], "'a b' and 'ab' differ"),
        (["\u0430b", "ab"], "'ab' and '\u0430b' differ .* of which one holds U\\+0430"),
    ],
)
def test_classes_that_look_the_same_are_warned_of(texts: list[str], differ: str) -> None:
    (warning,) = read_labels(table_of("y", texts * 3), "y", None).warnings
    assert re.match(rf"t\.csv: column 'y': {differ}", warning)
    assert not read_labels(table_of("y", ["alpha", "beta"] * 3), "y", None).warnings


def test_whole_numbers_in_quotes_are_the_same_labels() -> None:
    assert check(["1", "1.0", "'1'", '"0"', "0"], None)[0].tolist() == [1, 1, 1, 0, 0]


def test_rows_without_a_label_can_be_allowed() -> None:
    for missing in ("", "NA", "nan", "None", "<NA>"):
        found = read_labels(table_of("y", ["b", missing, "a"]), "y", None, unlabelled=True)
        assert (found.indices.tolist(), found.names, found.problems) == ([1, -1, 0], ("a", "b"), ())
        assert "1 row without a label" in found.notes[0]
    assert check(["NA", "b", "NA"], ["NA", "b"])[0].tolist() == [0, 1, 0]  # sodium


def test_letters_that_look_the_same_are_the_same_label() -> None:
    assert check(["caf\u00e9", "cafe\u0301", "b"], None)[1] == ("b", "caf\u00e9")


@pytest.mark.parametrize("ending", ["", ".", ".0", ".00"])
@pytest.mark.parametrize(
    ("texts", "classes", "found"),
    [
        ("012", ["2", "1", "0"], [2, 1, 0]),
        ("121", ["1", "2", "3"], [0, 1, 0]),
        ("012", ["1", "2", "3"], [0, 1, 2]),
        ("579", ["5", "7", "9"], [0, 1, 2]),
        ("579", ["5.0", "7.0", "9.0"], [0, 1, 2]),
        ("012", ABC, [0, 1, 2]),
        ("012", None, [0, 1, 2]),
    ],
)
def test_a_whole_number_means_the_same_however_it_is_written(
    texts: str, classes: list[str] | None, found: list[int], ending: str
) -> None:
    assert check([text + ending for text in texts], classes)[0].tolist() == found


def test_two_tables_decide_together_whether_numbers_are_names() -> None:
    own, other, classes = ["1", "2", "1"], ["0", "1", "2"], ["1", "2", "3"]
    assert check(own, classes)[0].tolist() == [0, 1, 0]
    assert check(own, classes, other)[0].tolist() == [1, 2, 1]
    assert check(other, classes, own)[0].tolist() == [0, 1, 2]
    with pytest.raises(UserError, match=r"^t\.csv: line 2, column 'y': got '0', which has no class, expected 1, 2, 3$"):
        check(other, classes, ["3", "3", "3"])
    with pytest.raises(UserError, match=r"line 4, column 'y': got '4', which has no class, expected 1, 2, 3$"):
        check(["3", "1", "4"], classes)
    # a name that is no number and a number cannot be taken for one another
    assert check(other, ABC, ["a"] * 9)[0].tolist() == [0, 1, 2]


def test_labels_that_match_no_name_are_refused_with_the_names() -> None:
    names = ["Golgi", *(f"c{number}" for number in range(12))]
    listed = ", ".join(names[:12]) + " and 1 more"
    for texts, allowed in ((["golgi", "c", "golgi"], listed), (["0", "13", "1"], f"0 to 12, which count {listed}")):
        with pytest.raises(UserError) as raised:
            check(texts, names)
        assert f"which has no class, expected {allowed}" in str(raised.value)


def check_columns(a: str, b: str) -> None:
    table = Table("t.csv", ("a", "b"), pa.table({"a": a.split(), "b": b.split()}), 2)
    check_one_hot(table, "ab", "y", np.array([1, 0, 1]))


@pytest.mark.parametrize("columns", [("0 1 0", "1 0 1"), ("0.0 1.0 0.0", "1.0 0.0 1.0")])
def test_labels_may_agree_with_columns_of_0_and_1(columns: tuple[str, str]) -> None:
    check_columns(*columns)
    with pytest.raises(UserError) as raised:
        check_columns("0 1 1", "1 0 0")
    assert str(raised.value) == (
        "t.csv: line 4, column 'y': the label is class 'b', but the row's 1 is in column 'a': expected the same"
    )


@pytest.mark.parametrize("columns", [("0 1 1", "1 0 2"), ("0 0 1", "1 0 0"), ("1 1 0", "0 1 1")])
def test_other_columns_say_nothing_of_the_label(columns: tuple[str, str]) -> None:
    check_columns(*columns)


def test_the_other_labels_are_read_where_some_are_wrong() -> None:
    found = read_labels(table_of("y", ["a", "", "b", "x", "b\u200b", "c\u200b"]), "y", ABC)
    assert found.indices.tolist() == [0, -1, 1, -1, -1, -1]
    missing, invisible, wrong = found.problems
    assert missing.startswith("t.csv: 1 row without a label, the first at line 3")
    assert invisible.endswith("which holds the invisible sign U+200B (and 1 more row)")
    assert wrong.endswith("got 'x', which has no class, expected a, b, c")
