"""The app as a person starts it: a server in a process of its own, and everything ended again afterwards."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 60.0
_END_SECONDS = 20.0


@dataclass(frozen=True)
class Server:
    """A running app.

    Attributes:
        url: its root, without a slash at the end.
        home: the home folder that it works in.
        log: the file that its output goes to.
        process: its process; the engine's are its descendants.
        started: `time.time()` just before the process was started.
    """

    url: str
    home: Path
    log: Path
    process: subprocess.Popen[bytes]
    started: float

    def output(self) -> str:
        """What it has printed so far."""
        return self.log.read_text(errors="replace")

    def family(self) -> list[psutil.Process]:
        """Its process and all that it has started, directly or not."""
        whole = psutil.Process(self.process.pid)
        return [whole, *whole.children(recursive=True)]


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextmanager
def serve(home: Path, log: Path, port: int | None = None, secrets: Path | None = None) -> Iterator[Server]:
    """Start `streamlit run app.py`; yields when it answers, and ends it with all that it started.

    Args:
        port: None: a free one.
        secrets: the file that stands for `.streamlit/secrets.toml`; None: there is none.
    Raises:
        RuntimeError: it does not start, or something of it is still running after its end.
    """
    port = port or free_port()
    environment = {**os.environ, "MTBKD_HOME": str(home), "STREAMLIT_SERVER_HEADLESS": "true"}
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    command += ["--secrets.files", str(secrets)] if secrets else []
    with log.open("wb") as output:
        started = time.time()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(f"http://127.0.0.1:{port}", home, log, process, started)
    try:
        _wait_for_answer(server)
        yield server
    finally:
        _end(server)


def _wait_for_answer(server: Server) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise RuntimeError(f"the app ended at its start (exit {server.process.returncode}):\n{server.output()}")
        try:
            with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.01)
    raise RuntimeError(f"the app does not answer after {_START_SECONDS:.0f} s:\n{server.output()}")


def _end(server: Server) -> None:
    """End the app as Ctrl-C does; what is left of it after that is killed, and reported."""
    family = server.family() if server.process.poll() is None else []
    server.process.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        server.process.wait(_END_SECONDS)
    _, left = psutil.wait_procs(family, timeout=_END_SECONDS / 4)
    left_over = [f"{process.pid} {process.name()}" for process in left if process.is_running()]
    for process in left:
        process.kill()
    server.process.wait()
    if left_over:
        raise RuntimeError(f"still running after Ctrl-C: {', '.join(left_over)}\n{server.output()}")
