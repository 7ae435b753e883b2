"""The pages Teachers and Prior: controls change the draft; what is not allowed is one line, and changes nothing."""

from typing import Any

import pytest
import torch
from streamlit.testing.v1 import AppTest

from mtbkd_core import build_config, load_task
from mtbkd_core.catalog.registry import missing_data
from mtbkd_core.evaluation.preview import mixture_probabilities
from mtbkd_core.evaluation.scores import scores
from mtbkd_core.prior import weights_under
from mtbkd_core.teachers.temperatures import fit_temperatures
from tests.app.conftest import Opened, in_link, lines, press, refused, start

needs_fashion = pytest.mark.skipif(bool(missing_data("fashion")), reason="Fashion-MNIST is not on this machine")


class TestTeachers:
    def test_a_teacher_is_taken_in_and_left_out(self, opened: Opened) -> None:
        app = opened("teachers")
        app.toggle(key="set:teacher:generalist").set_value(True)
        app.toggle(key="set:teacher:even-digits").set_value(False).run()
        assert app.session_state.draft.data.teachers == ("digits-0-4", "digits-5-9", "generalist")
        assert in_link(app, "data.teachers") == "digits-0-4,digits-5-9,generalist"

    def test_the_last_teacher_stays(self, opened: Opened) -> None:
        app = opened("teachers", teachers="generalist")
        app.toggle(key="set:teacher:generalist").set_value(False).run()
        assert "at least one teacher" in refused(app, build_config([("teachers", "generalist")]))
        assert app.toggle(key="set:teacher:generalist").value is True

    def test_a_teacher_keeps_its_base_weight_when_another_one_goes(self, opened: Opened) -> None:
        app = opened("teachers", **{"prior.base_weights": "0.2,0.4,0.6"})
        app.toggle(key="set:teacher:digits-0-4").set_value(False)
        app.toggle(key="set:teacher:generalist").set_value(True).run()
        assert app.session_state.draft.prior.base_weights == (0.4, 0.6, 1.0)

    def test_the_scores_shown_are_the_cores(self, opened: Opened) -> None:
        app = opened("teachers")
        task = load_task("digits")
        for teacher in task.teachers.values():
            score = scores(teacher.logits_test.softmax(-1), task.y_test)
            assert any(
                f"{score['accuracy']:.1%} ± " in text.value and f"{score['nll']:.4f} ± " in text.value
                for text in app.markdown
            ), teacher.name

    def test_a_click_chooses_the_example_for_every_page(self, opened: Opened) -> None:
        app = opened("teachers")
        app.button(key="browse:7").click().run()
        assert app.session_state.example == 7
        assert in_link(app, "example") == "7"

    def test_where_nothing_is_spare_no_example_goes_without_its_label(self, opened: Opened) -> None:
        assert not opened("teachers").number_input

    def test_a_link_that_wants_some_there_says_so(self, app: AppTest) -> None:
        start(app, n_unlabelled="5")
        assert [warning.value for warning in app.warning if "data.n_unlabelled: got 5, allowed" in warning.value]

    @needs_fashion
    def test_more_labels_leave_fewer_images_to_be_shown_without(self, opened: Opened) -> None:
        app = opened("teachers", task="fashion")
        assert app.number_input(key="set:data.n_unlabelled").value == 3000
        app.text_input(key="set:data.n_labelled").set_value("4000").run()
        assert not app.error
        assert app.number_input(key="set:data.n_unlabelled").value == app.session_state.draft.data.n_unlabelled == 2000
        assert [info.value for info in app.info if info.value.startswith("2,000 images are left")]
        before = app.session_state.draft
        app.number_input(key="set:data.n_unlabelled").set_value(2001).run()
        assert "at most 2000 beside 4000 labelled ones" in refused(app, before)

    @needs_fashion
    def test_a_link_of_more_labels_leaves_fewer_images_to_be_shown_without(self, app: AppTest) -> None:
        start(app, task="fashion", n_train="4000")
        assert not app.warning
        draft = app.session_state.draft
        assert (draft.data.task, draft.data.n_labelled, draft.data.n_unlabelled) == ("fashion", 4000, 2000)
        assert [info.value for info in app.info if "2,000 images are left" in info.value]


