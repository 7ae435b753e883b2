"""A run's draws, reweighted, say what a run under another prior says."""

import pytest
import torch

from mtbkd_core import Result, RunConfig, Task, build_config, distill
from mtbkd_core.evaluation.reweighting import Reweighted, Trust
from mtbkd_core.evaluation.scores import scores
from mtbkd_core.studies.reweighting import (
    DrawnStudents,
    can_be_reweighted,
    change_of_epistemic,
    epistemic,
    score_differences,
)
from tests.small import small

#: A change of each kind that a control makes: small enough for the draws, and larger than their error.
CHANGES = {
    "strength": 0.6,
    "concentration": 10.0,
    "temperature": 1.4,
    "base_weights": (1.0, 0.3),
    "rule": "fixed",
    "entropy_temperatures": (1.0, 0.3),
}


def config(**changes: object) -> RunConfig:
    prior = {"strength": 0.4, "concentration": 6.0, "temperature": 2.0, "base_weights": (1.0, 1.0)} | changes
    return small(
        teachers=("one", "other"),
        sampler__chains=8,
        sampler__draws=250,
        sampler__thinning=8,
        **{f"prior__{name}": value for name, value in prior.items()},
    )


@pytest.fixture(scope="module")
def result(tiny: Task) -> Result:
    return distill(config(), task=tiny)


@pytest.fixture(scope="module")
def drawn(result: Result, tiny: Task) -> DrawnStudents:
    return DrawnStudents.of(result, tiny, most=2000)


def variance(found: Reweighted) -> torch.Tensor:
    """[R + 1, ...], of the means, by the jackknife over chains."""
    chains, kept = found.sums.shape[1], (..., *[None] * (found.sums.ndim - 2))
    others = (found.sums.sum(1, keepdim=True) - found.sums) / (found.mass.sum(1, keepdim=True) - found.mass)[kept]
    return (chains - 1) / chains * (others - others.mean(1, keepdim=True)).square().sum(1)


@pytest.mark.parametrize("name", CHANGES)
def test_they_agree_with_a_new_run_within_the_monte_carlo_error(name: str, drawn: DrawnStudents, tiny: Task) -> None:
    asked = config(**{name: CHANGES[name]})
    weights = drawn.weights(asked.prior)
    assert Trust.of(weights.pareto_k[0]) is not Trust.UNRELIABLE
    found = weights.of(drawn.on_test)
    again = DrawnStudents.of(distill(asked.model_copy(update={"seed": 1}), task=tiny), tiny, most=2000)
    own = again.weights(asked.prior).of(again.on_test)
    error = (variance(found)[1] + variance(own)[0]).sqrt()
    assert float(((found.means[0] - own.own) / error).square().mean()) < 1.7**2


def test_a_change_is_larger_than_the_error_of_reweighting(drawn: DrawnStudents) -> None:
    """Without this the comparison above would pass for draws that are not reweighted at all."""
    found = drawn.weights(config(concentration=10.0).prior).of(drawn.on_test)
    moved = ((found.means[0] - found.own) / variance(found)[1].sqrt()).square().mean()
    assert float(moved) > 1.7**2


def test_the_runs_own_prior_changes_nothing(result: Result, drawn: DrawnStudents) -> None:
    weights = drawn.weights(result.config.prior)
    assert weights.pareto_k == (0.0,)
    assert weights.effective == pytest.approx([drawn.draws.shape[0] * drawn.draws.shape[1]])


def test_a_prior_that_is_far_away_is_not_to_be_relied_on(drawn: DrawnStudents) -> None:
    assert Trust.of(drawn.weights(config(strength=40.0).prior).pareto_k[0]) is Trust.UNRELIABLE


def test_a_colder_posterior_is_reweighted_by_more(result: Result, tiny: Task) -> None:
    cold = small(teachers=("one", "other"), sampler__temperature=0.5).sampler
    colder = DrawnStudents.of(
        Result(
            result.config.model_copy(update={"sampler": cold}),
            result.metrics,
            result.draws,
            result.predictions,
            result.environment,
        ),
        tiny,
    )
    plain = DrawnStudents.of(result, tiny)
    prior = config(strength=0.41).prior
    logs = [each.weights(prior).values[1].log() for each in (plain, colder)]
    spread = [float(log.max() - log.median()) for log in logs]
    assert spread[1] == pytest.approx(2 * spread[0], rel=0.2)


def test_the_differences_are_those_of_the_scores(drawn: DrawnStudents, tiny: Task) -> None:
    said = drawn.weights(config(concentration=9.0).prior).of(drawn.on_test)
    found = score_differences(said, tiny.y_test)
    now, before = (scores(each[:, :-1], tiny.y_test) for each in (said.means[0], said.own))
    assert found["nll"].difference == pytest.approx(now["nll"] - before["nll"], abs=1e-6)
    assert found["nll"].sampler is not None
    assert found["nll"].low < found["nll"].difference < found["nll"].high


def test_epistemic_uncertainty_is_that_of_the_run(result: Result, drawn: DrawnStudents) -> None:
    said = drawn.weights(result.config.prior).of(drawn.on_test)
    torch.testing.assert_close(epistemic(said.own).float(), result.predictions.test.epistemic, atol=0.02, rtol=0)
    assert change_of_epistemic(said).difference == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("changes", "can"),
    [
        ({"prior.strength": 0.1}, True),
        ({"student.hidden": "8"}, True),
        ({"prior.strength": "auto"}, False),
        ({"data.split_seed": 1}, False),
        ({"data.teachers": "generalist"}, False),
        ({"data.n_labelled": 40}, False),
    ],
)
def test_only_other_priors_on_the_same_data_can_be_asked_for(changes: dict[str, object], can: bool) -> None:
    run = build_config()
    assert can_be_reweighted(run, build_config(changes.items(), base=run)) is can


def test_each_chains_shares_are_in_the_mean_those_of_the_report(drawn: DrawnStudents, result: Result) -> None:
    reported = result.predictions.train.responsibilities.float().mean(-1)
    torch.testing.assert_close(drawn.shares().mean(0), reported, atol=2e-3, rtol=0)
