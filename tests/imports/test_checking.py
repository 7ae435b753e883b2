"""Sequences and labels: what is allowed, and where what is not stands."""

import numpy as np
import pytest

from mtbkd_core import UserError
from mtbkd_core.imports.checking import (
    check_class_names,
    check_enough,
    check_labels,
    check_one_hot,
    check_sequences,
    join_names,
    split_names,
)
from mtbkd_core.imports.reading import Places

PLACES = Places("t.csv", (2, 3, 4))


@pytest.mark.parametrize(
    ("sequence", "problem"),
    [
        ("", "t.csv: line 3, column 's': is empty, expected a sequence of amino acids"),
        ("MKv", "t.csv: line 3, column 's': 'v' in lower case at letter 3, expected capital letters alone"),
        ("MK V", "t.csv: line 3, column 's': a space or line break at letter 3, expected capital letters alone"),
        ("MKV\n", "t.csv: line 3, column 's': a space or line break at letter 4, expected capital letters alone"),
        ("MK*", "t.csv: line 3, column 's': '*' at letter 3 is no amino acid, allowed: ACDEFGHIKLMNPQRSTVWY, and"),
        ("MK1", "t.csv: line 3, column 's': '1' at letter 3 is no amino acid"),
        ("MKé", "t.csv: line 3, column 's': 'é' at letter 3 is no amino acid"),
        ("M" * 50_001, "t.csv: line 3, column 's': 50,001 letters, allowed: at most 50,000"),
    ],
)
def test_what_is_no_sequence_is_refused_with_its_place(sequence: str, problem: str) -> None:
    with pytest.raises(UserError) as raised:
        check_sequences(["MKV", sequence, "MKV"], PLACES, "s")
    assert str(raised.value).startswith(problem)
    assert "\n" not in str(raised.value)


def test_rare_and_unknown_residues_are_allowed() -> None:
    check_sequences(["MXUBZOJ"], PLACES, "s")


def test_labels_may_be_names_or_numbers_of_given_classes() -> None:
    for texts in (["b", "a", "c"], ["1", "0", "2"], ["1.0", "0.0", "2.0"]):
        found, names, _ = check_labels(texts, PLACES, "y", ["a", "b", "c"])
        assert found.tolist() == [1, 0, 2]
        assert names == ("a", "b", "c")


def test_without_classes_names_are_sorted_and_numbers_count_from_0() -> None:
    found, names, notes = check_labels(["x", "b", "x"], PLACES, "y", None)
    assert (found.tolist(), names) == ([1, 0, 1], ("b", "x"))
    assert "alphabetical order: b, x" in notes[0]
    found, names, notes = check_labels(["3", "0", "1"], PLACES, "y", None)
    assert (found.tolist(), names) == ([3, 0, 1], ("0", "1", "2", "3"))
    assert notes == ("t.csv: no row has the label 2",)


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        (["0", "3", "1"], "t.csv: line 3, column 'y': got '3', which has no class, expected 0 to 2"),
        (["0", "-1", "1"], "t.csv: line 3, column 'y': got '-1', which has no class, expected 0 to 2"),
        (["a", "d", "b"], "t.csv: line 3, column 'y': got 'd', which has no class, expected a, b, c"),
        (["a", " ", "b"], "t.csv: line 3, column 'y': is empty, expected a label"),
        (["0", "1.5", "1"], "t.csv: line 3, column 'y': got '1.5', which has no class, expected 0 to 2"),
        (["0", "nan", "1"], "t.csv: line 3, column 'y': got 'nan', which has no class, expected 0 to 2"),
        (["a", "1", "b"], "t.csv: line 3, column 'y': got '1', which has no class, expected a, b, c"),
        (["0", "9" * 400, "1"], "t.csv: line 3, column 'y': got '999"),
        (["b", "b", "b"], "t.csv: column 'y': every label is the same, expected two classes at least"),
    ],
)
def test_a_label_without_a_class_is_refused_with_its_place(texts: list[str], problem: str) -> None:
    with pytest.raises(UserError) as raised:
        check_labels(texts, PLACES, "y", ["a", "b", "c"])
    assert str(raised.value).startswith(problem)


@pytest.mark.parametrize("wrong", ["1.5", "nan", "-1", "256", "9" * 5000])
def test_among_numbers_the_row_that_holds_another_is_blamed(wrong: str) -> None:
    with pytest.raises(UserError, match=rf"^t\.csv: line 3, column 'y': got '{wrong[:40]}', which has no class"):
        check_labels(["0", wrong, "1"], PLACES, "y", None)


def test_a_column_that_holds_no_labels_is_named() -> None:
    texts = [f"P{number}" for number in range(300)]
    with pytest.raises(UserError, match=r"^t\.csv: column 'ACC': different labels: got 300, allowed: 2 to 256$"):
        check_labels(texts, Places("t.csv", tuple(range(300))), "ACC", None)


def test_labels_are_held_against_columns_of_0_and_1() -> None:
    labels = np.array([1, 0, 1])
    for agree in ([["0", "1", "0"], ["1", "0", "1"]], [["1.0", "1.0", "0.0"], ["1.0", "0.0", "1.0"]]):
        check_one_hot(agree, labels, ["a", "b"], PLACES, "y")
    for unknown in ([], [["0", "1", "1"], ["1", "0", "2"]], [["0", "0", "1"], ["1", "0", "0"]]):
        check_one_hot(unknown, labels, ["a", "b"], PLACES, "y")
    with pytest.raises(UserError) as raised:
        check_one_hot([["0", "1", "1"], ["1", "0", "0"]], labels, ["a", "b"], PLACES, "y")
    assert str(raised.value) == (
        "t.csv: line 4, column 'y': the label is class 'b', but the row's 1 is in column 'a': expected the same"
    )


