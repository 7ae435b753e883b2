"""Engines that end: nothing that they started outlives them, however their app ends."""

import os
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import psutil
import pytest

from mtbkd_core.runs import store
from mtbkd_core.runs.engine import Engine
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds.run import KIND as RUN
from tests.runs.support import computing, config, processes_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def has_ended(process):
    """Gone, or only waiting for its parent, which may be slow to end, to take note."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


APP = """
import sys
from mtbkd_core.runs.engine import Engine
from mtbkd_core.config.parse import parse_config
from mtbkd_core.runs.kinds.run import KIND as RUN
engine = Engine(workers=1)
engine.start()
print(engine.submit(RUN, parse_config(sys.argv[1])).id, flush=True)
try:
    sys.stdin.readline()
except KeyboardInterrupt:
    pass
"""


@pytest.mark.parametrize("end", ["killed", "exits", "interrupted at the terminal"])
def test_nothing_outlives_the_app(end):
    endless = config(task="synthetic", teachers="north", sampler__burn_in=1_000_000)
    app = subprocess.Popen(
        [sys.executable, "-c", APP, endless.model_dump_json()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,
        # as from a terminal; tests that a shell has put into its background are started deaf to Ctrl-C
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    run = store.read(RUN, app.stdout.readline().strip())
    computing(run)
    children = processes_of(app.pid)
    assert len(children) >= 3
    if end == "killed":
        app.kill()
    elif end == "exits":
        app.stdin.write("\n")
        app.stdin.flush()
    else:  # Ctrl-C goes to all processes of the terminal's foreground group
        os.killpg(app.pid, signal.SIGINT)
    # The app is not waited for yet: what it started must not need that somebody takes note of its death.
    _, there = psutil.wait_procs(children, timeout=30)
    alive = [process for process in there if not has_ended(process)]
    app.kill()
    _, complaints = app.communicate()
    assert alive == []
    assert "Traceback" not in complaints
    interrupted = store.read(RUN, run.id)
    assert interrupted.state is State.INTERRUPTED
    assert interrupted.reason == "the engine ended in the middle of it; launch the run again"


def test_an_engine_is_closed_twice_and_started_again_from_any_thread():
    engine = Engine(workers=1)
    closers = [threading.Thread(target=engine.close) for _ in range(2)]
    engine.start()
    for thread in closers:
        thread.start()
    for thread in closers:
        thread.join()
    assert engine.info().address is None
    engine.start().wait()
    engine.close()
