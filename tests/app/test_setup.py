"""Setting a run up: teachers, prior, student and sampler; whatever is not allowed is one line, and changes nothing."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from streamlit.testing.v1 import AppTest

from mtbkd_core import Result, RunConfig, build_config, load_task
from mtbkd_core.catalog.registry import missing_data
from mtbkd_core.evaluation.calibration import fit_temperatures
from mtbkd_core.evaluation.preview import mixture_probabilities
from mtbkd_core.evaluation.scores import scores
from mtbkd_core.prior import weights_under
from mtbkd_core.runs import store
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds.run import KIND as RUN
from mtbkd_core.runs.kinds.run import load_result, run_id
from tests.app.conftest import SMALL, FakeEngine, in_link

needs_fashion = pytest.mark.skipif(bool(missing_data("fashion")), reason="Fashion-MNIST is not on this machine")


def refused(app: AppTest, before: RunConfig) -> str:
    """The one line that was said; the draft is what it was."""
    assert not app.exception
    (error,) = app.error
    assert app.session_state.draft == before
    assert "\n" not in error.value
    return error.value


def press_distill(app: AppTest) -> None:
    next(button for button in app.button if button.label == "Distill").click()


class TestTeachers:
    def test_a_teacher_is_taken_in_and_left_out(self, opened: Callable[..., AppTest]) -> None:
        app = opened("setup/teachers.py")
        app.toggle(key="set:teacher:generalist").set_value(True)
        app.toggle(key="set:teacher:even-digits").set_value(False)
        app.run()
        assert app.session_state.draft.data.teachers == ("digits-0-4", "digits-5-9", "generalist")
        assert in_link(app, "data.teachers") == "digits-0-4,digits-5-9,generalist"

    def test_the_last_teacher_stays(self, opened: Callable[..., AppTest]) -> None:
        app = opened("setup/teachers.py", teachers="generalist")
        app.toggle(key="set:teacher:generalist").set_value(False)
        app.run()
        assert "at least one teacher" in refused(app, build_config([("teachers", "generalist")]))
        assert app.toggle(key="set:teacher:generalist").value is True

    def test_a_teacher_keeps_its_base_weight_when_another_one_goes(self, opened: Callable[..., AppTest]) -> None:
        app = opened("setup/teachers.py", **{"prior.base_weights": "0.2,0.4,0.6"})
        app.toggle(key="set:teacher:digits-0-4").set_value(False)
        app.toggle(key="set:teacher:generalist").set_value(True)
        app.run()
        assert app.session_state.draft.prior.base_weights == (0.4, 0.6, 1.0)

    def test_the_scores_shown_are_the_cores(self, opened: Callable[..., AppTest]) -> None:
        app = opened("setup/teachers.py")
        task = load_task("digits")
        for teacher in task.teachers.values():
            score = scores(teacher.logits_test.softmax(-1), task.y_test)
            assert any(
                text.value.startswith(f"{score['accuracy']:.1%} ") and f"{score['nll']:.2f} :small" in text.value
                for text in app.markdown
            ), teacher.name

    def test_a_click_chooses_the_example_for_every_page(self, opened: Callable[..., AppTest]) -> None:
        app = opened("setup/teachers.py")
        app.button(key="browse:7").click()
        app.run()
        assert app.session_state.example == 7
        assert in_link(app, "example") == "7"

    def test_where_nothing_is_spare_no_example_goes_without_its_label(self, opened: Callable[..., AppTest]) -> None:
        assert not opened("setup/teachers.py").number_input

    def test_a_link_that_wants_some_there_says_so(self, app: AppTest) -> None:
        app.query_params["n_unlabelled"] = "5"
        app.run()
        assert [warning.value for warning in app.warning if "data.n_unlabelled: got 5, allowed" in warning.value]

    @needs_fashion
    def test_more_labels_leave_fewer_images_to_be_shown_without(self, opened: Callable[..., AppTest]) -> None:
        app = opened("setup/teachers.py", task="fashion")
        assert app.number_input(key="set:data.n_unlabelled").value == 5000
        app.text_input(key="set:data.n_labelled").set_value("2000")
        app.run()
        assert not app.error
        assert app.number_input(key="set:data.n_unlabelled").value == app.session_state.draft.data.n_unlabelled == 4000
        assert [info.value for info in app.info if info.value.startswith("4,000 images are left")]
        before = app.session_state.draft
        app.number_input(key="set:data.n_unlabelled").set_value(4001)
        app.run()
        assert "at most 4000 beside 2000 labelled ones" in refused(app, before)

    @needs_fashion
    def test_a_link_of_more_labels_leaves_fewer_images_to_be_shown_without(self, app: AppTest) -> None:
        app.query_params["task"], app.query_params["n_train"] = "fashion", "3000"
        app.run()
        assert not app.warning
        draft = app.session_state.draft
        assert (draft.data.task, draft.data.n_labelled, draft.data.n_unlabelled) == ("fashion", 3000, 3000)
        assert [info.value for info in app.info if "3,000 images are left" in info.value]


class TestPrior:
    @pytest.mark.parametrize(("task", "most"), [("digits", 2.0), ("proteins", 18.0)])
    def test_the_strengths_slider_ends_beyond_what_the_task_starts_with(
        self, opened: Callable[..., AppTest], task: str, most: float
    ) -> None:
        app = opened("setup/prior.py", **({} if task == "digits" else {"task": task}))
        strength = app.slider(key="set:prior.strength")
        assert (strength.max, strength.value) == (most, most / 2)
        strength.set_value(0.5)
        app.run()
        assert app.slider(key="set:prior.strength").max == most

    @pytest.mark.parametrize(
        ("name", "value"), [("strength", 0.5), ("concentration", 40.0), ("temperature", 3.0), ("base_weights:1", 0.3)]
    )
    def test_a_slider_changes_the_draft_and_the_link(
        self, opened: Callable[..., AppTest], name: str, value: float
    ) -> None:
        app = opened("setup/prior.py")
        app.slider(key=f"set:prior.{name}").set_value(value)
        app.run()
        setting = name.partition(":")[0]
        expected: Any = (1.0, value, 1.0) if ":" in name else value
        assert getattr(app.session_state.draft.prior, setting) == expected
        assert f"prior.{setting}" in app.query_params

    def test_weights_that_are_all_zero_are_refused(self, opened: Callable[..., AppTest]) -> None:
        app = opened("setup/prior.py", **{"prior.base_weights": "0,0,1"})
        before = app.session_state.draft
        app.slider(key="set:prior.base_weights:2").set_value(0.0)
        app.run()
        assert "positive" in refused(app, before)
        assert app.slider(key="set:prior.base_weights:2").value == 1.0

    def test_the_paper_preset_changes_the_prior_alone(self, opened: Callable[..., AppTest]) -> None:
        app = opened("setup/prior.py", seed="7")
        app.segmented_control(key="set:preset").set_value("paper")
        app.run()
        draft = app.session_state.draft
        assert draft.prior == build_config(preset="paper").prior
        assert draft.seed == 7

    def test_no_preset_is_marked_once_a_setting_differs(self, opened: Callable[..., AppTest]) -> None:
        preset = opened("setup/prior.py").segmented_control(key="set:preset")
        assert preset.value == "default"
        assert "settled on validation data" in preset.help
        app = opened("setup/prior.py")
        app.slider(key="set:prior.strength").set_value(0.3)
        app.run()
        assert app.segmented_control(key="set:preset").value is None

    def test_sharpness_is_there_for_softmin_alone(self, opened: Callable[..., AppTest]) -> None:
        app = opened("setup/prior.py")
        keys = {slider.key for slider in app.slider}
        assert "set:prior.softmin_temperature" not in keys
        app.segmented_control(key="set:prior.rule").set_value("softmin")
        app.run()
        assert "set:prior.softmin_temperature" in {slider.key for slider in app.slider}

    def test_what_the_prior_alone_predicts_is_scored_by_the_core(self, opened: Callable[..., AppTest]) -> None:
        app = opened("setup/prior.py", **{"prior.temperature": "1.5"})
        config = app.session_state.draft
        task = load_task("digits", teachers=config.data.teachers)
        logits = task.teacher_logits(config.data.teachers)
        mixture = mixture_probabilities(logits, weights_under(logits, config.prior), 1.5)
        expected = scores(mixture, task.y_train)
        shown = {metric.label: metric.value for metric in app.metric}
        assert shown["Accuracy"] == f"{expected['accuracy']:.1%}"
        assert shown["NLL (nats)"] == f"{expected['nll']:.3f}"
        assert shown["ECE"] == f"{expected['ece']:.3f}"

    def test_a_preset_keeps_to_the_teachers_that_were_chosen(self, opened: Callable[..., AppTest]) -> None:
        """The task's own settings have a number for each of its three teachers."""
        app = opened("setup/prior.py", task="proteins", teachers="ends,descriptors")
        assert app.segmented_control(key="set:preset").value == "default"
        for name, concentration in (("paper", 5.0), ("default", 6.0)):
            app.segmented_control(key="set:preset").set_value(name)
            app.run()
            assert not app.exception
            prior = app.session_state.draft.prior
            assert (prior.concentration, prior.base_weights) == (concentration, (0.1, 1.0))
        assert prior.entropy_temperatures == (1.07, 1.07)

    def test_entropy_temperatures_are_fitted_on_the_students_labelled_images(
        self, opened: Callable[..., AppTest]
    ) -> None:
        app = opened("setup/prior.py", teachers="digits-5-9,confidently-wrong")
        next(button for button in app.button if button.label == "Fit on the labelled data").click()
        app.run()
        assert not app.exception
        task = load_task("digits")
        expected = fit_temperatures(task.teacher_logits(["digits-5-9", "confidently-wrong"]), task.y_train)
        assert app.session_state.draft.prior.entropy_temperatures == expected.values
        assert in_link(app, "prior.entropy_temperatures") == ",".join(map(str, expected.values))
        shown = [app.slider(key=f"set:prior.entropy_temperatures:{index}").value for index in (0, 1)]
        assert tuple(shown) == expected.values
        assert expected.at_limit == (False, True)
        (warning,) = app.warning
        assert warning.value.startswith("Confidently wrong: the fit ended at the limit")
        app.slider(key="set:prior.strength").set_value(0.5)
        app.run()
        assert not app.warning

    def test_calibrating_the_teachers_changes_what_the_prior_alone_predicts(
        self, opened: Callable[..., AppTest]
    ) -> None:
        asked = {"teachers": "digits-0-4,digits-5-9", "prior.rule": "fixed", "prior.entropy_temperatures": "3,1"}
        app = opened("setup/prior.py", **asked)
        assert any("look at no entropy" in caption.value for caption in app.caption)
        assert not [slider for slider in app.slider if "entropy_temperatures" in (slider.key or "")]
        app.toggle(key="set:prior.calibrated_teachers").set_value(True)
        app.run()
        assert not app.exception
        assert app.slider(key="set:prior.entropy_temperatures:0").value == 3.0
        (unmoved,) = [caption.value for caption in app.caption if "heard as before" in caption.value]
        assert unmoved.endswith("heard as before: Digits 5 to 9.")
        assert in_link(app, "prior.calibrated_teachers") == "True"
        config = app.session_state.draft
        task = load_task("digits", teachers=config.data.teachers)
        logits = task.teacher_logits(config.data.teachers)
        divided = logits / torch.tensor([3.0, 1.0])[:, None, None]
        expected = scores(mixture_probabilities(divided, weights_under(logits, config.prior), 2.0), task.y_train)
        shown = {metric.label: metric.value for metric in app.metric}
        assert shown["NLL (nats)"] == f"{expected['nll']:.3f}"
        plain = scores(mixture_probabilities(logits, weights_under(logits, config.prior), 2.0), task.y_train)
        assert f"{plain['nll']:.3f}" != f"{expected['nll']:.3f}"

    def test_a_single_teacher_has_a_prior(self, opened: Callable[..., AppTest]) -> None:
        app = opened("setup/prior.py", teachers="generalist")
        assert not app.exception
        assert not app.error


