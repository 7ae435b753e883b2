"""Results pages show what the run's files hold, and a broken file is one line."""

import json

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from mtbkd_core import build_config, task_info
from mtbkd_core.evaluation.calibration import reliability
from mtbkd_core.evaluation.errors import ScoreError
from mtbkd_core.evaluation.scores import SCORES
from mtbkd_core.figures.theme import PALETTE
from mtbkd_core.runs import store
from mtbkd_core.runs.kinds.run import KIND as RUN
from mtbkd_core.runs.kinds.run import RunView, load_result
from pages.ui.jobs import task_loading
from tests.app.conftest import SMALL, Done, Opened, go, lines, traces

#: Tensors that runs of former versions lack.
NEW = ("test.teachers_weighted", "test.r_hat")


def change_diagnostics(run: RunView, **changes: object) -> None:
    """Write other diagnostics into the metrics file of a run."""
    file = run.folder / "metrics.json"
    metrics = json.loads(file.read_text())
    metrics["diagnostics"] |= changes
    file.write_text(json.dumps(metrics))


def test_the_score_table_is_the_metrics_file(opened: Opened, finished: RunView) -> None:
    app = opened("reliability", run=finished.id)
    table = app.dataframe[0].value.set_index("")
    metrics = load_result(finished.id).metrics
    for row, series in (
        ("Student (posterior mean)", "student"),
        ("Warm start (ensemble)", "warm_start"),
        ("Teachers' mean", "teachers_mean"),
        ("Teachers' mean, weighted by entropy", "teachers_weighted"),
        ("Even digits", "teacher:even-digits"),
    ):
        for score in ("nll", "accuracy"):
            assert table.loc[row, score] == metrics[series].text(score)


def test_uncertainty_shows_the_metrics_and_the_chosen_image(opened: Opened, finished: RunView) -> None:
    app = opened("uncertainty", run=finished.id, example="11")
    result = load_result(finished.id)
    student = result.metrics.student
    (kinds,) = [text.value for text in app.markdown if text.value.startswith("| Sets |")]
    for name, title in (("credible", "Credible"), ("conformal", "Conformal"), ("conformal_by_class", "Conformal, by")):
        found = student.sets[name]
        coverage = SCORES["coverage"].text(found.coverage, ScoreError(test_set=found.coverage_error))
        size = SCORES["set_size"].text(found.size, ScoreError(test_set=found.size_error))
        assert f"{coverage} | {size} |" in kinds
        assert f"| **{title}" in kinds
    (means,) = [line for line in lines(app, "caption") if line.startswith("Mean over the test set")]
    assert student.text("deviance") in means
    assert student.text("epistemic") in means
    deviance = float(result.predictions.test.deviance[11])
    assert any(f"Deviance **{deviance:.3f}**" in text.value for text in app.markdown)


@pytest.mark.parametrize("page", ["overview", "distill", "reliability", "influence", "uncertainty", "shifts"])
def test_a_run_of_a_former_version_shows_what_is_known(opened: Opened, finished: RunView, page: str) -> None:
    file = finished.folder / "metrics.json"
    metrics = json.loads(file.read_text())
    for name in ("versus", "teachers_weighted"):
        del metrics[name]
    for name in ("errors", "sets", "calibrated_ece"):
        del metrics["student"][name]
    diagnostics = metrics["diagnostics"]
    metrics["diagnostics"] = {name: diagnostics[name] for name in diagnostics if name not in ("verdict", "share_apart")}
    file.write_text(json.dumps(metrics))
    predictions = finished.folder / "predictions.safetensors"
    kept = {name: value for name, value in load_file(predictions).items() if name not in NEW}
    save_file(kept, predictions)
    assert not opened(page, run=finished.id).exception


