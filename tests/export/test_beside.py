"""A student's size and time beside its teachers', in words."""

import pytest

from mtbkd_core.export.beside import beside_teachers


@pytest.mark.parametrize(
    ("own", "teachers", "words"),
    [
        ((9_000_000, 3.0), [(10_000, 0.1), (20_000, 0.2)], ["larger than each", "slower than each", "saves neither"]),
        ((9_000, 0.01), [(10_000_000, 8.0), (20_000_000, 9.0)], ["smaller than each", "faster than each"]),
        ((15_000, 1.0), [(10_000, 0.1), (20_000, 2.0)], ["larger than 1 of its 2", "slower than 1 of its 2"]),
        ((10_500, 0.1), [(10_000, 0.1)], ["not clearly larger than its teacher", "not clearly slower"]),
        ((25_100, 0.31), [(10_000, 0.2), (20_000, 0.2)], ["larger than each", "30.0 kB for all together"]),
    ],
)
def test_what_is_larger_or_slower_is_said(
    own: tuple[int, float], teachers: list[tuple[int, float]], words: list[str]
) -> None:
    said = beside_teachers((*own, None), [(*each, None) for each in teachers])
    assert all(each in said for each in words)
    assert ("saves neither" in said) == ("saves neither" in words)


def test_a_cost_that_is_not_known_is_left_out() -> None:
    assert beside_teachers((9_000, None, None), [(10_000_000, None, None)]) == (
        "The file is smaller than its teacher: 9.0 kB against 10.00 MB."
    )
    assert beside_teachers((9_000, 0.1, 20.0), [(None, None, None)]) == ""


def test_a_thousand_inputs_are_compared_where_no_teacher_was_timed_on_one() -> None:
    said = beside_teachers((9_000, 8.0, 2_453), [(10_000, None, 321.0), (10_000, None, 4_522.0)])
    assert said.endswith(
        "For 1,000 inputs it is slower than 1 of its 2 teachers: 2,453 ms against 321 ms to 4,522 ms "
        "(4,843 ms for all together)."
    )
