"""The command `review`."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mtbkd_core import distill
from mtbkd_core.cli.main import main
from tests.small import small


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    distill(small()).save(folder)
    return folder


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[Any, str, str]:
    with pytest.raises(SystemExit) as ended:
        main([*words])
    return ended.value.code, *capsys.readouterr()


@pytest.mark.parametrize(
    ("requirements", "status", "verdict"),
    [("accuracy: 0.1", 0, "pass"), ("accuracy: 1.0", 3, "fail"), ("latency_ms: 1.0e+9", 0, "pass")],
)
def test_status_and_json_say_the_verdict(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], requirements: str, status: int, verdict: str
) -> None:
    (tmp_path / "asked.yaml").write_text(requirements)
    code, out, _ = call(capsys, "review", str(saved), "--requirements", str(tmp_path / "asked.yaml"), "--json")
    answer = json.loads(out.splitlines()[-1])
    assert (code, answer["verdict"]) == (status, verdict)
    assert all({"name", "required", "found", "low", "high", "verdict"} <= set(row) for row in answer["requirements"])
    assert {"student", "posterior", "exported", "teachers", "sizes", "smallest_level"} <= set(answer["costs"])


def test_requirements_that_are_newer_than_the_run_say_so(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked, done = tmp_path / "asked.yaml", (saved / "metrics.json").stat().st_mtime
    asked.write_text("accuracy: 0.1")
    for moved, late in ((-60, False), (60, True)):
        os.utime(asked, (done + moved, done + moved))
        _, out, err = call(capsys, "review", str(saved), "--requirements", str(asked), "--json")
        assert json.loads(out.splitlines()[-1])["requirements_after_results"] is late
        assert ("was changed after the run was done" in err) is late


def test_too_few_examples_are_inconclusive(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "asked.yaml").write_text("class_accuracy: {at_least: 0.1, min_examples: 5000}")
    code, out, _ = call(capsys, "review", str(saved), "--requirements", str(tmp_path / "asked.yaml"))
    assert code == 4
    assert "Verdict: inconclusive" in out


def test_a_file_that_cannot_be_read_is_one_line(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, "review", str(saved), "--requirements", "/nowhere/at/all.yaml")
    assert code == 2
    assert err.count("\n") == 1
