"""A person in front of the app: what they do on a page, and every error that they would see."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from playwright.sync_api import ConsoleMessage, Locator, Page, expect

from pages.ui import navigation

#: Address and main heading of every page, in the order of the navigation.
PAGES = {"" if name == "overview" else name: title for name, title in navigation.titles().items()}

#: What Chromium needs where there is neither a sandbox nor a GPU, and to leave the network alone.
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")

#: Playwright waits this long, in milliseconds, for what is expected; nothing is measured by it.
PATIENCE = 180_000
expect.set_options(timeout=PATIENCE)

#: An exception box may be gone again before a test looks: the page itself reports each as an error in its console.
WATCH_FOR_EXCEPTIONS = """
new MutationObserver((changes) => {
  for (const change of changes) for (const node of change.addedNodes) {
    const box = node.querySelector?.('[data-testid=stException]') ?? node.closest?.('[data-testid=stException]');
    if (box && !box.dataset.seen) { box.dataset.seen = 'yes'; console.error('exception box: ' + box.innerText); }
  }
}).observe(document, {subtree: true, childList: true});
"""


def find_browser() -> str:
    """The Chromium or Chrome of MTBKD_BROWSER, else the first on the PATH.

    Raises:
        RuntimeError: there is none.
    """
    named = os.environ.get("MTBKD_BROWSER", "").strip()
    names = [named] if named else ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]
    for name in names:
        if path := shutil.which(name):
            return path
    raise RuntimeError(
        f"MTBKD_BROWSER: no such program: {named}"
        if named
        else f"No browser on the PATH (looked for {', '.join(names)}): run `make test`, or set MTBKD_BROWSER to one."
    )


class Visitor:
    """One tab of the app."""

    def __init__(self, page: Page, url: str, trouble: list[str]) -> None:
        self.page = page
        self.url = url
        self.trouble = trouble
        self.in_haste = False
        page.set_default_timeout(PATIENCE)
        page.add_init_script(WATCH_FOR_EXCEPTIONS)
        page.on("pageerror", lambda error: trouble.append(f"error in the page {self.where}: {error}"))
        page.on("console", self._hears)

    def _hears(self, message: ConsoleMessage) -> None:
        """Note an error; who leaves a page before it is whole leaves pictures behind that the app no longer holds."""
        left_behind = self.in_haste and "/media/" in message.location["url"]
        if message.type == "error" and not left_behind:
            self.trouble.append(f"console of {self.where}: {message.text} {message.location['url']}")

    @property
    def where(self) -> str:
        """The tab's address, without the server's."""
        return self.page.url.removeprefix(self.url)

    def open(self, page: str = "", **link: str) -> None:
        """Open a page by its link; double underscores in a parameter's name stand for a dot."""
        query = urlencode({name.replace("__", "."): value for name, value in link.items()})
        self.page.goto(f"{self.url}/{page}" + (f"?{query}" if query else ""))
        self.sees(page)

    def go(self, page: str, *, wait: bool = True) -> None:
        """Go to a page by the navigation, and wait until it stands whole, or only for its heading."""
        title = PAGES[page] if page else "Overview"
        self.in_haste = self.in_haste or not wait
        self.press(self.page.get_by_test_id("stSidebarNav").get_by_role("link", name=title))
        self.sees(page, whole=wait)

    def sees(self, page: str, *, whole: bool = True) -> None:
        """Wait until a page stands whole: its heading, its script at its end, every visible chart drawn."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(PAGES[page])
        if whole:
            self.settles()

    def settles(self) -> None:
        """Wait until the page's script is at its end, nothing is stale and every visible chart is drawn."""
        self.page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
        self.page.wait_for_function(
            """() => !document.querySelector('[data-testid=stSkeleton]')
              && [...document.querySelectorAll('[data-testid=stPlotlyChart]')]
                .every((chart) => !chart.checkVisibility() || chart.querySelector('.main-svg'))"""
        )

    def widens(self, width: int) -> None:
        """Give the window another width, and wait until the page has taken note."""
        self.page.set_viewport_size({"width": width, "height": self.page.viewport_size["height"]})
        self.page.wait_for_function(
            """async (width) => {
              for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
              return innerWidth === width;
            }""",
            arg=width,
        )
        self.settles()

    def press(self, target: Locator) -> None:
        """Click, and move the mouse away, so that no help bubble stands in the way of the next click."""
        target.click()
        self.page.mouse.move(self.page.viewport_size["width"] - 2, 2)

    def more(self, what: str) -> None:
        """Open a part of the page that stands under "More", and wait until it is drawn."""
        self.press(self.page.locator("summary").filter(has_text=f"More: {what}"))
        self.settles()

    def button(self, name: str) -> Locator:
        """The button of that name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def says(self, text: str | re.Pattern[str]) -> Locator:
        """Wait until a box on the page (an error, a warning, a notice) holds the text."""
        box = self.page.locator("[data-testid=stAlert], .live-reason").filter(has_text=text)
        expect(box).to_be_visible()
        return box

    def metric(self, label: str) -> Locator:
        """The value shown under a label, as a large number."""
        shown = self.page.get_by_test_id("stMetric").filter(
            has=self.page.get_by_test_id("stMetricLabel").filter(has_text=re.compile(f"^{re.escape(label)}"))
        )
        return shown.get_by_test_id("stMetricValue")

    def link(self) -> dict[str, str]:
        """What the address bar holds."""
        return dict(parse_qsl(urlsplit(self.page.url).query))

    def link_holds(self, name: str, value: str) -> None:
        """Wait until the address bar holds a value."""
        self.page.wait_for_function(
            "([name, value]) => new URLSearchParams(location.search).get(name) === value", arg=[name, value]
        )

    def run(self) -> str:
        """The name of the run that the tab shows; waits for it."""
        self.page.wait_for_function("() => new URLSearchParams(location.search).get('run')")
        return self.link()["run"]

    def launches(self) -> str:
        """Press Distill and wait for the first live points of another run than the one shown before; its name."""
        before = self.link().get("run", "")
        self.press(self.button("Distill"))
        self.live_points(at_least=2)
        self.page.wait_for_function(  # the address bar may lag behind the page, which names its run
            """(before) => {
              const run = new URLSearchParams(location.search).get('run');
              return run && run !== before && document.querySelector('[data-testid=stMain]').innerText.includes(run);
            }""",
            arg=before,
        )
        return self.run()

    def live_points(self, at_least: int = 1) -> int:
        """Wait until the live curve of the log joint has that many points; how many it has."""
        self.page.wait_for_function(
            """(least) => Number(document.querySelector('svg.live-curve[aria-label="Log joint of each chain"]')
              ?.dataset.points ?? 0) >= least""",
            arg=at_least,
        )
        curve = self.page.locator('svg.live-curve[aria-label="Log joint of each chain"]')
        assert curve.locator("polyline").first.get_attribute("points")
        return int(curve.get_attribute("data-points") or 0)

    def sampling_step(self, after: int = 0) -> int:
        """Wait until the run that is watched has sampled more steps than `after`; how many it has."""
        step = "() => Number(/Sampling the posterior: (\\d+) of/.exec(document.body.innerText)?.[1] ?? 0)"
        found: int = self.page.wait_for_function(f"(after) => Math.max(0, ({step})() - after)", arg=after).json_value()
        return after + found

    def finishes(self) -> None:
        """Wait until the Distill page shows the results of its run."""
        badge = self.metric("Worst R-hat")
        expect(badge).to_have_count(1)  # for a moment the page's last state may stand beside the new one
        expect(badge).to_be_visible()
        self.settles()

    def chart(self, key: str) -> list[dict[str, Any]]:
        """What a plotly chart has drawn: for each trace its name and its x, y and size of bar as plotly holds them."""
        chart = self.page.locator(f".st-key-chart-{key} .js-plotly-plot")
        return chart.evaluate(
            """(chart) => chart.calcdata.map((points) => ({
              name: points[0].trace.name, x: points.map((p) => p.x), y: points.map((p) => p.y),
              size: points.map((p) => p.s)}))"""
        )


def file_of_run(home: Path, run: str, name: str) -> Any:
    """A JSON file in a run's folder."""
    return json.loads((home / "runs" / run / name).read_text())
