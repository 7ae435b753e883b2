"""What it costs to show the posterior so far, and how soon it is there.

usage: python -m benchmarks.snapshots [digits proteins ...]

One default run of each task with snapshots that are written to a file, as a job writes them. The share is that of the
snapshots' own seconds in those of warm start and sampling, so that both sides bear the same load; the first posterior
is timed from the end of the warm start.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import torch

from benchmarks.shared.record import Record, options
from mtbkd_core import default_config, load_task
from mtbkd_core.common.parallel import limit_threads
from mtbkd_core.common.progress import Phase, Progress
from mtbkd_core.distillation import distill_from
from mtbkd_core.evaluation import load_libraries
from mtbkd_core.runs.kept import SNAPSHOT, Kept
from mtbkd_core.snapshot import Snapshot

SHARE, FIRST = 0.1, 0.7


def measure(task: str, record: Record) -> None:
    config = default_config(task)
    loaded = load_task(config.data)
    warm_end, shown = [0.0], list[float]()

    def progress(report: Progress) -> None:
        if report.phase is Phase.WARM_START:
            warm_end[0] = time.perf_counter()

    with tempfile.TemporaryDirectory() as folder:
        kept = Kept(Path(folder))

        def show(snapshot: Snapshot) -> None:
            kept.show(snapshot)
            shown.append(time.perf_counter())

        result = distill_from(None, config, task=loaded, on_progress=progress, on_snapshot=show, on_keep=kept.keep)
        size = (Path(folder) / SNAPSHOT).stat().st_size
    found = result.sampling
    share = found["seconds_snapshots"] / found["seconds"]
    first = shown[0] - warm_end[0]
    record.row(
        task=task,
        seconds=found["seconds"],
        snapshots=found["snapshots"],
        seconds_of_snapshots=found["seconds_snapshots"],
        share=round(share, 3),
        first=round(first, 2),
        mebibytes=round(size / 2**20, 1),
    )
    record.claim(f"{task}: share of the time that snapshots take", share, at_most=SHARE)
    record.claim(f"{task}: seconds from the warm start's end to the first posterior", first, at_most=FIRST)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("tasks", nargs="*", default=["digits", "proteins"])
    chosen = parser.parse_args()
    limit_threads()
    load_libraries()
    torch.set_grad_enabled(False)
    record = Record(write=chosen.write)
    for task in chosen.tasks:
        measure(task, record)
    record.close()


if __name__ == "__main__":
    main()
