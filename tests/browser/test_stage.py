"""The stage of lessons in Chromium."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.server import Server
from tests.browser.test_playground import ask, settle
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("lesson", "step"), [("add-a-liar", 3), ("sure-and-wrong", 3)])
def test_a_phones_screen_holds_a_step_of_the_stage(
    new_tab: Callable[..., Visitor], server: Server, lesson: str, step: int
) -> None:
    page = new_tab(400).page
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(f"{server.url}/lessons?lesson={lesson}&step={step}&present=1")
    settle(page)
    box = page.locator(".playground").bounding_box()
    assert box
    assert box["y"] + box["height"] <= 800


def test_what_a_step_speaks_of_is_on_the_stage(alone: Page) -> None:
    alone.get_by_role("button", name="Present").click()
    ask(alone, "view.lesson.show(2)")
    shown = alone.locator(".of-before, .of-prediction, .of-moved, .card.shares").locator("visible=true")
    expect(shown).to_have_count(4)
    assert all((box := each.bounding_box()) and box["y"] + box["height"] <= 800 for each in shown.all())


def test_a_presenters_remote_control_turns_the_steps_of_the_stage(alone: Page) -> None:
    alone.get_by_role("button", name="Present").click()
    alone.keyboard.press("PageDown")
    expect(alone.locator(".lesson .count")).to_have_text("2 of 6")
    alone.locator(".guess input").first.focus()
    alone.keyboard.press("PageUp")
    expect(alone.locator(".lesson .count")).to_have_text("1 of 6")


@pytest.mark.parametrize("lesson", ["experts-of-regions", "sure-and-wrong"])
def test_nothing_is_cut_or_lies_over_another_on_a_small_stage(
    new_tab: Callable[..., Visitor], server: Server, lesson: str
) -> None:
    page = new_tab(1024).page
    page.set_viewport_size({"width": 1024, "height": 768})
    page.goto(f"{server.url}/lessons?lesson={lesson}&step=3&present=1")
    settle(page)
    shown = page.locator(".map, .card, .number").locator("visible=true").all()
    boxes = [box for each in shown if (box := each.bounding_box())]
    assert len(boxes) in (2, 5)
    assert all(box["y"] + box["height"] <= 768 and box["x"] + box["width"] <= 1024 for box in boxes)
    for place, a in enumerate(boxes):
        for b in boxes[place + 1 :]:
            beside = a["x"] + a["width"] <= b["x"] + 1 or b["x"] + b["width"] <= a["x"] + 1
            assert beside or a["y"] + a["height"] <= b["y"] + 1 or b["y"] + b["height"] <= a["y"] + 1


def test_the_stage_shows_the_steps_pictures_alone(alone: Page) -> None:
    alone.get_by_role("button", name="Present").click()
    expect(alone.locator(".map").locator("visible=true")).to_have_count(2)
    expect(alone.locator(".controls")).to_be_hidden()
    alone.keyboard.press("Escape")
    expect(alone.locator(".controls")).to_be_visible()
