"""Lessons in Chromium: in the app, on the stage, and as a file of their own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from mtbkd_core.browser import offline
from mtbkd_core.browser.lessons import shipped
from tests.browser.server import Server
from tests.browser.test_playground import ask, settle
from tests.browser.visitor import Visitor

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
    expect(page.locator(".lesson .count")).to_have_text("1 of 6")  # the page listens from here on
    yield page
    page.close()
    assert not wrong


def answer(page: Page) -> None:
    """Make a guess, and look at the answer."""
    page.locator(".guess input").last.fill("70")
    page.get_by_role("button", name="Show the answer").click()


def test_a_step_that_compares_shows_before_after_and_difference(alone: Page) -> None:
    ask(alone, "view.lesson.show(2)")
    pictures = alone.locator(".of-before, .of-prediction, .of-moved").locator("visible=true")
    expect(pictures).to_have_count(3)


def test_the_answer_is_hidden_until_a_guess_is_made(alone: Page) -> None:
    alone.get_by_role("button", name="Next").click()
    hidden = alone.locator(".card.shares > div")
    expect(hidden).to_be_hidden()
    answer(alone)
    expect(hidden).to_be_visible()
    expect(alone.locator(".guess .was")).to_have_count(4)


def test_while_a_step_asks_nothing_is_shown_that_it_does_not_name(alone: Page) -> None:
    settle(alone)
    given_away = alone.locator(".map, .lead, .number, .card > div, .card.point").locator("visible=true")
    expect(given_away).not_to_have_count(0)
    alone.get_by_role("button", name="Next").click()
    settle(alone)
    expect(given_away).to_have_count(0)
    answer(alone)
    expect(alone.locator(".card.shares > div, .lead").locator("visible=true")).to_have_count(2)


def test_a_guess_that_was_made_stays_with_its_answer(alone: Page) -> None:
    alone.get_by_role("button", name="Next").click()
    answer(alone)
    alone.get_by_role("button", name="Next").click()
    alone.get_by_role("button", name="Back").click()
    expect(alone.locator(".guess .was")).to_have_count(4)


def test_an_answer_is_shown_only_to_those_who_have_guessed(alone: Page) -> None:
    alone.get_by_role("button", name="Next").click()
    show = alone.get_by_role("button", name="Show the answer")
    expect(show).to_be_disabled()
    alone.locator(".guess input").last.fill("70")
    expect(show).to_be_enabled()


@pytest.mark.parametrize("lesson", ["experts-of-regions", "worth-in-labels"])
def test_what_a_guess_begins_with_is_not_the_answer(tab: Visitor, server: Server, lesson: str) -> None:
    steps = shipped()[lesson].steps
    place = next(at for at, step in enumerate(steps) if step.guess)
    tab.page.goto(f"{server.url}/lessons?lesson={lesson}&step={place + 1}")
    settle(tab.page)
    kind = "found.shares" if steps[place].guess == "shares" else "found.bins.map((bin) => bin.right)"
    found, begun = ask(tab.page, f"[Array.from(view.{kind}), view.lesson.guess.values.map((value) => value / 100)]")
    assert max(found) - max(begun) > 0.1 or min(begun) - min(found) > 0.1


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


def test_sentences_behind_an_open_guess_are_hidden_on_a_page_that_scrolls(alone: Page) -> None:
    sentences = alone.locator(".steps p")
    expect(sentences.nth(1)).to_be_visible()
    expect(sentences.nth(2)).to_be_hidden()
    ask(alone, "view.lesson.show(1)")
    answer(alone)
    expect(sentences.nth(2)).to_be_visible()


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


def test_guessed_shares_sum_to_100(alone: Page) -> None:
    alone.get_by_role("button", name="Next").click()
    sliders = alone.locator(".guess input")
    sliders.last.fill("70")
    assert sum(int(slider.input_value()) for slider in sliders.all()) == 100
    assert sliders.last.input_value() == "70"


def test_the_keyboard_goes_on_from_the_answer(alone: Page) -> None:
    alone.get_by_role("button", name="Next").click()
    alone.locator(".guess input").last.fill("70")
    alone.get_by_role("button", name="Show the answer").press("Enter")
    expect(alone.get_by_text("Wide grey mark: your guess")).to_be_visible()
    expect(alone.get_by_role("button", name="Next")).to_be_focused()
    alone.keyboard.press("ArrowRight")
    expect(alone.locator(".lesson .count")).to_have_text("3 of 6")


def test_next_has_the_keyboard_when_a_lesson_opens(alone: Page) -> None:
    expect(alone.get_by_role("button", name="Next")).to_be_focused()


def test_a_step_that_is_opened_by_itself_is_never_shown_in_the_state_before(alone: Page) -> None:
    ask(alone, "view.lesson.show(5)")
    assert ask(alone, "view.state.teachers[4].tau") == 5
    expect(alone.locator(".of-before")).to_be_visible()
    alone.wait_for_function("() => window.playground.pinned?.mean")
    assert ask(alone, "view.pinned.heard.map((teacher) => teacher.tau)") == [1, 1, 1, 1]


def test_what_a_step_speaks_of_is_on_the_stage(alone: Page) -> None:
    alone.get_by_role("button", name="Present").click()
    ask(alone, "view.lesson.show(2)")
    shown = alone.locator(".of-before, .of-prediction, .of-moved, .card.shares").locator("visible=true")
    expect(shown).to_have_count(4)
    assert all((box := each.bounding_box()) and box["y"] + box["height"] <= 800 for each in shown.all())


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


def test_arrow_keys_lead_through_the_steps(alone: Page) -> None:
    alone.keyboard.press("ArrowRight")
    expect(alone.locator(".lesson .count")).to_have_text("2 of 6")
    alone.keyboard.press("ArrowLeft")
    expect(alone.locator(".lesson .count")).to_have_text("1 of 6")


def test_the_stage_shows_the_steps_pictures_alone(alone: Page) -> None:
    alone.get_by_role("button", name="Present").click()
    expect(alone.locator(".map").locator("visible=true")).to_have_count(2)
    expect(alone.locator(".controls")).to_be_hidden()
    alone.keyboard.press("Escape")
    expect(alone.locator(".controls")).to_be_visible()
