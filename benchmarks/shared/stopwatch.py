"""Times in a page of the app, from an input event to the frame that shows the answer, and their parts."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.browser.server import Server
from tests.browser.visitor import Visitor

#: Noted in the page: each message of its connection, and the time from an input event to the frame with its answer.
IN_THE_PAGE = """
const Socket = window.WebSocket;
window.wire = [];
window.WebSocket = class extends Socket {
  constructor(...given) {
    super(...given);
    this.addEventListener('message', () => window.wire.push(['in', performance.now()]));
  }
  send(data) { window.wire.push(['out', performance.now()]); super.send(data); }
};
window.heading = null;
const look = () => {
  const heading = document.querySelector('h1');
  if (heading?.checkVisibility()) requestAnimationFrame(() => { window.heading = Date.now(); });
  else requestAnimationFrame(look);
};
requestAnimationFrame(look);
window.visible = (selector) => document.querySelector(selector)?.checkVisibility() ?? false;
window.drawn = (key) => {  // all numbers that a chart shows, or nothing where it is not there
  const chart = document.querySelector(`.st-key-chart-${key} .js-plotly-plot`);
  if (!chart?.calcdata || !chart.querySelector('.main-svg')) return null;
  return JSON.stringify([chart.calcdata.map((points) => points.map((p) => [p.x, p.y, p.s, p.z && String(p.z)])),
                         chart._fullLayout.shapes?.map((shape) => [shape.x0, shape.y0])]);
};
window.time = (event, done) => {
  let start = null;
  addEventListener(event, (caught) => { start = caught.timeStamp; }, {capture: true, once: true});
  window.answer = new Promise((resolve) => {
    const look = () => {
      if (start !== null && done()) requestAnimationFrame(() => resolve([start, performance.now()]));
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
};
"""


@dataclass
class Figure:
    """One waiting time: its target and its measurements, in seconds."""

    what: str
    target: float
    seconds: list[float] = field(default_factory=list)
    parts: list[dict[str, float]] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Of the measurements."""
        return statistics.median(self.seconds)

    def breakdown(self) -> str:
        """The median of each part."""
        names = [name for name in self.parts[0] if all(name in part for part in self.parts)]
        medians = [f"{name} {statistics.median([part[name] for part in self.parts]):.2f}" for name in names]
        return f"  {self.what}: " + ", ".join(medians)


class Stopwatch:
    """Measures in one tab; processor time is counted beside, for it depends less on what else the machine does."""

    def __init__(self, tab: Visitor, server: Server) -> None:
        self.tab = tab
        self._server = server
        tab.page.add_init_script(IN_THE_PAGE)
        self._devtools = tab.page.context.new_cdp_session(tab.page)
        self._devtools.send("Performance.enable")

    def time(self, event: str, done: str, act: Callable[[], None]) -> tuple[float, dict[str, float], float]:
        """Seconds from the event that `act` causes until `done` holds; where they went; when it began, since 1970."""
        page = self.tab.page
        page.evaluate(f"() => {{ window.wire.length = 0; window.time({event!r}, () => {done}); }}")
        before = self.used()
        act()
        start, end, origin, wire = page.evaluate(
            "async () => [...await window.answer, performance.timeOrigin, window.wire]"
        )
        used = {name: value - before[name] for name, value in self.used().items()}
        sent = next((at for kind, at in wire if kind == "out" and at >= start), start)
        received = max((at for kind, at in wire if kind == "in" and sent <= at <= end), default=sent)
        parts = {
            "until the browser asks": (sent - start) / 1000,
            "until the app's last message before the answer": (received - sent) / 1000,
            "until it is drawn": (end - received) / 1000,
        } | used
        return (end - start) / 1000, parts, (origin + start) / 1000

    def used(self) -> dict[str, float]:
        """Processor seconds used so far by the app's process, by the engine's, and by the page's main thread."""
        app, *engine = [sum(process.cpu_times()[:2]) for process in self._server.family()]
        page = {m["name"]: m["value"] for m in self._devtools.send("Performance.getMetrics")["metrics"]}
        return {"CPU of the app": app, "CPU of the engine": sum(engine), "CPU of the page": page["TaskDuration"]}
