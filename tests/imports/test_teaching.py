"""Logits and probabilities are told apart, and what cannot agree with the labels is said."""

from pathlib import Path

import numpy as np
import pytest

from mtbkd_core import UserError
from mtbkd_core.imports.reading import Places
from mtbkd_core.imports.teaching import SMALLEST, chance_agreement, read_teacher
from tests.imports.files import CLASSES, ROWS, labels, logits, softmax, write_csv

TABLE = Places("train.csv", tuple(range(2, ROWS + 2)))


def said(folder: Path, values: np.ndarray, header: list[object] | None = None):  # type: ignore[no-untyped-def]
    return read_teacher(write_csv(folder / "t.csv", header, values.tolist()), labels(), CLASSES, TABLE)


def test_logits_stay_as_they_are(tmp_path: Path) -> None:
    found = said(tmp_path, logits())
    assert np.allclose(found.logits, logits())
    assert "t.csv: read as logits" in found.notes
    assert not found.warnings


def test_probabilities_become_logarithms_with_the_same_softmax_and_it_is_said(tmp_path: Path) -> None:
    shares = softmax(logits())
    found = said(tmp_path, np.round(shares, 3))
    assert np.allclose(softmax(found.logits), shares, atol=2e-3)
    assert any("read as probabilities" in note for note in found.notes)


def test_a_probability_of_zero_is_set_to_the_smallest_and_counted(tmp_path: Path) -> None:
    found = said(tmp_path, np.eye(3)[labels()])
    assert found.logits.min() == pytest.approx(np.log(SMALLEST))
    assert any("72 of them below 1e-07 were set to it" in note for note in found.notes)
    assert found.accuracy == 1


def test_log_probabilities_serve_as_logits(tmp_path: Path) -> None:
    found = said(tmp_path, np.log(softmax(logits())))
    assert any("log probabilities" in note for note in found.notes)


def test_numbers_from_0_to_1_that_do_not_sum_to_1_are_refused_with_their_row(tmp_path: Path) -> None:
    shares = softmax(logits())
    shares[4] = [0.5, 0.6, 0.7]
    with pytest.raises(UserError, match=r"^t\.csv: line 5 sums to 1\.800, expected 1 within 0\.02"):
        said(tmp_path, shares)


@pytest.mark.parametrize(("decimals", "classes"), [(1, 3), (2, 10), (3, 60)])
def test_rounding_to_few_decimals_may_move_a_rows_sum(tmp_path: Path, decimals: int, classes: int) -> None:
    # each of the others is rounded by as much as there can be
    half = 0.5 * 10.0**-decimals
    share = 3 * half - 1e-9
    truth = np.arange(120) % classes
    exact = np.where(np.eye(classes)[truth] > 0, 1 - (classes - 1) * share, share)
    shares = np.round(exact, decimals)
    assert np.abs(shares.sum(1) - 1).max() > 0.02
    names = [f"c{number}" for number in range(classes)]
    place = Places("train.csv", tuple(range(1, 121)))
    found = read_teacher(write_csv(tmp_path / "t.csv", None, shares.tolist()), truth, names, place)
    assert any("read as probabilities" in note for note in found.notes)
    assert np.allclose(softmax(found.logits), shares / shares.sum(1, keepdims=True), atol=1e-6)
    # with another decimal the same sums are no rounding's
    shares[:, 0] += 1e-5
    with pytest.raises(UserError, match=r"expected 1 within 0\.02: (most rows|all its numbers)"):
        read_teacher(write_csv(tmp_path / "t.csv", None, shares.tolist()), truth, names, place)


def test_a_row_beyond_what_rounding_explains_is_refused_with_what_is_allowed(tmp_path: Path) -> None:
    shares = np.round(softmax(logits()), 1)
    shares[4] = [0.5, 0.6, 0.3]
    with pytest.raises(UserError, match=r"^t\.csv: line 5 sums to 1\.400, expected 1 within 0\.15: most rows"):
        said(tmp_path, shares)


def test_one_row_beyond_1_does_not_make_logits_of_probabilities(tmp_path: Path) -> None:
    shares = softmax(logits())
    shares[4] *= 1.5 / shares[4].max()
    with pytest.raises(UserError, match=r"^t\.csv: line 5 sums to .*, expected 1 within 0\.02: most rows sum to 1"):
        said(tmp_path, shares)


@pytest.mark.parametrize("cell", [-1e-5, -0.1])
def test_one_negative_cell_does_not_make_logits_of_probabilities(tmp_path: Path, cell: float) -> None:
    shares = softmax(logits())
    shares[4, 1] = cell
    with pytest.raises(UserError) as raised:
        said(tmp_path, shares)
    assert str(raised.value) == (
        f"t.csv: line 5, column '2': got {cell:g}, expected a probability, 0 to 1: most rows sum to 1, so the file is "
        "read as probabilities"
    )


