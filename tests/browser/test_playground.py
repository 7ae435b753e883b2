"""The playground in Chromium: the page of the app, and the file that works without a network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from mtbkd_core.browser import offline
from mtbkd_core.config.glossary import GLOSSARY
from tests.browser.server import Server
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.browser
PATIENCE = 60_000

#: The Playground object of the page, wherever it stands.
FIND = """() => {
  const search = (node) => {
    if (node.playground) return node.playground;
    for (const child of [...node.children, ...(node.shadowRoot?.children ?? [])]) {
      const found = search(child);
      if (found) return found;
    }
  };
  // a heading's anchor is a property of the window, too
  return window.playground instanceof Element ? search(document.body) : window.playground ?? search(document.body);
}"""


def ask(page: Page, expression: str) -> Any:
    """The value of an expression of `view`, the Playground."""
    return page.evaluate(f"() => {{ const view = ({FIND})(); return {expression}; }}")


def settle(page: Page) -> None:
    page.wait_for_function(f"() => {{ const view = ({FIND})(); return view?.found && !view.found.moving }}")


@pytest.fixture
def alone(browser: Browser, tmp_path: Path) -> Any:
    """The offline file in a tab, and the addresses that it asked for."""
    (tmp_path / "playground.html").write_text(offline.document(), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.set_default_timeout(PATIENCE)
    wanted: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: wanted.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.goto((tmp_path / "playground.html").as_uri())
    yield page, wanted
    page.close()
    assert not wrong


def test_the_offline_file_samples_and_asks_nobody(alone: tuple[Page, list[str]]) -> None:
    page, wanted = alone
    settle(page)
    assert all(url.startswith(("file:", "blob:")) for url in wanted)


def test_a_pinned_state_stands_beside_the_present_one(alone: tuple[Page, list[str]]) -> None:
    page, _ = alone
    settle(page)
    page.get_by_role("button", name="Pin as before").click()
    page.get_by_label("Confidently wrong", exact=True).check()
    expect(
        page.locator(".of-before, .of-moved, .of-unsureBefore, .of-unsureMoved").locator("visible=true")
    ).to_have_count(4)
    page.get_by_role("button", name="Let go of before").click()
    expect(page.locator(".of-truth")).to_be_visible()


def test_maps_beside_their_before_are_large_and_their_captions_whole(alone: tuple[Page, list[str]]) -> None:
    page, _ = alone
    settle(page)
    page.get_by_role("button", name="Pin as before").click()
    assert page.locator("canvas.map-before").bounding_box()["width"] >= 220  # type: ignore[index]
    cut = "() => [...document.querySelectorAll('figcaption *')].filter((e) => e.scrollWidth > e.clientWidth + 1).length"
    assert page.evaluate(cut) == 0


@pytest.mark.parametrize("width", [400, 720])
def test_maps_fill_a_narrow_place_and_stay_within_it(alone: tuple[Page, list[str]], width: int) -> None:
    page, _ = alone
    page.set_viewport_size({"width": width, "height": 800})
    settle(page)
    assert page.locator("canvas.map-prediction").bounding_box()["width"] >= 150  # type: ignore[index]
    page.get_by_role("button", name="Pin as before").click()
    assert page.locator("canvas.map-before").bounding_box()["width"] >= 180  # type: ignore[index]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_teachers_do_not_look_active_at_strength_0(alone: tuple[Page, list[str]]) -> None:
    page, _ = alone
    settle(page)
    expect(page.locator(".teacher:not(.off)")).to_have_count(3)
    page.get_by_label("Teachers' strength").fill("0")
    expect(page.locator(".teacher:not(.off)")).to_have_count(0)
    expect(page.get_by_text("At strength 0 no teacher counts")).to_be_visible()


def test_without_points_no_teacher_has_a_share_and_the_card_says_why(alone: tuple[Page, list[str]]) -> None:
    page, _ = alone
    settle(page)
    page.get_by_label("Labels", exact=True).fill("0")
    expect(page.locator(".card.shares")).to_contain_text("teachers speak only at points")
    expect(page.locator(".card.shares .track")).to_have_count(0)


def sampled(page: Page, gradients: int) -> None:
    """Wait until the chains have had so many gradients more, and have settled."""
    goal = ask(page, "view.found.gradients") + gradients
    page.wait_for_function(
        f"(goal) => {{ const {{ found }} = ({FIND})(); return found.gradients > goal && !found.moving }}", arg=goal
    )


def test_a_state_that_comes_back_shows_hardly_a_difference_from_its_pin(alone: tuple[Page, list[str]]) -> None:
    page, _ = alone
    settle(page)
    sampled(page, 200)
    page.get_by_role("button", name="Pin as before").click()
    page.get_by_role("button", name="New data").click()
    sampled(page, 10)
    page.get_by_role("button", name="Start over").click()
    sampled(page, 250)
    coloured = """['moved', 'unsureMoved'].map((name) => {
      const { image } = view.planes[name];
      const { data } = image.getContext('2d').getImageData(0, 0, image.width, image.height);
      const blank = name === 'moved' ? view.look.scale[0] : view.look.ground;
      return data.filter((value, at) => at % 4 < 3 && Math.abs(value - blank[at % 4]) > 24).length / data.length;
    })"""
    assert max(ask(page, coloured)) < 0.01


def test_terms_of_the_sentence_and_the_cards_have_their_entries(alone: tuple[Page, list[str]]) -> None:
    page, _ = alone
    settle(page)
    for place, term in {".lead": "Coverage", ".card.shares": "Responsibility", ".card.point": "Chain, draw"}.items():
        expect(page.locator(f'{place} abbr[title="{GLOSSARY[term]}"]')).to_have_count(1)


def test_a_teachers_entropy_temperature_stands_beside_it_where_something_depends_on_it(
    alone: tuple[Page, list[str]],
) -> None:
    page, _ = alone
    temperatures = page.get_by_label("Entropy temperature", exact=True).locator("visible=true")
    expect(temperatures).to_have_count(5)
    temperatures.first.fill("200")
    assert ask(page, "view.state.teachers[0].tau") == 5
    page.get_by_label("Weight rule").select_option("fixed")
    expect(temperatures).to_have_count(0)


def test_points_are_added_moved_relabelled_and_removed_by_mouse(alone: tuple[Page, list[str]]) -> None:
    page, _ = alone
    canvas = page.locator("canvas.map-prediction")
    box = canvas.bounding_box()
    assert box
    x, y = box["x"] + 0.93 * box["width"], box["y"] + 0.07 * box["height"]
    page.mouse.click(x, y)
    assert ask(page, "view.state.added.length") == 1
    page.mouse.click(x, y)
    assert ask(page, "view.state.added[0][2]") == 1
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 30, steps=3)
    page.mouse.up()
    assert ask(page, "view.state.added[0][1]") < 2
    page.keyboard.press("Delete")
    assert ask(page, "view.state.added.length") == 0


def test_the_keyboard_alone_adds_and_removes_a_point(alone: tuple[Page, list[str]]) -> None:
    page, _ = alone
    page.locator("canvas.map-prediction").focus()
    for _ in range(15):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert ask(page, "view.state.added[0][1]") == pytest.approx(2.4)
    page.keyboard.press("Enter")
    assert ask(page, "view.state.added[0][2]") == 1
    page.keyboard.press("Delete")
    assert ask(page, "view.state.added.length") == 0


def test_a_region_is_dragged_on_the_map(alone: tuple[Page, list[str]]) -> None:
    page, _ = alone
    settle(page)
    grip, canvas = (page.locator(place).bounding_box() for place in (".grip >> nth=0", "canvas.map-prediction"))
    assert grip
    assert canvas
    page.mouse.move(grip["x"] + 12, grip["y"] + 12)
    page.mouse.down()
    page.mouse.move(canvas["x"] + 0.9 * canvas["width"], canvas["y"] + 0.5 * canvas["height"], steps=4)
    page.mouse.up()
    assert ask(page, "view.state.teachers[0].angle") in (359, 0, 1)
    assert ask(page, "view.state.teachers[0].reach") < 0
    assert ask(page, "[view.state.added.length, view.heard[0].angle === view.state.teachers[0].angle]") == [0, True]


def test_the_keyboard_alone_moves_a_region_and_noise(alone: tuple[Page, list[str]]) -> None:
    page, _ = alone
    region = page.get_by_role("slider", name="North expert: region")
    region.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    assert ask(page, "[view.state.teachers[0].angle, view.state.teachers[0].reach]") == [85, 0.4]
    expect(region).to_have_attribute("aria-valuetext", "direction 85 degrees, reach 0.4")
    page.get_by_label("Noisy", exact=True).check()
    page.get_by_role("slider", name="Noisy: noise").press("ArrowUp")
    assert ask(page, "view.state.teachers[3].amount") == 1.05


def test_a_slider_answers_and_the_address_holds_it(tab: Visitor, server: Server) -> None:
    page = tab.page
    page.goto(f"{server.url}/playground?play=n40_pbkca0")
    settle(page)
    assert ask(page, "[view.state.count, view.points.length]") == [40, 41]
    page.get_by_label("Concentration λ").press("ArrowRight")
    assert ask(page, "view.found && view.state.concentration") > 6
    page.wait_for_function("() => /[=_]c/.test(location.search)")
    settle(page)
    page.reload()
    settle(page)
    assert ask(page, "[view.state.count, view.points.length]") == [40, 41]
    assert ask(page, "view.state.concentration") > 6


def test_the_link_holds_the_pinned_state_and_the_chosen_point(tab: Visitor, server: Server) -> None:
    page = tab.page
    page.goto(f"{server.url}/playground?play=n40")
    settle(page)
    page.get_by_role("button", name="Pin as before").click()
    page.get_by_label("Confidently wrong", exact=True).check()
    page.locator("canvas.map-unsure").click(position={"x": 20, "y": 20})
    page.wait_for_function("() => /_x.*_v_n40$/.test(location.search)")
    chosen = ask(page, "view.chosen")
    page.reload()
    settle(page)
    expect(page.get_by_role("button", name="Let go of before")).to_be_visible()
    page.wait_for_function(f"() => ({FIND})().pinned?.mean")
    assert ask(page, "[view.pinned.state.count, view.pinned.state.teachers[4].on, view.state.teachers[4].on]") == [
        40,
        False,
        True,
    ]
    assert ask(page, "view.chosen") == pytest.approx(chosen, abs=0.006)


def test_the_playground_comes_back_from_another_page_as_it_was(tab: Visitor, server: Server) -> None:
    page = tab.page
    page.goto(f"{server.url}/playground")
    settle(page)
    page.get_by_label("Confidently wrong", exact=True).check()
    tab.go("method")
    assert "play" not in tab.link()
    tab.go("playground")
    settle(page)
    assert ask(page, "view.state.teachers[4].on")
    assert tab.link()["play"] == "t4*1*1*1*2"
    tab.go("playground")  # its own link, once more
    tab.link_holds("play", "t4*1*1*1*2")
    assert ask(page, "view.state.teachers[4].on")


def test_values_beyond_their_limits_in_a_link_are_named(tab: Visitor, server: Server) -> None:
    tab.page.goto(f"{server.url}/playground?play=n999999_c-5_qq")
    notice = tab.page.locator(".playground .notice")
    expect(notice).to_contain_text("could not be read in full: qq")
    expect(notice).to_contain_text("n999999 (now 400), c-5 (now 1)")


def test_the_link_to_the_engine_opens_the_same_setting(tab: Visitor, server: Server) -> None:
    page = tab.page
    page.goto(f"{server.url}/playground?play=s12_n60_pbkca0_t0*1*1*1*45*0.5")
    settle(page)
    page.get_by_role("link", name="Run this on the engine").click()
    page.wait_for_url(lambda url: "/distill" in url and "strength=2" in url and "changes=pbkca0_t0*45*0.5" in url)
    tab.settles()
    assert "could not be read" not in page.locator(".stMain").inner_text()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1366, 768)])
def test_four_maps_stand_on_the_first_screen_and_six_beside_their_before(
    new_tab: Callable[..., Visitor], server: Server, width: int, height: int
) -> None:
    page = new_tab(width).page
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{server.url}/playground")
    settle(page)
    boxes = [canvas.bounding_box() for canvas in page.locator(".maps canvas").locator("visible=true").all()]
    assert len(boxes) == 4
    assert all(box and box["y"] + box["height"] <= height for box in boxes)
    page.get_by_role("button", name="Pin as before").click()
    boxes = [canvas.bounding_box() for canvas in page.locator(".maps canvas").locator("visible=true").all()]
    assert len(boxes) == 6
    assert all(box and box["y"] + box["height"] <= height for box in boxes)


def test_without_motion_the_picture_stands_still_once_it_has_settled(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "playground.html").write_text(offline.document(), encoding="utf-8")
    page = browser.new_page(reduced_motion="reduce")
    page.goto((tmp_path / "playground.html").as_uri())
    settle(page)
    page.wait_for_function(f"() => {{ const view = ({FIND})(); return !view.asking && !view.frame }}")
    before = ask(page, "view.frames")
    page.wait_for_timeout(500)
    assert ask(page, "view.frames") == before
    page.close()


def test_start_here_opens_the_playground_which_samples_without_another_click(tab: Visitor) -> None:
    tab.open()
    tab.press(tab.button("Start here"))
    tab.sees("playground")
    settle(tab.page)
