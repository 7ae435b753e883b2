"""What pages say first: nothing within its errors, and what stands out."""

import pytest
import torch
from torch import Tensor

from mtbkd_core.evaluation.errors import Difference, ExactCalibration, Reading, ScoreError
from mtbkd_core.evaluation.metrics import Metrics
from mtbkd_core.evaluation.readings import (
    Summary,
    of_influence,
    of_prior,
    of_reliability,
    of_shifts,
    of_teachers,
    of_uncertainty,
)
from mtbkd_core.evaluation.scores import PosteriorScores, Scores
from mtbkd_core.evaluation.sets import Sets, SetScores
from mtbkd_core.evaluation.shift import Separation

CLASSES = ["a", "b"]


def predictions(confidence: float, right: int, of: int = 100) -> tuple[Tensor, Tensor]:
    """Probabilities of two classes, all for the first one, and labels of which `right` are of it."""
    return torch.tensor([[confidence, 1 - confidence]]).repeat(of, 1), (torch.arange(of) >= right).long()


def reliability(confidence: float, right: int, high: float = 0.01, auroc: float = 0.9) -> Summary:
    student = PosteriorScores(
        ece=0.05,
        calibrated_ece=ExactCalibration(high=high),
        auroc_misclassification=auroc,
        errors={"auroc_misclassification": ScoreError(test_set=0.05)},
    )
    versus = {"warm_start": {"accuracy": Difference(difference=0.0, low=-0.02, high=0.02, verdict=Reading.UNCLEAR)}}
    metrics = Metrics(student=student, teachers={"t": Scores(nll=1.0)}, versus=versus)
    return of_reliability(metrics, {"t": "T"}, *predictions(confidence, right), CLASSES)


@pytest.mark.parametrize(
    ("confidence", "right", "high", "said"),
    [
        (0.9, 60, 0.01, "overconfident: it says 90.0% on average where 60.0% are right (+30.0 points ["),
        (0.6, 95, 0.01, "underconfident: it says 60.0% on average where 95.0% are right (-35.0 points ["),
        (0.9, 90, 0.01, "miscalibrated"),
        (0.9, 60, 0.06, "no clear miscalibration"),
    ],
)
def test_a_student_is_called_miscalibrated_only_beyond_what_exact_calibration_would_show(
    confidence: float, right: int, high: float, said: str
) -> None:
    sentence = reliability(confidence, right, high).sentence
    assert sentence.startswith("The student is as accurate as its warm start within 2.0 points.")
    assert said in sentence


def test_a_class_that_is_never_right_and_a_score_at_chance_stand_out() -> None:
    assert reliability(0.9, 60).remarks == ("Class b is never right: accuracy 0 on 40 test examples.",)
    assert any("AUROC is at chance" in remark for remark in reliability(0.9, 100, auroc=0.55).remarks)
    assert reliability(0.9, 100, auroc=0.61).remarks == ()


def test_the_largest_responsibility_is_claimed_only_where_it_is_clear() -> None:
    generator = torch.Generator().manual_seed(0)
    first = 0.5 + 0.2 * (torch.rand(400, generator=generator) - 0.5)
    weights = torch.full((2, 400), 0.5)
    unclear = of_influence(weights, torch.stack([first, 1 - first]), ["One", "Two"], "image")
    assert unclear.sentence.startswith("No teacher clearly has the largest responsibility")
    clear = of_influence(weights, torch.stack([0.6 * first, 1 - 0.6 * first]), ["One", "Two"], "image")
    assert clear.sentence.startswith("Two has the largest responsibility: 70%")
    assert "not a cause" in clear.sentence


def test_a_teacher_that_is_hardly_heard_stands_out() -> None:
    weights, shares = torch.full((2, 10), 0.5), torch.tensor([[0.999], [0.001]]).repeat(1, 10)
    (remark,) = of_influence(weights, shares, ["One", "Two"], "image").remarks
    assert remark.startswith("Two is hardly heard")
    assert of_influence(weights[:1], shares[:1], ["One"], "image").remarks == ()


@pytest.mark.parametrize(
    ("coverage", "said"), [(0.99, "more often than the 95%"), (0.94, "within the error"), (0.80, "less often")]
)
def test_coverage_is_read_with_its_error(coverage: float, said: str) -> None:
    sets = Sets(credible=SetScores(level=0.95, coverage=coverage, coverage_error=0.01, size=1.0, count=300))
    assert said in of_uncertainty(PosteriorScores(sets=sets), *predictions(0.9, 90)).sentence


def test_errors_made_with_confidence_stand_out_where_they_are_more_than_that_confidence_allows() -> None:
    assert of_uncertainty(PosteriorScores(), *predictions(0.9, 60)).remarks == ()
    assert of_uncertainty(PosteriorScores(), *predictions(0.97, 95)).remarks == ()
    (remark,) = of_uncertainty(PosteriorScores(), *predictions(0.97, 90)).remarks
    assert remark.startswith("Sure and wrong: of 100 predictions above 95%, 10 are wrong")
    assert "expect 3.0" in remark


def test_inputs_that_are_not_noticed_are_named() -> None:
    def separated(low: float, high: float) -> dict[str, Separation]:
        return {"epistemic": Separation(auroc=0.5, auroc_low=low, auroc_high=high, aupr=0.5, fpr95=0.5)}

    measured = {"far": separated(0.8, 0.9), "near": separated(0.45, 0.6), "odd": separated(0.1, 0.3)}
    found = of_shifts(measured, {"far": "Far", "near": "Near", "odd": "Odd"}, "image")
    assert found.sentence.endswith("than of test images: Far.")
    assert found.remarks == (
        "Odd: the student is more certain of them than of test images.",
        "Near: AUROC is at chance, its interval holds 0.5.",
    )


def predicted(*right: int, of: int = 100) -> Tensor:
    """[K, 100], of teachers that are right on so many examples of class 0."""
    return torch.stack([(torch.arange(of) >= count).long() for count in right])


@pytest.mark.parametrize(
    ("right", "said"), [((95, 60), "clearly more than any other"), ((95, 94), "No teacher is clearly"), ((95,), "95%")]
)
def test_the_most_accurate_teacher_is_named_where_it_clearly_is(right: tuple[int, ...], said: str) -> None:
    titles = ["One", "Two"][: len(right)]
    assert said in of_teachers(predicted(*right), torch.zeros(100).long(), titles, CLASSES).sentence


def test_a_class_in_which_every_teacher_is_mostly_wrong_stands_out() -> None:
    (remark,) = of_teachers(predicted(20, 30), torch.zeros(100).long(), ["One", "Two"], CLASSES).remarks
    assert remark.startswith("No teacher is right on half of class a")


@pytest.mark.parametrize(
    ("labels", "said"),
    [(None, "chosen from the data"), (0.0, "from its labels alone"), (1.0, "counts as 1 label."), (24.0, "24 labels")],
)
def test_the_prior_says_what_a_statement_counts_for(labels: float | None, said: str) -> None:
    sentence = of_prior(torch.tensor([0.3, 0.7]), ["One", "Two"], "image", labels).sentence
    assert "Two has the most weight, 70%" in sentence
    assert said in sentence


def test_a_run_of_a_former_version_has_nothing_to_say() -> None:
    metrics = Metrics(student=PosteriorScores(nll=0.2))
    assert of_reliability(metrics, {}, *predictions(0.9, 100), CLASSES) == Summary()
    assert of_shifts({}, {}, "image") == Summary()
