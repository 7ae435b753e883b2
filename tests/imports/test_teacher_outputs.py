"""Logits and probabilities are distinguished, columns are found by the classes' names, and the hit rate is reported."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mtbkd_core import UserError
from mtbkd_core.imports.teacher_outputs import SMALLEST, TeacherOutputs, chance_agreement, read_teacher
from tests.imports.files import CLASSES, ROWS, labels, logits, softmax, table_of, write_csv

Read = Callable[..., TeacherOutputs]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads a teacher's file t.csv of some values."""

    def outputs(
        values: np.ndarray,
        header: list[object] | None = None,
        truth: np.ndarray | None = None,
        classes: tuple[str, ...] = CLASSES,
        normalise: bool = False,
    ) -> TeacherOutputs:
        truth = labels() if truth is None else truth
        table = table_of("ACC", [f"P{row}" for row in range(len(truth))])
        file = write_csv(tmp_path / "t.csv", header, values.tolist())
        return read_teacher(file, table, truth, classes, normalise=normalise)

    return outputs


# Logits or probabilities


def test_logits_stay_as_they_are(read: Read) -> None:
    found = read(logits())
    assert np.allclose(found.logits, logits())
    assert "t.csv: read as logits" in found.notes
    assert not found.warnings


def test_probabilities_become_logarithms_with_the_same_softmax(read: Read) -> None:
    shares = softmax(logits())
    found = read(np.round(shares, 3))
    assert np.allclose(softmax(found.logits), shares, atol=2e-3)
    assert any("read as probabilities" in note for note in found.notes)
    assert any("log probabilities" in note for note in read(np.log(shares)).notes)


def test_probabilities_of_zero_are_set_to_the_smallest_and_counted(read: Read) -> None:
    found = read(np.eye(3)[labels()])
    assert found.logits.min() == pytest.approx(np.log(SMALLEST))
    assert any("72 of them below 1e-06 were set to it" in note for note in found.notes)
    shares = softmax(logits())
    shares[4] = [0.4, 0.6 + 5.9e-8, -5.9e-8]  # as rounding can make it
    assert read(shares).logits[4, 2] == pytest.approx(np.log(SMALLEST), abs=1e-3)


@pytest.mark.parametrize(("decimals", "classes"), [(1, 3), (2, 10), (3, 60)])
def test_rounding_to_few_decimals_may_move_the_sum_of_a_row(read: Read, decimals: int, classes: int) -> None:
    # each of the others is rounded by as much as there can be
    share = 3 * 0.5 * 10.0**-decimals - 1e-9
    truth = np.arange(120) % classes
    shares = np.round(np.where(np.eye(classes)[truth] > 0, 1 - (classes - 1) * share, share), decimals)
    assert np.abs(shares.sum(1) - 1).max() > 0.02
    names = tuple(f"c{number}" for number in range(classes))
    found = read(shares, None, truth, names)
    assert np.allclose(softmax(found.logits), shares / shares.sum(1, keepdims=True), atol=1e-6)
    # with another decimal the same sums are no rounding's
    shares[:, 0] += 1e-5
    with pytest.raises(UserError, match=r"expected 1 within 0\.02: (most rows|all its numbers)"):
        read(shares, None, truth, names)


@pytest.mark.parametrize(
    ("row", "decimals", "problem"),
    [
        ([0.5, 0.6, 0.7], 17, "t.csv: line 5 sums to 1.800, expected 1 within 0.02: "),
        ([0.5, 0.6, 0.3], 1, "t.csv: line 5 sums to 1.400, expected 1 within 0.15: "),
        ([1.5, 0.1, 0.1], 17, "t.csv: line 5 sums to 1.700, expected 1 within 0.02: "),
        ([0.4, -1e-5, 0.6], 17, "t.csv: line 5, column '2': got -1e-05, expected a probability, 0 to 1: "),
        ([0.4, -0.1, 0.7], 17, "t.csv: line 5, column '2': got -0.1, expected a probability, 0 to 1: "),
    ],
)
def test_a_wrong_row_among_probabilities_is_named(read: Read, row: list[float], decimals: int, problem: str) -> None:
    shares = np.round(softmax(logits()), decimals)
    shares[4] = row
    with pytest.raises(UserError) as raised:
        read(shares)
    assert str(raised.value) == problem + "most rows sum to 1, so the file is read as probabilities"


@pytest.mark.parametrize("decimals", [1, 4, 12])
@pytest.mark.parametrize("whole", [1.2, 100])
def test_shares_of_another_whole_than_1_are_refused(read: Read, whole: float, decimals: int) -> None:
    shares = np.round(softmax(logits(sharpness=8)) * whole, decimals)
    shares[7, 2] = -0.001
    with pytest.raises(UserError, match=rf"^t\.csv: nearly all rows .* sum to {whole}: these are neither logits nor"):
        read(shares)


def test_logits_with_equal_sums_or_signs_stay_logits(read: Read) -> None:
    values = logits()
    certain, ranks = 5 * np.eye(3)[values.argmax(1)], values.argsort(1).argsort(1).astype(float)
    centred = values - values.mean(1, keepdims=True)
    for same in (certain, ranks, centred, values - values.min(), values + 100, np.round(values + 20)):
        assert "t.csv: read as logits" in read(same).notes