def test_classes_are_named_once_each() -> None:
    assert check_class_names([" a", "b "]) == ("a", "b")
    for names, problem in (
        (["a"], "got 1, allowed: 2 to 256"),
        (["a", "a"], "'a' is named twice"),
        (["1", "1.0"], "'1.0' is named twice"),
        (["a", " "], "name 2 of 2 is empty"),
        (["a", "b\nc"], r"name 2 of 2 is 'b\\nc', expected it in one line"),
    ):
        with pytest.raises(UserError, match=problem) as raised:
            check_class_names(names)
        assert "\n" not in str(raised.value)


def test_a_class_with_too_few_rows_is_named() -> None:
    check_enough(np.array([0, 0, 2, 2]), ["a", "b", "c"], 2, "why")
    with pytest.raises(UserError, match="'c' has 1 row, expected 2 at least: why"):
        check_enough(np.array([0, 0, 2]), ["a", "b", "c"], 2, "why")


def test_names_are_split_as_they_are_joined() -> None:
    for names in (["a", "b c"], ["Golgi, trans", 'the "other"', "x"], ["a", "", "b"], []):
        assert split_names(join_names(names)) == names
    assert split_names(' a,"b, c" ,') == ["a", "b, c", ""]
    assert split_names("  ") == []


def test_a_line_break_in_typed_classes_is_one_line() -> None:
    with pytest.raises(UserError, match="expected names in one line") as raised:
        split_names("a\nb, c")
    assert "\n" not in str(raised.value)


def test_of_classes_that_are_numbers_the_label_that_is_none_of_them_is_blamed() -> None:
    with pytest.raises(UserError, match=r"^t.csv: line 4, column 'y': got '4', which has no class, expected 1, 2, 3$"):
        check_labels(["3", "1", "4"], PLACES, "y", ["1", "2", "3"])
    assert check_labels(["0", "1", "2"], PLACES, "y", ["1", "2", "3"])[0].tolist() == [0, 1, 2]


@pytest.mark.parametrize("ending", ["", ".", ".0", ".00"])
def test_a_whole_number_means_the_same_however_it_is_written(ending: str) -> None:
    def found(texts: list[str], classes: list[str] | None) -> list[int]:
        return check_labels([text + ending for text in texts], PLACES, "y", classes)[0].tolist()

    assert found(["0", "1", "2"], ["2", "1", "0"]) == [2, 1, 0]
    assert found(["1", "2", "1"], ["1", "2", "3"]) == [0, 1, 0]
    assert found(["1", "2", "3"], ["1", "2", "3"]) == [0, 1, 2]
    assert found(["5", "7", "9"], ["5", "7", "9"]) == [0, 1, 2]
    assert found(["5", "7", "9"], ["5.0", "7.0", "9.0"]) == [0, 1, 2]
    assert found(["0", "1", "2"], ["a", "b", "c"]) == [0, 1, 2]
    assert found(["0", "1", "2"], None) == [0, 1, 2]


def test_two_tables_decide_together_whether_numbers_are_names() -> None:
    own, other, classes = ["1", "2", "1"], ["0", "1", "2"], ["1", "2", "3"]
    assert check_labels(own, PLACES, "y", classes)[0].tolist() == [0, 1, 0]
    assert check_labels(own, PLACES, "y", classes, other)[0].tolist() == [1, 2, 1]
    assert check_labels(other, PLACES, "y", classes, own)[0].tolist() == [0, 1, 2]
    with pytest.raises(UserError, match=r"^t\.csv: line 2, column 'y': got '0', which has no class, expected 1, 2, 3$"):
        check_labels(other, PLACES, "y", classes, ["3", "3", "3"])
    # a name that is no number and a number cannot be taken for one another
    assert check_labels(other, PLACES, "y", ["a", "b", "c"], ["a"] * 9)[0].tolist() == [0, 1, 2]


@pytest.mark.parametrize("odd", ["Nucleus", "x", "NA", "1_0"])
def test_one_odd_label_among_numbers_is_no_class_of_its_own(odd: str) -> None:
    texts = [*"0120120", odd, *"0120"]
    with pytest.raises(
        UserError, match=rf"^t\.csv: line 9, column 'y': got '{odd}', which has no class, expected 0 to 2$"
    ):
        check_labels(texts, Places("t.csv", tuple(range(2, 14))), "y", None)


def test_names_on_rows_enough_for_a_class_are_names_beside_numbers() -> None:
    texts = [*"12" * 10, *["3a"] * 8]
    assert check_labels(texts, Places("t.csv", tuple(range(2, 30))), "y", None)[1] == ("1", "2", "3a")


def test_labels_that_match_no_name_are_told_the_names() -> None:
    names = ["Golgi", *(f"c{number}" for number in range(12))]
    listed = ", ".join(names[:12]) + " and 1 more"
    for texts, allowed in ((["golgi", "c", "golgi"], listed), (["0", "13", "1"], f"0 to 12, which count {listed}")):
        with pytest.raises(UserError) as raised:
            check_labels(texts, PLACES, "y", names)
        assert str(raised.value).endswith(f"which has no class, expected {allowed}")


def test_flags_of_which_a_row_has_several_say_nothing_of_its_label() -> None:
    columns = [["1", "1", "0"], ["0", "1", "1"]]
    check_one_hot(columns, np.array([1, 0, 0]), ("a", "b"), PLACES, "y")
    with pytest.raises(UserError, match="the label is class 'b', but the row's 1 is in column 'a'"):
        check_one_hot([["1", "1", "0"], ["0", "0", "1"]], np.array([1, 0, 1]), ("a", "b"), PLACES, "y")
