"""What each teacher is worth: said beforehand what it takes, one job, its values beside responsibilities and pulls."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from mtbkd_core import RunConfig
from mtbkd_core.common.progress import Phase, Progress
from mtbkd_core.figures.theme import PALETTE
from mtbkd_core.runs import store
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds import shapley
from mtbkd_core.runs.kinds.base import Table
from mtbkd_core.runs.rows import Rows
from mtbkd_core.runs.store import RunView
from tests.app.conftest import FakeEngine, in_link, traces
from tests.app.grids import fake_grid

PAGE = "results/influence/page.py"
WORTH = {"digits-0-4": -0.3, "digits-5-9": -0.1, "even-digits": 0.05}


@pytest.fixture(autouse=True)
def computed(monkeypatch: pytest.MonkeyPatch) -> list[RunConfig]:
    """A student's NLL is the sum of what its teachers are worth."""

    def nll_of(config: RunConfig) -> float:
        return 1 + sum(WORTH[name] for name in config.data.teachers) * (config.prior.strength > 0)

    return fake_grid(monkeypatch, nll_of, lambda config: 1.2 if len(config.data.teachers) == 1 else 1.0)


def work_it_out(app: AppTest) -> None:
    next(button for button in app.button if button.label == "Work it out").click()
    app.run()
    assert not app.exception


def test_it_says_beforehand_what_it_takes(opened: Callable[..., AppTest], finished: RunView) -> None:
    app = opened(PAGE, run=finished.id)
    said = [caption.value for caption in app.caption if "Every subset" in caption.value]
    assert "3 teachers is heard once a seed: 8 runs, about" in said[0]
    assert "the chosen run took" in said[0]
    app.slider(key="view:influence:replicates").set_value(3)
    app.run()
    assert any("24 runs, about" in caption.value for caption in app.caption)
    assert in_link(app, "replicates") == "3"


@pytest.mark.parametrize(
    ("r_hat", "said"), [(90.0, "R-hat up to 90.000, above 1.05"), (None, "R-hat cannot be worked out")]
)
def test_chains_that_disagree_with_some_teachers_are_said(
    opened: Callable[..., AppTest],
    finished: RunView,
    monkeypatch: pytest.MonkeyPatch,
    r_hat: float | None,
    said: str,
) -> None:
    fake_grid(monkeypatch, lambda config: 1.0, lambda config: r_hat if len(config.data.teachers) == 1 else 1.0)
    app = opened(PAGE, run=finished.id)
    work_it_out(app)
    assert any("In some of these runs" in warning.value and said in warning.value for warning in app.warning)


def test_the_values_are_shown_in_the_teachers_colours_beside_what_the_run_says(
    opened: Callable[..., AppTest], finished: RunView, computed: list[RunConfig], fake_engine: FakeEngine
) -> None:
    before = len(opened(PAGE, run=finished.id).get("plotly_chart"))
    # all teachers are the run that is shown: its own NLL stands for it, and must not spoil what is added up here
    run = store.load_result(finished.id).metrics["student"]["nll"]
    app = opened(PAGE, run=finished.id)
    work_it_out(app)
    assert len(computed) == 7
    assert [asked.config for asked in fake_engine.filled] == [finished.config]
    assert len(app.get("plotly_chart")) == before + 2
    (view,) = shapley.TABLE.all()
    (worth,) = shapley.TABLE.read(view.id).worth("nll")
    assert worth.last["digits-0-4"] == pytest.approx(run - (1 - 0.1 + 0.05))
    drawn = traces(app, "Worth to the student's NLL")
    bars = drawn["bar", "Shapley value"]
    titles = ["Digits 0 to 4", "Digits 5 to 9", "Even digits"]
    assert bars["y"] == titles
    assert bars["x"] == pytest.approx([worth.shapley[name] for name in WORTH])
    assert bars["marker"]["color"] == list(PALETTE[:3])
    assert drawn["scatter", "Leave one out"]["x"] == pytest.approx([worth.last[name] for name in WORTH])
    found = store.load_result(finished.id).predictions.tensors()
    (cheap,) = [chart for chart in app.get("plotly_chart") if chart.proto.alt.startswith("What the run itself says")]
    assert cheap
    responsibilities = found["train.responsibilities"].float().mean(1)
    first = titles[int(responsibilities.argmax())]
    assert any(f"by responsibility **{first}** comes first" in text.value for text in app.markdown)
    assert any("R-hat up to" in warning.value for warning in app.warning)
    app.segmented_control(key="view:influence:score").set_value("accuracy")
    app.run()
    assert any("Right of zero the teacher helps" in caption.value for caption in app.caption)


def test_it_is_found_again_with_the_run(opened: Callable[..., AppTest], finished: RunView) -> None:
    FakeEngine().fill(shapley.TABLE, shapley.ask(finished.config, 2))
    app = opened(PAGE, run=finished.id, replicates="2")
    assert traces(app, "Worth to the student's NLL")
    app.slider(key="view:influence:replicates").set_value(1)
    app.run()
    assert not any(chart.proto.alt.startswith("Worth") for chart in app.get("plotly_chart"))


def test_one_under_way_is_watched_and_can_be_cancelled(
    opened: Callable[..., AppTest], finished: RunView, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = FakeEngine().fill(shapley.TABLE, shapley.ask(finished.config))
    progress = (Progress(Phase.GRID, 3, 8, 0.5, "Sampling students"),)
    early = replace(view, state=State.RUNNING, progress=progress, rows=Rows({}, {}))
    monkeypatch.setattr(Table, "find", lambda self, asked: early)
    monkeypatch.setattr(Table, "read", lambda self, id: early)
    app = opened(PAGE, run=finished.id)
    assert not app.exception
    assert app.get("progress")[0].proto.text == "3 of 8 runs done · Sampling students"
    app.button(key="cancel-valuation").click()
    app.run()
    assert fake_engine.cancelled == [view.id]
