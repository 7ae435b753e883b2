"""Where nothing has been measured yet, pages show what comes with the program, marked as such."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mtbkd_core import UserError, default_config
from mtbkd_core.runs import examples
from mtbkd_core.runs.examples import EXAMPLES
from mtbkd_core.runs.kinds import run as runs
from mtbkd_core.studies.standing import shipped_comparisons
from mtbkd_core.teachers.shipped import DATA
from pages.results.compare import baseline_results
from tests.app.conftest import FakeEngine, Opened, in_link, lines, press, undownloadable

RESULTS = ("overview", "distill", "reliability", "influence", "uncertainty", "shifts")
MARK = ":material/inventory_2: **Example** · "


@pytest.fixture(autouse=True)
def _shipped(_no_examples: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "FOLDER", DATA / "runs")
    monkeypatch.setattr(baseline_results, "shipped_comparisons", shipped_comparisons)
    stale = [name for name, each in EXAMPLES.items() if examples.read(each.kind, name) is None]
    if stale:
        pytest.skip(f"of other data or settings, make them anew with python -m mtbkd_core examples: {', '.join(stale)}")


def marked(app: AppTest) -> list[str]:
    return [line for line in lines(app, "markdown") if line.startswith(MARK)]


@pytest.mark.parametrize("task", ["digits", "synthetic"])
@pytest.mark.parametrize("page", RESULTS)
def test_a_page_of_results_shows_the_example_of_the_task(opened: Opened, page: str, task: str) -> None:
    app = opened(page, task=task)
    assert not app.exception
    assert not lines(app, "error")
    assert len(marked(app)) == 1
    assert app.get("plotly_chart")
    assert not undownloadable(app)


@pytest.mark.parametrize("page", ["compare", "coverage", "samplers"])
def test_a_page_of_studies_shows_the_example(opened: Opened, page: str) -> None:
    app = opened(page)
    assert not app.exception
    assert not lines(app, "error")
    assert len(marked(app)) == 1
    assert app.get("plotly_chart")


@pytest.mark.parametrize("view", ["sweep", "runs", "report"])
def test_every_part_of_compare_shows_an_example(opened: Opened, view: str) -> None:
    app = opened("compare", view=view)
    assert not app.exception
    assert not lines(app, "error")
    assert len(marked(app)) == 1


def test_watch_shows_its_controls_before_there_is_a_run(opened: Opened) -> None:
    app = opened("watch")
    assert {"New inputs", "Batch"} <= {each.label for each in app.selectbox}
    assert "There is no run to show yet" in app.info[0].value


@pytest.mark.parametrize("page", ["review", "watch"])
def test_what_judges_shows_its_form_alone(opened: Opened, page: str) -> None:
    app = opened(page)
    assert not app.exception
    assert not marked(app)
    assert not app.get("plotly_chart")


def test_a_task_without_an_example_shows_that_of_another_by_name(opened: Opened) -> None:
    app = opened("reliability", task="proteins")
    assert marked(app)[0].startswith(f"{MARK}Handwritten digits")


def test_the_button_distills_the_example_and_the_page_shows_that_run(
    opened: Opened, fake_engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened("reliability")
    asked = []

    def submit(kind: object, spec: object, *more: object, **named: object) -> object:
        asked.append(spec)
        raise UserError("not now")  # the whole default run would take a minute

    monkeypatch.setattr(fake_engine, "submit", submit)
    press(app, "Distill it yourself")
    assert asked == [examples.find(runs.KIND, "digits").config]  # type: ignore[union-attr]


def test_a_run_of_ones_own_takes_the_examples_place(opened: Opened, finished: runs.RunView) -> None:
    app = opened("reliability")
    assert not marked(app)
    assert in_link(app, "run") == finished.id


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_opens_and_is_small(name: str) -> None:
    assert examples.read(EXAMPLES[name].kind, name) is not None
    files: list[Path] = list((DATA / "runs" / name).iterdir())
    assert sum(file.stat().st_size for file in files) < 900_000


@pytest.mark.parametrize("task", ["digits", "synthetic"])
def test_an_example_has_the_tasks_default_settings(task: str) -> None:
    found = examples.find(runs.KIND, task)
    assert found is not None
    if found.config != default_config(task):
        pytest.skip("the defaults have changed: python -m mtbkd_core examples makes the example anew")
