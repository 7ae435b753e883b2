"""What a run's metrics and predictions hold: their shapes, and that they are those of the draws."""

import json
import math

import pytest
import torch

from mtbkd_core import Result, Task, distill
from mtbkd_core.evaluation.evaluate import evaluate, weighted_teachers
from mtbkd_core.evaluation.scores import scores
from mtbkd_core.evaluation.sets import conformal, halves, score_sets
from mtbkd_core.measuring import examples_of
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
    rows = ["student", "student_mode", "warm_start", "teachers_mean", "teachers_weighted", *teachers]
    saved = result.metrics.dump()
    assert set(saved) == {*rows, "versus", "diagnostics"}
    posterior = {"epistemic", "deviance", "coverage", "set_size"}
    for row in rows:
        scored = SCORES | posterior if row == "student" else SCORES
        others = {"errors", "calibrated_ece", "by_class"} | ({"sets"} if row == "student" else set())
        assert set(saved[row]) == scored | others
        assert all(math.isfinite(saved[row][name]) for name in scored)
        assert set(saved[row]["errors"]) == scored
        assert all(error["test_set"] is not None for error in saved[row]["errors"].values())
        with_chains = row in ("student", "student_mode", "warm_start")
        assert all((error["sampler"] is not None) == with_chains for error in saved[row]["errors"].values())
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
        "test.teachers_weighted": (m, c),
        "test.r_hat": (m,),
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
    tensors = result.predictions.tensors()
    assert all(torch.isfinite(tensor.float()).all() for name, tensor in tensors.items() if name != "test.r_hat")


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
    _, held = halves(len(digits.y_test), result.config.data.split_seed)
    hit = p["test.prediction_set"].gather(1, digits.y_test[:, None])[held]
    assert student["coverage"] == pytest.approx(float(hit.float().mean()))
    assert student["set_size"] == pytest.approx(float(p["test.prediction_set"][held].sum(1).float().mean()))


def test_accuracy_by_class_is_that_of_the_saved_predictions(result: Result) -> None:
    test = result.predictions.test
    for one in result.metrics.student.by_class:
        here = test.labels == one.label
        assert (one.right, one.count) == (int((test.mean[here].argmax(1) == one.label).sum()), int(here.sum()))
        assert one.low < one.accuracy <= one.high
    assert sum(one.count for one in result.metrics.student.by_class) == len(test.labels)


def test_the_student_has_sets_of_every_kind_on_the_rows_that_calibrate_none(result: Result) -> None:
    student = result.metrics.student
    assert (student.sets.credible.coverage, student.sets.credible.size) == (student.coverage, student.set_size)
    for found in (student.sets.credible, student.sets.conformal, student.sets.conformal_by_class):
        assert (found.level, found.count) == (0.95, 300)
        assert found.coverage > 0.85
    calibration, held = halves(600, 0)
    test = result.predictions.test
    again = conformal(test.mean[calibration], test.labels[calibration]).sets(test.mean[held])
    assert student.sets.conformal.coverage == score_sets(again, test.labels[held]).coverage


def test_the_weighted_teachers_are_weighted_as_the_prior_weights_them(result: Result) -> None:
    test = result.predictions.test
    mean = (test.weights[..., None] * test.teachers).sum(0)
    torch.testing.assert_close(test.teachers_weighted, mean)
    assert result.metrics.teachers_weighted.row == pytest.approx(scores(mean, test.labels).row)


def test_calibrated_teachers_are_weighted_as_calibrated(tiny: Task) -> None:
    config = small(teachers=("one", "other"))
    prior = config.prior.model_copy(update={"calibrated_teachers": True, "entropy_temperatures": (2.0, 3.0)})
    logits = tiny.teacher_logits(["one", "other"], "test")
    tempered = logits / torch.tensor([2.0, 3.0])[:, None, None]
    weights = entropy_weights(tempered)
    torch.testing.assert_close(weighted_teachers(logits, prior), (weights[..., None] * tempered.softmax(-1)).sum(0))


def test_the_student_is_compared_with_the_best_teacher_the_weighted_ones_and_its_start(result: Result) -> None:
    metrics = result.metrics
    best = min(metrics.teachers, key=lambda name: metrics.teachers[name].nll)
    assert metrics.best_teacher == best
    assert list(metrics.versus) == [f"teacher:{best}", "teachers_weighted", "warm_start"]
    for row, found in metrics.versus.items():
        for name, each in found.items():
            assert each.difference == pytest.approx(metrics.student[name] - metrics[row][name])
            assert each.low <= each.difference <= each.high


def test_the_r_hat_of_each_example_is_kept(result: Result) -> None:
    found, test = result.metrics.diagnostics, result.predictions.test
    measured = test.r_hat[~test.r_hat.isnan()]
    assert len(measured) == 200
    assert float(measured.max()) == pytest.approx(found.r_hat_max)
    assert float((measured > 1.05).float().mean()) == pytest.approx(found.share_apart)
    assert int(test.apart.sum()) == round(200 * found.share_apart)
    assert (found.chains, found.draws, found.verdict) == (4, 20, "too_few_draws")


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