class TestDistill:
    def test_the_draft_is_what_runs(self, opened: Callable[..., AppTest], fake_engine: FakeEngine) -> None:
        app = opened("setup/distill/page.py", **SMALL)
        press_distill(app)
        app.run()
        (config,) = fake_engine.submitted
        assert config == build_config(SMALL.items())
        run = run_id(config)
        assert app.session_state.run == run
        assert in_link(app, "run") == run

    def test_a_finished_run_shows_the_numbers_of_its_metrics(
        self, opened: Callable[..., AppTest], fake_engine: FakeEngine
    ) -> None:
        app = opened("setup/distill/page.py", **SMALL)
        press_distill(app)
        app.run()
        metrics = load_result(app.session_state.run).metrics
        shown = {metric.label: metric.value for metric in app.metric}
        assert shown == {
            "Accuracy": f"{metrics['student']['accuracy']:.1%}",
            "NLL (nats)": f"{metrics['student']['nll']:.3f}",
            "ECE": f"{metrics['student']['ece']:.3f}",
            "R-hat": f"{metrics['diagnostics']['r_hat']:.3f}",
        }

    def test_an_engine_that_cannot_run_is_one_line(
        self, opened: Callable[..., AppTest], fake_engine: FakeEngine
    ) -> None:
        fake_engine.problem = "the engine's scheduler is gone"
        app = opened("setup/distill/page.py", seed="3")
        press_distill(app)
        app.run()
        assert refused(app, build_config([("seed", 3)])) == "the engine's scheduler is gone"

    @pytest.mark.parametrize(
        ("name", "entered"),
        [("student.hidden", "32, many"), ("sampler.step_size", "0"), ("sampler.batch_size", "-3")],
    )
    def test_what_is_not_a_setting_is_one_line(self, opened: Callable[..., AppTest], name: str, entered: str) -> None:
        app = opened("setup/distill/page.py")
        app.text_input(key=f"set:{name}").set_value(entered)
        app.run()
        assert name in refused(app, build_config())

    @pytest.mark.parametrize(
        ("algorithm", "shown"),
        [
            ("baoab", {"friction", "batch_size", "bias_check"}),
            ("sgld", {"schedule", "batch_size", "bias_check"}),
            ("mclmc", {"friction", "bias_check"}),
            ("hmc", {"leapfrog_steps"}),
        ],
    )
    def test_an_algorithm_shows_the_settings_that_it_has(
        self, opened: Callable[..., AppTest], algorithm: str, shown: set[str]
    ) -> None:
        app = opened("setup/distill/page.py")
        app.segmented_control(key="set:sampler.algorithm").set_value(algorithm)
        app.run()
        assert not app.exception
        assert app.session_state.draft.sampler.algorithm == algorithm
        keys = {item.key for kind in ("number_input", "text_input", "button_group", "toggle") for item in app.get(kind)}
        own = {"friction", "batch_size", "schedule", "leapfrog_steps", "bias_check"}
        assert {name for name in own if f"set:sampler.{name}" in keys} == shown
        assert "set:sampler.temperature" in keys

    def test_an_algorithm_that_needs_all_examples_is_refused_beside_a_batch_size(
        self, opened: Callable[..., AppTest]
    ) -> None:
        app = opened("setup/distill/page.py", **{"sampler.batch_size": "50"})
        before = app.session_state.draft
        app.segmented_control(key="set:sampler.algorithm").set_value("mclmc")
        app.run()
        assert refused(app, before) == "sampler.batch_size: got 50, but mclmc needs all examples; allowed: none"

    def test_a_check_for_bias_is_asked_for_with_a_switch(
        self, opened: Callable[..., AppTest], fake_engine: FakeEngine
    ) -> None:
        app = opened("setup/distill/page.py", **SMALL)
        app.toggle(key="set:sampler.bias_check").set_value(True)
        app.run()
        assert app.session_state.draft.sampler.bias_check is True
        assert in_link(app, "sampler.bias_check") == "True"
        press_distill(app)
        app.run()
        assert not app.exception
        assert fake_engine.submitted[0].sampler.bias_check
        assert any("s bias check, " in caption.value for caption in app.caption)
        found = Result.load(store.read(RUN, app.session_state.run).folder).metrics["diagnostics"]["bias_check"]
        assert found.sentence in [said.value for said in (app.warning if found.is_biased else app.caption)]

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"sampler.algorithm": "mclmc"}, "tuned, energy variance "),
            ({"sampler.algorithm": "hmc"}, "tuned at an acceptance of "),
            ({"sampler.algorithm": "hmc", "sampler.step_size": "0.01"}, "Step size 0.0100, given, acceptance "),
            ({"sampler.step_size": "0.01"}, "Step size 0.0100, given · "),
        ],
    )
    def test_a_finished_run_says_how_its_step_was_found(
        self, opened: Callable[..., AppTest], fake_engine: FakeEngine, settings: dict[str, str], said: str
    ) -> None:
        app = opened("setup/distill/page.py", **(SMALL | settings))
        press_distill(app)
        app.run()
        assert not app.exception
        assert any(said in caption.value for caption in app.caption)

    def test_the_demo_runs_with_the_defaults(self, app: AppTest, fake_engine: FakeEngine) -> None:
        app.query_params["prior.strength"] = "0.5"
        app.run()
        fake_engine.problem = "no worker"
        next(button for button in app.button if button.label == "Distill the demo").click()
        app.run()
        assert refused(app, build_config([("prior.strength", 0.5)])) == "no worker"

    def test_a_run_under_way_is_watched_and_can_be_cancelled(
        self, opened: Callable[..., AppTest], fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        view = store.create(RUN, build_config(SMALL.items()))
        monkeypatch.setattr(store, "read", lambda kind, id: replace(view, state=State.RUNNING))
        app = opened("setup/distill/page.py", run=view.id)
        assert not app.exception
        (watching,) = app.get("bidi_component")
        assert json.loads(watching.proto.json) == {"run": view.id, "address": f"live-run/{view.id}", "every": 200}
        app.button(key="cancel-run").click()
        app.run()
        assert fake_engine.cancelled == [view.id]


@pytest.mark.parametrize(("task", "offered"), [("digits", True), ("synthetic", False)])
def test_a_convolutional_student_is_offered_where_inputs_are_pictures(
    opened: Callable[..., AppTest], task: str, offered: bool
) -> None:
    app = opened("setup/distill/page.py", task=task)
    (kinds,) = [control for control in app.button_group if control.label == "Student"]
    assert ("CNN" in kinds.options) is offered


def test_the_size_that_the_first_map_has_is_said_beside_the_control(opened: Callable[..., AppTest]) -> None:
    app = opened("setup/distill/page.py", task="fashion", **{"student.first_map": "8"})
    assert app.number_input(key="set:student.first_map").max == 28
    assert "28 x 28 pictures: a map of 10 x 10" in [caption.value for caption in app.caption]


def test_of_a_first_map_that_will_be_refused_no_size_is_said(opened: Callable[..., AppTest]) -> None:
    app = opened("setup/distill/page.py", **{"student.kind": "cnn", "student.first_map": "9"})
    assert not app.exception
    assert app.number_input(key="set:student.first_map").value == 9
    assert not any("a map of" in caption.value for caption in app.caption)
