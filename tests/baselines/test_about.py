"""Every row of the table has a title of its own and a line that says what it is."""

from mtbkd_core.baselines.about import about
from mtbkd_core.studies import left_out
from tests.studies.test_comparison import ROWS


def test_every_row_has_a_title_and_a_line() -> None:
    teachers = {"digits-0-4": "Digits 0 to 4", "digits-5-9": "Digits 5 to 9"}
    told = {name: about(name, teachers) for name in ROWS}
    assert len({one.title for one in told.values()}) == len(ROWS)
    assert all(one.line.endswith(".") for one in told.values())
    assert told["teacher:digits-0-4"].title == "Only Digits 0 to 4"
    assert told["ebkd_ensemble"].title == "EBKD, ensemble"


def test_a_teacher_without_a_title_and_a_method_that_is_unknown_keep_their_names() -> None:
    assert about("teacher:x", {}).title == "Only x"
    assert about("brand-new", {}) == about("brand-new", {"x": "X"})
    assert about("brand-new", {}).title == "brand-new"


def test_a_method_that_a_comparison_has_not_is_said_with_the_reason() -> None:
    assert left_out(ROWS) == []
    without = [name for name in ROWS if not name.startswith(("laplace", "mean_kd_tuned"))]
    assert left_out(without) == [
        "Mean KD, tuned: left out, because nobody has tuned it for this task.",
        "Laplace: left out, because the matrix of the student's last layer would take more than 1 GiB.",
    ]
