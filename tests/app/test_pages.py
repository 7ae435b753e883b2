"""Every page opens, with and without results, and says what to do where there is nothing to show."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mtbkd_core import RunConfig, build_config
from pages.ui import engine, navigation
from tests.app.conftest import SMALL, FakeEngine, in_link, new_app, open_page

ROOT = Path(__file__).parents[2]
PAGES = {
    "start/overview.py": "MT-BKD Explorer",
    "setup/teachers.py": "Teachers",
    "setup/own_data/page.py": "Your own data",
    "setup/prior.py": "Prior",
    "setup/distill/page.py": "Distill",
    "results/reliability/page.py": "Reliability",
    "results/influence/page.py": "Influence",
    "results/uncertainty.py": "Uncertainty",
    "results/shifts/page.py": "Shifts",
    "results/compare/page.py": "Compare",
    "learn/coverage.py": "Coverage",
    "learn/samplers.py": "Why this sampler",
    "learn/method.py": "Method",
}


def lines(app: AppTest, *kinds: str) -> list[str]:
    return [element.value for kind in kinds for element in getattr(app, kind)]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_without_a_run(opened: Callable[..., AppTest], page: str) -> None:
    app = opened(page)
    assert [title.value for title in app.title] == [PAGES[page]]
    assert not app.exception
    assert not lines(app, "error", "warning")


@dataclass(frozen=True)
class Shown:
    """A page as it stands with a run."""

    page: str
    app: AppTest
    run: str


@pytest.fixture(scope="module", params=PAGES)
def shown(
    request: pytest.FixtureRequest,
    every_teacher: Path,
    shelf: Callable[[RunConfig], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Shown:
    """Each page, opened once with a small run that is done, for tests that only look at it."""
    home, kept = tmp_path_factory.mktemp("shown"), shelf(build_config(SMALL.items()))
    (home / "teachers").symlink_to(every_teacher / "teachers")
    shutil.copytree(kept, home / "runs" / kept.name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTBKD_HOME", str(home))
        fake = FakeEngine()
        patch.setattr(engine, "_engine", lambda: fake)
        app = new_app()
        return Shown(request.param, open_page(app, request.param, run=kept.name), kept.name)


def test_every_page_opens_with_a_run(shown: Shown) -> None:
    app = shown.app
    assert [title.value for title in app.title] == [PAGES[shown.page]]
    assert not app.exception
    assert not lines(app, "error")
    # the small run's chains have not met, and the pages that show its results say so
    disagree = [line for line in lines(app, "warning") if not line.startswith("The chains disagree")]
    assert not disagree
    assert in_link(app, "run") == shown.run


@pytest.mark.parametrize(
    "page",
    ["results/reliability/page.py", "results/influence/page.py", "results/uncertainty.py", "results/shifts/page.py"],
)
def test_a_page_without_results_says_what_to_do_next(opened: Callable[..., AppTest], page: str) -> None:
    app = opened(page)
    assert "Distill a student first" in app.info[0].value
    assert {link.label for link in app.main.get("page_link")} == {"Go to Distill", "Or start with the demo"}
    assert not app.get("plotly_chart")


def test_every_chart_says_what_to_look_for_and_can_be_taken_away(shown: Shown) -> None:
    app = shown.app
    charts = app.get("plotly_chart")
    taken = {button.key.removeprefix("csv:") for button in app.get("download_button")}
    assert {chart.key.removeprefix("chart:") for chart in charts} <= taken
    captions = lines(app, "caption")
    for chart in charts:
        title, _, look_for = chart.proto.alt.partition(". ")
        assert f"**{title}**" in lines(app, "markdown")
        assert look_for in captions


def test_every_control_has_help(shown: Shown) -> None:
    kinds = ("slider", "number_input", "text_input", "selectbox", "segmented_control", "pills", "toggle", "button")
    without = [element.label for kind in kinds for element in getattr(shown.app, kind) if not element.help]
    assert without == []


def test_no_file_lies_directly_in_pages() -> None:
    # Streamlit would take it for a page of its older kind of app until the navigation has run once.
    assert [path.name for path in (ROOT / "pages").iterdir() if path.is_file()] == []


def test_the_navigation_holds_every_page() -> None:
    assert navigation.names() == [page.removesuffix("/page.py").removesuffix(".py").split("/")[-1] for page in PAGES]
