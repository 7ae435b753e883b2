"""Compare: the page shows what the rows hold, in every state of a comparison; runs side by side; files to take."""

import json
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from mtbkd_core import RunConfig, build_config, load_task
from mtbkd_core.common.progress import Phase, Progress
from mtbkd_core.evaluation.diagnostics import r_hat_text
from mtbkd_core.evaluation.score_text import difference_text
from mtbkd_core.export.draws import measure_sizes
from mtbkd_core.figures.run_tables import differences_of_results
from mtbkd_core.runs import store
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds.comparison import KIND, ComparisonSpec, ComparisonView, comparison_spec
from mtbkd_core.runs.kinds.run import RunView, load_result
from mtbkd_core.runs.rows import Rows
from mtbkd_core.studies import comparison as study
from pages.ui.words import plain
from tests.app.conftest import SMALL, FakeEngine, in_link, lines, show_as

PAGE = "results/compare/page.py"
#: method -> NLL with seeds 0, 1, 2: clearly better, clearly worse and no clear difference against MT-BKD.
NLL = {
    "mt_bkd": (0.20, 0.22, 0.21),
    "no_teacher": (0.40, 0.421, 0.41),
    "teacher:digits-0-4": (0.21, 0.20, 0.22),
    "mean_kd": (0.10, 0.12, 0.11),
}


def row(method: str, seed: int) -> dict[str, float | None]:
    found: dict[str, float | None] = {"accuracy": 0.9, "nll": NLL[method][seed], "brier": 0.1, "ece": 0.02 + seed / 100}
    found["auroc_misclassification"] = None
    found |= {"tuned.weight_scale": 0.6, "tuned.validation_nll": 0.3, "tuned.tried": 16.0}
    return found | ({"r_hat": 1.01 + seed / 100} if method == "mt_bkd" else {})


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Methods that take no time."""
    monkeypatch.setattr(study, "load_task", lambda *given, **named: None)
    monkeypatch.setattr(
        study,
        "methods",
        lambda config, task, **named: {name: (lambda name=name: {name: row(name, config.seed % 3)}) for name in NLL},
    )


@pytest.fixture
def compared(home: object) -> ComparisonView:
    """A comparison of the defaults with three seeds that is done."""
    return FakeEngine().submit(KIND, comparison_spec(build_config(), range(3)))


def look(view: ComparisonView, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the page see a comparison as `view`."""
    show_as(view, KIND, monkeypatch)


def rows(*seeds: int, then: dict[int, list[str]] | None = None) -> Rows:
    found = {seed: {name: row(name, seed) for name in NLL} for seed in seeds}
    for seed, names in (then or {}).items():
        found[seed] = {name: row(name, seed) for name in names}
    return Rows(found, dict.fromkeys(seeds, 12.0))


def scores(app: AppTest) -> pd.DataFrame:
    return next(frame.value for frame in app.dataframe if "Description" in frame.value).set_index("Method")


