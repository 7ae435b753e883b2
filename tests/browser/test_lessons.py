"""Lessons in Chromium: in the app, and as a file of their own."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from mtbkd_core.browser.lessons import shipped
from tests.browser.server import Server
from tests.browser.test_playground import ask, settle
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.browser


def test_a_step_that_compares_shows_before_after_and_difference(alone: Page) -> None:
    ask(alone, "view.lesson.show(2)")
    pictures = alone.locator(".of-before, .of-prediction, .of-moved").locator("visible=true")
    expect(pictures).to_have_count(3)


def test_that_a_link_names_no_lesson_stays_in_sight(tab: Visitor, server: Server) -> None:
    tab.page.goto(f"{server.url}/lessons?lesson=nothing")
    settle(tab.page)
    expect(tab.page.get_by_test_id("stAlert").first).to_be_in_viewport(ratio=1)


def test_a_click_in_a_lesson_chooses_a_point_and_changes_none(tab: Visitor, server: Server) -> None:
    tab.page.goto(f"{server.url}/lessons?lesson=experts-of-regions&step=3")
    settle(tab.page)
    before = ask(tab.page, "[JSON.stringify(view.points), view.chosen]")
    tab.page.locator("canvas.map-prediction").click(position={"x": 40, "y": 90})
    after = ask(tab.page, "[JSON.stringify(view.points), view.chosen]")
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_the_marked_point_has_its_own_shares(tab: Visitor, server: Server) -> None:
    tab.page.goto(f"{server.url}/lessons?lesson=experts-of-regions&step=3")
    settle(tab.page)
    north = tab.page.locator(".card.point .here .share").first
    expect(north).to_contain_text("North expert")
    share, weight = ask(tab.page, "[view.found.point.shares[0], view.found.point.weights[0]]")
    assert share > 0.9
    assert 0.4 < weight < 0.6


@pytest.mark.parametrize(
    ("lesson", "step"), [("add-a-liar", 3), ("add-a-liar", 6), ("worth-in-labels", 4), ("sure-and-wrong", 1)]
)
def test_a_pages_first_screen_holds_what_a_step_names(tab: Visitor, server: Server, lesson: str, step: int) -> None:
    page = tab.page
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{server.url}/lessons?lesson={lesson}&step={step}")
    settle(page)
    for name in shipped()[lesson].steps[step - 1].show:
        picture = page.locator(f".{name}, .of-{name}").first
        if picture.is_visible():
            expect(picture).to_be_in_viewport(ratio=0.9)


def test_what_a_step_names_first_comes_first(tab: Visitor, server: Server) -> None:
    tab.page.goto(f"{server.url}/lessons?lesson=sure-and-wrong&step=1&present=1")
    settle(tab.page)
    borders, prediction = (tab.page.locator(f".of-{name}").bounding_box() for name in ("borders", "prediction"))
    assert borders
    assert prediction
    assert (borders["y"], borders["x"]) < (prediction["y"], prediction["x"])


def test_the_chains_borders_can_be_drawn_over_before_and_after(alone: Page) -> None:
    ask(alone, "view.lesson.show(2)")
    alone.wait_for_function("() => window.playground.pinned?.mean && !window.playground.found.moving")
    before = "document.querySelector('.map-before').toDataURL()"
    plain = ask(alone, f"({{ picture: (view.draw(), {before}) }}).picture")
    alone.get_by_role("checkbox", name="Each chain's border").check()
    alone.wait_for_function(f"(plain) => {before} !== plain", arg=plain)


def test_next_has_the_keyboard_when_a_lesson_opens(alone: Page) -> None:
    expect(alone.get_by_role("button", name="Next")).to_be_focused()


def test_a_step_that_is_opened_by_itself_is_never_shown_in_the_state_before(alone: Page) -> None:
    ask(alone, "view.lesson.show(5)")
    assert ask(alone, "view.state.teachers[4].tau") == 5
    expect(alone.locator(".of-before")).to_be_visible()
    alone.wait_for_function("() => window.playground.pinned?.mean")
    assert ask(alone, "view.pinned.heard.map((teacher) => teacher.tau)") == [1, 1, 1, 1]


def test_the_end_of_a_lesson_leads_to_the_next_one(tab: Visitor, server: Server) -> None:
    tab.page.goto(f"{server.url}/lessons?lesson=add-a-liar&step=6&present=1")
    tab.page.get_by_role("link", name="Next lesson: What is a teacher worth?").click()
    tab.page.wait_for_url(lambda url: "lesson=worth-in-labels" in url and "present=1" in url)
    expect(tab.page.locator(".lesson .count")).to_have_text("1 of 7")


def test_at_the_end_of_a_lesson_the_keyboard_is_on_the_next_one(tab: Visitor, server: Server) -> None:
    tab.page.goto(f"{server.url}/lessons?lesson=add-a-liar&step=5")
    tab.page.get_by_role("button", name="Next →").press("Enter")
    expect(tab.page.get_by_role("link", name="Next lesson: What is a teacher worth?")).to_be_focused()


@pytest.mark.parametrize(
    ("lesson", "step", "picture"), [("see-the-truth", 1, "of-borders"), ("sure-and-wrong", 2, "of-unsure")]
)
def test_the_picture_that_a_step_speaks_of_comes_into_view_below_its_words(
    new_tab: Callable[..., Visitor], server: Server, lesson: str, step: int, picture: str
) -> None:
    page = new_tab(1280).page
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{server.url}/lessons?lesson={lesson}&step={step}")
    page.get_by_role("button", name="Next →").press("Enter")
    expect(page.locator(f".{picture}")).to_be_in_viewport(ratio=0.99)
    expect(page.locator(".lesson .step")).to_be_in_viewport(ratio=0.99)


def test_arrow_keys_lead_through_the_steps(alone: Page) -> None:
    alone.keyboard.press("ArrowRight")
    expect(alone.locator(".lesson .count")).to_have_text("2 of 6")
    alone.keyboard.press("ArrowLeft")
    expect(alone.locator(".lesson .count")).to_have_text("1 of 6")
