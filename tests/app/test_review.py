"""The page Review: a verdict on the chosen run."""

from mtbkd_core.runs.kinds.run import RunView
from tests.app.conftest import Opened


def test_nothing_is_judged_before_it_is_asked_for(opened: Opened, finished: RunView) -> None:
    app = opened("review", run=finished.id)
    assert not app.exception
    assert not any("Inconclusive" in text.value or "**Pass**" in text.value for text in app.markdown)


def test_a_verdict_comes_for_each_requirement_and_the_whole(opened: Opened, finished: RunView) -> None:
    app = opened("review", run=finished.id)
    next(button for button in app.button if button.label == "Judge the run").click().run()
    assert not app.exception
    lines = [text.value for text in app.markdown if "**" in text.value and "·" in text.value]
    assert len(lines) == 6
    assert any(text.value.startswith("## ") for text in app.markdown)


def test_requirements_that_change_after_a_verdict_say_so(opened: Opened, finished: RunView) -> None:
    app = opened("review", run=finished.id)
    next(button for button in app.button if button.label == "Judge the run").click().run()
    app.number_input(key="limit:accuracy").set_value(0.5).run()
    assert "after a verdict had been seen" in app.warning[-1].value