@pytest.mark.parametrize("disagree", [True, False])
def test_examples_on_which_chains_disagree_are_marked(opened: Opened, finished: RunView, disagree: bool) -> None:
    change_diagnostics(finished, verdict="converged")
    apart = load_result(finished.id).predictions.test.apart
    assert apart is not None
    index = int((apart == disagree).int().argmax())
    app = opened("uncertainty", run=finished.id, example=str(index))
    assert len([warning for warning in app.warning if "not to be relied on" in warning.value]) == disagree
    assert ("scatter", f"Chains disagree ({int(apart.sum())})") in traces(app, "Two kinds of uncertainty")
    app.segmented_control(key="view:uncertainty:list").set_value("apart").run()
    marked = [button.label for button in app.button if "→" in button.label]
    assert marked
    assert all(":material/warning:" in label for label in marked)


def test_what_each_teacher_and_the_student_say_of_the_chosen_example_is_the_files(
    opened: Opened, finished: RunView
) -> None:
    result = load_result(finished.id)
    found, index = result.predictions.tensors(), 11
    for page, part, link in (
        ("uncertainty", "test", {"example": "11"}),
        ("influence", "train", {"part": "train", "train": "11"}),
    ):
        app = opened(page, run=finished.id, **link)
        (table,) = [frame.value for frame in app.dataframe if "Responsibility" in frame.value.columns]
        config = store.read(RUN, finished.id).config
        titles = {teacher.name: teacher.title for teacher in task_info(config.data.task).teachers}
        assert list(table["Network"]) == [*(titles[name] for name in config.data.teachers), "Student"]
        assert list(table["Weight"]) == [f"{value:.1%}" for value in found[f"{part}.weights"][:, index].tolist()] + [""]
        assert list(table["Responsibility"])[:3] == [
            f"{value:.1%}" for value in found[f"{part}.responsibilities"][:, index].tolist()
        ]
        label = int(found[f"{part}.labels"][index])
        of_label = [*found[f"{part}.teachers"][:, index, label].tolist(), float(found[f"{part}.mean"][index, label])]
        assert list(table["Of the label"]) == [f"{value:.1%}" for value in of_label]


@pytest.mark.parametrize("temperatures", ["none", "1,2.5,1"])
def test_a_run_of_calibrated_teachers_says_by_what_their_logits_were_divided(
    opened: Opened, done: Done, temperatures: str
) -> None:
    asked = {**SMALL, "prior.calibrated_teachers": "True", "prior.entropy_temperatures": temperatures}
    app = opened("uncertainty", run=done(build_config(asked.items())).id)
    said = [line for line in lines(app, "caption") if "the prior divides their logits by" in line]
    assert [line.rpartition("by ")[2] for line in said] == ([] if temperatures == "none" else ["1, 2.5, 1."])


@pytest.mark.parametrize(
    ("interval", "said", "low", "high"),
    [("eti", "equal-tailed", "low", "high"), ("hdi", "highest density", "hdi_low", "hdi_high")],
)
def test_the_intervals_drawn_are_those_of_the_chosen_kind(
    opened: Opened, finished: RunView, interval: str, said: str, low: str, high: str
) -> None:
    app = opened("uncertainty", run=finished.id, example="11")
    app.segmented_control(key="view:uncertainty:interval").set_value(interval).run()
    assert not app.exception
    drawn = traces(app, "Credible intervals of the class probabilities")
    predictions = load_result(finished.id).predictions.tensors()
    found = {name: predictions[f"test.{name}"][11].float().numpy() for name in ("mean", "mode", low, high)}
    bars = drawn["bar", f"95 % interval ({said})"]
    np.testing.assert_allclose(bars["base"], found[low], atol=1e-6)
    np.testing.assert_allclose(np.add(bars["base"], bars["y"]), found[high], atol=1e-6)
    np.testing.assert_allclose(drawn["scatter", "Posterior mean"]["y"], found["mean"], atol=1e-6)
    np.testing.assert_allclose(drawn["scatter", "Marginal modes (renormalised)"]["y"], found["mode"], atol=1e-6)


