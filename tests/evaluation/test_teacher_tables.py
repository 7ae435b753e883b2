import numpy as np
import pytest

from mtbkd_core.evaluation import teacher_tables as tables
from mtbkd_core.evaluation.shares import class_scores, share_interval

CLASSES = ["0", "1", "2"]
TEACHERS = {"a": "Teacher A", "b": "Teacher B"}
PREDICTED = np.array([[0, 1, 1], [0, 0, 1]])
PULLS = np.array([[[1.0, -1.0, 0.0], [0.0, 2.0, -2.0]], [[0.5, 0.0, -0.5], [-1.0, 1.0, 0.0]]])
LABEL_PULL = np.array([[0.2, -0.1, -0.1], [-0.3, 0.6, -0.3]])
LABELS = np.array([0, 1])


def test_expertise_is_accuracy_by_class_and_unknown_without_examples() -> None:
    labels = np.array([0, 1, 1])
    scores = {title: class_scores(found, labels) for title, found in zip("AB", PREDICTED, strict=True)}
    table = tables.expertise(scores, CLASSES)
    np.testing.assert_array_equal(table["share"], [1, 1, np.nan, 1, 0.5, np.nan])
    assert table[["teacher", "class"]].values.tolist() == [[who, label] for who in "AB" for label in CLASSES]
    assert (table["low"].dropna() < table["share"].dropna()).all()


def test_agreement_is_symmetric_and_certain_of_a_teacher_with_itself() -> None:
    table = tables.agreement(PREDICTED, ["A", "B"])
    np.testing.assert_allclose(table["share"], [1, 2 / 3, 2 / 3, 1])
    np.testing.assert_allclose(table[["low", "high"]].iloc[0], 1)
    assert tuple(table[["low", "high"]].iloc[1]) == share_interval(2, 3)


def test_predictions_have_a_row_for_every_teacher_and_the_student() -> None:
    probabilities = np.array([[0.25, 0.75, 0.0], [1.0, 0.0, 0.0]])
    weights, responsibilities = np.array([0.4, 0.6]), np.array([0.9, 0.1])
    table = tables.predictions_table(
        probabilities, np.full(3, 1 / 3), weights, responsibilities, list(TEACHERS.values()), CLASSES, 1
    )
    assert table["who"].tolist() == ["Teacher A", "Teacher B", "Student"]
    assert table["predicted"].tolist() == ["1", "0", "0"]
    assert table["label_probability"].tolist() == pytest.approx([0.75, 0.0, 1 / 3])
    assert table["entropy"].tolist() == pytest.approx([-0.25 * np.log(0.25) - 0.75 * np.log(0.75), 0, np.log(3)])
    assert table["responsibility"].tolist()[:2] == [0.9, 0.1]
    assert table.iloc[2][["weight", "responsibility"]].isna().all()


def test_shares_are_means_by_class_and_teacher_with_10th_and_90th_percentile() -> None:
    shares = np.array([[0.2, 0.4, 0.9], [0.8, 0.6, 0.1]])
    table = tables.shares_by_class(shares, np.array([0, 0, 2]), CLASSES, TEACHERS)
    assert table[["class", "teacher", "mean", "examples"]].values.tolist() == [
        ["0", "a", pytest.approx(0.3), 2],
        ["0", "b", pytest.approx(0.7), 2],
        ["2", "a", pytest.approx(0.9), 1],
        ["2", "b", pytest.approx(0.1), 1],
    ]
    assert table.loc[0, ["low", "high"]].tolist() == pytest.approx([0.22, 0.38])


def test_weights_and_responsibilities_have_a_row_for_each_teacher_and_example() -> None:
    shares = np.array([[0.2, 0.9], [0.8, 0.1]])
    table = tables.weights_and_responsibilities(shares, shares[::-1], LABELS, CLASSES, TEACHERS)
    assert table[["teacher", "example", "class", "weight", "responsibility"]].values.tolist() == [
        ["a", 0, "0", 0.2, 0.8],
        ["a", 1, "1", 0.9, 0.1],
        ["b", 0, "0", 0.8, 0.2],
        ["b", 1, "1", 0.1, 0.9],
    ]


def test_pulls_of_several_examples_are_averaged() -> None:
    rows = tables.pulls_of(PULLS, LABEL_PULL, CLASSES, TEACHERS).set_index(["source", "class"])["pull"]
    assert rows["a", "1"] == pytest.approx(0.5)
    assert rows["label", "0"] == pytest.approx(-0.05)


def test_own_pulls_are_on_the_true_class_and_leave_out_classes_without_examples() -> None:
    table = tables.own_pulls(PULLS, LABEL_PULL, LABELS, CLASSES, TEACHERS)
    rows = table.set_index(["source", "class"])["pull"]
    assert (rows["a", "0"], rows["a", "1"], rows["label", "1"]) == (1.0, 2.0, pytest.approx(0.6))
    assert set(table["class"]) == {"0", "1"}


def test_influence_is_the_mean_over_the_examples() -> None:
    table = tables.influence_table(np.array([[0.25, 0.5], [0.75, 0.5]]), PULLS, LABELS, TEACHERS)
    assert table["responsibility"].tolist() == [0.375, 0.625]
    assert table["pull"].tolist() == pytest.approx([1.5, 0.75])


def test_what_a_teacher_does_not_know_is_left_out_of_its_expertise_and_agreement() -> None:
    known = {"A": class_scores(np.array([0]), np.array([0])), "B": class_scores(np.array([1, 0]), np.array([1, 1]))}
    np.testing.assert_array_equal(tables.expertise(known, CLASSES)["share"], [1, np.nan, np.nan, np.nan, 0.5, np.nan])
    agree = tables.agreement(np.array([[0, 1, -1], [0, -1, 2], [-1, -1, -1]]), ["A", "B", "C"])
    np.testing.assert_array_equal(agree["share"], [1, 1, np.nan, 1, 1, np.nan, *[np.nan] * 3])
    assert agree["of"].tolist() == [2, 1, 0, 1, 2, 0, 0, 0, 0]


def test_a_teacher_that_abstains_predicts_nothing() -> None:
    said = np.array([[0.25, 0.75, np.nan], [np.nan] * 3])
    table = tables.predictions_table(said, np.full(3, 1 / 3), np.ones(2), np.ones(2), ["A", "B"], CLASSES, 2)
    assert table["predicted"].tolist() == ["1", "–", "0"]
    assert table["entropy"].tolist()[0] == pytest.approx(-0.25 * np.log(0.25) - 0.75 * np.log(0.75))
    assert table.iloc[1][["probability", "label_probability", "entropy"]].isna().all()
    assert np.isnan(table["label_probability"][0])
