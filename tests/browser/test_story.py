"""From the first look at the app to a run's results, as a person goes through it."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from mtbkd_core import Result
from mtbkd_core.evaluation import scores
from mtbkd_core.evaluation.diagnostics import r_hat_text
from mtbkd_core.evaluation.errors import ScoreError
from mtbkd_core.evaluation.metrics import Metrics
from tests.browser.server import Server
from tests.browser.visitor import Visitor, file_of_run

pytestmark = pytest.mark.browser

SCORES = {
    "Accuracy": "accuracy",
    "NLL": "nll",
    "Brier": "brier",
    "ECE": "ece",
    "Adaptive ECE": "ece_adaptive",
    "Classwise ECE": "ece_classwise",
    "Smooth ECE": "smooth_ece",
}
ROWS = {
    "Student (posterior mean)": "student",
    "Student (marginal modes, renormalised)": "student_mode",
    "Warm start (ensemble)": "warm_start",
    "Teachers' mean": "teachers_mean",
    "Teachers' mean, weighted by entropy": "teachers_weighted",
    "Digits 0 to 4": "teacher:digits-0-4",
    "Digits 5 to 9": "teacher:digits-5-9",
    "Generalist": "teacher:generalist",
}


def choose_teachers(tab: Visitor) -> None:
    tab.go("teachers")
    for name in ("Even digits", "Generalist"):
        tab.press(tab.page.get_by_test_id("stCheckbox").filter(has_text=f"Use {name}"))
    tab.link_holds("data.teachers", "digits-0-4,digits-5-9,generalist")


def move_a_base_weight(tab: Visitor) -> None:
    tab.go("prior")
    tab.more("predictions of the prior alone")
    before = tab.chart("weights")
    assert [trace["name"] for trace in before] == ["Digits 0 to 4", "Digits 5 to 9", "Generalist"]
    for weight in ("0.95", "0.9", "0.85"):
        tab.page.get_by_role("slider", name="Base weight: Generalist").focus()
        tab.page.keyboard.press("ArrowLeft")
        tab.link_holds("prior.base_weights", f"1.0,1.0,{weight}")
        tab.settles()
    after = tab.chart("weights")
    assert sum(after[2]["size"]) < sum(before[2]["size"])
    assert np.allclose(np.sum([trace["size"] for trace in after], axis=0), 1)


def launch_a_long_run(tab: Visitor) -> str:
    tab.go("distill")
    tab.more("student and sampler")
    tab.press(tab.page.get_by_text("Advanced", exact=True))
    for label, setting, value in (("Draws per chain", "draws", "20"), ("Thinning", "thinning", "150")):
        number = tab.page.get_by_role("spinbutton", name=label)
        number.fill(value)
        number.press("Enter")
        tab.link_holds(f"sampler.{setting}", value)
        tab.settles()
    return tab.launches()


@contextmanager
def paused(process: int) -> Iterator[None]:
    """Hold a process, so that what it does is caught in the middle."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def test_from_the_first_look_to_the_numbers_of_a_run(tab: Visitor, server: Server) -> None:
    tab.open()
    choose_teachers(tab)
    move_a_base_weight(tab)
    run = launch_a_long_run(tab)

    seen = tab.live_points()
    step = tab.sampling_step()
    with paused(file_of_run(server.home, run, "owner.json")["pid"]):  # however fast the worker and slow the browser
        tab.page.reload()
        tab.sees("distill")
        tab.link_holds("run", run)
        tab.live_points(at_least=seen)
        expect(tab.button("Cancel")).to_be_visible()
    tab.sampling_step(after=step)
    tab.finishes()

    metrics = file_of_run(server.home, run, "metrics.json")
    student = metrics["student"]
    expect(tab.metric("Accuracy")).to_have_text(f"{student['accuracy']:.1%}")
    expect(tab.metric("NLL")).to_have_text(f"{student['nll']:.4f}")
    expect(tab.metric("ECE")).to_have_text(f"{student['ece']:.4f}")
    expect(tab.metric("Worst R-hat")).to_have_text(r_hat_text(Metrics.model_validate(metrics).diagnostics.worst))

    reliability_shows(tab, run, metrics)
    influence_shows(tab, run, Result.load(server.home / "runs" / run))
    uncertainty_shows(tab, run, student)


def reliability_shows(tab: Visitor, run: str, metrics: dict[str, dict[str, float]]) -> None:
    tab.go("reliability")
    expect(tab.page.get_by_text(f"Run {run}")).to_be_visible()
    assert {trace["name"] for trace in tab.chart("reliability")} >= {
        "Student (posterior mean)",
        "Teachers' mean, weighted by entropy",
    }
    tab.more("every score")
    # The table is painted on a canvas; a copy for screen readers stands in the document.
    table = tab.page.locator("[data-testid=stDataFrame] canvas table[role=grid] tr")
    expect(table).to_have_count(1 + len(ROWS))
    titles, *rows = [row.locator("th, td").all_text_contents() for row in table.all()]
    shown = {row[0]: dict(zip(titles[1:], row[1:], strict=True)) for row in rows}
    assert set(shown) == set(ROWS)
    for title, name in ROWS.items():
        row = Metrics.model_validate(metrics)[name]
        # columns beyond the window's edge are not painted
        assert shown[title].items() <= {score: row.text(key) for score, key in SCORES.items()}.items()
        assert {"Accuracy", "NLL", "ECE"} <= set(shown[title])


def influence_shows(tab: Visitor, run: str, result: Result) -> None:
    tab.go("influence")
    expect(tab.page.get_by_text(f"Run {run}")).to_be_visible()
    labels = result.predictions.train.labels.numpy()
    shares = result.predictions.train.responsibilities.float().numpy()
    drawn = tab.chart("responsibilities")
    assert [trace["name"] for trace in drawn] == ["Digits 0 to 4", "Digits 5 to 9", "Generalist"]
    for trace, own in zip(drawn, shares, strict=True):
        expected = [own[labels == number].mean() for number in range(10)]
        assert trace["size"] == pytest.approx(expected, rel=1e-5, abs=1e-9)


def uncertainty_shows(tab: Visitor, run: str, student: dict[str, Any]) -> None:
    tab.go("uncertainty")
    expect(tab.page.get_by_text(f"Run {run}")).to_be_visible()
    found = student["sets"]["credible"]
    coverage = scores.SCORES["coverage"].text(found["coverage"], ScoreError(test_set=found["coverage_error"]))
    expect(tab.page.get_by_text(coverage).first).to_be_visible()
    expect(tab.page.get_by_text(f"{student['deviance']:.4f} ±").first).to_be_visible()
