"""A run that is done goes on: its draws stay, and the others are those of a longer run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mtbkd_core import Cancelled, Result, Task, UserError, distill, extend
from mtbkd_core.config.choices import Algorithm
from mtbkd_core.extension import more_of
from tests.samplers.runner import within_error
from tests.small import small


def one(**settings: Any) -> Any:
    return small(teachers=("one",), **settings)


@pytest.mark.parametrize("algorithm", Algorithm)
@pytest.mark.parametrize("white", ["none", "curvature"])
def test_an_extended_run_has_the_draws_of_a_longer_one(
    algorithm: Algorithm, white: str, tiny: Task, tmp_path: Path
) -> None:
    """It is saved between, and extended twice."""
    settings = {"sampler__algorithm": algorithm, "sampler__preconditioner": white}
    result = distill(one(sampler__draws=8, **settings), task=tiny)
    for draws in (4, 8):
        result.save(tmp_path)
        result = extend(Result.load(tmp_path), draws=draws, task=tiny)
    longer = distill(one(sampler__draws=20, **settings), task=tiny)
    torch.testing.assert_close(result.draws, longer.draws, rtol=2e-4, atol=2e-4)
    torch.testing.assert_close(result.predictions.log_joint, longer.predictions.log_joint, rtol=1e-3, atol=1e-2)
    assert result.metrics.diagnostics.gradients == longer.metrics.diagnostics.gradients
    assert result.metrics.student.nll == pytest.approx(longer.metrics.student.nll, rel=1e-3)
    assert result.metrics.warm_start == longer.metrics.warm_start
    assert result.config.sampler.draws == 8
    assert (result.sampling["draws"], result.sampling["extended"]) == (20, 2)


def test_without_a_number_there_are_as_many_draws_again(tiny: Task) -> None:
    assert extend(distill(one(), task=tiny), task=tiny).draws.shape[1] == 40


def test_a_run_of_a_former_version_goes_on_from_its_last_draws_in_the_same_posterior(tiny: Task) -> None:
    whole = distill(one(sampler__draws=300, sampler__thinning=4), task=tiny)
    former = replace(distill(one(sampler__draws=40, sampler__thinning=4), task=tiny), standing=None, sampling={})
    longer = extend(former, draws=300, task=tiny)
    assert torch.allclose(longer.draws[:, :40], former.draws)
    assert longer.metrics.warm_start == former.metrics.warm_start
    found = longer.predict(tiny.x_test[:3]).mean
    expected = whole.predict(tiny.x_test[:3]).mean
    each = torch.stack([longer.student.probabilities(draw, tiny.x_test[:3]) for draw in longer.draws[:, 40:].unbind(1)])
    within_error(each.movedim(0, 1).flatten(2)[..., :2], expected.flatten()[:2])
    torch.testing.assert_close(found, expected, atol=0.03, rtol=0)


def test_a_run_goes_on_until_it_is_precise(tiny: Task) -> None:
    result = distill(one(), task=tiny)
    longer = extend(result, until=0.004, gradients=20_000, task=tiny)
    assert longer.sampling["ended_by"] == "until"
    assert longer.sampling["precision"] <= 0.004
    assert extend(result, seconds=1e-6, task=tiny).draws.shape[1] == 21


def test_going_on_can_be_cancelled_and_leaves_the_result_as_it_was(tiny: Task) -> None:
    result = distill(one(), task=tiny)
    before = result.draws.clone()
    with pytest.raises(Cancelled):
        extend(result, task=tiny, should_stop=lambda: True)
    assert torch.equal(result.draws, before)


def test_other_data_are_refused(tiny: Task) -> None:
    result = distill(one(), task=tiny)
    with pytest.raises(UserError, match="have changed since this run"):
        extend(result, task=replace(tiny, fingerprint="1" * 16))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"draws": 0}, "got draws 0"),
        ({"seconds": -1.0}, "got seconds -1"),
        ({"draws": 3, "seconds": 1.0}, "allowed: one of them"),
        ({"draws": 10**9}, "GiB"),
    ],
)
def test_what_cannot_be_asked_is_refused(asked: dict[str, Any], said: str, tiny: Task) -> None:
    with pytest.raises(UserError, match=said):
        more_of(distill(one(sampler__draws=4), task=tiny), **asked)