def test_a_logit_beyond_any_networks_is_refused_with_its_place(read: Read) -> None:
    values = logits()
    values[2, 1] = -1e7
    with pytest.raises(UserError, match=r"^t\.csv: line 4, column 'b': got -1e\+07, expected a logit"):
        read(values, ["a", "b", "c"])


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (np.log10, "logarithms of probabilities to base 10"),
        (np.log2, "logarithms of probabilities to base 2"),
        (np.log, "log probabilities"),
        (lambda shares: shares / (1 - shares), "odds"),
        (lambda shares: np.log(shares / (1 - shares)), "log odds"),
    ],
)
def test_probabilities_on_another_scale_are_told_and_said(
    read: Read, made: Callable[[np.ndarray], np.ndarray], words: str
) -> None:
    shares = softmax(logits())
    found = read(made(shares))
    assert np.allclose(softmax(found.logits), shares, atol=1e-4)
    assert any(f"t.csv: read as {words}" in note for note in found.notes)


@pytest.mark.parametrize(
    ("made", "odd", "words"),
    [
        (np.log10, [0, 0, 0], "sum to 3, expected 1 .*: nearly all rows hold logarithms of probabilities to base 10"),
        (np.log10, [0.5, -2, -2], "nearly all rows hold logarithms of probabilities to base 10"),
        (
            np.log2,
            [-50, -1, -3],
            "sum to 0.625, expected 1 .*: nearly all rows hold logarithms of probabilities to base 2",
        ),
        (lambda shares: shares / (1 - shares), [1, 1, -1], "nearly all rows hold odds"),
        (
            lambda shares: np.log(shares / (1 - shares)),
            [0, 0, 0],
            "sum to 1.5, expected 1 .* hold log odds of each class",
        ),
    ],
)
def test_a_row_on_another_scale_than_nearly_all_is_refused_with_its_place(
    read: Read, made: Callable[[np.ndarray], np.ndarray], odd: list[float], words: str
) -> None:
    values = made(softmax(logits()))
    values[4] = odd
    with pytest.raises(UserError, match=rf"^t\.csv: line 5: as probabilities, its numbers .*{words}"):
        read(values)


@pytest.mark.parametrize(("made", "words"), [(np.log10, "base 10"), (np.log2, "base 2")])
def test_a_scale_is_told_from_one_decimal_and_from_sure_answers(
    read: Read, made: Callable[[np.ndarray], np.ndarray], words: str
) -> None:
    rounded = np.round(made(softmax(logits())), 1)
    assert any(f"read as logarithms of probabilities to {words}" in note for note in read(rounded).notes)
    sure = made(softmax(logits(sharpness=12)))
    assert any(f"read as logarithms of probabilities to {words}" in note for note in read(sure).notes)


def test_sure_logits_of_any_shift_stay_logits(read: Read) -> None:
    sure = 12 * np.eye(3)[labels()]
    logs = logits(sharpness=9)
    log_shares = np.log(softmax(logs))
    for same in (
        sure - 12,
        sure - 6,
        1e4 * sure,
        np.round(logs - logs.max(1, keepdims=True), 1),
        np.round(log_shares, 1),
    ):
        found = read(same)
        assert np.allclose(softmax(found.logits), softmax(same), atol=1e-5)


@pytest.mark.parametrize("whole", [100, None])
def test_shares_are_normalised_when_asked_for(read: Read, whole: int | None) -> None:
    shares = whole * softmax(logits()) if whole else 1 / (1 + np.exp(-logits()))
    with pytest.raises(UserError, match="--normalise"):
        read(shares)
    found = read(shares, normalise=True)
    assert np.allclose(softmax(found.logits), shares / shares.sum(1, keepdims=True), atol=1e-3)
    assert "t.csv: read as shares, each row divided by its sum" in found.notes
    assert "t.csv: read as logits" in read(logits(), normalise=True).notes


@pytest.mark.parametrize("header", [None, ["p"], ["nucleus"]])
def test_one_column_is_the_second_class_of_two(read: Read, header: list[object] | None) -> None:
    truth = np.arange(ROWS) % 2
    shares = np.where(truth, 0.75, 0.125)[:, None]
    named: dict[str, object] = {"header": header, "truth": truth, "classes": ("Cytoplasm", "Nucleus")}
    found = read(shares, **named)
    assert np.allclose(softmax(found.logits)[:, 1:], shares)
    assert "t.csv: read as the probability of 'Nucleus', the second class, in one column" in found.notes
    found = read(np.log(shares / (1 - shares)), **named)
    assert np.allclose(softmax(found.logits)[:, 1:], shares, atol=1e-6)
    assert any("the logit of 'Nucleus'" in note for note in found.notes)
    assert np.allclose(softmax(read(shares > 0.5, **named).logits)[:, 1:], shares > 0.5, atol=1e-6)  # True, False


