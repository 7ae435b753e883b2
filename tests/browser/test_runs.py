"""Runs that do not go straight to their end: a killed worker, a cancel, a second tab, the same settings again."""

import os
import re
import signal
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.server import Server
from tests.browser.visitor import Visitor, file_of_run

pytestmark = pytest.mark.browser


def launch(tab: Visitor, **settings: str) -> str:
    """Open the Distill page with settings, press Distill, wait for the first live points; the run's name."""
    tab.open("distill", **settings)
    return tab.launches()


def test_a_killed_worker_is_told_and_the_run_goes_on_to_its_end(tab: Visitor, server: Server) -> None:
    run = launch(tab, seed="201", sampler__chains="4", sampler__draws="20", sampler__thinning="200")
    os.kill(file_of_run(server.home, run, "owner.json")["pid"], signal.SIGKILL)
    tab.says("Attempt 1 ended without an error message (worker killed?)")
    expect(tab.page.get_by_text("(attempt 2)")).to_be_visible()
    tab.live_points()
    tab.finishes()
    assert file_of_run(server.home, run, "owner.json")["attempt"] == 2
    student = file_of_run(server.home, run, "metrics.json")["student"]
    expect(tab.metric("NLL")).to_have_text(f"{student['nll']:.4f}")


def test_a_running_run_is_cancelled_from_its_page(tab: Visitor, server: Server) -> None:
    run = launch(tab, seed="202", sampler__thinning="1000")
    tab.press(tab.button("Cancel"))
    tab.says("This run was cancelled.")
    expect(tab.button("Cancel")).to_have_count(0)
    assert file_of_run(server.home, run, "status.json")["state"] == "cancelled"
    expect(tab.page.get_by_test_id("stSidebar").get_by_text("Engine ready · idle")).to_be_visible()


def test_a_second_tab_shows_the_same_run_and_can_end_it(new_tab: Callable[..., Visitor], server: Server) -> None:
    first, second = new_tab(), new_tab()
    run = launch(first, seed="203", sampler__thinning="1000")
    submitted = file_of_run(server.home, run, "status.json")
    second.page.goto(first.page.url)
    second.sees("distill")
    assert second.run() == run
    second.live_points(at_least=first.live_points())

    step = second.sampling_step()
    second.press(second.button("Distill"))  # the same settings while it runs: found
    second.sampling_step(after=step)
    assert file_of_run(server.home, run, "status.json") == submitted
    assert file_of_run(server.home, run, "owner.json")["attempt"] == 1
    assert len([file for file in server.home.glob("runs/*/config.json") if '"seed": 203,' in file.read_text()]) == 1

    second.press(second.button("Cancel"))
    first.says("This run was cancelled.")
    second.says("This run was cancelled.")


def test_settings_whose_run_is_done_are_found_not_run_again(tab: Visitor, done_run: str, server: Server) -> None:
    files = {file: file.stat().st_mtime_ns for file in (server.home / "runs" / done_run).glob("*.json")}
    tab.open("distill", run="")
    tab.press(tab.button("Distill"))
    tab.link_holds("run", done_run)
    tab.finishes()
    assert {file: file.stat().st_mtime_ns for file in (server.home / "runs" / done_run).glob("*.json")} == files


def test_the_picker_shows_what_has_become_of_its_run_and_what_it_is_called(tab: Visitor) -> None:
    launch(tab, task="synthetic", seed="204", sampler__chains="4", sampler__draws="8", sampler__thinning="60")
    tab.finishes()
    picker = tab.page.get_by_test_id("stSidebar").get_by_role("combobox", name="Run")
    expect(picker).to_have_value(re.compile("^● done · "))
    tab.press(tab.button("Name"))
    name = tab.page.get_by_role("textbox", name="Name of this run")
    name.fill("My first plane")
    name.press("Enter")
    expect(picker).to_have_value("● done · My first plane")