def test_a_probability_that_rounding_took_below_0_counts_as_0(tmp_path: Path) -> None:
    shares = softmax(logits())
    shares[4] = [0.4, 0.6 + 5.9e-8, -5.9e-8]
    found = said(tmp_path, shares)
    assert any("read as probabilities" in note for note in found.notes)
    assert found.logits[4, 2] == pytest.approx(np.log(1e-7), abs=1e-3)


@pytest.mark.parametrize("decimals", [1, 4, 12])
@pytest.mark.parametrize("whole", [1.2, 100])
def test_shares_of_another_whole_than_1_are_neither_logits_nor_probabilities(
    tmp_path: Path, whole: float, decimals: int
) -> None:
    shares = np.round(softmax(logits(sharpness=8)) * whole, decimals)
    shares[7, 2] = -0.001
    with pytest.raises(
        UserError, match=rf"^t\.csv: nearly all rows .* sum to {whole}: these are neither logits nor prob"
    ):
        said(tmp_path, shares)


def test_logits_whose_sums_or_signs_are_alike_stay_logits(tmp_path: Path) -> None:
    values = logits()
    certain, ranks = 5 * np.eye(3)[values.argmax(1)], values.argsort(1).argsort(1).astype(float)
    for same in (
        certain,
        ranks,
        values - values.mean(1, keepdims=True),
        values - values.min(),
        values + 100,
        np.round(values + 20),
    ):
        assert "t.csv: read as logits" in said(tmp_path, same).notes


def test_a_logit_beyond_any_networks_is_refused_with_its_place(tmp_path: Path) -> None:
    values = logits()
    values[2, 1] = -1e7
    with pytest.raises(UserError, match=r"^t\.csv: line 4, column 'b': got -1e\+07, expected a logit"):
        said(tmp_path, values, ["a", "b", "c"])


def test_another_number_of_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^t\.csv: has 2 columns of numbers, expected 3: one for each class$"):
        said(tmp_path, logits()[:, :2])


def test_columns_named_as_classes_may_stand_in_another_order_among_others(tmp_path: Path) -> None:
    values = np.column_stack([logits()[:, [2, 0, 1]], np.arange(ROWS) % 5])
    found = said(tmp_path, values, ["Golgi", "Cytoplasm", "Nucleus", "Partition"])
    assert np.allclose(found.logits, logits())
    assert "t.csv: its columns were taken by the classes' names" in found.notes


@pytest.mark.parametrize("start", [0, 1])
def test_columns_headed_by_class_numbers_may_stand_in_another_order(tmp_path: Path, start: int) -> None:
    found = said(tmp_path, logits()[:, [2, 0, 1]], [start + 2, start, start + 1])
    assert np.allclose(found.logits, logits())
    assert f"t.csv: its columns were taken by the classes' numbers from {start}" in found.notes
    assert not any("columns were taken" in note for note in said(tmp_path, logits(), [0, 1, 2]).notes)


def test_a_header_that_names_some_classes_over_others_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        said(tmp_path, logits(), ["cytoplasm", " GOLGI", "else"])
    assert str(raised.value) == (
        "t.csv: its header names column 2 ' GOLGI', which is class 3, and none 'Nucleus': expected all classes' names, "
        "or none"
    )


@pytest.mark.parametrize(
    "header",
    [["golgi", "CYTOPLASM", "nucleus"], [" Golgi", "Cytoplasm ", " Nucleus"], ["class_2", "class_0", "class_1"]],
)
def test_columns_named_as_classes_in_other_letters_or_by_number_are_taken_by_name(
    tmp_path: Path, header: list[object]
) -> None:
    assert np.allclose(said(tmp_path, logits()[:, [2, 0, 1]], header).logits, logits())


def test_columns_are_never_taken_by_their_place_without_a_word(tmp_path: Path) -> None:
    for header, known in ((["a", "b", "c"], "none"), (["Cytoplasm", "b", "Golgi"], "not all")):
        line = f"t.csv: its columns were taken in the order of the classes, {known} of which its header names"
        assert line in said(tmp_path, logits(), header).notes


def test_a_class_with_two_columns_is_refused(tmp_path: Path) -> None:
    values = np.column_stack([logits(), -logits()[:, 2]])
    for other, problem in (("Golgi", "line 1 names the column 'Golgi' twice"), ("golgi", "the class 'Golgi' twice")):
        with pytest.raises(UserError, match=problem):
            said(tmp_path, values, [*CLASSES, other])
    with pytest.raises(UserError, match="line 1 names the column '0' twice"):
        said(tmp_path, values, [0, 1, 2, 0])


