"""Tuning: the folds, one budget, and the choice of least NLL on held-out rows."""

import math

import pytest
import torch
from torch import Tensor

from mtbkd_core import Task, UserError, build_config
from mtbkd_core.baselines.base import TRIALS, Baseline, Problem
from mtbkd_core.baselines.fitting import Networks
from mtbkd_core.baselines.registry import BASELINES
from mtbkd_core.evaluation.scores import scores
from mtbkd_core.posterior import LogPosterior
from mtbkd_core.prior import entropy_weights, stack_priors
from mtbkd_core.samplers.base import watched
from mtbkd_core.samplers.randomness import Randomness
from mtbkd_core.samplers.warm_start import warm_start
from mtbkd_core.studies import tuning
from mtbkd_core.studies.methods import posteriors
from mtbkd_core.studies.tuning import Tuned, Tuning, anchored_means, folds, n_folds, split_row, tuned_config
from tests.conftest import without_some_labels
from tests.studies.scene import QUICK


def test_folds_hold_out_every_labelled_row_once_and_none_of_the_test(digits: Task) -> None:
    parts = folds(digits, 3)
    assert len(parts) == 4
    held_out = torch.cat([part.x_test for part in parts])
    assert sorted(map(tuple, held_out.tolist())) == sorted(map(tuple, digits.x_train.tolist()))
    for part in parts:
        assert len(part.y_train) + len(part.y_test) == len(digits.y_train)
        assert not {tuple(row) for row in part.x_train.tolist()} & {tuple(row) for row in part.x_test.tolist()}
    again, other = folds(digits, 3)[0], folds(digits, 4)[0]
    assert torch.equal(parts[0].x_test, again.x_test)
    assert not torch.equal(parts[0].x_test, other.x_test)


def test_a_held_out_row_takes_its_teachers_logits_with_it(digits: Task) -> None:
    part = folds(digits, 0)[0]
    place = [digits.x_train.tolist().index(row) for row in part.x_test.tolist()]
    for name, teacher in part.teachers.items():
        assert torch.equal(teacher.logits_test, digits.teachers[name].logits_train[place])
        assert len(teacher.logits_train) == len(part.y_train)


@pytest.mark.parametrize(("labelled", "count"), [(8, 4), (150, 4), (200, 4), (600, 4), (1000, 2), (2500, 1)])
def test_there_are_as_many_folds_as_enough_rows_take(labelled: int, count: int) -> None:
    assert n_folds(labelled) == count


def certain(share: float) -> Baseline:
    """A baseline that gives the true class its setting's probability; the best setting is the largest."""

    def run(problem: Problem, settings: list[dict[str, float]]) -> Tensor:
        truth = torch.nn.functional.one_hot(problem.task.y_test, 10).float()
        p = torch.tensor([each["weight"] * share for each in settings])[:, None, None]
        return p * truth + (1 - p) * (1 - truth) / 9

    return Baseline("x", "X", "X.", lambda config: [{"weight": value} for value in (0.2, 0.9, 0.5)], run)


def test_the_setting_of_least_nll_on_held_out_rows_is_chosen(digits: Task) -> None:
    found = Tuning(build_config(QUICK.items()), digits).of_baseline(certain(1.0))
    assert found.settings == {"weight": 0.9}
    assert found.validation_nll == pytest.approx(-math.log(0.9), abs=1e-6)


def test_a_start_lends_its_settings(digits: Task) -> None:
    found = Tuning(build_config(QUICK.items()), digits).of_baseline(certain(1.0), {"weight_scale": 0.7})
    assert found.settings == {"weight_scale": 0.7, "weight": 0.9}


def test_settings_that_all_diverge_are_refused(digits: Task) -> None:
    with pytest.raises(UserError, match=r"^x: none of the 3 settings tried gives finite"):
        Tuning(build_config(QUICK.items()), digits).of_baseline(certain(math.nan))


def test_the_temperature_of_predictions_that_are_always_right_is_cold(digits: Task) -> None:
    chosen = Tuning(build_config(QUICK.items()), digits)
    chosen.of_baseline(certain(1.0))
    found = chosen.of_scaled("x")
    assert 0.05 <= found.settings["temperature"] < 0.1
    assert found.validation_nll < -math.log(0.9)


