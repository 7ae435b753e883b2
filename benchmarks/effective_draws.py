"""Effective draws and gradients a second of default runs, over those of an older version in a folder of its own.

usage: python -m benchmarks.effective_draws --old FOLDER [--tasks digits import ...] [--rounds 3] [--data FOLDER]

FOLDER of --old is a checkout of the older version (`git worktree add FOLDER COMMIT`). Both sides take turns, each run a
process of its own on one thread with the defaults that its version gives the task, seed 0, 1, ... A run's effective
draws are those of the median test example; its seconds are of processor time, so that other load counts little, for
tuning, preconditioner, burn-in and sampling. `import` is the table in --data, as benchmarks.deeploc has it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.shared.record import Record, options

HERE = Path(__file__).resolve().parents[1]
#: Task -> by how many times effective draws a second should have grown; of the plane gradients a second.
TARGETS = {"digits": 1.5, "proteins": 5.0, "import": 5.0}
PLANE, PLANE_TARGET = "synthetic", 2.0
#: Runs in either version, so it uses nothing that only one of them has. Arguments: task, seed, settings.
SIDE = """
import json, sys, time
from mtbkd_core import build_config, distill, load_task
from mtbkd_core.common.parallel import limit_threads
from mtbkd_core.common.progress import Phase
name, seed, *given = sys.argv[1:]
limit_threads()
config = build_config([("task", name), ("seed", seed), *(each.split("=", 1) for each in given)])
task = load_task(config.data)
marks = {}
def seen(progress):
    now = time.process_time()
    first, _ = marks.get(progress.phase, (now, now))
    marks[progress.phase] = (first, now)
result = distill(config, task=task, on_progress=seen)
found = result.metrics.diagnostics
begin = marks[Phase.WARM_START][1]
seconds = marks[Phase.SAMPLING][1] - begin
print(json.dumps({
    "r_hat": found.r_hat, "r_hat_p95": found.r_hat_p95, "r_hat_log_joint": found.r_hat_log_joint,
    "ess": found.ess_median, "gradients": found.gradients, "restarts": found.restarts, "seconds": seconds,
    "wall": found.seconds_sampling, "nll": result.metrics.student.nll, "ece": result.metrics.student.ece,
}))
"""


def in_version(folder: Path, home: Path, *arguments: str) -> str:
    """What a command of Python prints in the version in a folder, with a home of its own."""
    settings = {"PYTHONPATH": str(folder), "MTBKD_HOME": str(home), "MTBKD_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=os.environ | settings, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def bring(folder: Path, home: Path, data: Path) -> None:
    """Make the task `import` of the table and its teachers' outputs (benchmarks.deeploc tells which)."""
    teachers = [f"--teacher={name.replace('_', '-')}={data / name}_logits.csv" for name in ("esm2_650m", "prott5")]
    table = [f"--table={data / 'train.csv'}", "--label=Label", "--sequence=Sequence"]
    classes = "--class-columns=Cytoplasm:Peroxisome"
    in_version(folder, home, "-m", "mtbkd_core", "import", "--name=import", *table, classes, *teachers)


def measure(folder: Path, home: Path, task: str, seed: int, settings: list[str]) -> dict[str, float]:
    """One default run of the version in a folder, in a process of its own."""
    printed = in_version(folder, home, "-c", SIDE, task, str(seed), *settings)
    found: dict[str, float] = json.loads(printed.splitlines()[-1])
    return found


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--old", type=Path, required=True)
    parser.add_argument("--tasks", nargs="+", default=[PLANE, *TARGETS], choices=[PLANE, *TARGETS])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="NAME=VALUE", help="of ours")
    parser.add_argument("--data", type=Path, help="folder of the imported table")
    chosen = parser.parse_args()
    command = f"python -m benchmarks.effective_draws --old FOLDER --rounds {chosen.rounds} --data FOLDER"
    record = Record(write=chosen.write, command=command)
    with TemporaryDirectory() as temporary:
        sides = {
            name: (folder, Path(temporary) / name) for name, folder in (("old", chosen.old.resolve()), ("new", HERE))
        }
        if "import" in chosen.tasks:
            for folder, home in sides.values():
                bring(folder, home, chosen.data.resolve())
        run(chosen, record, sides)
    record.close()


def run(chosen: argparse.Namespace, record: Record, sides: dict[str, tuple[Path, Path]]) -> None:
    """All tasks, the sides in turn."""
    for task in chosen.tasks:
        rates: dict[str, list[tuple[float, float]]] = {"old": [], "new": []}
        for seed in range(chosen.rounds):
            for side, (folder, home) in sides.items():
                found = measure(folder, home, task, seed, chosen.settings if side == "new" else [])
                rates[side].append((found["ess"] / found["seconds"], found["gradients"] / found["seconds"]))
                record.row(task=task, side=side, seed=seed, **found)
        draws, gradients = (
            statistics.median(rate[part] for rate in rates["new"])
            / statistics.median(rate[part] for rate in rates["old"])
            for part in (0, 1)
        )
        record.claim(f"{task}: effective draws a second over the older version's", draws, at_least=TARGETS.get(task))
        target = PLANE_TARGET if task == PLANE else None
        record.claim(f"{task}: gradients a second over the older version's", gradients, at_least=target)


if __name__ == "__main__":
    main()
