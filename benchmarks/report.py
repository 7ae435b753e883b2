"""The report of kept runs: its bytes, the draws that it holds, their cost in NLL, and its answers beside Python's.

usage: python -m benchmarks.report [--tasks digits proteins ...] [--write]

The page's own modules answer in node. Python answers with the draws as the file holds them, and with the same draws
before they are rounded.
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
from benchmarks.shared.runs import kept_run
from mtbkd_core.catalog.registry import missing_data
from mtbkd_core.evaluation.predictive import Predictive, predict, thin
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


def measure(record: Record, name: str, folder: Path) -> None:
    task, result = kept_run(name)
    began = perf_counter()
    document = build_report(result, run=name, created=datetime.now(UTC), task=task)
    seconds = perf_counter() - began
    found = answers(document, folder)
    student = json.loads(document.split('id="student">')[1].split("</script>")[0])["student"]
    draws, features = thin(result.draws, student["draws"]), features_held(result.features)
    half = student["theta"]["type"] == "float16"
    held = draws.half().float() if half else draws
    rows = examples_held(len(task.x_test))
    x = task.x_test if features is None else features.transform(task.x_test)
    largest = apart(found, predict(result.student, held, x[rows]))
    rounding = apart(found, predict(result.student, draws, task.x_test[rows], inputs=result.student_inputs))
    mean = result.student.probabilities(held.flatten(0, 1), x).mean(0)
    record.row(
        task=name,
        bytes=len(document.encode()),
        draws=student["draws"],
        of=result.draws.shape[0] * result.draws.shape[1],
        precision="half" if half else "single",
        nll=round(float(-mean[torch.arange(len(mean)), task.y_test].log().mean()), 4),
        scored=round(result.metrics.student.nll or 0.0, 4),
        examples=len(found),
        apart=largest,
        unrounded=rounding,
        seconds=round(seconds, 1),
    )
    record.claim(
        f"{name}: largest difference of the page's answers from Python's with its draws", largest, at_most=1e-3
    )
    record.claim(f"{name}: the same from Python's before the draws are rounded", rounding)
    record.claim(f"{name}: bytes of the report", len(document.encode()), at_most=MOST_BYTES)


def apart(found: list[dict[str, Any]], own: Predictive) -> float:
    """The largest difference of a mean, an interval's end or a deviance."""
    ends = torch.tensor([each["intervals"] for each in found]) - torch.stack([own.low, own.high], -1)
    others = [torch.tensor([each[name] for each in found]) - getattr(own, name) for name in ("mean", "deviance")]
    return max(float(each.abs().max()) for each in (ends, *others))


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    given = parser.parse_args()
    record = Record(write=given.write)
    with TemporaryDirectory() as folder:
        for name in given.tasks:
            if missing_data(name) is None:
                measure(record, name, Path(folder))
    record.close()


if __name__ == "__main__":
    main()
