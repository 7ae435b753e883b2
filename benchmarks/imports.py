"""What it takes to check and load large tables of one's own: seconds, and the highest resident size of the process.

usage: python -m benchmarks.imports [--runs] [--only WORDS] [--minutes N] [--write]

Each case is read by a process of its own, from files that are made first: a table with its features in 50 columns, a
table with embeddings of 1,280 numbers in each kind of file, and one of 1,000 classes. With `--runs` a run of some of
them follows, by the task's own settings: time and memory of all of it, and the verdict on its chains. With --only the
other cases' rows and claims stay as they were.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from benchmarks.shared.record import Record, options
from mtbkd_core import Progress, default_config, distill
from mtbkd_core.catalog.adding import import_table
from mtbkd_core.imports.check import check_table
from mtbkd_core.imports.spec import Files, TableSpec

ROOT = Path(__file__).resolve().parents[1]
SECONDS, MEMORY = 10.0, 1024.0
CASES = {
    "100,000 rows x 50 columns, CSV": (100_000, 50, 5, "columns"),
    "100,000 rows x 50 columns, Parquet": (100_000, 50, 5, "parquet"),
    "20,000 x 1,280 embeddings, CSV": (20_000, 1_280, 5, "csv"),
    "20,000 x 1,280 embeddings, NPY": (20_000, 1_280, 5, "npy"),
    "20,000 x 1,280 embeddings, HDF5 by id": (20_000, 1_280, 5, "h5"),
    "1,000 classes x 5,000 rows, 20 columns, top-10 teacher": (5_000, 20, 1_000, "top"),
}
#: Cases that a run follows.
RUNS = (
    "100,000 rows x 50 columns, Parquet",
    "20,000 x 1,280 embeddings, NPY",
    "1,000 classes x 5,000 rows, 20 columns, top-10 teacher",
)


def write(folder: Path, rows: int, columns: int, classes: int, kind: str) -> None:
    """A table t whose inputs lie about a centre for each class, a teacher and, but for columns, embeddings."""
    random = np.random.default_rng(0)
    truth = np.arange(rows) % classes
    centres = random.normal(size=(classes, columns)) / np.sqrt(columns)
    inputs = (2 * centres[truth] + random.normal(size=(rows, columns))).astype(np.float32)
    ids = [f"P{row:06}" for row in range(rows)]
    table = pd.DataFrame({"entry": ids, "label": [f"class {label}" for label in truth]})
    names = [f"f{place}" for place in range(columns)]
    logits = random.normal(size=(rows, classes)).astype(np.float32)
    logits[np.arange(rows), truth] += 3
    if kind == "top":  # labels that are numbers, and the leading classes with their logits; a fifth is for testing
        table["label"] = truth
        table = pd.concat([table, pd.DataFrame(inputs, columns=names)], axis=1)
        leading = np.argsort(-logits, axis=1)[:, :10]
        values = np.take_along_axis(logits, leading, 1)
        first = 4 * rows // 5
        for begin, part in (("", slice(first)), ("test-", slice(first, None))):
            table[part].to_csv(folder / f"{begin}t.csv", index=False)
            np.savez(folder / f"{begin}teacher.npz", indices=leading[part], values=values[part])
        return
    teacher = pd.DataFrame(logits, columns=sorted({f"class {label}" for label in range(classes)}))
    teacher = teacher.assign(entry=ids).iloc[random.permutation(rows)]
    if kind in ("columns", "parquet"):
        table = pd.concat([table, pd.DataFrame(inputs, columns=names)], axis=1)
    if kind == "parquet":
        table.to_parquet(folder / "t.parquet")
        teacher.to_parquet(folder / "teacher.parquet")
        return
    table.to_csv(folder / "t.csv", index=False, float_format="%.6g")
    teacher.to_csv(folder / "teacher.csv", index=False, float_format="%.5g")
    if kind == "csv":
        pd.DataFrame(inputs, columns=names).assign(entry=ids).to_csv(folder / "e.csv", index=False, float_format="%.6g")
    elif kind == "npy":
        np.save(folder / "e.npy", inputs)
    elif kind == "h5":
        with h5py.File(folder / "e.h5", "w") as file:
            for name, row in zip(ids, inputs, strict=True):
                file[name] = row


def spec_of(folder: Path, columns: int) -> TableSpec:
    """The folder's files."""
    (table,), (teacher,) = folder.glob("t.*"), folder.glob("teacher.*")
    embeddings, test = next(iter(folder.glob("e.*")), None), None
    if (other := folder / "test-t.csv").exists():
        test = Files(other, {"t": folder / "test-teacher.npz"})
    chosen = () if embeddings is not None else tuple(f"f{place}" for place in range(columns))
    return TableSpec(Files(table, {"t": teacher}, embeddings), "label", columns=chosen, test=test)


