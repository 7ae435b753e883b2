"""Figures of results: what is drawn is what was computed, and nothing is drawn where there is nothing."""

import numpy as np
import pandas as pd
import pytest
import torch

from mtbkd_core.evaluation.calibration import reliability
from mtbkd_core.figures import influence, teachers, theme, uncertainty
from mtbkd_core.figures.reliability import draw_reliability, reliability_table

CLASSES = ["0", "1", "2"]
TEACHERS = {"a": "Teacher A", "b": "Teacher B"}
COLOURS = theme.teacher_colours(list(TEACHERS))


class TestReliability:
    @pytest.fixture
    def table(self) -> pd.DataFrame:
        probabilities = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8]])
        curves = {"student": reliability(probabilities, torch.tensor([0, 1, 1]), bins=10)}
        return reliability_table(curves, {"student": "Student"})

    def test_empty_bins_are_left_out(self, table: pd.DataFrame) -> None:
        assert table["count"].tolist() == [1, 2]
        assert not table.isna().any().any()

    def test_the_curve_is_the_computed_one(self, table: pd.DataFrame) -> None:
        figure = draw_reliability(table, COLOURS)
        curve = next(trace for trace in figure.data if trace.name == "Student" and trace.type == "scatter")
        np.testing.assert_allclose(np.asarray(curve.x), [0.8, 0.9], atol=1e-6)
        np.testing.assert_allclose(np.asarray(curve.y), [1.0, 0.5])
        counts = next(trace for trace in figure.data if trace.type == "bar")
        assert list(counts.y) == [1, 2]
        np.testing.assert_allclose(np.asarray(counts.x), [0.75, 0.85])  # the middle of a bin
        np.testing.assert_allclose(np.asarray(counts.width), 0.1)

    def test_a_band_reaches_from_low_to_high(self, table: pd.DataFrame) -> None:
        curve = next(trace for trace in draw_reliability(table, COLOURS).data if trace.type == "scatter" and trace.x[0])
        right = np.asarray(curve.y)
        low, high = right - np.asarray(curve.error_y.arrayminus), right + np.asarray(curve.error_y.array)
        # Clopper and Pearson for 1 of 1 and 1 of 2: roots of 0.025 = p, and of 0.025 = p squared
        np.testing.assert_allclose(low, [0.025, 1 - np.sqrt(0.975)])
        np.testing.assert_allclose(high, [1.0, np.sqrt(0.975)])


