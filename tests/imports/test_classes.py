"""Names of classes as people type them."""

import pytest

from mtbkd_core import UserError
from mtbkd_core.imports.classes import check_class_names, invisible, join_names, numbered_columns, split_names


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["a"], "got 1, allowed: 2 to 1,024"),
        (["a", "a"], "'a' is named twice"),
        (["1", "1.0"], "'1.0' is named twice"),
        (["a", " "], "name 2 of 2 is empty"),
        (["a", "b\nc"], r"name 2 of 2 is 'b\\nc', expected it in one line"),
    ],
)
def test_names_that_will_not_do_are_one_line(names: list[str], problem: str) -> None:
    with pytest.raises(UserError, match=problem) as raised:
        check_class_names(names)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("names", [["a", "b c"], ["Golgi, trans", 'the "other"', "x"], ["a", "", "b"], []])
def test_names_are_split_as_they_are_joined(names: list[str]) -> None:
    assert split_names(join_names(names)) == names


def test_blanks_around_names_and_a_comma_at_the_end_do_not_count() -> None:
    assert split_names(' a,"b, c" ,') == ["a", "b, c", ""]
    assert split_names("  ") == []
    with pytest.raises(UserError, match="expected names in one line"):
        split_names("a\nb, c")


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["1", "0", "pred"], {1: "1", 0: "0"}),
        (["Class 2", "class 1", "x"], {2: "Class 2", 1: "class 1"}),
        (["a1", "a2", "b0", "b1", "b2"], {0: "b0", 1: "b1", 2: "b2"}),
        (["3", "5"], {}),
        (["0"], {}),
        (["1" * 5000, "2", "3"], {}),
        (["c" + "1" * 5000, "b", "c"], {}),
    ],
    ids=lambda value: str(value)[:20],
)
def test_columns_that_count_the_classes_are_found_among_others(names: list[str], found: dict[int, str]) -> None:
    assert numbered_columns(names) == found


@pytest.mark.parametrize("sign", [0x0000, 0x200B, 0x034F, 0x1160, 0x180B, 0x2800, 0x3164, 0xFE0F, 0xFFA0, 0xE0100])
def test_a_sign_that_nobody_sees_is_named(sign: int) -> None:
    assert invisible(f"x{chr(sign)}") == f"U+{sign:04X}"


@pytest.mark.parametrize(
    "name", ["\u2764\ufe0f", "a \u2194\ufe0f b", "1\ufe0f\u20e3", "caf\u00e9", "\u1112\u1161\u11ab"]
)
def test_pictures_and_letters_of_other_scripts_are_seen(name: str) -> None:
    assert invisible(name) == ""


def test_a_picture_is_the_same_class_with_and_without_its_variant() -> None:
    with pytest.raises(UserError, match="is named twice"):
        check_class_names(["\u2764", "\u2764\ufe0f"])
