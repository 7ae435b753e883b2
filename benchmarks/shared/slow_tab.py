"""A tab of headless Chromium with its process and what it asked for, whose processor can be made slower."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil
from playwright.sync_api import Browser, Page

#: How a tab can be slowed: not; its thread by Chromium, which leaves workers as they are; its process by stopping it.
SLOWED = ("as it is", "page 4x slower", "all 4x slower")
#: Seconds that the process goes and stops.
_GO, _STOP = 0.004, 0.012


@dataclass
class Tab:
    """A page, its process, and the addresses that it asked for."""

    page: Page
    process: psutil.Process
    asked: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, browser: Browser, url: str) -> Tab:
        """Open an address; the process is the renderer that works for it."""
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.set_default_timeout(120_000)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        before = _renderers(browser)
        page.goto(url)
        page.wait_for_timeout(3000)
        used = {process: seconds - before.get(process, 0.0) for process, seconds in _renderers(browser).items()}
        return cls(page, psutil.Process(max(used, key=lambda process: used[process])), asked)

    @contextmanager
    def slowed(self, how: str) -> Iterator[None]:
        """Make the tab slower, in one of the ways of `SLOWED`."""
        if how == SLOWED[1]:
            session = self.page.context.new_cdp_session(self.page)
            session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
            yield
            session.send("Emulation.setCPUThrottlingRate", {"rate": 1})
        elif how == SLOWED[2]:
            over = threading.Event()
            thread = threading.Thread(target=_stop_and_go, args=(self.process.pid, over))
            thread.start()
            try:
                yield
            finally:
                over.set()
                thread.join()
        else:
            yield


def _renderers(browser: Browser) -> dict[int, float]:
    found = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    return {each["id"]: each["cpuTime"] for each in found if each["type"] == "renderer"}


def _stop_and_go(process: int, over: threading.Event) -> None:
    while not over.wait(_GO):
        os.kill(process, signal.SIGSTOP)
        time.sleep(_STOP)
        os.kill(process, signal.SIGCONT)