def test_the_fits_that_score_a_posterior_are_its_warm_start(digits: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one setting, on labelled and unlabelled rows, they end where the sampler's own warm start ends."""
    monkeypatch.setattr(tuning, "MEMBERS", 2)
    task = without_some_labels(digits, 80)
    config = build_config({**QUICK, "sampler.chains": 2, "n_unlabelled": 80, "student.weight_scale": 0.5}.items())
    found = anchored_means(Problem(config, task), config, [{"weight_scale": 0.5, "strength": 2.0}])
    data = task.training_set(config.data.teachers, 80)
    prior = config.prior.model_copy(update={"strength": 2.0})
    problem, random = Problem(config, task), Randomness.seeded(config.seed)
    target = LogPosterior(problem.student, data.x, data.labels, stack_priors(data.teacher_logits, [prior]))
    start = random.normal((2, problem.student.n_parameters))
    end = watched(warm_start(target, start, config.sampler, random), lambda step: None)
    wanted = Networks(problem.student, 0.5 * end).probabilities(task.x_test).mean(0)
    torch.testing.assert_close(found[0], wanted, atol=1e-3, rtol=0)


def test_every_posterior_has_as_many_trials_as_a_baseline_and_the_configured_settings_among_them(
    digits: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[list[dict[str, float]]] = []

    def record(problem: Problem, config: object, grid: list[dict[str, float]]) -> Tensor:
        tried.append(grid)
        return torch.full((len(grid), len(problem.task.y_test), 10), 0.1)

    monkeypatch.setattr(tuning, "anchored_means", record)
    config = build_config(QUICK.items())
    every = Tuning(config, digits)
    for name, each in posteriors(config, len(digits.y_train)).items():
        assert every.of_posterior(name, each).tried == TRIALS == len(tried[-1])
        strength = {"strength": each.prior.strength} if each.prior.strength else {}
        assert {"weight_scale": config.student.weight_scale, **strength} in tried[-1]


def test_the_teachers_mean_has_the_weights_of_least_nll_on_held_out_rows(digits: Task) -> None:
    config = build_config(QUICK.items())
    found = Tuning(config, digits).of_teachers("teachers_tuned")
    logits = digits.teacher_logits(config.data.teachers)
    known = {}
    for each in (None, *tuning.SOFTMIN_TEMPERATURES):
        rule = {"rule": "softmin", "softmin_temperature": each} if each else {}
        weights = entropy_weights(logits, **rule)
        known[each] = scores((weights[..., None] * logits.softmax(-1)).sum(0), digits.y_train).nll
    best = min(known, key=lambda each: known[each])
    assert found.settings == ({} if best is None else {"softmin_temperature": best})
    assert found.validation_nll == pytest.approx(known[best], abs=1e-6)
    assert found.tried == len(known) == TRIALS


def test_what_was_chosen_survives_a_row_of_a_table() -> None:
    tuned = Tuned({"weight_scale": 0.5, "rate": 0.1}, 0.25, 16)
    assert split_row({"nll": 0.2, **tuned.row}) == ({"nll": 0.2}, tuned)
    assert split_row({"nll": 0.2}) == ({"nll": 0.2}, None)


def test_a_posterior_runs_with_what_was_chosen() -> None:
    config = tuned_config(build_config(QUICK.items()), Tuned({"weight_scale": 0.7, "strength": 0.3}, 0.2, 16))
    assert (config.student.weight_scale, config.prior.strength) == (0.7, 0.3)


@pytest.mark.slow
def test_tuned_networks_are_no_worse_on_test_examples_than_the_worst_settings(digits: Task) -> None:
    config = build_config({**QUICK, "student.kind": "mlp", "student.hidden": "16"}.items())
    baseline = next(each for each in BASELINES if each.name == "mean_kd")
    best = Tuning(config, digits).of_baseline(baseline).settings
    problem = Problem(config, digits)
    found = baseline.run(problem, [best, *baseline.grid(config)])
    nll = [scores(p, digits.y_test).nll for p in found]
    assert nll[0] < sorted(nll[1:])[5]
