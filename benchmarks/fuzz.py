"""Mutated files and settings: each is read, or refused in short lines, soon and in little memory.

usage: python -m benchmarks.fuzz [--cases 10000] [--first 0] [--seconds 300] [--seed 0] [--write]

Sound files of every kind that is read are changed at random: bytes, numbers, pieces left out, doubled or put elsewhere,
odd cells. A fifth of the cases are settings in place of files, as links and `--set` give them, one in a hundred is a
data set or a model in a folder, as the Hub's libraries save them. Cases run in processes of their own, so that a reader
that dies is seen; a case is its number, and comes again with the same seed.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import openpyxl
import pandas as pd
from safetensors.numpy import save

from benchmarks.shared.record import Record, options
from mtbkd_core import RunConfig, UserError, build_config
from mtbkd_core.config.parse import flatten
from mtbkd_core.imports.check import check_table
from mtbkd_core.imports.hub.check import check_hub
from mtbkd_core.imports.hub.spec import HubSpec
from mtbkd_core.imports.preview import preview
from mtbkd_core.imports.spec import Files, TableSpec
from tests.imports.hub import made

ROOT = Path(__file__).resolve().parents[1]
ROWS, CLASSES = 36, ("Cytoplasm", "Golgi", "Nucleus")
#: Bounds on a case, and on the letters of a message; one about settings may list them all.
SECONDS, MEMORY, LETTERS, LETTERS_OF_SETTINGS = 10.0, 2**30, 500, 1_200
_BATCH = 1_000
_SIGNS = ("NA", "nan", "-inf", "1e400", "1,5", "[1,", "{}", "#", "-1", "=1+1", *"\n\r\t\x00\u200b'\",;")
_ODD = [b"", b"\xff", b"\xef\xbb\xbf", b"9" * 400, *(sign.encode() for sign in _SIGNS)]


def sound_files() -> dict[str, tuple[str, bytes]]:
    """Sound files: what each is for and its kind -> its name and content."""
    random = np.random.default_rng(0)
    truth = np.arange(ROWS) % 3
    ids = [f"P{row:05}" for row in range(ROWS)]
    inputs = np.round(random.normal(size=(ROWS, 3)) + np.eye(3)[truth], 3)
    logits = np.round(random.normal(size=(ROWS, 3)) + 3 * np.eye(3)[truth], 3)
    table = pd.DataFrame({"entry": ids, "f0": inputs[:, 0], "f1": inputs[:, 1], "f2": inputs[:, 2]})
    table["label"] = [CLASSES[label] for label in truth]
    teacher = pd.DataFrame(logits, columns=CLASSES).assign(entry=ids)
    files: dict[str, tuple[str, bytes]] = {}
    for role, frame in (("table", table), ("teacher", teacher)):
        csv = frame.to_csv(index=False)
        files[f"{role} csv"] = (f"{role}.csv", csv.encode())
        files[f"{role} european"] = (f"{role}.csv", frame.to_csv(index=False, sep=";", decimal=",").encode("utf-16"))
        files[f"{role} gzip"] = (f"{role}.csv.gz", gzip.compress(csv.encode(), mtime=0))
        files[f"{role} parquet"] = (f"{role}.parquet", _written(frame.to_parquet))
        files[f"{role} excel"] = (f"{role}.xlsx", _written(lambda path, frame=frame: _excel(path, frame)))
    files["teacher npy"] = ("teacher.npy", _written(lambda path: np.save(path, logits), ".npy"))
    files["teacher npz"] = (
        "teacher.npz",
        _written(lambda path: np.savez(path, logits=logits, entry=np.array(ids)), ".npz"),
    )
    files["teacher safetensors"] = ("teacher.safetensors", save({"logits": logits.astype(np.float32)}))
    files["teacher hdf5"] = ("teacher.h5", _written(lambda path: _hdf5(path, {"logits": logits})))
    files["teacher vectors"] = ("teacher.h5", _written(lambda path: _hdf5(path, dict(zip(ids, logits, strict=True)))))
    lists = pd.DataFrame({"entry": ids, "logits": list(logits)})
    files["teacher lists"] = ("teacher.parquet", _written(lists.to_parquet))
    return files


def _written(write: Callable[[Path], object], suffix: str = "") -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{suffix}"
        write(path)
        return path.read_bytes()


def _excel(path: Path, frame: pd.DataFrame) -> None:
    book = openpyxl.Workbook()
    for line in (list(frame.columns), *frame.itertuples(index=False)):
        book.active.append([value.item() if isinstance(value, np.generic) else value for value in line])
    stream = io.BytesIO()
    book.save(stream)
    path.write_bytes(stream.getvalue())


def _hdf5(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values


def mutated(content: bytes, random: np.random.Generator) -> bytes:
    """Content with one to four changes."""
    changed = bytearray(content)
    for _ in range(random.integers(1, 5)):
        if not changed:
            break
        place = int(random.integers(len(changed)))
        length = int(min(random.integers(1, 40), len(changed) - place))
        kind = random.integers(8)
        if kind == 0:
            changed[place] ^= 1 << int(random.integers(8))
        elif kind == 1:
            changed[place] = int(random.integers(256))
        elif kind == 2:
            del changed[place : place + length]
        elif kind == 3:
            changed[place:place] = changed[place : place + length] * int(random.integers(1, 4))
        elif kind == 4:
            changed[place : place + length] = _ODD[random.integers(len(_ODD))]
        elif kind == 5:
            changed[place : place + length] = random.bytes(length)
        elif kind == 6:
            number = int(random.choice([0, 1, 2**31 - 1, 2**32 - 1, 2**63 - 1, 255]))
            changed[place : place + 8] = number.to_bytes(8, "little")
        else:
            del changed[place:]
    return bytes(changed)


def try_case(folder: Path, case: int, seed: int, files: dict[str, tuple[str, bytes]]) -> str:
    """A case by its number; as `try_pair`."""
    random = np.random.default_rng([seed, case])
    if case % 5 == 0:
        return try_settings(random)
    if case % 100 == 1:
        return try_hub(folder, random)
    return try_pair(folder, str(random.choice(list(files))), files, lambda content: mutated(content, random))


def try_pair(folder: Path, chosen: str, files: dict[str, tuple[str, bytes]], change: Callable[[bytes], bytes]) -> str:
    """Read a table and a teacher, one of them changed; what became of it. Anything but a `UserError` is raised."""
    paths = {}
    for role in ("table", "teacher"):
        is_chosen = chosen.startswith(f"{role} ")
        name, content = files[chosen if is_chosen else f"{role} csv"]
        paths[role] = folder / name
        paths[role].write_bytes(change(content) if is_chosen else content)
    try:
        preview(paths["table"])
        spec = TableSpec(Files(paths["table"], {"t": paths["teacher"]}), "label", columns=("f0", "f1", "f2"))
        rows = check_table("mine", spec).data.rows
    except UserError as error:
        for line in error.problems:
            _check_line(line, LETTERS)
        return "refused"
    assert rows.features.isfinite().all()
    assert all(logits.isfinite().all() and len(logits) == len(rows) for logits in rows.logits.values())
    return "read"


def try_hub(folder: Path, random: np.random.Generator) -> str:
    """A data set, a teacher or an encoder in a folder with one file changed; as `try_pair`."""
    data = str(folder / "hub" / "reviews")
    models = [str(folder / "hub" / name) for name in ("teacher", "encoder")]
    shutil.rmtree(folder / "hub", ignore_errors=True)
    (folder / "hub").mkdir()
    if random.integers(2):
        Path(data).mkdir()
        kind = str(random.choice(["parquet", "json", "csv"]))
        getattr(made.data(), f"to_{kind}")(Path(data) / f"train.{kind}")
    else:
        made.data().save_to_disk(data)
    made.text_model(Path(models[0]))
    made.text_model(Path(models[1]), ())
    chosen = Path(random.choice([data, *models]))
    file = Path(random.choice(sorted(str(path) for path in chosen.rglob("*") if path.is_file())))
    file.write_bytes(mutated(file.read_bytes(), random))
    try:
        rows = check_hub("mine", HubSpec(data, "label", ("text",), {"t": models[0]}, models[1])).data.rows
    except UserError as error:
        for line in error.problems:
            _check_line(line, LETTERS)
        return "refused"
    assert rows.features.isfinite().all()
    return "read"


def _check_line(line: str, most: int) -> None:
    assert "\n" not in line, f"a message of several lines: {line[:200]!r}"
    assert len(line) <= most, f"a message of {len(line)} letters: {line[:200]!r}"


def try_settings(random: np.random.Generator) -> str:
    """Mutated settings; as `try_pair`."""
    settings = list(flatten(RunConfig()).items())
    pairs = []
    for _ in range(random.integers(1, 4)):
        name, text = settings[random.integers(len(settings))]
        where = random.integers(6)
        name = mutated(name.encode(), random).decode(errors="replace") if where == 0 else name
        pairs.append((name, text if where == 1 else mutated((text or "0").encode(), random).decode(errors="replace")))
    try:
        build_config(pairs)
        return "read"
    except UserError as error:
        _check_line(str(error), LETTERS_OF_SETTINGS)
        return "refused"


def child(first: int, last: int, seed: int) -> None:
    """Cases one after another; a line each, begun before it is tried."""
    import resource
    import warnings

    warnings.simplefilter("ignore")
    files = sound_files()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MTBKD_HOME"] = str(Path(folder) / "home")
        try_hub(Path(folder), np.random.default_rng(0))  # so that no case has to wait for the libraries
        for case in range(first, last):
            print(f"\n{case}", end=" ", flush=True)  # a library may leave a line unfinished
            started = time.perf_counter()
            try:
                outcome = try_case(Path(folder), case, seed, files)
            except BaseException as error:
                outcome = f"BUG {type(error).__name__}: {' '.join(str(error).split())[:160]}"
            seconds = time.perf_counter() - started
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            print(json.dumps([outcome, round(seconds, 3), memory]), flush=True)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the number of the first")
    parser.add_argument("--seconds", type=float, default=3600, help="begin no more after so many")
    parser.add_argument("--seed", type=int, default=0, help="another gives other cases")
    given = parser.parse_args()
    record = Record(write=given.write)
    outcomes: Counter[str] = Counter()
    slowest, largest = 0.0, 0
    end, began = given.first + given.cases, time.perf_counter()
    for first in range(given.first, end, _BATCH):
        if time.perf_counter() - began > given.seconds:
            break
        last = min(first + _BATCH, end)
        command = [sys.executable, "-m", "benchmarks.fuzz", "child", str(first), str(last), str(given.seed)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, env={**os.environ})
        for line in filter(lambda line: line[:1].isdecimal(), done.stdout.splitlines()):
            case, _, rest = line.partition(" ")
            outcome, seconds, memory = json.loads(rest) if rest else (f"BUG died: {done.returncode}", 0.0, 0)
            outcomes[outcome.partition(" ")[0]] += 1
            slowest, largest = max(slowest, seconds), max(largest, memory)
            if outcome.startswith("BUG"):
                record.row(case=int(case), what=outcome)
    record.claim("mutated files and settings: cases tried", float(outcomes.total()), at_least=given.cases)
    record.row(cases=outcomes.total(), read=outcomes["read"], refused=outcomes["refused"], bugs=outcomes["BUG"])
    record.claim("mutated files and settings: errors that are no message", float(outcomes["BUG"]), at_most=0)
    record.claim("mutated files and settings: the longest in seconds", slowest, at_most=SECONDS)
    record.claim("mutated files and settings: memory of the process in MiB", largest / 2**20, at_most=MEMORY / 2**20)
    record.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(*map(int, sys.argv[2:5]))
    else:
        main()
