"""Several people on one server while a run is under way: how long a page takes, and the server's memory.

usage: python -m benchmarks.sessions [--sessions 20] [--pages 10] [--write]

Each session is a connection as a browser makes it (Streamlit's websocket), without the browser: it asks for one page
after another, thinks in between, and in that time lets the parts of a page that refresh themselves do so. A page's time
is from the request to the end of its script. They come within six seconds, to a server that was started a quarter of a
minute before and that nobody has visited yet. A run samples all the while; its cancelling ends the trial.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from tornado.websocket import WebSocketClientConnection, websocket_connect

from benchmarks.shared.record import Record, options
from mtbkd_core import build_config
from mtbkd_core.runs import store
from mtbkd_core.runs.engine import Engine
from mtbkd_core.runs.kinds.run import KIND as RUN
from tests.browser.server import Server, serve

PAGES = ("overview", "teachers", "prior", "distill", "reliability", "influence", "uncertainty", "compare", "review")
#: A run that does not end meanwhile.
LONG = {"data.task": "digits", "sampler.draws": 5_000, "sampler.thinning": 1_000, "device": "cpu"}
#: Seconds that a person looks at a page, at least and at most.
_THINKS = (2.0, 6.0)
#: Seconds after which a page is given up.
_PATIENCE = 60.0
_TARGET = 2.0
#: Seconds that the server has been up when they come.
_UP = 15.0


def asked(page: str, link: str, fragment: str = "") -> bytes:
    """The message that asks for a page, or for a part of it."""
    message = BackMsg()
    message.rerun_script.query_string = link
    message.rerun_script.page_name = "" if page == "overview" else page
    message.rerun_script.fragment_id = fragment
    return bytes(message.SerializeToString())


class Person:
    """One person's connection.

    Attributes:
        refreshed: seconds between two looks at each part of the page that refreshes itself.
    """

    def __init__(self, connection: WebSocketClientConnection, link: str) -> None:
        self._connection = connection
        self._link = link
        self._page = PAGES[0]
        self.refreshed: dict[str, float] = {}

    async def ask(self, page: str) -> float:
        """Open a page; the seconds until its script is at its end.

        Raises:
            RuntimeError: it does not end.
        """
        self._page, started = page, time.perf_counter()
        await self._connection.write_message(asked(page, self._link), binary=True)
        if not await self._whole_page(_PATIENCE):
            raise RuntimeError(f"{page}: no end after {_PATIENCE:.0f} s")
        return time.perf_counter() - started

    async def look(self, seconds: float) -> None:
        """Let the page's parts refresh themselves, each in its own time, as a browser does."""
        leaves = time.perf_counter() + seconds
        due: dict[str, float] = {}
        while (now := time.perf_counter()) < leaves:
            due = {part: due.get(part, now + every) for part, every in self.refreshed.items()}
            part = min(due, key=due.__getitem__, default="")
            if now >= (at := due.get(part, leaves)):
                await self._connection.write_message(asked(self._page, self._link, part), binary=True)
                due[part] = now + self.refreshed[part]
            else:
                await self._whole_page(min(at, leaves) - now)

    async def _whole_page(self, limit: float) -> bool:
        """Read until a whole page is at its end, at most `limit` seconds; notes what of it is to be refreshed."""
        until, seen = time.perf_counter() + limit, dict[str, float]()
        while True:
            try:
                left = until - time.perf_counter()
                content = await asyncio.wait_for(self._connection.read_message(), max(0.0, left))
            except TimeoutError:
                return False
            if content is None:
                raise RuntimeError("the server closed a session")
            message = ForwardMsg.FromString(content)
            kind = message.WhichOneof("type")
            if kind == "auto_rerun":
                seen[message.auto_rerun.fragment_id] = message.auto_rerun.interval
            elif kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                self.refreshed = seen
                return True


async def session(server: Server, number: int, pages: int, run: str, seconds: list[float]) -> None:
    """One person's visits."""
    choice = random.Random(number)
    url = server.url.replace("http", "ws", 1) + "/_stcore/stream"
    connection = await websocket_connect(url, subprotocols=["streamlit"], max_message_size=2**28)
    person = Person(connection, f"run={run}")
    await asyncio.sleep(choice.uniform(0, _THINKS[1]))
    for _ in range(pages):
        seconds.append(await person.ask(choice.choice(PAGES)))
        await person.look(choice.uniform(*_THINKS))
    connection.close()


async def all_sessions(server: Server, count: int, pages: int, run: str) -> list[float]:
    seconds: list[float] = []
    await asyncio.gather(*(session(server, number, pages, run, seconds) for number in range(count)))
    return seconds


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--pages", type=int, default=10, help="pages of each session")
    chosen = parser.parse_args()
    record = Record(write=chosen.write)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        os.environ["MTBKD_HOME"] = str(home)
        os.environ["STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION"] = "false"  # there is no browser with a cookie
        with serve(home, Path(name) / "log.txt") as server, closing(Engine(workers=1).start()) as engine:
            up = time.perf_counter()
            engine.wait()
            run = engine.submit(RUN, build_config(LONG.items())).id
            while not store.read(RUN, run).progress or time.perf_counter() < up + _UP:
                time.sleep(0.5)
            whole = psutil.Process(server.process.pid)
            before = whole.memory_info().rss / 2**20
            seconds = sorted(asyncio.run(all_sessions(server, chosen.sessions, chosen.pages, run)))
            after = whole.memory_info().rss / 2**20
            samples = not store.read(RUN, run).finished
            engine.cancel(RUN, run)
    p95 = seconds[max(0, int(0.95 * len(seconds)) - 1)]
    median = statistics.median(seconds)
    row = {"sessions": chosen.sessions, "pages": len(seconds), "median": median, "p95": p95, "worst": seconds[-1]}
    record.row(**row, mebibytes_before=before, mebibytes_after=after, run_under_way=samples)
    record.claim(f"{chosen.sessions} sessions with a run under way: p95 of a page, s", p95, at_most=_TARGET)
    record.claim(f"{chosen.sessions} sessions: memory of the server's process, MiB", after)
    record.close()


if __name__ == "__main__":
    main()
