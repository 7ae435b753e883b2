"""From a configuration to a result: shapes, numbers, progress, what happens when it is stopped, and refusals."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mtbkd_core import Cancelled, Progress, Result, RunConfig, Task, Teacher, UserError, build_config, distill
from mtbkd_core.common.progress import Phase
from mtbkd_core.config.choices import Device
from mtbkd_core.distillation import examples_of, find_device, run_work
from mtbkd_core.evaluation.metrics import evaluate
from mtbkd_core.evaluation.scores import scores
from mtbkd_core.posterior import LogPosterior, stack_priors
from mtbkd_core.prior import entropy_weights, responsibilities
from tests.conftest import without_some_labels

SMALL = {
    "student.kind": "linear",
    "sampler.chains": 4,
    "sampler.draws": 20,
    "sampler.thinning": 2,
    "sampler.warm_start_steps": 60,
    "sampler.burn_in": 20,
    "device": "cpu",
}
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


def small(**changes: Any) -> RunConfig:
    return build_config({**SMALL, **{name.replace("__", "."): value for name, value in changes.items()}}.items())


@pytest.fixture(scope="module")
def run(digits: Task) -> tuple[Result, list[Progress]]:
    """One small run and everything that it told."""
    seen: list[Progress] = []
    return distill(small(), task=digits, on_progress=seen.append), seen


@pytest.fixture(scope="module")
def result(run: tuple[Result, list[Progress]]) -> Result:
    return run[0]


@pytest.fixture
def tiny() -> Task:
    """A task of 12 examples, 2 inputs, 3 classes and two teachers, made up."""
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(12, 2, generator=generator), torch.arange(12) % 3
    teachers = {name: Teacher(name, name, "", *torch.randn(2, 12, 3, generator=generator)) for name in ("one", "other")}
    return Task("tiny", "Tiny", "", x, y, x, y, ("a", "b", "c"), teachers, "0" * 16)


# What comes out


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


def test_diagnostics_say_how_far_the_chains_can_be_believed(result: Result) -> None:
    diagnostics = result.metrics["diagnostics"]
    for name in ("r_hat", "r_hat_median", "r_hat_max", "r_hat_log_joint", "ess_median", "ess_p5"):
        assert diagnostics[name] > 0
    assert 0 < diagnostics["acceptance"] <= 1
    assert diagnostics["step_size"] > 0
    assert diagnostics["gradients"] >= 20 + 20 * 2


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
        assert result.metrics[f"teacher:{teacher}"].row == pytest.approx(own)
    of_mean = scores(p["test.teachers"].mean(0), digits.y_test).row
    assert result.metrics["teachers_mean"].row == pytest.approx(of_mean)
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


def test_the_environment_says_what_is_needed_to_load(result: Result, digits: Task, tmp_path: Path) -> None:
    assert result.environment["fingerprint"] == digits.fingerprint_of(result.config.data.teachers)
    assert (result.environment["n_features"], len(result.environment["class_names"])) == (64, 10)
    result.save(tmp_path)
    assert torch.equal(Result.load(tmp_path).draws, result.draws)


# Reproducibility and settings


@pytest.mark.parametrize(
    ("algorithm", "batch"), [("baoab", None), ("baoab", 6), ("sgld", None), ("sgld", 6), ("mclmc", None), ("hmc", None)]
)
def test_equal_configurations_give_equal_draws_and_another_seed_others(
    algorithm: str, batch: int | None, tiny: Task
) -> None:
    settings = {
        "teachers": ("one", "other"),
        "sampler__algorithm": algorithm,
        "sampler__batch_size": batch,
    }
    first, again, other = (distill(small(**settings, seed=seed), task=tiny) for seed in (1, 1, 2))
    assert torch.equal(first.draws, again.draws)
    assert not torch.equal(first.draws, other.draws)
    assert torch.isfinite(first.draws).all()


def test_torchs_global_generator_is_not_moved(tiny: Task) -> None:
    before = torch.get_rng_state()
    distill(small(teachers=("one",)), task=tiny)
    assert torch.equal(torch.get_rng_state(), before)


def test_teachers_are_heard_in_the_order_of_the_configuration(tiny: Task) -> None:
    result = distill(small(teachers=("other", "one")), task=tiny)
    expected = tiny.teacher_logits(["other", "one"], "test").softmax(-1)
    torch.testing.assert_close(result.predictions.tensors()["test.teachers"], expected)


def test_a_given_step_size_is_used_and_nothing_is_tuned(tiny: Task) -> None:
    seen: list[Progress] = []
    config = small(teachers=("one",), sampler__step_size=0.0625)
    diagnostics = distill(config, task=tiny, on_progress=seen.append).metrics["diagnostics"]
    assert diagnostics["step_size"] == 0.0625
    assert diagnostics["acceptance"] is None
    assert Phase.TUNING not in {progress.phase for progress in seen}


def test_a_step_that_is_too_long_is_shortened_and_counted(tiny: Task) -> None:
    diagnostics = distill(small(teachers=("one",), sampler__step_size=1.2), task=tiny).metrics["diagnostics"]
    assert diagnostics["restarts"] > 0
    assert diagnostics["step_size"] == pytest.approx(1.2 * 0.7 ** diagnostics["restarts"])


@pytest.mark.parametrize("chains", [1, 450, 1024])
def test_any_number_of_chains_that_the_configuration_allows_can_be_evaluated(chains: int, tiny: Task) -> None:
    config = small(teachers=("one",), sampler__chains=chains, sampler__draws=8, sampler__burn_in=0)
    result = distill(config, task=tiny)
    assert result.draws.shape[0] == chains
    assert result.metrics["diagnostics"]["r_hat"] > 0


def test_without_a_warm_start_it_still_runs(tiny: Task) -> None:
    result = distill(small(teachers=("one",), sampler__warm_start_steps=0), task=tiny)
    assert torch.isfinite(result.draws).all()


def test_a_task_is_loaded_when_none_is_given(trained_home: Path) -> None:
    config = small(sampler__draws=4, sampler__warm_start_steps=5, sampler__burn_in=5)
    result = distill(config)
    assert result.predictions.tensors()["test.teachers"].shape[0] == 3


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


def test_a_run_says_what_its_algorithm_is_judged_by(tiny: Task) -> None:
    told = {
        algorithm: distill(small(teachers=("one",), sampler__algorithm=algorithm), task=tiny).metrics["diagnostics"]
        for algorithm in ("baoab", "mclmc", "hmc")
    }
    assert told["mclmc"]["energy_variance"] > 0
    assert told["mclmc"]["acceptance"] is None
    assert told["baoab"]["energy_variance"] is told["hmc"]["energy_variance"] is None
    assert 0 < told["hmc"]["acceptance"] <= 1
    assert told["hmc"]["gradients"] == 8 * told["baoab"]["gradients"]


@pytest.mark.parametrize("algorithm", ["baoab", "mclmc", "hmc"])
def test_a_colder_posterior_has_a_higher_log_joint(algorithm: str, tiny: Task) -> None:
    """On a tempered density the mean of the log joint falls as the temperature rises."""
    cold, bayes, hot = (
        distill(
            small(
                teachers=("one",),
                sampler__algorithm=algorithm,
                sampler__temperature=temperature,
                sampler__burn_in=100,
                sampler__thinning=5,
            ),
            task=tiny,
        ).predictions.tensors()["trace.log_joint"]
        for temperature in (0.2, 1.0, 5.0)
    )
    assert cold.mean() > bayes.mean() + 1
    assert bayes.mean() > hot.mean() + 5


# Progress and cancelling


def test_progress_goes_through_the_phases_in_order_and_up_to_one(run: tuple[Result, list[Progress]]) -> None:
    _, seen = run
    phases = list(dict.fromkeys(progress.phase for progress in seen))
    assert phases == [Phase.WARM_START, Phase.TUNING, Phase.SAMPLING, Phase.EVALUATION]
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
    assert all(progress.message and progress.step <= progress.steps for progress in seen)


def test_a_check_for_bias_changes_nothing_else_and_is_a_part_of_the_bar(tiny: Task) -> None:
    asked, seen = small(teachers="one,other", sampler__bias_check=True), list[Progress]()
    result, plain = distill(asked, task=tiny, on_progress=seen.append), distill(asked.unchecked, task=tiny)
    saved, without = result.metrics.dump(), plain.metrics.dump()
    check = saved["diagnostics"].pop("bias_check")
    assert set(saved["diagnostics"]) == set(without["diagnostics"]) | {"seconds_bias_check"}
    assert torch.equal(result.draws, plain.draws)
    assert saved | {"diagnostics": 0} == without | {"diagnostics": 0}
    assert all(math.isfinite(value) for value in check.values())
    assert abs(check["log_joint_difference"]) < 5 * check["log_joint_error"]
    phases = list(dict.fromkeys(progress.phase for progress in seen))
    assert phases == [Phase.WARM_START, Phase.TUNING, Phase.SAMPLING, Phase.BIAS_CHECK, Phase.EVALUATION]
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    ends = {progress.phase: progress.fraction for progress in seen}
    # 60 steps of the sampler, which the check's least number of gradients outweighs
    assert ends[Phase.BIAS_CHECK] - ends[Phase.SAMPLING] == pytest.approx(500 / (60 + 96 + 60 + 500 + 12))


@pytest.mark.parametrize(
    ("settings", "gradients"), [({}, 2100), ({"sampler.batch_size": 100, "sampler.thinning": 80}, 8100 * 0.25)]
)
def test_a_check_for_bias_costs_as_much_as_the_sampling(settings: dict[str, Any], gradients: float) -> None:
    work = run_work(build_config([("sampler.bias_check", True), *settings.items()]).sampler, 400)
    assert work[Phase.BIAS_CHECK] == gradients == work[Phase.SAMPLING]
    assert run_work(build_config().sampler, 400)[Phase.BIAS_CHECK] == 0


def test_a_check_for_bias_notices_a_step_that_is_too_long(tiny: Task) -> None:
    """On the posterior of a linear student, where R-hat finds nothing wrong."""
    asked = small(
        teachers="one,other",
        sampler__bias_check=True,
        sampler__algorithm="sgld",
        sampler__step_size=0.15,
        sampler__chains=16,
        sampler__draws=200,
        sampler__thinning=20,
    )
    told = distill(asked, task=tiny).metrics["diagnostics"]
    assert told["restarts"] == 0
    assert told["r_hat"] < 1.02
    assert told["bias_check"].is_biased


def test_progress_carries_every_chains_log_joint_and_the_teachers_shares(run: tuple[Result, list[Progress]]) -> None:
    _, seen = run
    sampling = [progress for progress in seen if progress.phase is Phase.SAMPLING]
    assert sampling
    for progress in sampling:
        assert progress.log_joint is not None
        assert progress.teacher_share is not None
        assert len(progress.log_joint) == 4
        assert sum(progress.teacher_share) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("phase", [Phase.WARM_START, Phase.TUNING, Phase.SAMPLING, Phase.BIAS_CHECK])
def test_a_run_that_is_stopped_ends_at_the_next_step(phase: Phase, tiny: Task) -> None:
    reached: list[Progress] = []
    asked_after = 0

    def stop() -> bool:
        nonlocal asked_after
        now = any(progress.phase is phase for progress in reached)
        asked_after += now
        return now

    with pytest.raises(Cancelled):
        distill(
            small(teachers=("one",), sampler__bias_check=True),
            task=tiny,
            on_progress=reached.append,
            should_stop=stop,
        )
    assert asked_after == 1
    assert reached[-1].phase is phase


def test_stopping_outranks_training_teachers() -> None:
    with pytest.raises(Cancelled):
        distill(small(), should_stop=lambda: True)


# Refusals


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert find_device(Device.AUTO).type == find_device(Device.CPU).type == "cpu"
    with pytest.raises(UserError, match=r"device: got 'cuda'.*allowed: auto, cpu"):
        distill(small(device="cuda"))


def test_draws_that_take_too_much_memory_are_refused_before_anything_runs(tiny: Task) -> None:
    config = small(
        teachers=("one",), sampler__chains=1024, sampler__draws=5000, student__kind="mlp", student__hidden="512"
    )
    with pytest.raises(UserError, match=r"1024 chains x 5000 draws .* GiB"):
        distill(config, task=tiny)


def test_a_minibatch_larger_than_the_data_is_refused(tiny: Task) -> None:
    with pytest.raises(UserError, match=r"sampler\.batch_size: got 13, the task has 12"):
        distill(small(teachers=("one",), sampler__batch_size=13), task=tiny)


def test_a_warm_start_on_more_examples_than_there_are_is_on_all_of_them(tiny: Task) -> None:
    whole, more = (
        distill(small(teachers=("one",), sampler__warm_start_batch_size=size), task=tiny) for size in ("none", 13)
    )
    assert torch.equal(whole.draws, more.draws)


def test_examples_without_labels_that_a_task_has_not_are_refused(tiny: Task) -> None:
    with pytest.raises(UserError, match=r"^data.n_unlabelled: got 1, allowed for tiny: at most 0$"):
        distill(small(teachers=("one",), n_unlabelled=1), task=tiny)


def test_teachers_who_speak_of_too_few_examples_without_labels_are_refused(few_digits: Task) -> None:
    task = without_some_labels(few_digits, 100)
    name, teacher = next(iter(task.teachers.items()))
    assert teacher.logits_unlabelled is not None
    short = replace(teacher, logits_unlabelled=teacher.logits_unlabelled[:59])
    task = replace(task, teachers={**task.teachers, name: short})
    assert len(task.lesson(list(task.teachers), 59).labels) == 159
    with pytest.raises(UserError, match="speak of digits's examples without a label"):
        distill(small(n_unlabelled=60), task=task)


def test_without_distillation_nothing_is_learned_from_examples_without_labels(few_digits: Task) -> None:
    task = without_some_labels(few_digits, 100)
    silent = {"prior__strength": 0, "sampler__warm_start_batch_size": 50}
    shown, alone = (distill(small(**silent, n_unlabelled=count), task=task) for count in (100, 0))
    assert torch.equal(shown.draws, alone.draws)


def test_examples_without_labels_are_heard_and_their_labels_are_not(few_digits: Task) -> None:
    task = without_some_labels(few_digits, 100)
    heard = distill(small(n_unlabelled=100), task=task)
    blind, told = distill(small(), task=task), distill(small(), task=few_digits)
    assert len(heard.predictions.tensors()["train.labels"]) == len(blind.predictions.tensors()["train.labels"]) == 100
    nll = {name: run.metrics["student"]["nll"] for name, run in (("heard", heard), ("blind", blind), ("told", told))}
    assert nll["heard"] < nll["blind"]
    assert abs(nll["heard"] - nll["told"]) > 1e-4


def test_a_warm_start_on_minibatches_counts_for_as_much_of_the_bar_as_it_costs(few_digits: Task) -> None:
    def at_its_end(**changes: Any) -> float:
        seen: list[Progress] = []
        distill(small(sampler__step_size=0.001, **changes), task=few_digits, on_progress=seen.append)
        return max(progress.fraction for progress in seen if progress.phase is Phase.WARM_START)

    # 60 steps of all 200 examples, of 60 + 60 + a fifth of 60; then of 50 of them
    assert at_its_end() == pytest.approx(60 / 132)
    assert at_its_end(sampler__warm_start_batch_size=50) == pytest.approx(15 / 87)


def test_the_warm_start_can_be_of_minibatches_and_the_sampling_of_all(few_digits: Task) -> None:
    still = {"sampler__burn_in": 0, "sampler__step_size": 1e-6}
    whole = distill(small(**still), task=few_digits)
    part = distill(small(**still, sampler__warm_start_batch_size=50), task=few_digits)
    assert (whole.draws[:, 0] - part.draws[:, 0]).abs().max() > 1e-3
    assert part.metrics["warm_start"]["nll"] == pytest.approx(whole.metrics["warm_start"]["nll"], rel=0.2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"task": "cats"}, "task: got 'cats'"), ({"teachers": ("nobody",)}, "teachers: digits has no 'nobody'")],
)
def test_an_unknown_task_or_teacher_is_refused_in_one_line(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        distill(small(**changes))
    assert "\n" not in str(caught.value)


def test_inputs_that_are_not_finite_are_refused_before_sampling(tiny: Task) -> None:
    broken = replace(tiny, x_train=tiny.x_train * math.nan)
    with pytest.raises(UserError, match="not finite"):
        distill(small(teachers=("one",)), task=broken)


def test_chains_that_leave_at_every_step_size_end_in_one_line(tiny: Task) -> None:
    """SGLD at a step of 10 is unstable still when it is halved five times: the Gaussian prior alone allows 2."""
    wide = replace(tiny, x_train=100 * tiny.x_train)
    with pytest.raises(UserError, match=r"sampler\.step_size.*give a smaller one"):
        distill(small(teachers=("one",), sampler__algorithm="sgld", sampler__step_size=10.0), task=wide)


# Chains that leave, and what is kept of the others


@pytest.mark.parametrize("draws", [4, 19, 21])
def test_no_draw_of_a_chain_that_has_left_is_kept(tiny: Task, draws: int) -> None:
    config = small(
        teachers="one,other", sampler__step_size=2, sampler__burn_in=0, sampler__thinning=1, sampler__draws=draws
    )
    result = distill(config, task=tiny)
    assert result.metrics["diagnostics"]["restarts"] > 0
    # a chain that has left lies hundreds of nats under the others; kept ones stay within the spread of the posterior
    assert result.predictions.tensors()["trace.log_joint"].min() > -200


@pytest.mark.parametrize(
    "settings",
    [
        {"sampler__algorithm": "sgld"},
        {"sampler__algorithm": "sgld", "sampler__schedule": "decaying"},
        {"sampler__batch_size": 5},
        {"sampler__algorithm": "baoab"},
        {"sampler__algorithm": "mclmc"},
        {"sampler__algorithm": "hmc"},
    ],
)
def test_the_log_joint_kept_beside_a_draw_is_that_draws_own(tiny: Task, settings: dict[str, Any]) -> None:
    config = small(teachers="one,other", **settings)
    result = distill(config, task=tiny)
    mixture = stack_priors(tiny.teacher_logits(config.data.teachers), [config.prior])
    target = LogPosterior(result.student, tiny.x_train, tiny.y_train, mixture)
    last = target(result.draws[:, -1] / config.student.weight_scale).log_joint
    torch.testing.assert_close(result.predictions.tensors()["trace.log_joint"][:, -1], last, rtol=1e-4, atol=1e-3)


def test_the_share_done_never_falls_when_teachers_are_trained_first(own_home: Path) -> None:
    seen: list[Progress] = []
    distill(small(teachers="digits-0-4,digits-5-9"), on_progress=seen.append)
    fractions = [progress.fraction for progress in seen]
    assert {progress.phase for progress in seen} >= {Phase.TEACHERS, Phase.SAMPLING}
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


def test_a_cancel_during_the_evaluation_is_heard_there(tiny: Task) -> None:
    """The sampling is over: what stops the run has to be asked within the evaluation."""
    reached: list[Phase] = []
    with pytest.raises(Cancelled):
        distill(
            small(teachers="one,other"),
            task=tiny,
            on_progress=lambda progress: reached.append(progress.phase),
            should_stop=lambda: Phase.EVALUATION in reached,
        )
    assert reached[-1] is Phase.EVALUATION


def test_a_result_that_is_there_is_not_thrown_away_by_a_late_cancel(tiny: Task) -> None:
    done: list[float] = []
    result = distill(
        small(teachers="one,other"),
        task=tiny,
        on_progress=lambda progress: done.append(progress.fraction),
        should_stop=lambda: bool(done) and done[-1] == 1,
    )
    assert done[-1] == 1
    assert result.metrics["student"]["accuracy"] >= 0
