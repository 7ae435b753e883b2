"""Lessons in Chromium: in the app, on the stage, and as a file of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from mtbkd_core.browser import offline
from mtbkd_core.browser.lessons import shipped

pytestmark = pytest.mark.browser


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
    expect(page.locator(".lesson .count")).to_have_text("1 of 5")  # the page listens from here on
    yield page
    page.close()
    assert not wrong


def test_a_step_that_compares_shows_before_after_and_difference(alone: Page) -> None:
    alone.get_by_role("button", name="Next").click()
    pictures = alone.locator(".of-before, .of-prediction, .of-moved").locator("visible=true")
    expect(pictures).to_have_count(3)


def test_the_answer_is_hidden_until_a_guess_is_made(alone: Page) -> None:
    alone.get_by_role("button", name="Next").click()
    hidden = alone.locator(".card.shares > div")
    expect(hidden).to_be_hidden()
    alone.get_by_role("slider", name="Confidently wrong", exact=True).last.fill("70")
    alone.get_by_role("button", name="Show the answer").click()
    expect(hidden).to_be_visible()
    expect(alone.locator(".guess .was")).to_have_count(4)


def test_arrow_keys_lead_through_the_steps(alone: Page) -> None:
    alone.keyboard.press("ArrowRight")
    expect(alone.locator(".lesson .count")).to_have_text("2 of 5")
    alone.keyboard.press("ArrowLeft")
    expect(alone.locator(".lesson .count")).to_have_text("1 of 5")


def test_the_stage_shows_the_steps_pictures_alone(alone: Page) -> None:
    alone.get_by_role("button", name="Present").click()
    expect(alone.locator(".map").locator("visible=true")).to_have_count(2)
    expect(alone.locator(".controls")).to_be_hidden()
    alone.keyboard.press("Escape")
    expect(alone.locator(".controls")).to_be_visible()
