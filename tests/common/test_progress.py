"""Messages to people: one line each, and of their own words the beginning alone."""

import pytest

from mtbkd_core.common.progress import UserError, UserErrors, one_line

LONG = "an answer of many letters " * 150


@pytest.mark.parametrize("name", [LONG, "it's " + LONG, 'a "quoted" ' + LONG, 'it\'s a "quoted" ' + LONG])
def test_a_long_name_is_repeated_by_its_beginning(name: str) -> None:
    said = str(UserError(f"t.csv: has no column {name!r}; the table's columns are 'a', 'b'"))
    assert said.startswith(f"t.csv: has no column {name!r}"[:90])
    assert said.endswith("; the table's columns are 'a', 'b'")
    assert len(said) < 170


@pytest.mark.parametrize("end", ["\n", "\r\n", "\x85", "\u2028", "\n\n   "])
def test_a_message_is_one_line(end: str) -> None:
    assert str(UserError(f"first{end}second")) == "first second"
    assert UserErrors([f"first{end}second", "third"]).problems == ("first second", "third")


def test_what_is_short_stays_as_it_is() -> None:
    text = "the teacher's file: got '  ', expected the students' answers, which is what the table's owner's list isn't"
    assert one_line(text) == text


@pytest.mark.parametrize("middle", ["x" * 12_000_000, "[1, " * 4_000, "/folder" * 400, "'a', \n" * 200])
def test_a_message_is_short_and_keeps_its_ends(middle: str) -> None:
    said = str(UserError(f"t.npy: expected numbers, got {middle}; name one as t.npy:array"))
    assert said.startswith("t.npy: expected numbers, got ")
    assert said.endswith("; name one as t.npy:array")
    assert len(said) <= 300


def test_every_problem_is_short_and_none_is_left_out() -> None:
    problems = UserErrors([f"{place}.csv: {'x' * 900}" for place in range(9)]).problems
    assert [line[:6] for line in problems] == [f"{place}.csv:" for place in range(9)]
    assert max(map(len, problems)) <= 300
