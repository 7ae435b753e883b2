"""What holds on every page: nothing breaks, nothing is cut off, and a link full of nonsense ends in one clear line."""

from collections.abc import Callable
from urllib.parse import urlencode

import psutil
import pytest
from playwright.sync_api import TimeoutError, expect

from tests.browser.server import Server
from tests.browser.visitor import PAGES, Visitor

pytestmark = pytest.mark.browser

WIDTHS = (1366, 800)
BACKGROUND = {False: "rgb(255, 255, 255)", True: "rgb(20, 23, 28)"}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page_fits_at_two_widths_in_light_and_in_dark(
    new_tab: Callable[..., Visitor], done_run: str, dark: bool
) -> None:
    tab = new_tab(WIDTHS[0], dark=dark)
    tab.open("", run=done_run)
    for page in PAGES:
        tab.widens(WIDTHS[0])
        tab.go(page)
        assert tab.link()["run"] == done_run
        expect(tab.page.get_by_test_id("stApp")).to_have_css("background-color", BACKGROUND[dark])
        for width in WIDTHS:
            tab.widens(width)
            fits(tab)


def fits(tab: Visitor) -> None:
    """Nothing scrolls sideways; the charts take a moment to follow the window."""
    too_wide = """() => [document.documentElement, document.querySelector('[data-testid=stMain]'),
                         document.querySelector('[data-testid=stSidebarContent]')]
      .filter((part) => part.scrollWidth > part.clientWidth)
      .map((part) => `${part.tagName} ${part.scrollWidth} > ${part.clientWidth}`)"""
    try:
        tab.page.wait_for_function(f"() => !({too_wide})().length", timeout=10_000)
    except TimeoutError:
        pytest.fail(f"{tab.where} scrolls sideways: {tab.page.evaluate(too_wide)}")


def test_no_legend_is_cut_off_in_a_narrow_window(new_tab: Callable[..., Visitor]) -> None:
    tab = new_tab(320)
    tab.open("prior")
    expect(tab.page.locator(".js-plotly-plot .legend").first).to_be_visible()
    cut = """() => [...document.querySelectorAll('.js-plotly-plot .legendtext')].filter((text) => {
      const [name, chart] = [text, text.closest('.main-svg')].map((part) => part.getBoundingClientRect());
      return name.top < chart.top || name.right > chart.right || name.bottom > chart.bottom;
    }).map((text) => text.textContent)"""
    assert tab.page.evaluate(cut) == []


def test_the_overview_is_found_by_its_name_too(tab: Visitor) -> None:
    tab.page.goto(f"{tab.url}/overview?prior.strength=0.5")
    tab.sees("")
    expect(tab.page.get_by_text("Page not found")).to_have_count(0)
    tab.go("prior")
    tab.link_holds("prior.strength", "0.5")


def test_pages_do_not_break_one_another(tab: Visitor, done_run: str) -> None:
    tab.open("", run=done_run)
    for page in reversed(PAGES):  # in haste: the next before the last one stands whole
        tab.go(page, wait=False)
    results_stand_whole(tab)


def test_pages_do_not_break_one_another_while_a_run_is_under_way(
    new_tab: Callable[..., Visitor], done_run: str
) -> None:
    watched, tab = new_tab(), new_tab()
    watched.open("distill", seed="901", sampler__thinning="1000")
    watched.launches()
    watched.page.close()  # the run goes on without anyone to watch it
    tab.open("", run=done_run)
    tab.go("teachers")
    results_stand_whole(tab)


def results_stand_whole(tab: Visitor) -> None:
    """Reliability has its curves, Influence its shares and Teachers their expertise, one after another."""
    for page, chart in [("reliability", "reliability"), ("influence", "responsibilities"), ("teachers", "expertise")]:
        tab.go(page)
        assert tab.page.locator(f".st-key-chart-{chart} .main-svg").count(), f"{page} lacks a chart"


@pytest.mark.parametrize(
    ("page", "link", "line"),
    [
        ("prior", {"prior.strength": "banana"}, "prior.strength: got 'banana'"),
        ("uncertainty", {"example": "3.5"}, "example: got '3.5', a whole number is needed"),
        ("reliability", {"run": "../../x"}, "run '../../x': not a run's name"),
    ],
    ids=lambda value: "&".join(value) if isinstance(value, dict) else value.split(":")[0],
)
def test_nonsense_in_a_link_is_said_in_one_line(
    tab: Visitor, done_run: str, page: str, link: dict[str, str], line: str
) -> None:
    tab.page.goto(f"{tab.url}/{page}?{urlencode(link)}")
    tab.sees(page)
    said = tab.says(line).inner_text().strip().splitlines()
    assert len(said) <= 3  # the icon's name, a blank line, and the line itself
    expect(tab.page.get_by_test_id("stAlert")).to_have_count(1)


def test_a_page_opened_by_a_link_full_of_nonsense_can_be_used(tab: Visitor, done_run: str) -> None:
    nonsense = {"prior.strength": "banana", "run": "../../x", "example": "-5", "effect": "<b>", "class": "99"}
    tab.page.goto(f"{tab.url}/prior?{urlencode(nonsense)}")
    tab.sees("prior")
    tab.says("prior.strength: got 'banana'")
    tab.page.get_by_role("slider", name="Concentration").press("ArrowRight")
    tab.link_holds("prior.concentration", "7.0")
    tab.go("reliability")
    tab.says("run '../../x': not a run's name")
    tab.go("distill")
    tab.page.get_by_role("combobox", name="Run").click()
    tab.press(tab.page.get_by_role("option").filter(has_text="default settings"))
    tab.link_holds("run", done_run)


def test_nonsense_about_a_view_leaves_the_page_whole(tab: Visitor, done_run: str) -> None:
    views = {
        "reliability": {"shown": "nobody", "class": "99"},
        "influence": {"class": "99", "part": "moon", "train": "-3"},
        "uncertainty": {"interval": "wide", "example": "-5"},
        "teachers": {"shown": "nobody", "class": "99"},
        "prior": {"effect": "nothing"},
    }
    for page, link in views.items():
        tab.page.goto(f"{tab.url}/{page}?{urlencode({'run': done_run} | link)}")
        tab.sees(page)
        expect(tab.page.locator(".js-plotly-plot").first).to_be_visible()


def test_the_app_listens_on_this_machine_alone(tab: Visitor, server: Server) -> None:
    tab.open("distill")
    addresses = {
        connection.laddr.ip
        for process in server.family()
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}
