"""A run whose worker is killed in the middle: what is shown of it, where it goes on, and whether it ends right.

usage: python -m benchmarks.killed [--task proteins] [--seconds 10]

The task's default run goes through the engine; its worker is killed so many seconds after the run began. The same run
undisturbed, in this process, is what it should have been: as chains that go on draw what they would have drawn, only
rounding is between the two.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable

from benchmarks.shared.record import Record, options
from mtbkd_core import default_config, distill
from mtbkd_core.common.parallel import limit_threads
from mtbkd_core.evaluation.diagnostics import total_variation
from mtbkd_core.runs import folder as files
from mtbkd_core.runs import store
from mtbkd_core.runs.engine import Engine
from mtbkd_core.runs.kinds.run import KIND as RUN
from mtbkd_core.runs.kinds.run import RunView, load_result, load_snapshot


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--task", default="proteins")
    parser.add_argument("--seconds", type=float, default=10)
    chosen = parser.parse_args()
    record = Record(f"killed-{chosen.task}", write=chosen.write)
    config = default_config(chosen.task)
    os.environ["MTBKD_HOME"] = tempfile.mkdtemp(prefix="mtbkd-killed-")
    engine = Engine(workers=1).start()
    try:
        engine.wait()
        run = engine.submit(RUN, config)

        def until(reached: Callable[[RunView], bool]) -> RunView:
            while not reached(view := store.read(RUN, run.id)):
                time.sleep(0.02)
            return view

        view = until(lambda view: bool(view.progress))
        began = time.perf_counter()
        time.sleep(chosen.seconds)
        owner = files.read_owner(view.folder)
        assert owner is not None, "the run is over"
        os.kill(owner.pid, signal.SIGKILL)
        killed = time.perf_counter()
        shown = load_snapshot(view)
        kept = shown.moment.draws if shown else 0
        nll = shown.result.metrics.student.nll if shown else None
        until(lambda view: view.attempt == 2 and bool(view.progress) and (load_snapshot(view) or shown) is not shown)
        resumed = time.perf_counter()
        done = until(lambda view: view.finished)
        whole = time.perf_counter() - began
        found = load_result(run.id)
    finally:
        engine.close()
    limit_threads()
    same = distill(config)
    gap = total_variation(found.predictions.test.mean, same.predictions.test.mean)
    record.row(
        task=chosen.task,
        draws_shown=kept,
        nll_shown=nll,
        seconds_until_a_newer_one=round(resumed - killed, 2),
        attempts=done.attempt,
        seconds=round(whole, 1),
        draws=found.draws.shape[1],
        total_variation=gap,
    )
    record.claim(f"{chosen.task}, killed at {chosen.seconds:g} s: draws of a chain that stay shown", kept, at_least=4)
    record.claim("total variation to the same run undisturbed", gap, at_most=1e-4)
    record.close()


if __name__ == "__main__":
    main()
