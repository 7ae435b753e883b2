"""Every method of the comparison: its rows, its runs, its words."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from mtbkd_core import RunConfig, Task, UserError, build_config, distill
from mtbkd_core.baselines.base import TRIALS
from mtbkd_core.evaluation.means import errors_of, row_with_errors, without_errors
from mtbkd_core.evaluation.scores import COMPARED, OF_ALL, scores
from mtbkd_core.samplers.loop import LeftPosterior
from mtbkd_core.studies import methods as module
from mtbkd_core.studies import tuning
from mtbkd_core.studies.method_words import about, left_out
from mtbkd_core.studies.methods import methods, one_and_ensemble
from mtbkd_core.studies.tuning import Tuned, Tuning, split_row, tuned_config
from tests.conftest import without_some_labels
from tests.studies.scene import CALLS, MEANS, POSTERIORS, QUICK, ROWS

pytestmark = pytest.mark.usefixtures("quick_tuning")


@pytest.mark.usefixtures("short_fits")
@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_every_row_has_every_score_and_a_posterior_its_r_hat(kind: str, few_digits: Task) -> None:
    config = build_config({**QUICK, "student.kind": kind, "student.hidden": "12"}.items())
    calls = methods(config, few_digits).values()
    rows = [(name, split_row(row)) for call in calls for name, row in call().items()]
    assert sorted(name for name, _ in rows) == sorted(ROWS)
    for name, (row, tuned) in rows:
        assert set(row) >= set(OF_ALL), name
        assert ("r_hat" in row) == (name in POSTERIORS), name
        assert 0.3 < row["accuracy"] <= 1, name
        # what makes no error has no AUROC of errors
        missing = {score for score, value in row.items() if value is None or not math.isfinite(value)}
        assert missing == ({"auroc_misclassification"} if row["accuracy"] == 1 else set()), name
        assert (tuned is None) == (name in MEANS[:2]), name
        assert tuned is None or tuned.tried == TRIALS, name


def test_one_run_gives_mt_bkd_its_warm_start_and_the_teachers_means(
    few_digits: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []
    monkeypatch.setattr(module, "distill", lambda *given, **named: runs.append(distill(*given, **named)) or runs[-1])
    config = build_config({**QUICK, "prior.rule": "softmin", "prior.softmin_temperature": "0.1"}.items())
    found = {name: split_row(row)[0] for name, row in methods(config, few_digits)["mt_bkd"]().items()}
    (run,) = runs
    metrics = run.metrics
    assert {name: found[name] for name in ("mt_bkd", "warm_start", *MEANS[:2])} == {
        "mt_bkd": metrics.row,
        "warm_start": row_with_errors(metrics.warm_start),
        "teachers_mean": row_with_errors(metrics.teachers_mean),
        "teachers_weighted": row_with_errors(metrics.teachers_weighted),
    }
    # all 40 may be right, and then there is no AUROC to have an error
    assert set(COMPARED) - {"auroc_misclassification"} <= set(errors_of(found["teachers_tuned"]))


def test_every_posterior_runs_with_its_own_teachers_and_strength_and_what_was_chosen_for_it(
    digits: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ran(Exception):
        pass

    def record(config: RunConfig | list[RunConfig], **_: object) -> None:
        ran.append(config)
        raise Ran

    def chosen(self: Tuning, name: str, config: RunConfig) -> Tuned:
        changed = {"strength": 0.3} if config.prior.strength else {}
        return Tuned({"weight_scale": 0.5 + len(name) / 100, **changed}, 0.3, 16)

    ran: list[RunConfig | list[RunConfig]] = []
    monkeypatch.setattr(module, "distill", record)
    monkeypatch.setattr(module, "each_result", record)
    monkeypatch.setattr(Tuning, "of_posterior", chosen)
    config = build_config({**QUICK, "prior.base_weights": "1,2", "prior.entropy_temperatures": "1,3"}.items())
    for name in CALLS:
        with pytest.raises(Ran):
            methods(config, digits)[name]()
    changes = {"digits-0-4": "1", "digits-5-9": "3"}
    single = [
        build_config(
            {
                "teachers": name,
                "prior.base_weights": None,
                "prior.entropy_temperatures": own,
                "student.weight_scale": 0.5 + len(f"teacher:{name}") / 100,
                "prior.strength": 0.3,
            }.items(),
            base=config,
        )
        for name, own in changes.items()
    ]
    ours = build_config({"student.weight_scale": 0.56, "prior.strength": 0.3}.items(), base=config)
    alone = build_config({"student.weight_scale": 0.6, "prior.strength": 0}.items(), base=config)
    assert ran == [ours, alone, single]


def test_a_strength_that_is_left_to_the_program_is_tuned(few_digits: Task) -> None:
    found = methods(build_config({**QUICK, "prior.strength": "auto"}.items()), few_digits)["mt_bkd"]()["mt_bkd"]
    assert found["tuned.strength"] in tuning.STRENGTHS


def test_single_teachers_run_together_as_they_would_alone(few_digits: Task) -> None:
    config = build_config(QUICK.items())
    found = methods(config, few_digits)["teacher:digits-0-4"]()
    assert list(found) == [f"teacher:{name}" for name in config.data.teachers]
    for name in config.data.teachers:
        row, tuned = split_row(found[f"teacher:{name}"])
        assert tuned is not None
        own = tuned_config(config.with_data(teachers=(name,)), tuned)
        alone = distill(own, task=few_digits).metrics.row
        assert row.keys() == alone.keys()
        assert row["nll"] == pytest.approx(alone["nll"], abs=0.1)


def test_a_single_teacher_with_a_run_that_fails_is_named(few_digits: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(configs: list[RunConfig], *, on_problem: Any, **_: object) -> Iterator[Any]:
        on_problem(1, UserError("a setting is wrong"))
        yield from ()

    monkeypatch.setattr(module, "each_result", failing)
    with pytest.raises(UserError, match=r"^teacher digits-5-9: a setting is wrong"):
        methods(build_config(QUICK.items()), few_digits)["teacher:digits-0-4"]()


def test_a_single_teacher_whose_chains_leave_the_posterior_has_no_row(
    few_digits: Task, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def leaving(configs: list[RunConfig], *, on_problem: Any, **_: object) -> Iterator[Any]:
        on_problem(1, LeftPosterior(0.001))
        yield 0, distill(configs[0], task=few_digits)

    monkeypatch.setattr(module, "each_result", leaving)
    found = methods(build_config(QUICK.items()), few_digits)["teacher:digits-0-4"]()
    assert list(found) == ["teacher:digits-0-4"]
    assert "teacher digits-5-9: " in caplog.text


def test_without_teachers_a_minibatch_larger_than_the_labels_takes_all_of_them(few_digits: Task) -> None:
    task = without_some_labels(few_digits, 160)
    sizes = {"sampler.batch_size": 60, "sampler.warm_start_batch_size": 50, "sampler.algorithm": "sgld"}
    config = build_config({**QUICK, **sizes, "n_unlabelled": 160}.items())
    found = methods(config, task)["no_teacher"]()["no_teacher"]
    whole = {"sampler.batch_size": None, "sampler.warm_start_batch_size": None, "n_unlabelled": 0}
    chosen = {"student.weight_scale": found["tuned.weight_scale"]}
    alone = build_config({**whole, **chosen, "prior.strength": 0}.items(), base=config)
    assert found["nll"] == distill(alone, task=task).metrics.student.nll


def test_a_baseline_is_one_network_and_the_mean_of_all(digits: Task, generator: torch.Generator) -> None:
    one = torch.randn(len(digits.y_test), 10, generator=generator, dtype=torch.float64).softmax(-1)
    found = one_and_ensemble("x", torch.stack([one, one.flip(-1)]), digits.y_test)
    assert {name: without_errors(row) for name, row in found.items()} == {
        "x": scores(one, digits.y_test).row,
        "x_ensemble": scores((one + one.flip(-1)) / 2, digits.y_test).row,
    }


def test_what_is_left_out_is_said_with_its_reason(few_digits: Task) -> None:
    everything = methods(build_config(QUICK.items()), few_digits)
    assert left_out(everything) == []
    (line,) = left_out([name for name in everything if name != "laplace"])
    assert "because the matrix of the student's last layer would take more than 64 MiB" in line


def test_a_prediction_that_is_not_finite_has_no_scores(digits: Task) -> None:
    p = torch.full((2, len(digits.y_test), 10), math.nan)
    assert set(one_and_ensemble("x", p, digits.y_test)["x"].values()) == {None}


def test_every_row_has_a_title_of_its_own_and_a_line() -> None:
    found = {name: about(name, {"digits-0-4": "Digits 0 to 4"}) for name in ROWS}
    assert len({one.title for one in found.values()}) == len(ROWS)
    assert all(one.line.endswith(".") for one in found.values())
    titles = ("teacher:digits-0-4", "teacher:digits-5-9", "ebkd_ensemble", "ebkd_scaled", "warm_start")
    assert [found[name].title for name in titles] == [
        "Only Digits 0 to 4",
        "Only digits-5-9",
        "EBKD, ensemble",
        "EBKD, scaled",
        "Warm start",
    ]
    assert about("mean_kd_tuned", {}).line.endswith(".")
    assert about("brand-new", {}).title == "brand-new"