def test_a_class_may_be_called_as_a_column_that_names_rows(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", ["nucleus", "entry", "golgi"], logits()[:, [1, 0, 2]].tolist())
    assert np.allclose(read_teacher(path, labels(), ("Entry", "Nucleus", "Golgi"), TABLE).logits, logits())


@pytest.mark.parametrize("order", ["rows", "columns"])
def test_rows_or_columns_in_another_order_are_warned_of(tmp_path: Path, order: str) -> None:
    sure = logits(sharpness=8)
    found = said(
        tmp_path, sure[np.arange(ROWS) // 3 + 12 * (np.arange(ROWS) % 3)] if order == "rows" else sure[:, [1, 0, 2]]
    )
    (warning,) = found.warnings
    assert "its rows or columns are probably in another order than those of train.csv" in warning


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (np.arange(200)[::-1], "in reverse order"),
        (np.roll(np.arange(200), -1), "one row too early"),
        (np.roll(np.arange(200), 1), "one row too late"),
        (np.roll(np.arange(200), 100), "100 rows too late"),
        (np.roll(np.arange(200), -7), "7 rows too early"),
        (None, "in the order of their classes"),
    ],
)
def test_rows_that_fit_far_better_in_another_simple_order_are_refused(
    tmp_path: Path, order: np.ndarray | None, words: str
) -> None:
    random = np.random.default_rng(4)
    truth = random.integers(0, 3, 200)
    right = np.round(3 * np.eye(3)[truth] + random.normal(size=(200, 3)), 4)
    path = write_csv(tmp_path / "t.csv", None, right[np.argsort(truth) if order is None else order].tolist())
    with pytest.raises(UserError) as raised:
        read_teacher(path, truth, CLASSES, Places("train.csv", tuple(range(2, 202))))
    assert str(raised.value).startswith(f"t.csv: its rows are {words}: row by row it names ")
    assert str(raised.value).endswith("; expected the order of train.csv")


def test_of_sorted_labels_reversed_rows_look_like_another_order_of_the_columns_and_both_are_said(
    tmp_path: Path,
) -> None:
    truth = np.repeat([0, 1, 2], 20)
    path = write_csv(tmp_path / "t.csv", None, np.eye(3)[2 - truth].tolist())
    with pytest.raises(UserError, match="in reverse order, or its columns not in that of the classes: row by row"):
        read_teacher(path, truth, CLASSES, Places("train.csv", tuple(range(2, 62))))


def test_a_teacher_that_knows_nothing_is_only_warned_of(tmp_path: Path) -> None:
    for seed in range(20):
        (warning,) = said(tmp_path, logits(seed, sharpness=-1)).warnings
        assert "more than the" in warning


def test_a_little_more_than_chance_in_many_rows_is_warned_of(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 3000)
    answers = np.where(random.random(3000) < 0.95, random.permutation(truth), truth)
    path = write_csv(tmp_path / "t.csv", None, np.eye(3)[answers].tolist())
    found = read_teacher(path, truth, CLASSES, Places("train.csv", tuple(range(3000))))
    assert found.accuracy > 1 / 3 + 0.02
    assert "are probably in another order" in found.warnings[0]


@pytest.mark.parametrize("classes", [10, 20])
def test_a_specialist_of_two_classes_of_many_is_not_taken_for_another_order(tmp_path: Path, classes: int) -> None:
    random = np.random.default_rng(0)
    truth = random.permutation(np.arange(400) % classes)
    values = random.normal(scale=0.1, size=(400, classes))
    values[:, 2:] -= 6
    values[truth < 2, truth[truth < 2]] += 4
    names = [f"c{number}" for number in range(classes)]
    path = write_csv(tmp_path / "t.csv", None, values.tolist())
    found = read_teacher(path, truth, names, Places("train.csv", tuple(range(400))))
    assert found.accuracy < 0.25
    assert not found.warnings


def test_a_teacher_that_takes_each_class_for_the_next_is_warned_of_and_taken(tmp_path: Path) -> None:
    truth = np.repeat(np.arange(3), 40)
    path = write_csv(tmp_path / "t.csv", None, (4.0 * np.eye(3)[(truth + 1) % 3] - 1).tolist())
    (warning,) = read_teacher(path, truth, CLASSES, Places("train.csv", tuple(range(120)))).warnings
    assert "are probably in another order" in warning


def test_two_columns_that_were_swapped_are_warned_of_though_the_others_agree(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(6)]
    truth = np.arange(120) % 6
    path = write_csv(tmp_path / "t.csv", None, np.eye(6)[truth][:, [1, 0, 2, 3, 4, 5]].tolist())
    (warning,) = read_teacher(path, truth, names, Places("train.csv", tuple(range(120)))).warnings
    assert warning == (
        "t.csv: names 66.7% of the labels, and with its columns in another order 100.0%: they may not be in that of "
        "the classes"
    )


def test_chance_agreement_is_that_of_shuffled_answers() -> None:
    # shares 1/2, 1/2 and 3/4, 1/4: 3/8 + 1/8
    assert chance_agreement(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1]), 2) == pytest.approx(0.5)
    assert chance_agreement(np.array([0, 0, 0, 1]), np.array([0, 0, 0, 1]), 2) == pytest.approx(10 / 16)