class TestPrior:
    @pytest.mark.parametrize(("task", "most"), [("digits", 6.0), ("proteins", 18.0)])
    def test_the_strengths_slider_ends_beyond_what_the_task_starts_with(
        self, opened: Opened, task: str, most: float
    ) -> None:
        app = opened("prior", **({} if task == "digits" else {"task": task}))
        strength = app.slider(key="set:prior.strength")
        assert (strength.max, strength.value) == (most, most / 2)
        strength.set_value(0.5).run()
        assert app.slider(key="set:prior.strength").max == most

    @pytest.mark.parametrize(
        ("name", "value"), [("strength", 0.5), ("concentration", 40.0), ("temperature", 3.0), ("base_weights:1", 0.3)]
    )
    def test_a_slider_changes_the_draft_and_the_link(self, opened: Opened, name: str, value: float) -> None:
        app = opened("prior")
        app.slider(key=f"set:prior.{name}").set_value(value).run()
        setting = name.partition(":")[0]
        expected: Any = (1.0, value, 1.0) if ":" in name else value
        assert getattr(app.session_state.draft.prior, setting) == expected
        assert f"prior.{setting}" in app.query_params

    def test_weights_that_are_all_zero_are_refused(self, opened: Opened) -> None:
        app = opened("prior", **{"prior.base_weights": "0,0,1"})
        before = app.session_state.draft
        app.slider(key="set:prior.base_weights:2").set_value(0.0).run()
        assert "positive" in refused(app, before)
        assert app.slider(key="set:prior.base_weights:2").value == 1.0

    def test_the_paper_preset_changes_the_prior_alone(self, opened: Opened) -> None:
        app = opened("prior", seed="7")
        app.segmented_control(key="set:preset").set_value("paper").run()
        draft = app.session_state.draft
        assert draft.prior == build_config(preset="paper").prior
        assert draft.seed == 7

    def test_no_preset_is_marked_once_a_setting_differs(self, opened: Opened) -> None:
        preset = opened("prior").segmented_control(key="set:preset")
        assert preset.value == "default"
        assert "chosen for this task, on validation data" in preset.help
        app = opened("prior")
        app.slider(key="set:prior.strength").set_value(0.3).run()
        assert app.segmented_control(key="set:preset").value is None

    def test_sharpness_is_there_for_softmin_alone(self, opened: Opened) -> None:
        app = opened("prior")
        keys = {slider.key for slider in app.slider}
        assert "set:prior.softmin_temperature" not in keys
        app.segmented_control(key="set:prior.rule").set_value("softmin").run()
        assert "set:prior.softmin_temperature" in {slider.key for slider in app.slider}

    def test_what_the_prior_alone_predicts_is_scored_by_the_core(self, opened: Opened) -> None:
        app = opened("prior", **{"prior.temperature": "1.5"})
        config = app.session_state.draft
        task = load_task("digits", teachers=config.data.teachers)
        logits = task.teacher_logits(config.data.teachers)
        mixture = mixture_probabilities(logits, weights_under(logits, config.prior), 1.5)
        expected = scores(mixture, task.y_train)
        shown = {metric.label: metric.value for metric in app.metric}
        assert shown["Accuracy"] == f"{expected['accuracy']:.1%}"
        assert shown["NLL (nats)"] == f"{expected['nll']:.3f}"
        assert shown["ECE"] == f"{expected['ece']:.3f}"

    def test_a_preset_keeps_to_the_teachers_that_were_chosen(self, opened: Opened) -> None:
        """The task's own settings have a number for each of its three teachers."""
        app = opened("prior", task="proteins", teachers="ends,descriptors")
        assert app.segmented_control(key="set:preset").value == "default"
        for name, concentration in (("paper", 5.0), ("default", 6.0)):
            app.segmented_control(key="set:preset").set_value(name).run()
            assert not app.exception
            prior = app.session_state.draft.prior
            assert (prior.concentration, prior.base_weights) == (concentration, (0.1, 1.0))
        assert prior.entropy_temperatures == (1.07, 1.07)

    def test_entropy_temperatures_are_fitted_on_the_students_labelled_images(self, opened: Opened) -> None:
        app = opened("prior", teachers="digits-5-9,confidently-wrong")
        press(app, "Fit on the labelled data")
        assert not app.exception
        task = load_task("digits")
        expected = fit_temperatures(task.teacher_logits(["digits-5-9", "confidently-wrong"]), task.y_train)
        assert app.session_state.draft.prior.entropy_temperatures == expected.values
        assert in_link(app, "prior.entropy_temperatures") == ",".join(map(str, expected.values))
        shown = [app.slider(key=f"set:prior.entropy_temperatures:{index}").value for index in (0, 1)]
        assert tuple(shown) == expected.values
        assert expected.at_limit == (False, True)
        (warning,) = app.warning
        assert warning.value.startswith("Confidently wrong: the fit ended at the largest")
        app.slider(key="set:prior.strength").set_value(0.5).run()
        assert not app.warning

    def test_calibrating_the_teachers_changes_what_the_prior_alone_predicts(self, opened: Opened) -> None:
        asked = {"teachers": "digits-0-4,digits-5-9", "prior.rule": "fixed", "prior.entropy_temperatures": "3,1"}
        app = opened("prior", **asked)
        assert any("do not depend on entropies" in line for line in lines(app, "caption"))
        assert not [slider for slider in app.slider if "entropy_temperatures" in (slider.key or "")]
        app.toggle(key="set:prior.calibrated_teachers").set_value(True).run()
        assert not app.exception
        assert app.slider(key="set:prior.entropy_temperatures:0").value == 3.0
        (unmoved,) = [line for line in lines(app, "caption") if "Calibration changes nothing" in line]
        assert unmoved.endswith("temperature of 1: Digits 5 to 9.")
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

    def test_a_single_teacher_has_a_prior(self, opened: Opened) -> None:
        app = opened("prior", teachers="generalist")
        assert not app.exception
        assert not app.error
