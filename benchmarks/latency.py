"""How long a person waits for the app: the real app in headless Chromium, each figure beside its target.

usage: python -m benchmarks.latency [--repeats 5] [up tasks pages prior run cancel ...]

Times are taken in the page, from the browser's input event to the frame that shows the answer. The home folder is the
benchmark's own, with trained teachers. Every run has a seed of its own, because a run that exists is not run again.
A figure is the median and the worst of the repeats; what misses its target is followed by the parts of its time.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import torch
from playwright.sync_api import Browser, Locator, expect, sync_playwright

from benchmarks.shared.record import Record, options
from benchmarks.shared.stopwatch import Figure, Stopwatch
from mtbkd_core import load_task
from mtbkd_core.catalog.registry import missing_data
from tests.browser.server import Server, serve
from tests.browser.visitor import ARGUMENTS, PAGES, Visitor, file_of_run, find_browser

PARTS = ("up", "tasks", "pages", "prior", "run", "cancel")

#: page -> what has to be visible beside its heading: its first chart, or what stands in its place.
FIRST_SIGHT = {
    "teachers": "drawn('expertise')",
    "prior": "drawn('weights')",
    "own_data": "visible('[data-testid=stFileUploader]')",
    "distill": "drawn('traces')",
    "reliability": "drawn('reliability')",
    "influence": "drawn('responsibilities')",
    "uncertainty": "drawn('intervals')",
    "shifts": "visible('[data-testid=stAlert], .js-plotly-plot')",
    "compare": "visible('[data-testid=stAlert]')",
    "coverage": "visible('[data-testid=stAlert]')",
    "samplers": "visible('[data-testid=stAlert]')",
    "method": "visible('.katex')",
    "": "visible('[data-testid=stMain] .stMarkdown svg')",
}

#: slider -> the charts that have to show its new value.
ANSWERS = {
    "Strength": ("effect",),
    "Concentration": ("effect", "simplex"),
    "Base weight: Digits 0 to 4": ("weights", "effect", "weights-here", "simplex"),
}

BUTTONS = """[...document.querySelectorAll('button')].some((b) => b.innerText.includes('Distill the demo'))"""
CURVE = """(document.querySelector('svg.live-curve polyline')?.getAttribute('points') ?? '') !== ''"""
HEADLINE = """[...document.querySelectorAll('[data-testid=stMetric]')].some((m) => m.innerText.includes('R-hat'))"""
CANCELLED = """[...document.querySelectorAll('[data-testid=stAlert]')].some((a) => a.innerText.includes('cancelled'))"""


@contextmanager
def a_tab(browser: Browser, server: Server) -> Iterator[tuple[Visitor, Stopwatch]]:
    context = browser.new_context(viewport={"width": 1366, "height": 900}, color_scheme="light")
    trouble: list[str] = []
    tab = Visitor(context.new_page(), server.url, trouble)
    yield tab, Stopwatch(tab, server)
    context.close()
    if trouble:
        sys.exit("\n".join(trouble))


def press(tab: Visitor, target: Locator) -> Callable[[], None]:
    return lambda: tab.press(target)


def measure_up(browser: Browser, folder: Path, repeats: int) -> list[Figure]:
    figure = Figure("app up: start to the first page's heading", 5.0)
    ready = Figure("app up: start to the first page's buttons", 5.0)
    for number in range(repeats):
        with serve(folder / "home", folder / f"up-{number}.txt") as server, a_tab(browser, server) as (tab, _):
            answers = datetime.now().timestamp() - server.started
            tab.page.goto(server.url)
            seen = tab.page.wait_for_function("() => window.heading").json_value() / 1000 - server.started
            figure.seconds.append(seen)
            figure.parts.append({"until the server answers": answers, "until the heading": seen - answers})
            tab.page.wait_for_function(f"() => {BUTTONS}", polling="raf")
            pressed = datetime.now().timestamp() - server.started
            ready.seconds.append(pressed)
            ready.parts.append({"until the heading": seen, "until the buttons": pressed - seen})
    return [figure, ready]


def measure_tasks(browser: Browser, folder: Path, repeats: int) -> list[Figure]:
    """From opening a task's teachers by a link until their cards stand: with an empty home, and after another start."""
    figures = []
    for task in ("digits", "synthetic", "proteins", "fashion"):
        if missing_data(task):
            print(f"{task}: left out, {missing_data(task)}")
            continue
        first, again = Figure(f"{task}: its first page", 10.0), Figure(f"{task}: after a second start", 2.0)
        for number in range(repeats):
            home = folder / f"{task}-{number}"
            for figure in (first, again):
                with serve(home, folder / "tasks.txt") as server, a_tab(browser, server) as (tab, _):
                    tab.open()
                    expect(tab.button("Distill the demo")).to_be_visible()
                    wait_until_idle(tab)
                    begun = datetime.now().timestamp()
                    tab.page.goto(f"{server.url}/teachers?task={task}")
                    heading = tab.page.wait_for_function("() => window.heading").json_value() / 1000 - begun
                    tab.page.wait_for_function("() => visible('.st-key-cards')", polling="raf")
                    figure.seconds.append(datetime.now().timestamp() - begun)
                    figure.parts.append({"until the heading": heading, "until its cards": figure.seconds[-1] - heading})
        figures += [first, again]
    return figures


