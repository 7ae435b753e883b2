"""One real app for all browser tests, one browser, and a watch over every tab that a test opens."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from mtbkd_core.browser import offline
from mtbkd_core.browser.lessons import shipped
from mtbkd_core.runs import store
from mtbkd_core.runs.kinds.run import KIND as RUN
from tests.browser.server import Server, serve
from tests.browser.visitor import ARGUMENTS, Visitor, find_browser

#: What Streamlit's server prints where a tab is closed while something is sent to it.
TAB_GONE = re.compile(
    r"Exception in ASGI application\n(?:(?!Exception in ASGI).)*?"
    r"WebSocketDisconnected: Cannot call \"send\" once a close message has been sent\.\n",
    re.DOTALL,
)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app, started as a person starts it, with an empty home folder."""
    folder = tmp_path_factory.mktemp("app")
    with serve(folder / "home", folder / "output.txt") as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_browser(), args=list(ARGUMENTS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def profiles(browser: Browser) -> dict[bool, BrowserContext]:
    """A browser profile that wants light and one that wants dark; a profile's tabs fetch the app's scripts once."""
    schemes: dict[bool, Literal["light", "dark"]] = {False: "light", True: "dark"}
    return {dark: browser.new_context(color_scheme=scheme) for dark, scheme in schemes.items()}


@pytest.fixture
def new_tab(server: Server, profiles: dict[bool, BrowserContext]) -> Iterator[Callable[..., Visitor]]:
    """Open a tab: `new_tab(width=800, dark=True)`.

    The test fails where any of its tabs saw an exception box or an error in its console, or the app printed a trace.
    """
    trouble: list[str] = []
    before = len(server.output())
    opened = []

    def open_tab(width: int = 1366, *, dark: bool = False) -> Visitor:
        page = profiles[dark].new_page()
        opened.append(page)
        page.set_viewport_size({"width": width, "height": 900})
        return Visitor(page, server.url, trouble)

    yield open_tab
    for page in opened:
        page.close()
    with pytest.MonkeyPatch.context() as patch:  # a test that fails in the middle of a run leaves the worker free
        patch.setenv("MTBKD_HOME", str(server.home))
        for view in store.list_jobs(RUN):
            store.request_cancel(RUN, view.id)
    printed = TAB_GONE.sub("", server.output()[before:])
    if "Traceback" in printed:
        trouble.append(f"the app printed a trace:\n{printed}")
    assert not trouble, "\n".join(trouble)


@pytest.fixture
def tab(new_tab: Callable[..., Visitor]) -> Visitor:
    return new_tab()


@pytest.fixture(scope="session")
def done_run(server: Server, profiles: dict[bool, BrowserContext]) -> str:
    """The name of the demo's run, launched from the first page and done."""
    trouble: list[str] = []
    page = profiles[False].new_page()
    page.set_viewport_size({"width": 1366, "height": 900})
    visitor = Visitor(page, server.url, trouble)
    visitor.open()
    visitor.press(visitor.button("Distill the demo"))
    visitor.sees("distill")
    visitor.finishes()
    run = visitor.run()
    page.close()
    assert not trouble, "\n".join(trouble)
    return run


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show the app's output beside a test that failed."""
    report = yield
    running = getattr(item, "funcargs", {}).get("server")
    if report.failed and running is not None:
        report.sections.append(("the app's output", running.output()))
    return report


@pytest.fixture
def alone(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """The lesson of the liar as a file, in a tab."""
    (tmp_path / "lesson.html").write_text(
        offline.document(shipped()["add-a-liar"].model_dump(mode="json")), encoding="utf-8"
    )
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(60_000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto((tmp_path / "lesson.html").as_uri())
    expect(page.locator(".lesson .count")).to_have_text("1 of 6")  # the page listens from here on
    yield page
    page.close()
    assert not wrong
