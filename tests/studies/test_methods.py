"""Every method of the comparison: its rows, its runs, its words."""

import math
from dataclasses import replace

import pytest
import torch

from mtbkd_core import RunConfig, Task, UserError, build_config, distill
from mtbkd_core.evaluation.scores import OF_ALL, scores
from mtbkd_core.studies import methods as module
from mtbkd_core.studies.methods import about, left_out, methods, one_and_ensemble
from tests.conftest import without_some_labels
from tests.studies.scene import CALLS, POSTERIORS, QUICK, ROWS


@pytest.mark.usefixtures("short_fits")
@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_every_row_has_every_score_and_a_posterior_its_r_hat(kind: str, few_digits: Task) -> None:
    config = build_config({**QUICK, "student.kind": kind, "student.hidden": "12"}.items())
    rows = [row for method in methods(config, few_digits).values() for row in method().items()]
    assert sorted(name for name, _ in rows) == sorted(ROWS)
    for name, row in rows:
        assert set(row) >= set(OF_ALL), name
        assert ("r_hat" in row) == (name in POSTERIORS), name
        assert 0.3 < row["accuracy"] < 1, name
        assert all(value is not None and math.isfinite(value) for value in row.values()), name


def test_the_deep_ensemble_is_the_warm_start_of_mt_bkds_own_run(
    few_digits: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []
    monkeypatch.setattr(module, "distill", lambda *given, **named: runs.append(distill(*given, **named)) or runs[-1])
    found = methods(build_config(QUICK.items()), few_digits)["mt_bkd"]()
    (run,) = runs
    assert found == {"mt_bkd": run.metrics.row, "deep_ensemble": run.metrics.warm_start.row}


def test_every_posterior_runs_with_its_own_teachers_and_strength(digits: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    class Ran(Exception):
        pass

    def record(config: RunConfig | list[RunConfig], **_: object) -> None:
        ran.append(config)
        raise Ran

    ran: list[RunConfig | list[RunConfig]] = []
    monkeypatch.setattr(module, "distill", record)
    monkeypatch.setattr(module, "each_result", record)
    config = build_config({**QUICK, "prior.base_weights": "1,2", "prior.entropy_temperatures": "1,3"}.items())
    for name in CALLS:
        with pytest.raises(Ran):
            methods(config, digits)[name]()
    changes = {"digits-0-4": "1", "digits-5-9": "3"}
    single = [
        build_config(
            {"teachers": name, "prior.base_weights": None, "prior.entropy_temperatures": own}.items(), base=config
        )
        for name, own in changes.items()
    ]
    assert ran == [config, build_config({"prior.strength": 0}.items(), base=config), single]


def test_single_teachers_run_together_as_they_would_alone(few_digits: Task) -> None:
    config = build_config(QUICK.items())
    found = methods(config, few_digits)["teacher:digits-0-4"]()
    assert list(found) == [f"teacher:{name}" for name in config.data.teachers]
    for name in config.data.teachers:
        alone, row = distill(config.with_data(teachers=(name,)), task=few_digits).metrics.row, found[f"teacher:{name}"]
        assert row.keys() == alone.keys()
        assert row["nll"] == pytest.approx(alone["nll"], abs=0.1)


def test_a_single_teacher_with_a_run_that_fails_is_named(few_digits: Task) -> None:
    config = build_config({**QUICK, "sampler.step_size": 10.0}.items())
    with pytest.raises(UserError, match=r"^teacher digits-0-4: sampler.step_size: a chain leaves the posterior"):
        methods(config, few_digits)["teacher:digits-0-4"]()


def test_without_teachers_a_minibatch_larger_than_the_labels_takes_all_of_them(few_digits: Task) -> None:
    task = without_some_labels(few_digits, 160)
    sizes = {"sampler.batch_size": 60, "sampler.warm_start_batch_size": 50, "sampler.algorithm": "sgld"}
    config = build_config({**QUICK, **sizes, "n_unlabelled": 160}.items())
    found = methods(config, task)["no_teacher"]()["no_teacher"]
    whole = {"sampler.batch_size": None, "sampler.warm_start_batch_size": None, "n_unlabelled": 0}
    alone = build_config({**whole, "prior.strength": 0}.items(), base=config)
    assert found["nll"] == distill(alone, task=task).metrics.student.nll


def test_a_baseline_is_one_network_and_the_mean_of_all(digits: Task, generator: torch.Generator) -> None:
    one = torch.randn(len(digits.y_test), 10, generator=generator, dtype=torch.float64).softmax(-1)
    found = one_and_ensemble("x", torch.stack([one, one.flip(-1)]), digits.y_test)
    assert found == {
        "x": scores(one, digits.y_test).row,
        "x_ensemble": scores((one + one.flip(-1)) / 2, digits.y_test).row,
    }


def test_a_task_without_tuning_lacks_the_tuned_baseline_and_the_reason_is_given(few_digits: Task) -> None:
    config = build_config(QUICK.items())
    everything, fewer = (methods(config, task) for task in (few_digits, replace(few_digits, name="mine")))
    assert set(everything) - set(fewer) == {"mean_kd_tuned"}
    assert left_out(everything) == []
    assert left_out(fewer) == ["Mean KD, tuned: left out, because it has not been tuned for this task."]
    without = [name for name in everything if name != "laplace"]
    (line,) = left_out(without)
    assert line.endswith("because the matrix of the student's last layer would take more than 1 GiB.")


def test_every_row_has_a_title_of_its_own_and_a_line() -> None:
    found = {name: about(name, {"digits-0-4": "Digits 0 to 4"}) for name in ROWS}
    assert len({one.title for one in found.values()}) == len(ROWS)
    assert all(one.line.endswith(".") for one in found.values())
    titles = ("teacher:digits-0-4", "teacher:digits-5-9", "ebkd_ensemble", "deep_ensemble")
    assert [found[name].title for name in titles] == [
        "Only Digits 0 to 4",
        "Only digits-5-9",
        "EBKD, ensemble",
        "Deep ensemble",
    ]
    assert about("brand-new", {}).title == "brand-new"