def measure_pages(browser: Browser, server: Server, repeats: int) -> list[Figure]:
    figures = {page: Figure(f"page opens: {title}", 1.0) for page, title in PAGES.items()}
    with a_tab(browser, server) as (tab, watch):
        tab.open("method")
        for _ in range(repeats):
            for page, sight in FIRST_SIGHT.items():
                if tab.page.locator("h1").inner_text() == PAGES[page]:
                    tab.go("")
                link = tab.page.get_by_test_id("stSidebarNav").get_by_role(
                    "link", name=PAGES[page] if page else "Overview"
                )
                done = f"document.querySelector('h1')?.innerText === {PAGES[page]!r} && !!({sight})"
                seconds, parts, _ = watch.time("click", done, press(tab, link))
                figures[page].seconds.append(seconds)
                figures[page].parts.append(parts)
                tab.settles()
    return list(figures.values())


def measure_prior(browser: Browser, server: Server, repeats: int) -> list[Figure]:
    figures = []
    with a_tab(browser, server) as (tab, watch):
        for _ in range(2):  # the server's first visitor also waits for the task to be read
            tab.open("prior")
        for name, charts in ANSWERS.items():
            figure = Figure(f"slider: {name}", 0.3)
            tab.page.get_by_role("slider", name=name).press("ArrowLeft")  # the first answer also writes the link anew
            for _ in range(repeats):
                tab.settles()
                slider = tab.page.get_by_role(
                    "slider", name=name
                ).first  # its last state may stand beside it for a moment
                slider.focus()
                before = {chart: tab.page.evaluate("(chart) => window.drawn(chart)", chart) for chart in charts}
                tab.page.evaluate("(before) => { window.before = before; }", before)
                done = "Object.keys(before).every((chart) => drawn(chart) && drawn(chart) !== before[chart])"
                seconds, parts, _ = watch.time("keydown", done, lambda: tab.page.keyboard.press("ArrowLeft"))
                figure.seconds.append(seconds)
                figure.parts.append(parts)
            figures.append(figure)
    return figures


def measure_run(browser: Browser, server: Server, repeats: int, first_seed: int = 1000) -> list[Figure]:
    first = Figure("default run: click to the first live point", 1.5)
    whole = Figure("default run: click to its results", 5.0)
    for number in range(repeats):
        with a_tab(browser, server) as (tab, watch):
            tab.open("distill", seed=str(first_seed + number))
            wait_until_idle(tab)
            before = watch.used()
            seconds, parts, clicked = watch.time("click", CURVE, press(tab, tab.button("Distill")))
            tab.page.evaluate(f"() => window.time('mousemove', () => {HEADLINE})")
            tab.page.mouse.move(600, 3)
            _, end, origin = tab.page.evaluate("async () => [...await window.answer, performance.timeOrigin]")
            finished = (origin + end) / 1000 - clicked
            first.seconds.append(seconds)
            whole.seconds.append(finished)
            moments = moments_of(server.home / "runs" / tab.run(), clicked)
            begin = {name: moments[name] for name in ("submitted", "worker began", "first report")}
            first.parts.append(begin | {"drawn": seconds} | {name: parts[name] for name in before})
            used = {name: value - before[name] for name, value in watch.used().items()}
            whole.parts.append(moments | {"results on the page": finished} | used)
    return [first, whole]