def child(folder: Path, columns: int) -> None:
    """Check the folder's files; prints seconds, MiB, and what was found."""
    Path("/proc/self/clear_refs").write_text("5")  # resets the kernel's record of the highest size
    spec = spec_of(folder, columns)
    started, busy = time.perf_counter(), time.process_time()
    found = check_table("mine", spec)
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    shape = list(found.data.rows.features.shape)
    print(json.dumps([seconds, busy, highest(), shape, *found.data.about.teachers.values()]))


def highest() -> float:
    """MiB that this process took at most."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


def run(folder: Path, columns: int) -> None:
    """Import the folder's files and distill; prints the run's parts of time, MiB, and the verdict."""
    os.environ["MTBKD_HOME"] = str(folder / "home")
    import_table("mine", spec_of(folder, columns))
    config = default_config("mine")
    started, busy, phases = time.perf_counter(), time.process_time(), dict[str, float]()

    def note(report: Progress) -> None:
        phases[report.phase.value] = time.perf_counter() - started

    metrics = distill(config, on_progress=note).metrics
    about = f"{config.sampler.chains} chains of {config.sampler.draws} draws, {config.student.hidden} units"
    answer = {"seconds": time.perf_counter() - started, "processor": time.process_time() - busy}
    answer |= {"mebibytes": highest(), "settings": about, "load": os.getloadavg()[0]}
    verdict = metrics.diagnostics.judged
    answer |= {"verdict": verdict.value if verdict else "none", "r_hat": metrics.row["r_hat"]}
    answer |= {"accuracy": metrics.student.accuracy, **{f"until the end of {name}": at for name, at in phases.items()}}
    print(json.dumps(answer))


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--child", nargs=2, help="a folder and a number of columns")
    parser.add_argument("--run", nargs=2, help="the same, for a run")
    parser.add_argument("--runs", action="store_true", help="runs of some of the cases, in place of checks of all")
    parser.add_argument("--only", default="", help="cases that hold these words")
    parser.add_argument("--minutes", type=float, default=4, help="of a run; one that takes longer is given up")
    given = parser.parse_args()
    if given.child:
        child(Path(given.child[0]), int(given.child[1]))
        return
    if given.run:
        run(Path(given.run[0]), int(given.run[1]))
        return
    record = Record("imports-runs" if given.runs else "", write=given.write, keeping=bool(given.only))
    for name, (rows, columns, classes, kind) in CASES.items():
        if given.only not in name or (given.runs and name not in RUNS):
            continue
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), rows, columns, classes, kind)
            part, limit = ("--run", given.minutes * 60) if given.runs else ("--child", None)
            command = [sys.executable, "-m", "benchmarks.imports", part, folder, str(columns)]
            try:
                done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=limit)
            except subprocess.TimeoutExpired:
                record.row(what=name, given_up_after_minutes=given.minutes)
                continue
        if done.returncode:
            sys.exit(done.stderr)
        if given.runs:
            record.row(what=name, **json.loads(done.stdout.splitlines()[-1]))
            continue
        seconds, busy, peak, shape, teacher = json.loads(done.stdout.splitlines()[-1])
        record.row(
            what=name,
            seconds=seconds,
            processor=busy,
            mebibytes=peak,
            load=os.getloadavg()[0],
            features=str(shape),
            teacher=teacher,
        )
        record.claim(f"checking {name}: seconds", seconds, at_most=SECONDS)
        record.claim(f"checking {name}: MiB of the whole process", peak, at_most=MEMORY)
    record.close()


if __name__ == "__main__":
    main()
