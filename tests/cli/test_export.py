"""The command `export`."""

import json
from pathlib import Path
from typing import Any

import pytest

from mtbkd_core import Task, distill
from mtbkd_core.cli.main import main
from mtbkd_core.export import package
from tests.small import small


def call(*words: str) -> object:
    with pytest.raises(SystemExit) as ended:
        main([*words])
    return ended.value.code


@pytest.fixture
def saved(few_digits: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(package, "load_task", lambda *given, **named: few_digits)
    distill(small(), task=few_digits).save(tmp_path / "run")
    return tmp_path / "run"


def test_it_writes_the_files_and_ends_with_one_json_object(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("export", str(saved), "--out", str(tmp_path / "out"), "--draws", "8", "--json") == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert answer["draws"] == 8
    assert answer["files"] == {path.name: path.stat().st_size for path in (tmp_path / "out").iterdir()}
    assert answer["largest_difference"] <= 1e-5


def test_what_cannot_be_is_one_line_and_status_2(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    assert call("export", str(saved), "--out", out, "--draws", "3") == 2
    assert capsys.readouterr().err == "error: draws: got 3, allowed: 4 (one of each chain) to 80\n"
    assert call("export", str(tmp_path / "nowhere"), "--out", out) == 2
    assert call("export", "0123456789abcdef", "--out", out) == 2
    assert all(line.startswith("error: ") for line in capsys.readouterr().err.splitlines())
