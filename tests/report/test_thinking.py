"""The student in a report: its page answers as Python does, fits into 5 MB, and says what it cannot do."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mtbkd_core import Result, Task, distill
from mtbkd_core.evaluation.predictive import Predictive, predict
from mtbkd_core.evaluation.sets import halves
from mtbkd_core.evaluation.shares import share_interval
from mtbkd_core.report import thinking
from mtbkd_core.report.html import build_report
from mtbkd_core.report.packing import EXAMPLES, examples_held, features_held
from mtbkd_core.report.thinking import MOST_BYTES, Held, hold
from mtbkd_core.review.answering import answering
from mtbkd_core.review.requirements import Requirements
from mtbkd_core.review.verdict import review
from tests.small import small

MADE = datetime(2026, 5, 27, 12, tzinfo=UTC)
#: What runs in the page -> settings of a run on the digits.
KINDS: dict[str, dict[str, Any]] = {
    "linear": {},
    "mlp": {"student__kind": "mlp", "student__hidden": "12,9"},
    "patches": {"student__features": "patches", "student__n_features": 40},
    "cnn": {"student__kind": "cnn", "student__channels": "3,4,2", "sampler__draws": 6, "sampler__thinning": 1},
    "kernel": {"student__kind": "mlp", "student__hidden": "8", "student__features": "kernel"},
}
ASKED = {"thresholds": [0.0, 0.05, 0.4, 3.0, None], "shares": [[0, 30], [3, 40], [40, 40], [17, 2000], [1999, 2000]]}


def report(result: Result, task: Task | None) -> str:
    return build_report(result, run="0123456789abcdef", created=MADE, task=task)


def in_node(document: str, folder: Path) -> dict[str, Any]:
    """What the page's modules answer in node."""
    if not (program := shutil.which("node")):
        pytest.skip("node is not installed")
    (folder / "report.html").write_text(document, encoding="utf-8")
    command = [program, str(Path(__file__).parent / "answers.mjs"), str(folder / "report.html"), json.dumps(ASKED)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def expected(result: Result, task: Task) -> Predictive:
    """Python's answers by the draws and features that the report holds."""
    draws, features = hold(result, task, MOST_BYTES // 2).draws, features_held(result.features)
    assert draws is not None
    x = task.x_test[examples_held(len(task.x_test))]
    return predict(result.student, draws.float(), x if features is None else features.transform(x))


def agree(found: list[dict[str, Any]], wanted: Predictive) -> None:
    for name in ("mean", "deviance", "epistemic"):
        values = torch.tensor([each[name] for each in found])
        torch.testing.assert_close(values, getattr(wanted, name), atol=1e-3, rtol=0)
    ends = torch.tensor([each["intervals"] for each in found])
    torch.testing.assert_close(ends, torch.stack([wanted.low, wanted.high], -1), atol=1e-3, rtol=0)
    assert torch.equal(torch.tensor([each["set"] for each in found]), wanted.prediction_set)


@pytest.fixture(scope="module")
def runs(digits: Task) -> dict[str, Result]:
    return {kind: distill(small(**settings), task=digits) for kind, settings in KINDS.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_its_answers_to_200_examples_are_pythons(
    runs: dict[str, Result], digits: Task, tmp_path: Path, kind: str
) -> None:
    found = in_node(report(runs[kind], digits), tmp_path)["answers"]
    assert len(found) == EXAMPLES
    agree(found, expected(runs[kind], digits))


def test_raw_inputs_are_standardised_in_the_page(digits: Task, tmp_path: Path) -> None:
    from mtbkd_core.tasks.inputs import Standardisation

    scaled = Standardisation.of(digits.x_train, torch.linspace(0.5, 1.5, digits.x_train.shape[1]))
    task = replace(
        digits,
        x_train=scaled.apply(digits.x_train),
        x_test=scaled.apply(digits.x_test),
        shifts={},
        image_shape=None,
        standardisation=scaled,
    )
    result = distill(small(), task=task)
    agree(in_node(report(result, task), tmp_path)["answers"], expected(result, task))


def test_its_frequencies_and_intervals_are_pythons(runs: dict[str, Result], digits: Task, tmp_path: Path) -> None:
    result = runs["mlp"]
    found = in_node(report(result, digits), tmp_path)
    for (hits, count), ends in zip(ASKED["shares"], found["intervals"], strict=True):
        assert ends == pytest.approx(share_interval(hits, count), abs=1e-9)
    test = result.predictions.test
    rows = halves(len(test.labels), result.config.data.split_seed)[1]
    wrong = (test.mean.argmax(1) != test.labels)[rows]
    for threshold, said in zip(ASKED["thresholds"], found["said"], strict=True):
        kept = test.deviance[rows] <= (-1 if threshold is None else threshold)
        share = int(kept.sum()) / len(rows)
        if share:
            assert said.startswith(f"Of 1,000 cases {round(1000 * share):,} are answered, ")
            assert f", {round(1000 * int((kept & wrong).sum()) / len(rows))} of them wrong [" in said.replace(
                "answered, ", ", "
            )
        else:
            assert said == "All 1,000 cases go to a person."


def test_the_verdicts_threshold_says_what_the_verdict_says(
    runs: dict[str, Result], digits: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = runs["mlp"]
    line = next(each.line for each in review(result, Requirements()).requirements if each.name == "answered")
    threshold = answering(result.predictions.test, 0.05, result.config.data.split_seed).threshold
    monkeypatch.setitem(ASKED, "thresholds", [threshold])
    said = in_node(report(result, digits), tmp_path)["said"][0]
    assert said == f"{line[:1].upper()}{line[1:]}".split(";")[0] + "." or "no threshold" in line


def test_more_draws_than_fit_are_left_out(
    runs: dict[str, Result], digits: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = runs["patches"]
    less = len(report(result, digits).encode()) - 250 * result.student.n_parameters
    monkeypatch.setattr(thinking, "MOST_BYTES", less)
    document = report(result, digits)
    assert len(document.encode()) <= less
    document = unescape(document)
    assert " of the run's 80 draws run in this page, in half precision" in document
    assert "80 of the run's 80" not in document


def test_half_precision_is_read_as_python_reads_it(
    runs: dict[str, Result], digits: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = runs["mlp"]
    assert "80 of the run's 80 draws run in this page, in single precision" in unescape(report(result, digits))
    monkeypatch.setattr(thinking, "hold", partial(hold_by_half, thinking.hold))
    document = report(result, digits)
    assert '"type":"float16"' in document.split('"theta":')[1]
    rounded = replace(result, draws=result.draws.half().float())
    agree(in_node(document, tmp_path)["answers"], expected(rounded, digits))


def hold_by_half(plain: Callable[..., Held], result: Result, task: Task | None, room: int) -> Held:
    """All draws, with no room for more than half precision."""
    return plain(result, task, 80 * 2 * result.student.n_parameters * 4 // 3 + 4)


def test_a_report_is_no_larger_than_5_mb(runs: dict[str, Result], digits: Task) -> None:
    assert max(len(report(result, digits).encode()) for result in runs.values()) <= MOST_BYTES


@pytest.mark.parametrize("why", ["no data", "other data", "no room"])
def test_stored_answers_stand_in_for_draws_that_cannot_run(
    runs: dict[str, Result], digits: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    result = runs["linear"]
    task = {"no data": None, "other data": replace(digits, y_test=1 - digits.y_test)}.get(why, digits)
    if why == "no room":
        monkeypatch.setattr(thinking, "MOST_BYTES", 1000)
    document = report(result, task)
    assert "Stored answers of the run are shown: " in document
    rows = examples_held(len(digits.y_test))
    test = result.predictions.test
    stored = Predictive(**{name: value[rows] for name, value in vars(test).items() if name in vars(_fields(test))})
    agree(in_node(document, tmp_path)["answers"], stored)


def _fields(test: Any) -> Any:
    return Predictive(**{name: getattr(test, name) for name in Predictive.__dataclass_fields__})


def test_what_the_draws_in_the_file_cost_is_said(runs: dict[str, Result], digits: Task) -> None:
    result = runs["mlp"]
    held = hold(result, digits, MOST_BYTES // 2)
    assert held.draws is not None
    mean: Tensor = result.student.probabilities(held.draws.float().flatten(0, 1), digits.x_test).mean(0)
    nll = -mean[torch.arange(len(digits.y_test)), digits.y_test].log().mean()
    assert f"NLL on the test examples is {nll:.4f}" in held.line