class TestBaselines:
    def test_nothing_compared_yet_says_what_to_do(self, opened: Callable[..., AppTest]) -> None:
        app = opened(PAGE)
        assert "Nothing is compared yet" in app.info[0].value
        assert not app.get("plotly_chart")

    def test_the_launch_compares_the_chosen_runs_settings_with_as_many_seeds(
        self, opened: Callable[..., AppTest], finished: RunView
    ) -> None:
        app = opened(PAGE, run=finished.id)
        (said,) = [text.value for text in app.caption if "All methods are tuned first" in text.value]
        assert "the chosen run took" in said
        app.slider(key="view:compare:seeds").set_value(3)
        app.run()
        next(button for button in app.button if button.label == "Compare").click()
        app.run()
        assert not app.exception
        (view,) = store.list_jobs(KIND)
        assert (view.config, view.spec.seeds) == (finished.config, (0, 1, 2))
        assert in_link(app, "comparison") == view.id

    def test_a_finished_comparison_shows_its_rows_and_who_is_better(
        self, opened: Callable[..., AppTest], compared: ComparisonView
    ) -> None:
        app = opened(PAGE, comparison=compared.id)
        assert not app.exception
        assert not app.error
        table = scores(app)
        assert list(table.index) == ["MT-BKD", "No teacher", "Only Digits 0 to 4", "Mean KD"]
        assert table.loc["MT-BKD", "nll"] == "0.2100 ± 0.0058"
        assert table.loc["MT-BKD", "auroc_misclassification"] == "–"
        assert table.loc["MT-BKD", "R-hat"] == "1.030"
        assert table.loc["Mean KD", "R-hat"] == ""
        assert all(table["Description"])
        numbers = next(frame.value for frame in app.dataframe if "Baseline" in frame.value).set_index("Baseline")
        gap = compared.table().paired["no_teacher"]["nll"]
        assert numbers.loc["No teacher", "nll"] == f"{gap.difference:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]"
        assert numbers.loc["No teacher", "auroc_misclassification"] == "–"
        said = next(text for text in lines(app, "markdown") if "Against" in text)
        # by NLL one better, one worse, one unclear; by accuracy, Brier and ECE all three are tied
        assert "better in **1** of 12 differences and worse in **1**; **10** are no clear difference" in said
        assert any("NLL: of 4 ways to make a student, Mean KD has" in text for text in lines(app, "markdown"))
        by_seed, tuned = (next(f.value for f in app.dataframe if name in f.value) for name in ("0", "settings"))
        assert by_seed.set_index("title").loc["Mean KD", ["0", "1", "2"]].tolist() == list(NLL["mean_kd"])
        assert set(tuned["settings"]) == {"weight scale 0.6"}
        assert len(tuned) == 3 * len(NLL)
        # the glance and one forest for each score but AUROC, which no method has
        assert len(app.get("plotly_chart")) == 5
        assert any("a method that makes no error has none" in caption.value for caption in app.caption)
        assert any("Laplace: left out, because the matrix of" in caption.value for caption in app.caption)

    @pytest.mark.parametrize(
        ("state", "reason", "said", "button"),
        [
            (State.CANCELLED, None, "was cancelled. 2 of 3 seeds are whole.", "Go on"),
            (State.FAILED, "the disk is full", "failed. The disk is full. 2 of 3 seeds are whole.", "Go on"),
            (State.INTERRUPTED, None, "was interrupted", "Go on"),
        ],
    )
    def test_one_that_ended_early_keeps_its_seeds_and_can_go_on(
        self,
        opened: Callable[..., AppTest],
        compared: ComparisonView,
        monkeypatch: pytest.MonkeyPatch,
        state: State,
        reason: str | None,
        said: str,
        button: str,
    ) -> None:
        look(replace(compared, state=state, reason=reason, rows=rows(0, 1, then={2: ["mt_bkd"]})), monkeypatch)
        app = opened(PAGE, comparison=compared.id)
        assert not app.exception
        assert any(said in box.value for box in [*app.info, *app.error])
        assert scores(app).loc["MT-BKD", "nll"] == "0.2100 ± 0.0100"
        asked: list[ComparisonSpec] = []
        monkeypatch.setattr(FakeEngine, "submit", lambda self, kind, spec, by: asked.append(spec) or compared)
        next(one for one in app.button if one.label == button).click()
        app.run()
        assert asked == [compared.spec]

    def test_one_under_way_shows_the_rows_as_they_come_and_can_be_cancelled(
        self,
        opened: Callable[..., AppTest],
        compared: ComparisonView,
        fake_engine: FakeEngine,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        progress = (Progress(Phase.STUDY, 1, 3, 0.25, "teacher:digits-0-4"),)
        early = replace(compared, state=State.RUNNING, progress=progress, rows=rows(then={0: ["mt_bkd", "no_teacher"]}))
        look(early, monkeypatch)
        app = opened(PAGE, comparison=compared.id)
        assert not app.exception
        (bar,) = app.get("progress")
        assert (bar.proto.value, bar.proto.text) == (25, "Seed 1 of 3: Only Digits 0 to 4")
        assert list(scores(app).index) == ["MT-BKD", "No teacher"]
        assert not app.get("plotly_chart")
        app.button(key="cancel-comparison").click()
        app.run()
        assert fake_engine.cancelled == [compared.id]
        look(replace(early, rows=rows(0, 1, then={2: ["mt_bkd"]})), monkeypatch)
        app.run()
        assert not app.exception
        # intervals after two seeds; the table counts the third as far as it has come
        assert len(app.get("plotly_chart")) == 5
        assert scores(app)["Seeds"].tolist() == [3, 2, 2, 2]
        assert app.get("progress")[0].proto.text.endswith("12 s per seed")

    def test_one_of_an_earlier_version_says_that_it_was_not_tuned(
        self, opened: Callable[..., AppTest], compared: ComparisonView, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = rows(0, 1, 2)
        for one in found.found.values():
            for name, scored in list(one.items()):
                one[name] = {score: value for score, value in scored.items() if not score.startswith("tuned.")}
            one["deep_ensemble"] = one.pop("mean_kd")
        look(replace(compared, rows=found), monkeypatch)
        app = opened(PAGE, comparison=compared.id)
        assert not app.exception
        assert any("not tuned alike" in box.value for box in app.info)
        assert "Warm start" in scores(app).index
        assert not any("settings" in frame.value for frame in app.dataframe)

    def test_one_seed_gives_no_interval(
        self, opened: Callable[..., AppTest], compared: ComparisonView, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        look(replace(compared, state=State.CANCELLED, rows=rows(0)), monkeypatch)
        app = opened(PAGE)
        assert any("One seed gives no interval" in box.value for box in app.info)
        assert not app.get("plotly_chart")
        assert scores(app).loc["MT-BKD", "nll"] == "0.2000"

    def test_chains_that_disagree_in_some_seed_are_said(
        self, opened: Callable[..., AppTest], compared: ComparisonView, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for r_hat, said in ((1.3, "MT-BKD 1.300"), (None, "MT-BKD none")):
            found = rows(0, 1, 2)
            found.found[1]["mt_bkd"]["r_hat"] = r_hat
            look(replace(compared, rows=found), monkeypatch)
            app = opened(PAGE)
            (warning,) = app.warning
            assert said in warning.value
            assert scores(app).loc["MT-BKD", "R-hat"] == said.removeprefix("MT-BKD ")

    def test_an_engine_that_cannot_run_is_one_line(
        self, opened: Callable[..., AppTest], fake_engine: FakeEngine
    ) -> None:
        app = opened(PAGE)
        fake_engine.problem = "the scheduler is gone"
        next(button for button in app.button if button.label == "Compare").click()
        app.run()
        assert [error.value for error in app.error] == ["the scheduler is gone"]

    def test_every_control_has_help_in_every_state(
        self, opened: Callable[..., AppTest], compared: ComparisonView, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        look(replace(compared, state=State.CANCELLED, rows=rows(0, 1)), monkeypatch)
        app = opened(PAGE)
        kinds = ("slider", "selectbox", "segmented_control", "button", "multiselect")
        assert not [element.label for kind in kinds for element in getattr(app, kind) if not element.help]


class TestSideBySide:
    @pytest.fixture
    def other(self, done: Callable[[RunConfig], RunView]) -> RunView:
        """A second run, with another strength."""
        return done(build_config({**SMALL, "prior.strength": "0.5"}.items()))

    def test_one_run_is_not_enough(self, opened: Callable[..., AppTest], finished: RunView) -> None:
        app = opened(PAGE, view="runs", run=finished.id)
        assert "one finished run" in app.info[0].value

    def test_two_runs_show_what_differs_and_their_own_scores(
        self, opened: Callable[..., AppTest], finished: RunView, other: RunView
    ) -> None:
        app = opened(PAGE, view="runs", runs=f"{finished.id},{other.id}")
        assert not app.exception
        assert not app.error
        differ, numbers = (frame.value.set_index(frame.value.columns[0]) for frame in app.table)
        assert differ.loc[plain("Strength (in labels)")].to_dict() == {"A": plain("4.5"), "B": plain("0.75")}
        assert list(differ.index) == [plain("Strength (in labels)")]
        for letter, run in (("A", finished), ("B", other)):
            metrics = load_result(run.id).metrics
            assert numbers.loc["NLL (nats)", letter] == plain(metrics.student.text("nll"))
            assert numbers.loc["R-hat, worst of three", letter] == plain(r_hat_text(metrics.diagnostics.worst))
        found = differences_of_results(load_result(other.id), load_result(finished.id))
        assert numbers.loc["NLL (nats)", "B minus A"] == plain(difference_text("nll", found["nll"]))
        assert len(app.get("plotly_chart")) == 1

    def test_a_link_without_runs_shows_the_chosen_run_and_the_newest_other(
        self, opened: Callable[..., AppTest], finished: RunView, other: RunView
    ) -> None:
        app = opened(PAGE, view="runs", run=finished.id)
        assert app.multiselect(key="set:runs").value == [finished.id, other.id]
        assert in_link(app, "runs") == f"{finished.id},{other.id}"

    def test_runs_that_are_none_are_said_and_too_few_ask_for_more(
        self, opened: Callable[..., AppTest], finished: RunView, other: RunView
    ) -> None:
        app = opened(PAGE, view="runs", runs=f"{finished.id},nonsense")
        assert "Not among the finished runs: nonsense" in app.warning[0].value
        assert "at least two runs" in app.info[0].value
        app.multiselect(key="set:runs").set_value([finished.id, other.id])
        app.run()
        assert in_link(app, "runs") == f"{finished.id},{other.id}"
        assert len(app.get("plotly_chart")) == 1
        app.multiselect(key="set:runs").set_value([])
        app.run()
        assert "at least two runs" in app.info[0].value
        assert app.multiselect(key="set:runs").value == []

    def test_different_test_examples_are_said(self, opened: Callable[..., AppTest], finished: RunView) -> None:
        file = finished.folder / "config.json"
        assert json.loads(file.read_text())["data"]["split_seed"] == 0
        other = FakeEngine().distill(build_config({**SMALL, "student.kind": "linear", "split_seed": "1"}.items()))
        app = opened(PAGE, view="runs", runs=f"{finished.id},{other.id}")
        assert any("different test examples" in warning.value for warning in app.warning)


class TestTakeAway:
    def test_a_run_is_offered_as_a_report_and_as_numbers(
        self, opened: Callable[..., AppTest], finished: RunView
    ) -> None:
        app = opened(PAGE, view="report", run=finished.id)
        assert not app.exception
        assert {button.proto.label for button in app.get("download_button")} == {
            "Download the report",
            "Download metrics.json",
            "Download the student",
        }

    def test_the_student_is_offered_with_as_few_draws_as_its_score_allows(
        self, opened: Callable[..., AppTest], finished: RunView
    ) -> None:
        app = opened(PAGE, view="report", run=finished.id)
        result = load_result(finished.id)
        sizes = measure_sizes(result, load_task(result.config))
        chosen = app.selectbox(key="take-away-draws")
        assert chosen.value == str(sizes.proposed)
        assert len(chosen.options) == len(sizes.rows) + 1

    def test_without_a_run_it_says_what_to_do_next(self, opened: Callable[..., AppTest]) -> None:
        app = opened(PAGE, view="report")
        assert "Distill a student first" in app.info[0].value
