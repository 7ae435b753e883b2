"""Requirements are read from files that people bring."""

import pytest

from mtbkd_core import UserError
from mtbkd_core.review.requirements import ClassAccuracy, Requirements, from_link, read_requirements


def test_a_file_says_what_the_controls_say() -> None:
    assert read_requirements(Requirements().as_yaml()) == Requirements()


@pytest.mark.parametrize(
    "asked",
    [
        Requirements(),
        Requirements(accuracy=0.9, ece=None, max_bytes=1e-5),
        Requirements(answered=None, class_accuracy=ClassAccuracy(at_least=0.1, min_examples=3)),
    ],
)
def test_a_link_says_what_the_controls_say(asked: Requirements) -> None:
    assert from_link(asked.as_link()) == asked


def test_what_a_file_leaves_out_is_not_asked() -> None:
    asked = read_requirements("accuracy: 0.9")
    assert asked.accuracy == 0.9
    assert asked.ece is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names and values"),
        ("- 1", "names and values"),
        ("accuracy: 2", "accuracy"),
        ("accuracy: .nan", "accuracy"),
        ("speed: 1", "speed"),
        ("a: &x [1]\nb: *x", "references"),
        ("accuracy: [", "no YAML"),
        ("!!python/object/apply:os.system ['true']", "no YAML"),
        ("#" * 100_000, "larger than"),
    ],
)
def test_what_is_no_requirement_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_requirements(text)
    assert "\n" not in str(caught.value)
