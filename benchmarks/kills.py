"""Runs whose workers, scheduler or whole app are killed again and again: nothing that was asked for may be lost.

usage: python -m benchmarks.kills [--kills 50] [--runs 8] [--workers 2]

Small runs of one task go through the engine. At random moments, most of them while something is sampled, a worker that
computes is killed (SIGKILL); every tenth time the scheduler is, and the engine is started anew and all interrupted runs
are launched again. A run that was given up after three attempts is launched again as well. At the end every run has to
be done, readable and equal to the same run undisturbed.
"""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time

import psutil

from benchmarks.shared.record import Record, options
from mtbkd_core import RunConfig, build_config, distill
from mtbkd_core.common.parallel import limit_threads
from mtbkd_core.common.progress import Phase
from mtbkd_core.evaluation.diagnostics import total_variation
from mtbkd_core.runs import folder as files
from mtbkd_core.runs import store
from mtbkd_core.runs.engine import Engine
from mtbkd_core.runs.folder import State
from mtbkd_core.runs.kinds.run import KIND as RUN
from mtbkd_core.runs.kinds.run import RunView, load_result

#: Every so many kills it is the scheduler.
_SCHEDULER = 10
#: Of the others, the share that waits until the run samples.
_IN_THE_MIDDLE = 0.8


def settings(seed: int) -> RunConfig:
    """A run of some seconds on the plane."""
    return build_config(
        {
            "data.task": "synthetic",
            "sampler.chains": 4,
            "sampler.draws": 400,
            "sampler.thinning": 10,
            "seed": seed,
            "device": "cpu",
        }.items()
    )


class Trial:
    """An engine, its runs, and what was done to them."""

    def __init__(self, engine: Engine, configs: list[RunConfig], seed: int) -> None:
        self.engine = engine
        self.random = random.Random(seed)
        self.configs = list(configs)
        self.killed: dict[str, int] = {}
        self.middle = True

    def views(self) -> list[RunView]:
        """All runs, asked for again where they ended early."""
        self.engine.info()  # finds a dead scheduler, and lets its runs be interrupted
        found = [store.find(RUN, config) for config in self.configs]
        again = [view for view in found if view is not None and view.state in (State.INTERRUPTED, State.CRASHED)]
        for view in again:
            self.engine.submit(RUN, view.spec)
        return [view for view in found if view is not None]

    def kill(self) -> bool:
        """Kill something that computes; false where nothing does."""
        running = [view for view in self.views() if view.state is State.RUNNING and view.progress]
        if self.middle:
            running = [view for view in running if view.progress[-1].phase is Phase.SAMPLING]
        if not running:
            return False
        if sum(self.killed.values()) % _SCHEDULER == _SCHEDULER - 1:
            return self._kill_scheduler()
        view = self.random.choice(running)
        owner = files.read_owner(view.folder)
        if owner is None or not files.is_held(view.folder):
            return False
        try:
            os.kill(owner.pid, signal.SIGKILL)
        except ProcessLookupError:  # it has just ended
            return False
        self._count(view.progress[-1].phase.value)
        return True

    def _kill_scheduler(self) -> bool:
        for process in psutil.Process().children(recursive=True):
            if "distributed.Scheduler" in " ".join(process.cmdline()):
                process.kill()
                process.wait()
                self._count("scheduler")
                return True
        return False

    def _count(self, what: str) -> None:
        self.killed[what] = self.killed.get(what, 0) + 1
        self.middle = self.random.random() < _IN_THE_MIDDLE


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=20, help="kill for so long at most; then the runs may end")
    chosen = parser.parse_args()
    record = Record(write=chosen.write)
    os.environ["MTBKD_HOME"] = tempfile.mkdtemp(prefix="mtbkd-kills-")
    configs = [settings(seed) for seed in range(chosen.runs)]
    engine = Engine(workers=chosen.workers).start()
    began = time.perf_counter()
    try:
        engine.wait()
        trial = Trial(engine, configs, seed=0)
        for config in configs:
            engine.submit(RUN, config)
        while not all(view.state is State.DONE for view in trial.views()):
            late = time.perf_counter() - began > chosen.minutes * 60
            more = sum(trial.killed.values()) < chosen.kills and not late
            if more and trial.kill():
                time.sleep(trial.random.uniform(0.2, 8))
            if more and len(trial.configs) < 200:
                busy = [view for view in trial.views() if not view.finished]
                if len(busy) < chosen.workers:  # nothing is left to kill: more work
                    trial.configs.append(settings(len(trial.configs)))
                    engine.submit(RUN, trial.configs[-1])
            time.sleep(0.1)
        seconds = time.perf_counter() - began
        views = [store.read(RUN, view.id) for view in trial.views()]
    finally:
        engine.close()
    limit_threads()
    lost = [view.id for view in views if view.state is not State.DONE]
    attempts = [view.attempt for view in views]
    worst = max(views, key=lambda view: view.attempt)
    gap = 1.0
    if worst.state is State.DONE:
        same = distill(worst.config)
        gap = total_variation(load_result(worst.id).predictions.test.mean, same.predictions.test.mean)
    torn = sum(1 for view in views if view.state is State.DONE and load_result(view.id).draws.shape[1] != 400)
    count = sum(trial.killed.values())
    record.row(kills=count, **trial.killed, runs=len(views), attempts=max(attempts), seconds=round(seconds, 1), gap=gap)
    record.claim("kills", count, at_least=chosen.kills)
    record.claim("kills while sampling", trial.killed.get("sampling", 0), at_least=chosen.kills / 2)
    record.claim("runs that were lost, or whose results are torn", len(lost) + torn, at_most=0)
    record.claim("total variation of the run killed most often to the same run undisturbed", gap, at_most=1e-4)
    record.close()


if __name__ == "__main__":
    main()
