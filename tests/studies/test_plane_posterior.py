"""Maps of the plane: rows are the second input, and every number is the one that the core gives elsewhere."""

import numpy as np
import pytest
import torch

from mtbkd_core import Result, Task, build_config, default_config, distill, load_task
from mtbkd_core.common.progress import UserError
from mtbkd_core.config.models import PriorConfig
from mtbkd_core.studies.plane_posterior import (
    distance,
    heaviest,
    least_uncertain,
    plane_of,
    posterior_on,
    tempered,
    true_at,
    truth_of,
)

QUICK = {"sampler.chains": 4, "sampler.draws": 10, "sampler.thinning": 2, "sampler.warm_start_steps": 50}


@pytest.fixture(scope="module")
def task() -> Task:
    return load_task("synthetic")


@pytest.fixture(scope="module")
def result(task: Task) -> Result:
    changes = [*QUICK.items(), ("prior.temperature", 1.5)]
    return distill(build_config(changes, base=default_config("synthetic")), task=task)


def test_rows_are_the_second_input_and_columns_the_first(task: Task) -> None:
    plane = plane_of(truth_of(task), 5)
    assert plane.inputs.shape == (25, 2)
    assert (float(plane.axis[0]), float(plane.axis[-1])) == pytest.approx(truth_of(task).bounds)
    square = plane.square(plane.inputs.t())
    torch.testing.assert_close(square[0], plane.axis.expand(5, 5))
    torch.testing.assert_close(square[1], plane.axis[:, None].expand(5, 5))


def test_a_task_without_a_truth_is_refused(digits: Task) -> None:
    with pytest.raises(UserError, match="true probabilities of digits are not known"):
        truth_of(digits)
    assert true_at(digits, 0, 1.0) is None


def test_the_least_uncertain_teacher_is_the_one_with_the_lowest_entropy() -> None:
    logits = torch.tensor([[[0.0, 0, 0], [9, 0, 0]], [[3, 0, 0], [0, 0, 0]]])
    who, certainty = least_uncertain(logits)
    assert who.tolist() == [1, 0]
    entropy = -(logits[1, 0].softmax(-1) * logits[1, 0].log_softmax(-1)).sum()
    assert float(certainty[0]) == pytest.approx(1 - float(entropy) / np.log(3), abs=1e-6)
    assert float(certainty[1]) > 0.99


def test_the_heaviest_teacher_follows_the_weight_rule() -> None:
    logits = torch.tensor([[[0.0, 0, 0]], [[3, 0, 0]]])
    assert heaviest(logits, PriorConfig())[0].tolist() == [1]
    who, weight = heaviest(logits, PriorConfig(rule="fixed", base_weights=(3, 1)))
    assert who.tolist() == [0]
    assert weight.tolist() == [0.75]


def test_the_maps_are_what_the_result_predicts(task: Task, result: Result) -> None:
    found = posterior_on(result, task, task.x_test[:50], max_draws=40)
    predicted = result.predict(task.x_test[:50], max_draws=40)
    torch.testing.assert_close(found.mean, predicted.mean, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.epistemic, predicted.epistemic, atol=1e-5, rtol=0)


def test_the_responsibilities_are_those_of_the_report(task: Task, result: Result) -> None:
    found = posterior_on(result, task, task.x_test, max_draws=320)
    torch.testing.assert_close(
        found.responsibilities, result.predictions.tensors()["test.responsibilities"], atol=1e-4, rtol=0
    )


def test_tempering_probabilities_is_tempering_logits() -> None:
    logits = torch.tensor([2.0, -1, 0.5])
    torch.testing.assert_close(tempered(logits.softmax(-1), 2.5), (logits / 2.5).softmax(-1))
    torch.testing.assert_close(tempered(torch.tensor([1.0, 0, 0]), 1.0), torch.tensor([1.0, 0, 0]))


def test_the_truth_of_an_example_is_the_formulas(task: Task) -> None:
    true = true_at(task, 7, 1.0)
    assert true is not None
    torch.testing.assert_close(true, truth_of(task).probabilities(task.x_test[7:8])[0])


def test_distance_is_total_variation() -> None:
    assert distance(np.array([1.0, 0, 0]), np.array([0.0, 1, 0])) == 1
    assert distance(np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.3, 0.3])) == pytest.approx(0.1)