def moments_of(folder: Path, clicked: float) -> dict[str, float]:
    """Times of a run's events in seconds after the click, from the run's own files."""
    status, owner = (json.loads((folder / name).read_text()) for name in ("status.json", "owner.json"))
    reports = [json.loads(line) for line in (folder / f"progress.{owner['attempt']}.jsonl").read_text().splitlines()]
    moments = {
        "submitted": datetime.fromisoformat(status["created"]).timestamp(),
        "worker began": datetime.fromisoformat(owner["started"]).timestamp(),
        "first report": next(report["time"] for report in reports if report["log_joint"]),
    }
    for phase in dict.fromkeys(report["phase"] for report in reports):
        moments[f"{phase.replace('_', ' ')} began"] = next(r["time"] for r in reports if r["phase"] == phase)
    moments["result on disk"] = (folder / "metrics.json").stat().st_mtime
    return {name: moment - clicked for name, moment in moments.items()}


def measure_cancel(browser: Browser, server: Server, repeats: int) -> list[Figure]:
    figure = Figure("cancel: click to the message on the page", 1.0)
    for number in range(repeats):
        with a_tab(browser, server) as (tab, watch):
            tab.open("distill", seed=str(2000 + number), sampler__thinning="1000")
            wait_until_idle(tab)
            tab.press(tab.button("Distill"))
            tab.sampling_step()
            seconds, _, clicked = watch.time("click", CANCELLED, press(tab, tab.button("Cancel")))
            status = file_of_run(server.home, tab.run(), "status.json")
            stopped = datetime.fromisoformat(status["ended"]).timestamp() - clicked
            figure.seconds.append(seconds)
            figure.parts.append({"worker stopped": stopped, "said on the page": seconds})
    return [figure]


def wait_until_idle(tab: Visitor) -> None:
    expect(tab.page.get_by_test_id("stSidebar").get_by_text("Engine ready · idle")).to_be_visible()
    tab.settles()


def measure(parts: tuple[str, ...], repeats: int) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        os.environ["MTBKD_HOME"] = str(folder / "home")
        torch.set_num_threads(1)
        load_task("digits")
        browser = playwright.chromium.launch(executable_path=find_browser(), args=list(ARGUMENTS))
        if "up" in parts:
            yield from measure_up(browser, folder, repeats)
        if "tasks" in parts:
            yield from measure_tasks(browser, folder, repeats)
        with serve(folder / "home", folder / "app.txt") as server:
            with a_tab(browser, server) as (tab, _):  # a run whose results the pages show
                tab.open("distill")
                wait_until_idle(tab)
                tab.press(tab.button("Distill"))
                tab.finishes()
            steps: dict[str, Any] = {
                "pages": measure_pages,
                "prior": measure_prior,
                "run": measure_run,
                "cancel": measure_cancel,
            }
            for part, step in steps.items():
                if part in parts:
                    yield from step(browser, server, repeats)
        browser.close()


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("parts", nargs="*", help=f"what to measure: {', '.join(PARTS)} (default: all)")
    parser.add_argument("--repeats", type=int, default=5)
    chosen = parser.parse_args()
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    record = Record("latency-tasks" if chosen.parts == ["tasks"] else "", write=chosen.write)
    for figure in measure(tuple(chosen.parts) or PARTS, chosen.repeats):
        record.row(what=figure.what, median=figure.median, worst=max(figure.seconds), n=len(figure.seconds))
        record.claim(f"{figure.what}, s (worst of {len(figure.seconds)})", max(figure.seconds), at_most=figure.target)
        if max(figure.seconds) > figure.target:
            print(figure.breakdown())
    record.close()


if __name__ == "__main__":
    main()
