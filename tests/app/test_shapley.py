"""Shapley study: its cost is shown beforehand, it is one job, its values stand beside responsibilities and pulls."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from mtbkd_core import RunConfig
from mtbkd_core.evaluation.scores import COMPARED, SCORES
from mtbkd_core.figures.theme import PALETTE
from mtbkd_core.runs import store
from mtbkd_core.runs.kinds.run import RunView, load_result
from mtbkd_core.runs.kinds.shapley import KIND, shapley_spec
from tests.app.conftest import FakeEngine, in_link, traces
from tests.app.grids import fake_grid

PAGE = "results/influence/page.py"
EFFECTS = {"digits-0-4": -0.3, "digits-5-9": -0.1, "even-digits": 0.05}


@pytest.fixture(autouse=True)
def computed(monkeypatch: pytest.MonkeyPatch) -> list[RunConfig]:
    """A student's NLL is 1 and its teachers' effects."""

    def nll_of(config: RunConfig) -> float:
        return 1 + sum(EFFECTS[name] for name in config.data.teachers) * (config.prior.strength > 0)

    return fake_grid(monkeypatch, nll_of, lambda config: 1.2 if len(config.data.teachers) == 1 else 1.0)


def work_it_out(app: AppTest) -> None:
    next(button for button in app.button if button.label == "Compute").click()
    app.run()
    assert not app.exception


def test_it_says_beforehand_what_it_takes(opened: Callable[..., AppTest], finished: RunView) -> None:
    app = opened(PAGE, run=finished.id)
    said = [caption.value for caption in app.caption if "every subset" in caption.value]
    assert "3 teachers with each seed: 8 runs, about" in said[0]
    assert "the chosen run took" in said[0]
    app.slider(key="view:influence:replicates").set_value(3)
    app.run()
    assert any("24 runs, about" in caption.value for caption in app.caption)
    assert in_link(app, "replicates") == "3"


@pytest.mark.parametrize(
    ("r_hat", "said"), [(90.0, "the worst of these runs 90.000"), (None, "the worst of these runs none")]
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
    assert any("The chains disagree" in warning.value and said in warning.value for warning in app.warning)


def test_the_values_are_shown_in_the_teachers_colours_beside_what_the_run_says(
    opened: Callable[..., AppTest], finished: RunView, computed: list[RunConfig], fake_engine: FakeEngine
) -> None:
    before = len(opened(PAGE, run=finished.id).get("plotly_chart"))
    # all teachers are the run that is shown: its own NLL stands for it, and must not spoil what is added up here
    run = load_result(finished.id).metrics["student"]["nll"]
    app = opened(PAGE, run=finished.id)
    work_it_out(app)
    assert len(computed) == 7
    assert [spec.config for spec in fake_engine.submitted] == [finished.config]
    assert len(app.get("plotly_chart")) == before + 2
    (view,) = store.list_jobs(KIND)
    (found,) = store.read(KIND, view.id).contributions("nll")
    assert found.leave_one_out["digits-0-4"] == pytest.approx(run - (1 - 0.1 + 0.05))
    drawn = traces(app, "Contribution to the student's NLL")
    bars = drawn["bar", "Shapley value"]
    titles = ["Digits 0 to 4", "Digits 5 to 9", "Even digits"]
    assert bars["y"] == titles
    assert bars["x"] == pytest.approx([found.shapley[name] for name in EFFECTS])
    assert bars["marker"]["color"] == list(PALETTE[:3])
    assert drawn["scatter", "Leave one out"]["x"] == pytest.approx([found.leave_one_out[name] for name in EFFECTS])
    found = load_result(finished.id).predictions.tensors()
    (cheap,) = [
        chart
        for chart in app.get("plotly_chart")
        if chart.proto.alt.startswith("Responsibility and pull in the run itself")
    ]
    assert cheap
    responsibilities = found["train.responsibilities"].float().mean(1)
    first = titles[int(responsibilities.argmax())]
    assert any(f"by responsibility **{first}** comes first" in text.value for text in app.markdown)
    assert any("The chains disagree" in warning.value for warning in app.warning)
    app.segmented_control(key="view:influence:score").set_value("accuracy")
    app.run()
    assert any("Right of zero the teacher helps" in caption.value for caption in app.caption)


@pytest.mark.parametrize("auroc", [0.8, None])
def test_every_compared_score_that_all_subsets_have_is_offered(
    opened: Callable[..., AppTest], finished: RunView, monkeypatch: pytest.MonkeyPatch, auroc: float | None
) -> None:
    fake_grid(monkeypatch, lambda config: 1.0, lambda config: 1.0, auroc=auroc)
    app = opened(PAGE, run=finished.id)
    work_it_out(app)
    # runs that hold no errors: nothing is said to be clear
    assert any("no teacher clearly contributes most" in text.value for text in app.markdown)
    offered = app.segmented_control(key="view:influence:score").options
    assert offered == [
        SCORES[name].short for name in COMPARED if name != "auroc_misclassification" or auroc is not None
    ]


def test_it_is_found_again_with_the_run(opened: Callable[..., AppTest], finished: RunView) -> None:
    FakeEngine().submit(KIND, shapley_spec(finished.config, 2))
    app = opened(PAGE, run=finished.id, replicates="2")
    assert traces(app, "Contribution to the student's NLL")
    app.slider(key="view:influence:replicates").set_value(1)
    app.run()
    assert not any(chart.proto.alt.startswith("Contribution") for chart in app.get("plotly_chart"))
