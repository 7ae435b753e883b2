"""Every page opens on every kind of task, with and without results, and shows what to do where there are none."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mtbkd_core import RunConfig, build_config, default_config
from pages.ui import engine, navigation
from tests.app.conftest import (
    SMALL,
    FakeEngine,
    Opened,
    in_link,
    lines,
    new_app,
    open_page,
    undownloadable,
    without_help,
)
from tests.conftest import load_once

ROOT = Path(__file__).parents[2]
PAGES = navigation.titles()
#: Settings that make a small run on each of three kinds of inputs: pictures, points of a plane, proteins.
FEW = {"digits": {}, "synthetic": {}, "proteins": {"n_train": "60", "student.hidden": "4"}}


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_without_a_run(opened: Opened, page: str) -> None:
    app = opened(page)
    assert [title.value for title in app.title] == [PAGES[page]]
    assert not app.exception
    assert not lines(app, "error", "warning")


@dataclass(frozen=True)
class Shown:
    """A page as it stands with a run on a task."""

    page: str
    task: str
    app: AppTest
    run: str


@pytest.fixture(scope="module", params=[(page, task) for task in FEW for page in PAGES], ids="-".join)
def shown(
    request: pytest.FixtureRequest,
    every_teacher: Path,
    shelf: Callable[[RunConfig], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Shown:
    """Each page, opened once with a small run that is done, for tests that only look at it."""
    page, task = request.param
    load_once(every_teacher, task)
    kept = shelf(build_config([*FEW[task].items(), *SMALL.items()], base=default_config(task)))
    home = tmp_path_factory.mktemp("shown")
    for part in ("teachers", "features"):
        if (every_teacher / part).exists():
            (home / part).symlink_to(every_teacher / part)
    shutil.copytree(kept, home / "runs" / kept.name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTBKD_HOME", str(home))
        fake = FakeEngine()
        patch.setattr(engine, "_engine", lambda: fake)
        link = {"task": task} | FEW[task] | {"run": kept.name}
        return Shown(page, task, open_page(new_app(), page, **link), kept.name)


def test_every_page_opens_with_a_run(shown: Shown) -> None:
    app = shown.app
    assert [title.value for title in app.title] == [PAGES[shown.page]]
    assert not app.exception
    assert not lines(app, "error")
    # the small run's chains have not met, and the pages that show its results warn of it
    assert not [line for line in lines(app, "warning") if not line.startswith("The chains disagree")]
    assert in_link(app, "run") == shown.run


def test_every_chart_says_what_to_look_for_and_can_be_downloaded(shown: Shown) -> None:
    app = shown.app
    assert not undownloadable(app)
    captions = lines(app, "caption")
    for chart in app.get("plotly_chart"):
        title, _, look_for = chart.proto.alt.partition(". ")
        assert f"**{title}**" in lines(app, "markdown")
        assert look_for in captions


def test_every_control_has_help(shown: Shown) -> None:
    assert without_help(shown.app) == []


def test_inputs_that_are_no_images_are_not_called_images(shown: Shown) -> None:
    if shown.task == "digits" or shown.page in ("overview", "own_data"):  # which offer images as well
        return
    app = shown.app
    texts = lines(app, "markdown", "caption", "header") + [chart.proto.alt for chart in app.get("plotly_chart")]
    controls = ("slider", "number_input", "text_input", "selectbox", "segmented_control", "toggle", "button")
    texts += [element.label + element.help for kind in controls for element in getattr(app, kind)]
    assert [text for text in texts if "image" in text.lower()] == []


@pytest.mark.parametrize("page", ["reliability", "influence", "uncertainty", "shifts"])
def test_a_page_without_results_says_what_to_do_next(opened: Opened, page: str) -> None:
    app = opened(page)
    assert "Distill a student first" in app.info[0].value
    assert {link.label for link in app.main.get("page_link")} == {"Go to Distill", "Or start with the demo"}
    assert not app.get("plotly_chart")


def test_no_file_lies_directly_in_pages() -> None:
    # Streamlit would take it for a page of its older kind of app until the navigation has run once.
    assert [path.name for path in (ROOT / "pages").iterdir() if path.is_file()] == []


def test_every_parameter_of_a_link_belongs_to_a_page_or_to_a_setting() -> None:
    assert not navigation.parameters() & {"run", "before", "example", "task", "data.task"}
