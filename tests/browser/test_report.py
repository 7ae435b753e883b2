"""A report in Chromium, from `file://`: it answers as Python does, moves with its controls, and asks no host."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Page, expect

from mtbkd_core import Result, Task, distill
from mtbkd_core.evaluation.predictive import predict
from mtbkd_core.report.html import build_report
from mtbkd_core.report.packing import EXAMPLES, examples_held
from mtbkd_core.report.thinking import MOST_BYTES, hold
from tests.browser.visitor import Visitor
from tests.small import small

pytestmark = pytest.mark.browser
WIDTHS = (400, 800, 1366)


@pytest.fixture(scope="module")
def result(digits: Task) -> Result:
    return distill(small(student__kind="mlp", student__hidden="12"), task=digits)


@pytest.fixture(scope="module")
def address(result: Result, digits: Task, tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("report") / "report.html"
    document = build_report(result, run="0123456789abcdef", created=datetime(2026, 5, 27, tzinfo=UTC), task=digits)
    path.write_text(document, encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The report in a tab, which asked for nothing but itself and reported no error."""
    page = browser.new_page(viewport={"width": 1366, "height": 900})
    wanted: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: wanted.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.goto(address)
    yield page
    page.close()
    assert wanted == [address]
    assert not wrong


def test_its_answers_to_200_examples_are_pythons(page: Page, result: Result, digits: Task) -> None:
    found = page.evaluate("() => window.thinking.answers()")
    assert len(found) == EXAMPLES
    draws = hold(result, digits, MOST_BYTES // 2).draws
    assert draws is not None
    wanted = predict(result.student, draws.float(), digits.x_test[examples_held(len(digits.x_test))])
    mean = torch.tensor([each["mean"] for each in found])
    torch.testing.assert_close(mean, wanted.mean, atol=1e-3, rtol=0)
    ends = torch.tensor([each["intervals"] for each in found])
    torch.testing.assert_close(ends, torch.stack([wanted.low, wanted.high], -1), atol=1e-3, rtol=0)


def test_frequencies_follow_the_threshold_and_go_back(page: Page) -> None:
    says = page.locator(".says")
    before = says.inner_text()
    page.get_by_label("Share of cases that it answers by itself").fill("60")
    expect(says).to_contain_text("Of 1,000 cases 300 are answered")
    page.get_by_label("Share of cases that it answers by itself").fill("0")
    expect(says).to_have_text("All 1,000 cases go to a person.")
    expect(page.locator(".decision")).to_contain_text("This case goes to a person")
    page.get_by_role("button", name="Back to the verdict's threshold").click()
    expect(says).to_have_text(before)


def test_another_example_has_another_answer(page: Page) -> None:
    bars = page.locator(".bars")
    before = bars.inner_text()
    page.get_by_role("button", name="Next").click()
    expect(bars).not_to_have_text(before)
    page.get_by_label("Which examples").select_option("wrong")
    expect(page.locator(".named")).to_contain_text("The truth is")


def test_a_drawing_is_answered_while_it_is_drawn(page: Page) -> None:
    canvas = page.get_by_label("Draw here")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + 0.1 * box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 0.8 * box["height"], steps=8)
    page.mouse.up()
    expect(page.locator(".named")).to_contain_text("for your drawing")
    drawn = page.locator(".bars").inner_text()
    page.get_by_role("button", name="Blank paper").click()
    expect(page.locator(".bars")).not_to_have_text(drawn)
    page.get_by_role("button", name="Back to the test example").click()
    expect(page.locator(".named")).not_to_contain_text("your drawing")


def test_a_drawing_can_be_made_by_keys(page: Page) -> None:
    canvas = page.get_by_label("Draw here")
    canvas.focus()
    page.keyboard.press("ArrowUp")
    expect(page.locator(".named")).not_to_contain_text("your drawing")  # the pen has moved, and drawn nothing
    page.keyboard.press("Space")
    expect(page.locator(".named")).to_contain_text("for your drawing")
    dot = ink(page)
    assert 0 < dot < 64
    for _ in range(3):
        page.keyboard.press("Shift+ArrowDown")
    assert ink(page) > dot
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Blank paper")).to_be_focused()


def ink(page: Page) -> float:
    return float(page.evaluate("() => window.thinking.example.sketch.picture.reduce((sum, each) => sum + each, 0)"))


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_sticks_out_of_a_narrow_window(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_page_one_is_one_sheet_of_paper(page: Page) -> None:
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 688, "height": 900})  # A4 less its margins, at 96 pixels an inch
    height = page.evaluate("() => document.querySelector('.front').getBoundingClientRect().height")
    assert height <= 1024


def test_the_report_of_the_app_opens_by_itself(tab: Visitor, done_run: str, browser: Browser, tmp_path: Path) -> None:
    tab.open("review", run=done_run)
    tab.press(tab.button("Judge the run"))
    tab.settles()
    with tab.page.expect_download() as found:
        tab.press(tab.button("Download the report"))
    found.value.save_as(tmp_path / "report.html")
    alone = browser.new_page()
    alone.goto((tmp_path / "report.html").as_uri())
    expect(alone.locator(".says")).to_contain_text("cases")
    expect(alone.locator(".front")).to_contain_text("ONNX file")
    alone.close()
