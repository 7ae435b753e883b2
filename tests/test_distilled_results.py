"""What a run's metrics and predictions hold: their shapes, and that they are those of the draws."""

import json
import math

import pytest
import torch

from mtbkd_core import Result, Task, distill
from mtbkd_core.distillation import examples_of
from mtbkd_core.evaluation.metrics import evaluate
from mtbkd_core.evaluation.scores import scores
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.prior import entropy_weights, responsibilities, stack_priors
from tests.small import small

SCORES = {
    "accuracy",
    "nll",
    "brier",
    "ece",
    "ece_adaptive",
    "ece_classwise",
    "smooth_ece",
    "auroc_misclassification",
}


@pytest.fixture(scope="module")
def result(digits: Task) -> Result:
    return distill(small(), task=digits)


def test_draws_have_chains_kept_draws_and_parameters(result: Result) -> None:
    assert result.draws.shape == (4, 20, 65 * 10)
    assert torch.isfinite(result.draws).all()
    assert result.draws.flatten(0, 1).unique(dim=0).shape[0] == 80


def test_metrics_have_every_row_and_score(result: Result) -> None:
    teachers = [f"teacher:{name}" for name in result.config.data.teachers]
    rows = ["student", "student_mode", "warm_start", "teachers_mean", *teachers]
    saved = result.metrics.dump()
    assert set(saved) == {*rows, "diagnostics"}
    for row in rows:
        assert set(saved[row]) >= SCORES
        assert all(math.isfinite(value) for value in saved[row].values())
    assert set(saved["student"]) == SCORES | {"epistemic", "deviance", "coverage", "set_size"}
    json.dumps(saved, allow_nan=False)


def test_predictions_have_their_shapes(result: Result) -> None:
    k, n, m, c = 3, 200, 600, 10
    wanted = {
        **{f"test.{name}": (m, c) for name in ("mean", "mode", "low", "high", "hdi_low", "hdi_high", "prediction_set")},
        **{
            f"test.{name}": (m,) for name in ("labels", "deviance", "deviance_bound", "total", "aleatoric", "epistemic")
        },
        "test.draws": (4, 20, m, c),
        "test.responsibilities": (k, m),
        "test.weights": (k, m),
        "test.teachers": (k, m, c),
        "test.warm_start": (m, c),
        "train.labels": (n,),
        "train.mean": (n, c),
        "train.responsibilities": (k, n),
        "train.weights": (k, n),
        "train.teachers": (k, n, c),
        "train.pulls": (k, n, c),
        "train.label_pull": (n, c),
        "trace.log_joint": (4, 20),
    }
    assert {name: tuple(tensor.shape) for name, tensor in result.predictions.tensors().items()} == wanted
    assert all(torch.isfinite(tensor.float()).all() for tensor in result.predictions.tensors().values())


def test_the_metrics_are_scores_of_the_saved_predictions(result: Result, digits: Task) -> None:
    p = result.predictions.tensors()
    assert torch.equal(p["test.labels"], digits.y_test)
    pairs = {"student": "test.mean", "student_mode": "test.mode", "warm_start": "test.warm_start"}
    for row, name in pairs.items():
        found = {score: result.metrics[row][score] for score in SCORES}
        assert found == pytest.approx(scores(p[name], digits.y_test).row)
    for k, teacher in enumerate(result.config.data.teachers):
        own = scores(p["test.teachers"][k], digits.y_test).row
        assert result.metrics.teachers[teacher].row == pytest.approx(own)
    of_mean = scores(p["test.teachers"].mean(0), digits.y_test).row
    assert result.metrics.teachers_mean.row == pytest.approx(of_mean)
    student = result.metrics["student"]
    assert student["epistemic"] == pytest.approx(float(p["test.epistemic"].mean()))
    assert student["deviance"] == pytest.approx(float(p["test.deviance"].mean()))
    hit = p["test.prediction_set"].gather(1, digits.y_test[:, None])
    assert student["coverage"] == pytest.approx(float(hit.float().mean()))
    assert student["set_size"] == pytest.approx(float(p["test.prediction_set"].sum(1).float().mean()))


def test_the_predictions_are_those_of_the_draws(result: Result, digits: Task) -> None:
    p, draws = result.predictions.tensors(), result.draws.flatten(0, 1)
    probabilities = result.student.probabilities(draws, digits.x_test)
    torch.testing.assert_close(p["test.mean"], probabilities.mean(0))
    torch.testing.assert_close(p["test.draws"].float().flatten(0, 1), probabilities, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(result.predict(digits.x_test).mean, p["test.mean"])
    logits = digits.teacher_logits(result.config.data.teachers, "test")
    weights = entropy_weights(logits)
    torch.testing.assert_close(p["test.weights"], weights)
    share = responsibilities(
        result.student.logits(draws, digits.x_test),
        logits,
        weights,
        concentration=result.config.prior.concentration,
        temperature=result.config.prior.temperature,
    )
    torch.testing.assert_close(p["test.responsibilities"], share.mean(0))


def test_the_trace_is_the_log_joint_of_the_draws(result: Result, digits: Task) -> None:
    mixture = stack_priors(digits.teacher_logits(result.config.data.teachers), [result.config.prior])
    target = LogPosterior(result.student, digits.x_train, digits.y_train, mixture)
    whitened = result.draws.flatten(0, 1) / result.config.student.weight_scale
    torch.testing.assert_close(
        result.predictions.tensors()["trace.log_joint"].flatten(), target(whitened).log_joint, rtol=1e-4, atol=0.1
    )


def test_the_student_has_learned(result: Result) -> None:
    """Ten classes: chance is 0.1, and a student of 200 labels and three teachers is far above it."""
    assert result.metrics["student"]["accuracy"] > 0.85
    assert result.metrics["student"]["nll"] < 0.6
    assert 0.85 < result.metrics["student"]["coverage"] <= 1


def test_teachers_are_in_the_order_of_the_configuration(tiny: Task) -> None:
    result = distill(small(teachers=("other", "one")), task=tiny)
    expected = tiny.teacher_logits(["other", "one"], "test").softmax(-1)
    torch.testing.assert_close(result.predictions.tensors()["test.teachers"], expected)


def test_metrics_do_not_break_where_a_students_certainty_is_complete(tiny: Task) -> None:
    """Probabilities that are exactly 1 in float32 have a constant log probability, and so no R-hat."""
    config = small(teachers=("one",))
    student = distill(config, task=tiny).student
    draws = torch.zeros(3, 6, student.n_parameters)
    draws[..., -3] = 200.0  # the bias of class 0
    trace = torch.arange(18.0).view(3, 6)
    metrics, _ = evaluate(config.prior, examples_of(tiny, ("one",)), student, draws, draws[:, 0], trace)
    assert metrics["diagnostics"]["r_hat"] is None
    json.dumps(metrics.dump(), allow_nan=False)