class TestInfluence:
    PULLS = np.array([[[1.0, -1.0, 0.0], [0.0, 2.0, -2.0]], [[0.5, 0.0, -0.5], [-1.0, 1.0, 0.0]]])
    LABEL = np.array([[0.2, -0.1, -0.1], [-0.3, 0.6, -0.3]])
    LABELS = np.array([0, 1])

    def test_several_examples_are_averaged(self) -> None:
        table = influence.pulls_of(self.PULLS, self.LABEL, CLASSES, TEACHERS).set_index(["source", "class"])["pull"]
        assert table["a", "1"] == pytest.approx(0.5)
        assert table["label", "0"] == pytest.approx(-0.05)

    def test_the_diamond_is_the_sum_of_all_pulls(self) -> None:
        table = influence.pulls_of(self.PULLS[:, 0], self.LABEL[0], CLASSES, TEACHERS)
        figure = influence.draw_pulls(table, COLOURS, x="Class")
        total = next(trace for trace in figure.data if trace.name == "Sum")
        np.testing.assert_allclose(np.asarray(total.y), [1.7, -1.1, -0.6])

    def test_pulls_point_where_they_pull_in_their_teachers_colours(self) -> None:
        table = influence.pulls_of(self.PULLS[:, 0], self.LABEL[0], CLASSES, TEACHERS)
        *bars, _ = influence.draw_pulls(table, COLOURS, x="Class").data
        assert [list(bar.y) for bar in bars] == [*self.PULLS[:, 0].tolist(), self.LABEL[0].tolist()]
        assert [bar.marker.color for bar in bars] == [*COLOURS.values(), theme.MUTED]

    def test_own_pulls_are_on_the_true_class(self) -> None:
        table = influence.own_pulls(self.PULLS, self.LABEL, self.LABELS, CLASSES, TEACHERS)
        rows = table.set_index(["source", "class"])["pull"]
        assert (rows["a", "0"], rows["a", "1"], rows["label", "1"]) == (1.0, 2.0, pytest.approx(0.6))
        assert "2" not in table["class"].tolist()

    def test_a_point_for_each_teacher_and_example(self) -> None:
        shares = np.array([[0.2, 0.9], [0.8, 0.1]])
        table = influence.weights_and_responsibilities(shares, shares[::-1], self.LABELS, CLASSES, TEACHERS)
        assert table[["teacher", "example", "class", "weight", "responsibility"]].values.tolist() == [
            ["a", 0, "0", 0.2, 0.8],
            ["a", 1, "1", 0.9, 0.1],
            ["b", 0, "0", 0.8, 0.2],
            ["b", 1, "1", 0.1, 0.9],
        ]

    def test_a_point_above_the_diagonal_has_more_responsibility_than_weight(self) -> None:
        weights, shares = np.array([[0.2, 0.7], [0.8, 0.3]]), np.array([[0.4, 0.6], [0.6, 0.4]])
        table = influence.weights_and_responsibilities(weights, shares, self.LABELS, CLASSES, TEACHERS)
        figure = influence.draw_weights_and_responsibilities(table, COLOURS)
        points = {trace.name: trace for trace in figure.data if trace.mode == "markers"}
        for k, title in enumerate(TEACHERS.values()):
            assert list(points[title].x) == weights[k].tolist()
            assert list(points[title].y) == shares[k].tolist()
            assert points[title].marker.color == theme.translucent(theme.PALETTE[k], 0.55)
        assert figure.layout.xaxis.title.text.startswith("Weight")
        assert figure.layout.yaxis.title.text.startswith("Responsibility")

    def test_what_each_says_has_a_row_for_every_teacher_and_the_student(self) -> None:
        says = np.array([[0.25, 0.75, 0.0], [1.0, 0.0, 0.0]])
        table = influence.voices_table(
            says, np.full(3, 1 / 3), np.array([0.4, 0.6]), np.array([0.9, 0.1]), list(TEACHERS.values()), CLASSES, 1
        )
        assert table["who"].tolist() == ["Teacher A", "Teacher B", "Student"]
        assert table["says"].tolist() == ["1", "0", "0"]
        assert table["label_probability"].tolist() == pytest.approx([0.75, 0.0, 1 / 3])
        assert table["entropy"].tolist() == pytest.approx([-0.25 * np.log(0.25) - 0.75 * np.log(0.75), 0, np.log(3)])
        assert table["responsibility"].tolist()[:2] == [0.9, 0.1]
        assert table.iloc[2][["weight", "responsibility"]].isna().all()


