"""The page on shifts: what it shows of clothes, and a corruption's severity, which the link holds."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mtbkd_core import build_config, default_config
from mtbkd_core.common.files import read_tensors
from mtbkd_core.evaluation.shift import SHIFT_SCORES
from mtbkd_core.runs.kinds.run import RunView
from mtbkd_core.tasks.fashion import FILES
from tests.app.conftest import SMALL, FakeEngine, Opened, in_link, lines
from tests.conftest import load_once

PAGE = "shifts"
FEW = {"n_train": "60", "student.features": "none", "student.hidden": "4"}
needs_fashion = pytest.mark.skipif(
    FILES.installed is None or not FILES.installed.is_dir(), reason="Debian's dataset-fashion-mnist is not installed"
)


def lines_at(app: AppTest) -> list[float]:
    """Where the chart over severities has its upright lines."""
    (chart,) = [chart for chart in app.get("plotly_chart") if ": accuracy and deviance. " in chart.proto.alt]
    return [shape["x0"] for shape in json.loads(chart.proto.spec)["layout"]["shapes"]]


@needs_fashion
def test_the_digits_shown_to_a_student_of_clothes_have_every_score_and_a_corruption_a_slider(
    opened: Opened,
) -> None:
    run = FakeEngine().distill(build_config([*FEW.items(), *SMALL.items()], base=default_config("fashion")))
    app = opened(PAGE, task="fashion", run=run.id, **FEW)
    assert not app.exception
    assert not lines(app, "error")
    (table,) = [frame.value for frame in app.dataframe if "AUROC" in frame.value.columns]
    assert list(table["Score"]) == [score.title for score in SHIFT_SCORES.values()]
    assert set(table["Inputs"]) == {"Handwritten digits"}
    measured = json.loads((run.folder / "metrics.json").read_text())["shifts"]["digits"]
    assert [float(text.split()[0]) for text in table["AUROC"]] == [
        pytest.approx(measured[score]["auroc"], abs=5e-4) for score in SHIFT_SCORES
    ]
    assert app.select_slider[0].label == "Severity (degrees)"


@needs_fashion
def test_one_out_of_distribution_input_is_shown_with_what_it_is_and_what_it_is_taken_for(
    opened: Opened, session_home: Path
) -> None:
    run = FakeEngine().distill(build_config([*FEW.items(), *SMALL.items()], base=default_config("fashion-left-out")))
    app = opened(PAGE, task="fashion-left-out", run=run.id, **FEW)
    assert not app.exception
    found = read_tensors(run.folder / "predictions.safetensors")
    score, mean = found["shift.left-out.epistemic"], found["shift.left-out.mean"]
    (number,) = [field for field in app.number_input if field.label == "Out-of-distribution image"]
    surest = int(score.argmin())
    assert (number.value, number.max) == (surest, len(score) - 1)
    task = load_once(session_home, "fashion-left-out")
    share = float((found["test.epistemic"] < score[surest]).float().mean())
    described = (
        f"Epistemic uncertainty **{score[surest]:.3g}** nats, higher than that of **{share:.0%}** of the test images"
    )
    assert described in lines(app, "markdown")
    buttons = {button.key: button for button in app.button if str(button.key).startswith("gallery-")}
    assert len(buttons) == 18
    worst = int(score.argmax())
    assert task.class_names[int(mean[worst].argmax())] in buttons[f"gallery-least:{worst}"].label
    assert buttons[f"gallery-least:{worst}"].help == f"Image {worst}, label {task.shift_labels['left-out'][worst][0]}."
    buttons[f"gallery-least:{worst}"].click().run()
    assert in_link(app, "foreign") == str(worst)
    (number,) = [field for field in app.number_input if field.label == "Out-of-distribution image"]
    assert number.value == worst
    app.selectbox[0].set_value("digits").run()
    assert not app.exception
    assert in_link(app, "from") == "digits"
    (number,) = [field for field in app.number_input if field.label == "Out-of-distribution image"]
    assert number.value == int(found["shift.digits.epistemic"].argmin())
    assert in_link(app, "foreign") is None


def test_the_severity_stands_in_the_link_and_a_link_brings_it(opened: Opened, finished: RunView) -> None:
    app = opened(PAGE, run=finished.id, severity="15", corruption="noise")
    (slider,) = app.select_slider
    assert (slider.label, slider.value) == ("Severity (standard deviation)", 15)
    assert lines_at(app) == [0.75]
    slider.set_value(4).run()
    assert in_link(app, "severity") == "4"
    assert lines_at(app) == [0.2]
    app.selectbox[0].set_value("rotation").run()
    assert (app.select_slider[0].value, lines_at(app)) == (4, [36.0])
    app.select_slider[0].set_value(10).run()
    assert in_link(app, "severity") is None


def test_a_severity_beyond_the_slider_is_said_in_one_line(opened: Opened, finished: RunView) -> None:
    app = opened(PAGE, run=finished.id, severity="21")
    assert any("severity: the link has '21'" in line for line in lines(app, "warning"))
    assert app.select_slider[0].value == 10