def test_every_reliability_curve_is_of_the_probabilities_that_it_names(opened: Opened, finished: RunView) -> None:
    app = opened("reliability", run=finished.id)
    found = load_result(finished.id).predictions.tensors()
    named = {
        "student": ("Student (posterior mean)", found["test.mean"]),
        "student_mode": ("Student (marginal modes, renormalised)", found["test.mode"]),
        "warm_start": ("Warm start (ensemble)", found["test.warm_start"]),
        "teachers_mean": ("Teachers' mean", found["test.teachers"].mean(0)),
        "teachers_weighted": ("Teachers' mean, weighted by entropy", found["test.teachers_weighted"]),
        "teacher:digits-0-4": ("Digits 0 to 4", found["test.teachers"][0]),
        "teacher:digits-5-9": ("Digits 5 to 9", found["test.teachers"][1]),
        "teacher:even-digits": ("Even digits", found["test.teachers"][2]),
    }
    app.pills(key="view:reliability:shown").set_value(list(named))
    app.selectbox(key="view:reliability:class").set_value("3").run()
    drawn = traces(app, "Reliability diagram")
    for title, probabilities in named.values():
        expected = reliability(probabilities, found["test.labels"], class_index=3)
        full = expected.count > 0
        curve = drawn["scatter", title]
        np.testing.assert_allclose(curve["x"], expected.confidence[full])
        np.testing.assert_allclose(curve["y"], expected.accuracy[full])
        assert drawn["bar", title]["y"] == expected.count[full].tolist()
    assert [drawn["scatter", title]["line"]["color"] for title, _ in named.values()][-3:] == list(PALETTE[:3])


def test_classes_bear_the_names_that_the_result_holds(opened: Opened, finished: RunView) -> None:
    file = finished.folder / "environment.json"
    environment = json.loads(file.read_text())
    names = [f"digit {name}" for name in environment["class_names"]]
    file.write_text(json.dumps({**environment, "class_names": names}))
    app = opened("reliability", run=finished.id)
    assert app.selectbox(key="view:reliability:class").options == names
    go(app, "influence")
    assert app.selectbox(key="view:influence:class").options == names
    go(app, "uncertainty")
    assert not app.exception
    assert traces(app, "Credible intervals of the class probabilities")["scatter", "Posterior mean"]["x"] == names