class TestUncertainty:
    @pytest.fixture
    def table(self) -> pd.DataFrame:
        mean = np.array([[0.8, 0.1, 0.1], [0.1, 0.2, 0.7], [0.3, 0.6, 0.1]])
        return uncertainty.example_table(
            np.array([0, 1, 1]),
            mean,
            np.array([2.0, 0.5, 0.1]),
            np.array([0.6, 0.8, 0.9]),
            np.array([0.4, 0.5, 0.6]),
            np.array([0.2, 0.3, 0.4]),
            CLASSES,
        )

    def test_an_example_is_right_where_the_posterior_mean_names_its_class(self, table: pd.DataFrame) -> None:
        assert table["predicted"].tolist() == ["0", "2", "1"]
        assert table["right"].tolist() == [True, False, True]

    def test_classes_are_ordered_by_their_median_deviance(self, table: pd.DataFrame) -> None:
        figure = uncertainty.draw_deviance(table, chosen=1)
        assert list(figure.layout.xaxis.categoryarray) == ["1", "0"]
        assert figure.layout.yaxis.type == "log"
        assert list(figure.data[1].y) == [0.5]

    def test_right_and_wrong_are_told_apart_by_more_than_colour(self, table: pd.DataFrame) -> None:
        right, wrong = uncertainty.draw_entropy_split(table).data
        assert (right.name, wrong.name) == ("Right (2)", "Wrong (1)")
        assert (list(right.x), list(right.y), list(wrong.x), list(wrong.y)) == ([0.4, 0.6], [0.2, 0.4], [0.5], [0.3])
        assert right.marker.symbol != wrong.marker.symbol

    def test_the_chosen_example_is_marked_where_it_lies(self, table: pd.DataFrame) -> None:
        *_, star = uncertainty.draw_entropy_split(table, chosen=2).data
        assert (list(star.x), list(star.y)) == ([0.6], [0.4])

    def test_the_split_by_class_begins_with_the_chosen_example(self, table: pd.DataFrame) -> None:
        split = uncertainty.entropy_by_class(table, chosen=0)
        assert split["name"].tolist() == ["chosen", "0", "1"]
        assert split["aleatoric"].tolist() == pytest.approx([0.4, 0.4, 0.55])
        aleatoric, epistemic = uncertainty.draw_entropy_by_class(split).data
        assert list(aleatoric.y) == pytest.approx([0.4, 0.4, 0.55])
        assert list(epistemic.y) == pytest.approx([0.2, 0.2, 0.35])

    def test_sets_are_counted_by_size_and_by_whether_they_hold_the_truth(self) -> None:
        sets = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 1]], dtype=np.uint8)
        table = uncertainty.set_table(sets, np.array([0, 1, 2]))
        assert table.values.tolist() == [[1, 2, 1], [2, 0, 0], [3, 1, 1]]
        covered, missed = uncertainty.draw_sets(table).data
        assert (list(covered.y), list(missed.y)) == ([1, 0, 1], [1, 0, 0])

    def test_intervals_are_drawn_from_low_to_high(self) -> None:
        table = uncertainty.interval_table(
            np.array([0.7, 0.2, 0.1]),
            np.array([0.8, 0.1, 0.1]),
            np.array([0.5, 0.0, 0.0]),
            np.array([0.9, 0.4, 0.2]),
            np.array([1, 1, 0], dtype=np.uint8),
            CLASSES,
        )
        figure = uncertainty.draw_intervals(table, labels=["1"], kind="equal-tailed")
        bar, mean, mode = figure.data
        assert (list(mean.y), list(mode.y)) == ([0.7, 0.2, 0.1], [0.8, 0.1, 0.1])
        assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].x1) == (0.5, 1.5)  # the true class is shaded
        np.testing.assert_allclose(np.asarray(bar.base, dtype=float) + np.asarray(bar.y), [0.9, 0.4, 0.2])
        assert table["in_set"].tolist() == [True, True, False]

    def test_several_classes_or_none_can_be_true(self) -> None:
        table = pd.DataFrame({"class": CLASSES, "mean": [0.7, 0.2, 0.1], "low": 0.0, "high": 1.0})
        for labels, places in ((["0", "2"], [-0.5, 1.5]), ([], [])):
            figure = uncertainty.draw_intervals(table, labels=labels, kind="equal-tailed")
            assert [shape.x0 for shape in figure.layout.shapes] == places
            assert len(figure.data) == 2  # no mode: the table has none

    def test_draws_and_teachers_lie_where_their_shares_put_them(self) -> None:
        draws, says = np.eye(3), np.array([[0.0, 0.0, 1.0], [0.5, 0.5, 0.0]])
        _, cloud, *points = uncertainty.draw_draws(draws, says, CLASSES, TEACHERS, COLOURS).data
        top = np.sqrt(3) / 2
        np.testing.assert_allclose(np.stack([cloud.x, cloud.y], -1), [[0, 0], [1, 0], [0.5, top]], atol=1e-6)
        np.testing.assert_allclose([[*point.x, *point.y] for point in points], [[0.5, top], [0.5, 0]])
        assert [(point.name, point.marker.color) for point in points] == [
            (title, COLOURS[name]) for name, title in TEACHERS.items()
        ]

    def test_shares_among_some_classes_sum_to_one_even_where_they_have_nothing(self) -> None:
        shares = uncertainty.rescaled(np.array([[0.2, 0.2, 0.0], [0.0, 0.0, 0.0]]))
        np.testing.assert_allclose(shares, [[0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3]])


class TestTeachers:
    PREDICTED = np.array([[0, 1, 1], [0, 0, 1]])

    def test_expertise_is_accuracy_by_class_and_unknown_where_a_class_is_absent(self) -> None:
        table = teachers.expertise(self.PREDICTED, np.array([0, 1, 1]), CLASSES, ["A", "B"])
        np.testing.assert_array_equal(table.to_numpy(), [[1, 1, np.nan], [1, 0.5, np.nan]])

    def test_agreement_is_symmetric_and_whole_on_the_diagonal(self) -> None:
        table = teachers.agreement(self.PREDICTED, ["A", "B"]).to_numpy()
        np.testing.assert_allclose(table, [[1, 2 / 3], [2 / 3, 1]])

    def test_a_table_is_drawn_as_it_reads(self) -> None:
        table = teachers.expertise(self.PREDICTED, np.array([0, 1, 2]), CLASSES, ["A", "B"])
        (cells,) = teachers.draw_table(table, x="Class", hover="").data
        assert (list(cells.y), list(cells.x)) == (["A", "B"], CLASSES)
        np.testing.assert_array_equal(np.asarray(cells.z), [[1, 1, 0], [1, 0, 0]])

    def test_what_each_teacher_says_is_in_its_colour_and_in_the_classes_order(self) -> None:
        says = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
        bars = teachers.draw_probabilities(says, CLASSES, TEACHERS, COLOURS).data
        assert [list(bar.y) for bar in bars] == says.tolist()
        assert [bar.marker.color for bar in bars] == list(COLOURS.values())
