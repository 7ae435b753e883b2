"""The report of default runs: its bytes, the draws that it holds, their cost in NLL, and its answers beside Python's.

usage: python -m benchmarks.report [--tasks digits proteins ...] [--saved FOLDER] [--write]

The page's own modules answer in node. Python answers with the same draws before they are rounded, so that a difference
holds all of what the file changes but the number of draws.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import torch

from benchmarks.shared.record import Record, options
from benchmarks.shared.runs import default_run
from mtbkd_core import Result, Task, load_task
from mtbkd_core.catalog.registry import missing_data
from mtbkd_core.evaluation.predictive import predict, thin
from mtbkd_core.report.html import build_report
from mtbkd_core.report.packing import examples_held, features_held
from mtbkd_core.report.thinking import MOST_BYTES

TASKS = ("digits", "synthetic", "proteins", "fashion")
ANSWERS = Path(__file__).parents[1] / "tests" / "report" / "answers.mjs"


def answers(document: str, folder: Path) -> list[dict[str, Any]]:
    """What the modules of a report answer to its examples."""
    node = shutil.which("node")
    assert node, "node is needed"
    (folder / "report.html").write_text(document, encoding="utf-8")
    asked = json.dumps({"thresholds": [], "shares": []})
    done = subprocess.run([node, ANSWERS, folder / "report.html", asked], capture_output=True, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)["answers"]
    return found


def run_of(name: str, saved: Path | None) -> tuple[Task, Result]:
    """A task with its default run, or with the run of its name in a folder of saved ones."""
    if saved is None:
        return default_run(name)
    result = Result.load(saved / name)
    return load_task(result.config), result


def measure(record: Record, name: str, folder: Path, saved: Path | None) -> None:
    task, result = run_of(name, saved)
    began = perf_counter()
    document = build_report(result, run=name, created=datetime.now(UTC), task=task)
    seconds = perf_counter() - began
    found = answers(document, folder)
    student = json.loads(document.split('id="student">')[1].split("</script>")[0])["student"]
    draws = thin(result.draws, student["draws"])
    own = predict(result.student, draws, task.x_test[examples_held(len(task.x_test))], inputs=result.student_inputs)
    ends = torch.tensor([each["intervals"] for each in found])
    apart = {name: torch.tensor([each[name] for each in found]) - getattr(own, name) for name in ("mean", "deviance")}
    apart |= {"low": ends[..., 0] - own.low, "high": ends[..., 1] - own.high}
    largest = {name: float(value.abs().max()) for name, value in apart.items()}
    features = features_held(result.features)
    x = task.x_test if features is None else features.transform(task.x_test)
    held = result.student.probabilities(draws.half().float().flatten(0, 1), x).mean(0)
    nll = float(-held[torch.arange(len(held)), task.y_test].log().mean())
    record.row(
        task=name,
        bytes=len(document.encode()),
        draws=student["draws"],
        of=result.draws.shape[0] * result.draws.shape[1],
        nll=round(nll, 4),
        scored=round(result.metrics.student.nll or 0.0, 4),
        examples=len(found),
        **{f"apart_{name}": value for name, value in largest.items()},
        seconds=round(seconds, 1),
    )
    record.claim(
        f"{name}: largest difference of a probability or an end from Python", max(largest.values()), at_most=1e-3
    )
    record.claim(f"{name}: bytes of the report", len(document.encode()), at_most=MOST_BYTES)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--saved", type=Path, help="folder with a saved run of each task, in place of default runs")
    given = parser.parse_args()
    record = Record(write=given.write)
    with TemporaryDirectory() as folder:
        for name in given.tasks:
            if missing_data(name) is None:
                measure(record, name, Path(folder), given.saved)
    record.close()


if __name__ == "__main__":
    main()