def test_scores_need_no_task(opened: Opened, finished: RunView, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the task was loaded")

    monkeypatch.setattr(task_loading, "load_task", refuse)
    app = opened("reliability", run=finished.id)
    assert not app.exception
    assert len(app.dataframe) == 1


def test_influence_draws_the_runs_pulls_and_responsibilities(opened: Opened, finished: RunView) -> None:
    app = opened("influence", run=finished.id, example="11")
    app.selectbox(key="view:influence:class").set_value("3").run()
    found = {name: values.float() for name, values in load_result(finished.id).predictions.tensors().items()}
    of_three = found["train.labels"] == 3
    titles = ["Digits 0 to 4", "Digits 5 to 9", "Even digits"]
    by_class = traces(app, "Responsibility by class")
    both = traces(app, "Weight against responsibility")
    pulled = traces(app, "Class 3: pull on every logit")
    for k, title in enumerate(titles):
        share = float(found["train.responsibilities"][k, of_three].mean())
        assert by_class["bar", title]["y"][3] == pytest.approx(share, abs=1e-4)
        np.testing.assert_allclose(both["scatter", title]["x"], found["train.weights"][k], atol=1e-6)
        np.testing.assert_allclose(both["scatter", title]["y"], found["train.responsibilities"][k], atol=1e-6)
        np.testing.assert_allclose(pulled["bar", title]["y"], found["train.pulls"][k, of_three].mean(0), atol=1e-4)
        assert by_class["bar", title]["marker"]["color"] == pulled["bar", title]["marker"]["color"] == PALETTE[k]
    np.testing.assert_allclose(pulled["bar", "Label"]["y"], found["train.label_pull"][of_three].mean(0), atol=1e-4)
    sides = traces(app, "Weight and responsibility of each teacher")
    np.testing.assert_allclose(sides["bar", "Weight (before learning)"]["x"], found["test.weights"][:, 11], atol=1e-6)
    np.testing.assert_allclose(
        sides["bar", "Responsibility (after learning)"]["x"], found["test.responsibilities"][:, 11], atol=1e-6
    )


def test_pulls_are_shown_for_a_labelled_image(opened: Opened, finished: RunView) -> None:
    app = opened("influence", run=finished.id)
    assert app.segmented_control(key="view:influence:part").options == ["Test images", "Labelled images"]
    app.segmented_control(key="view:influence:part").set_value("train").run()
    assert not app.exception
    assert app.number_input(key="view:influence:train").label == "Labelled image"
    assert "chart:image-pulls" in [chart.key for chart in app.get("plotly_chart")]


def test_a_class_can_be_asked_for_under_less_of_a_teacher(opened: Opened, finished: RunView) -> None:
    app = opened("influence", run=finished.id)
    app.selectbox(key="view:influence:answer").set_value("class: 3").run()
    assert not app.exception
    assert any("With 10 % less of a teacher: probability of 3" in text.value for text in app.markdown)


def test_no_curve_chosen_asks_for_one(opened: Opened, finished: RunView) -> None:
    app = opened("reliability", run=finished.id)
    app.pills(key="view:reliability:shown").set_value([]).run()
    assert not app.exception
    assert "at least one curve" in app.info[0].value


@pytest.mark.parametrize("page", ["reliability", "influence", "uncertainty"])
@pytest.mark.parametrize("file", ["predictions.safetensors", "config.json"])
def test_a_torn_file_is_one_line(opened: Opened, finished: RunView, page: str, file: str) -> None:
    path = finished.folder / file
    path.write_bytes(path.read_bytes()[:40])
    app = opened(page, run=finished.id)
    assert not app.exception
    (error,) = app.error
    assert finished.id in error.value


@pytest.mark.parametrize("page", ["reliability", "influence", "uncertainty"])
@pytest.mark.parametrize(
    ("r_hats", "warned"),
    [
        ((1.2, 1.0, 1.0), "disagree on the score itself (R-hat 1.200)"),
        ((1.0, 1.2, 1.0), "agree on the score, not on every example"),
        ((1.0, 1.0, 1.2), "not on the log joint (R-hat 1.200)"),
        ((1.0, 1.0, 1.0), ""),
    ],
)
def test_chains_that_disagree_are_said_on_every_page_that_uses_them(
    opened: Opened, finished: RunView, page: str, r_hats: tuple[float, ...], warned: str
) -> None:
    names = ("r_hat", "r_hat_p95", "r_hat_log_joint")
    verdict = "not_converged" if warned else "converged"
    change_diagnostics(finished, **dict(zip(names, r_hats, strict=True)), verdict=verdict)
    found = [warning.value for warning in opened(page, run=finished.id).warning]
    said = [line for line in found if "on this image" not in line]
    assert len(said) == (1 if warned else 0)
    assert all(warned in line for line in said)


@pytest.mark.parametrize("page", ["reliability", "influence", "uncertainty"])
@pytest.mark.parametrize("difference", [-64.0, -2.0, None])
def test_what_a_check_for_bias_found_is_said_on_every_page(
    opened: Opened, finished: RunView, page: str, difference: float | None
) -> None:
    """A warning where it matters, else a quiet line, and nothing where there was no check."""
    change_diagnostics(finished, r_hat=1.01)
    if difference is not None:
        found = {"log_joint_error": 3.0, "log_joint_sd": 35.0, "total_variation": 0.012, "total_variation_error": 0.006}
        change_diagnostics(finished, bias_check={"log_joint_difference": difference, **found})
    app = opened(page, run=finished.id)
    quiet = [caption.value for caption in app.caption if caption.value.startswith("Bias check")]
    assert len(app.warning) == (difference == -64.0)
    assert len(quiet) == (difference == -2.0)
    if difference == -64.0:
        assert app.warning[0].value.startswith("The draws are biased: the log joint of the draws is 64.0 nats below")


def test_a_shortened_step_is_said(opened: Opened, finished: RunView) -> None:
    change_diagnostics(finished, restarts=2)
    app = opened("distill", run=finished.id)
    assert any("all restarted with a shorter step, 2 in all" in line for line in lines(app, "caption"))