def test_rows_without_a_label_do_not_count_for_the_hit_rate(read: Read) -> None:
    truth = np.where(np.arange(ROWS) < 12, labels(), -1)
    values = np.where(truth[:, None] < 0, 0, 5 * np.eye(3)[labels()])
    assert read(values, None, truth).accuracy == 1


# Columns of the classes


@pytest.mark.parametrize(
    ("header", "by"),
    [
        (["Golgi", "Cytoplasm", "Nucleus"], "names"),
        (["golgi", "CYTOPLASM", " nucleus "], "names"),
        ([2, 0, 1], "numbers from 0"),
        ([3, 1, 2], "numbers from 1"),
        (["class_2", "class_0", "class_1"], "numbers from 0"),
    ],
)
def test_columns_are_found_by_the_classes_names_or_numbers(read: Read, header: list[object], by: str) -> None:
    values = logits()[:, [2, 0, 1]]
    found = read(values, header)
    assert np.allclose(found.logits, logits())
    assert f"t.csv: its columns were taken by the classes' {by}" in found.notes
    beside = np.column_stack([values, np.arange(ROWS) % 5])
    assert np.allclose(read(beside, [*header, "Partition"]).logits, logits())


def test_text_may_stand_beside_classes_which_may_be_called_as_ids_are(read: Read) -> None:
    values = np.column_stack([logits().astype(object), ["x"] * ROWS])
    assert np.allclose(
        read(values, ["nucleus", "entry", "golgi", "said"], None, ("Nucleus", "Entry", "Golgi")).logits, logits()
    )


def test_columns_are_never_taken_by_their_place_without_a_note(read: Read) -> None:
    note = "t.csv: its columns were taken in the order of the classes, none of which its header names"
    assert note in read(logits(), ["a", "b", "c"]).notes


@pytest.mark.parametrize(
    "header",
    [["Cytoplasm", "Nucleus", "confidence"], ["confidence", "Cytoplasm", "Golgi"], ["cytoplasm", " GOLGI", "p"]],
)
def test_a_header_that_names_some_classes_and_something_else_is_refused(read: Read, header: list[str]) -> None:
    other = next(name for name in header if name in ("confidence", "p"))
    with pytest.raises(UserError, match=rf"^t\.csv: names 2 of 3 classes, and '{other}', which is none: expected"):
        read(logits(), header)


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ([*CLASSES, "Golgi"], "line 1 names the column 'Golgi' twice"),
        ([*CLASSES, "golgi"], "its header names the class 'Golgi' twice, in other letters"),
        (None, "has 4 columns of numbers, expected 3: one for each class"),
        (["x", "y", "z", "w"], "has 4 columns of numbers, expected 3: one for each class"),
    ],
)
def test_a_class_with_two_columns_is_refused(read: Read, header: list[object] | None, problem: str) -> None:
    with pytest.raises(UserError, match=rf"^t\.csv: {problem}$"):
        read(np.column_stack([logits(), -logits()[:, 2]]), header)


# Labels that the teacher names


def test_the_hit_rate_stands_beside_chance_with_how_rows_were_matched(read: Read) -> None:
    assert read(np.eye(3)[labels()]).notes[-1] == (
        "t.csv: no id is in it and in t.csv, so its rows were taken as they come; their order could not be checked; it "
        "names 100.0% of the labels, chance 33.3%"
    )


@pytest.mark.parametrize("values", [-logits(), logits(sharpness=8)[:, [1, 2, 0]], np.tile([2, -1, -1], (ROWS, 1))])
def test_a_teacher_that_is_no_better_than_chance_is_warned_of(read: Read, values: np.ndarray) -> None:
    (warning,) = read(values).warnings
    assert warning.endswith(": no better than chance, so its rows or columns may be in another order")


def test_a_specialist_of_two_classes_of_many_is_better_than_chance(read: Read) -> None:
    random = np.random.default_rng(0)
    truth = random.permutation(np.arange(400) % 20)
    values = random.normal(scale=0.1, size=(400, 20))
    values[:, 2:] -= 6
    values[truth < 2, truth[truth < 2]] += 4
    found = read(values, None, truth, tuple(f"c{number}" for number in range(20)))
    assert found.accuracy < 0.15
    assert not found.warnings


def test_two_columns_that_were_swapped_are_warned_of_though_the_others_agree(read: Read) -> None:
    truth = np.arange(120) % 6
    found = read(np.eye(6)[truth][:, [1, 0, 2, 3, 4, 5]], None, truth, tuple(f"c{number}" for number in range(6)))
    assert found.warnings == (
        "t.csv: names 66.7% of the labels, chance 16.7%, and with its columns in another order 100.0%: they may not be "
        "in that of the classes",
    )


def test_chance_agreement_is_that_of_shuffled_answers() -> None:
    # shares 1/2, 1/2 and 3/4, 1/4: 3/8 + 1/8
    assert chance_agreement(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1]), 2) == pytest.approx(0.5)
    assert chance_agreement(np.array([0, 0, 0, 1]), np.array([0, 0, 0, 1]), 2) == pytest.approx(10 / 16)
