"""Lessons: the shipped ones are whole, files of others are checked."""

import json
from pathlib import Path

import pytest

from mtbkd_core import UserError
from mtbkd_core.browser.lessons import read_lesson, shipped
from mtbkd_core.browser.plane import given
from tests.playground.reference import node

STEPS = [(name, place) for name, lesson in shipped().items() for place in range(len(lesson.steps))]


def test_six_lessons_are_shipped() -> None:
    assert len(shipped()) == 6


def test_every_step_is_a_state_of_the_playground(tmp_path: Path) -> None:
    plays = [shipped()[name].steps[place].play for name, place in STEPS]
    assert node("decoded.mjs", {"given": given(), "plays": plays}, tmp_path) == [[play, []] for play in plays]


def test_a_lesson_survives_its_file() -> None:
    for lesson in shipped().values():
        assert read_lesson(lesson.as_yaml()) == lesson


def test_a_step_takes_a_whole_link() -> None:
    link = "http://127.0.0.1:8501/playground?run=abc&play=s0_n15"
    assert read_lesson(json.dumps({"title": "t", "steps": [{"text": "a", "play": link}]})).steps[0].play == "s0_n15"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: [", "no YAML"),
        ("a: &x [1]\nb: *x", "references"),
        ("!!python/object/apply:os.system ['true']", "no YAML"),
        ("title: t\nsteps: []", "steps"),
        ("title: t\nsteps: [{text: a, play: '<script>'}]", "play"),
        (" " * 300_000, "larger than"),
        ("\x00", "no YAML"),
        ("- 1", "lesson"),
    ],
)
def test_what_is_no_lesson_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_lesson(text)
    assert "\n" not in str(caught.value)
