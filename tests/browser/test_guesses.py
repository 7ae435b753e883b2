"""Guesses before answers, in Chromium: nothing gives an answer away, and what was guessed stays."""

import pytest
from playwright.sync_api import Page, expect

from mtbkd_core.browser.lessons import shipped
from tests.browser.server import Server
from tests.browser.test_playground import ask, settle
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.browser


def answer(page: Page) -> None:
    """Make a guess, and look at the answer."""
    page.locator(".guess input").last.fill("70")
    page.get_by_role("button", name="Show the answer").click()


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


def test_sentences_behind_an_open_guess_are_hidden_on_a_page_that_scrolls(alone: Page) -> None:
    sentences = alone.locator(".steps p")
    expect(sentences.nth(1)).to_be_visible()
    expect(sentences.nth(2)).to_be_hidden()
    ask(alone, "view.lesson.show(1)")
    answer(alone)
    expect(sentences.nth(2)).to_be_visible()


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
